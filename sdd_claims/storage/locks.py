"""Locks of the operating system's: a process that dies, however it dies, gives them back. Who waits for one says so."""

import errno
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from sdd_claims.errors import StoreError
from sdd_claims.storage.files import remedy as in_words

if sys.platform != "win32":
    import fcntl

OTHER_STORE = "choose a store on a writable file system with file locks (--store)"
OTHER_DATA_ROOT = "choose a data root on a writable file system with file locks (--data-root)"

_POLL_SECONDS = 0.1
_PATIENCE = 5.0


class Held(Protocol):
    """A lock that this process holds."""

    def release(self) -> None:
        """Give it back."""


Listener = Callable[[str], object]


def tell(listener: Listener) -> Listener:
    """Have a listener told what this process waits for, once that takes a while, and "" when it waits no longer.

    Returns the listener before: at first, one that prints what it is told.
    """
    global _listener
    before, _listener = _listener, listener
    return before


def nobody(sentence: str) -> None:
    """The listener of a process that leaves it to another one to say what they wait for."""


def say(sentence: str) -> None:
    """Tell the listener what this process waits for, or another one that trains for it."""
    _listener(sentence)


def lock(
    path: Path,
    wait: bool,
    what: str,
    remedy: str = OTHER_STORE,
    patience: float = _PATIENCE,
    until: float | None = None,
) -> Held | None:
    """A lock, held until it is released; None where somebody else has it, or had it for too long.

    Args:
        path: the file that is locked. It stays, and says nothing.
        wait: until the lock is free. Without, it is tried once.
        what: what the lock stands for: what this process says it waits for.
        remedy: what to do where the file system has no locks.
        patience: seconds after which a process that waits says so, once.
        until: the `time.time()` from which on nobody waits; None for no such time.

    Raises:
        StoreError: the file system has no locks, or refuses the file.
    """
    return _first_free(lambda: _file_lock(path, remedy), until if wait else 0.0, what, path, patience)


@contextmanager
def locked(path: Path, what: str, remedy: str = OTHER_STORE) -> Iterator[None]:
    """Wait for a lock, and hold it.

    Raises:
        StoreError: the file system has no locks, or refuses the file.
    """
    held = lock(path, True, what, remedy)
    assert held is not None  # it has waited
    try:
        yield
    finally:
        held.release()


def first_free(paths: Sequence[Path], what: str, remedy: str, until: float | None = None) -> Held | None:
    """Whichever of some locks is free first, of all users of this machine who may write to the folder.

    Args:
        paths: their files, in one folder.
        what: what each of them stands for: what this process says it waits for.
        remedy: what to do where the file system has no locks.
        until: the `time.time()` from which on nobody waits; None for no such time.

    Returns:
        The lock; None where none was free in time.

    Raises:
        StoreError: the file system has no locks, or refuses the files.
    """
    # Filelock takes no file of another user's in a sticky folder; a file that is never read or written can be shared.
    one = _file_lock if sys.platform == "win32" else _everybodys_lock
    return _first_free(
        lambda: next((held for path in paths if (held := one(path, remedy))), None),
        until,
        what,
        paths[0].parent,
        _PATIENCE,
    )


def _first_free(
    tried: Callable[[], Held | None], until: float | None, what: str, where: Path, patience: float
) -> Held | None:
    began, said = time.monotonic(), False
    since = datetime.now().astimezone()
    while (held := tried()) is None:
        if until is not None and time.time() >= until:
            break
        if not said and time.monotonic() - began >= patience:
            said = True
            say(f"waiting for {what}, held by another process since {since:%H:%M:%S} at least ({where})")
        time.sleep(_POLL_SECONDS)
    if said:
        say("")
    return held


def _print(sentence: str) -> None:
    if sentence:
        # Another process may be drawing a bar there: it draws it again, below.
        line = f"\n{sentence}\n" if sys.stderr.isatty() else f"{sentence}\n"
        print(line, end="", file=sys.stderr, flush=True)


_listener: Listener = _print


def _file_lock(path: Path, remedy: str) -> Held | None:
    try:
        path.parent.mkdir(exist_ok=True)
        held = FileLock(path, timeout=0)
        with warnings.catch_warnings():
            # Filelock warns and takes a mere file for a lock, which would outlive a process that is killed.
            warnings.filterwarnings("error", "flock not supported")
            held.acquire()
    except Timeout:
        return None
    except (OSError, NotImplementedError, UserWarning) as error:
        raise _no_lock(path, error, remedy) from error
    return held


if sys.platform != "win32":

    class _Descriptor:
        """An open file, locked by `flock`."""

        def __init__(self, number: int) -> None:
            self._number = number

        def release(self) -> None:
            fcntl.flock(self._number, fcntl.LOCK_UN)  # closing frees no lock of which a forked child has a copy
            os.close(self._number)

    def _everybodys_lock(path: Path, remedy: str) -> Held | None:
        try:
            number = _opened(path)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(number).st_nlink:  # else somebody has cleared up meanwhile: the next file is another lock
                    return _Descriptor(number)
            except BlockingIOError:
                pass
            except BaseException:
                os.close(number)
                raise
            os.close(number)
            return None
        except OSError as error:
            raise _no_lock(path, error, remedy) from error

    def _opened(path: Path) -> int:
        """The descriptor of a file that every user may open; no link is followed to another one."""
        try:
            # Without O_CREAT, which Linux refuses for another user's file in a sticky folder.
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            pass
        mask = os.umask(0)  # for everybody from the first moment on
        try:
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        finally:
            os.umask(mask)


def _no_lock(path: Path, error: Exception, remedy: str) -> StoreError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"cannot lock {path}: {in_words(error)}")
    why = error.strerror if isinstance(error, OSError) and error.strerror else "the file system has none"
    return StoreError(f"cannot lock {path}: {why}; {remedy}")
