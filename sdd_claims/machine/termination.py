"""A request to end, such as a scheduler's when time is up, is taken as Ctrl-C: a run ends in good order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def interrupted_when_terminated() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM; a second one ends the process at once.

    Where somebody else handles SIGTERM, or in another thread than the main one, nothing changes.

    Raises:
        KeyboardInterrupt: the process was asked to end.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
