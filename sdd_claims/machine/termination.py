"""A request to end, such as a scheduler's when time is up, is taken as Ctrl-C: a run ends in good order."""

import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

_REQUESTS = (signal.SIGTERM,) if sys.platform == "win32" else (signal.SIGTERM, signal.SIGHUP)
_DESCRIPTORS = 256
"""More than a run has open when it ends."""


@contextmanager
def interrupted_when_terminated() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, and on SIGHUP, which comes when the terminal is closed.

    A second SIGTERM ends the process at once; after either of them SIGHUP is ignored. Where somebody else handles one
    of them, or it is ignored, as under nohup, or in another thread than the main one, nothing changes.

    Raises:
        KeyboardInterrupt: the process was asked to end.
    """
    is_main = threading.current_thread() is threading.main_thread()
    ours = [number for number in _REQUESTS if is_main and signal.getsignal(number) is signal.SIG_DFL]
    terminals = {os.fstat(each).st_rdev for each in range(3) if os.isatty(each)}

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        for each in ours:
            if each != signal.SIGTERM:
                # It comes twice, from shell and system, or after a scheduler's SIGTERM: no report ends by it.
                signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGTERM:
            signal.signal(number, signal.SIG_DFL)
        else:
            _write_nowhere(terminals)
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is interrupt:
                signal.signal(number, signal.SIG_DFL)


def _write_nowhere(terminals: set[int]) -> None:
    """Let what is written to terminals that are closed go nowhere: it would be an error, and end all that follows."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(_DESCRIPTORS):  # pytest has copies of the first three
        with suppress(OSError):
            found = os.fstat(descriptor)
            if stat.S_ISCHR(found.st_mode) and found.st_rdev in terminals:
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
