"""Locks of the operating system's: a process that dies, however it dies, gives them back."""

import errno
import warnings
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from sdd_claims.errors import StoreError
from sdd_claims.storage.files import remedy


def lock(path: Path, wait: bool) -> BaseFileLock | None:
    """A lock, held until it is released; None where somebody else has it. Without `wait` it is tried once.

    Raises:
        StoreError: the file system has no locks, or refuses the file.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        held = FileLock(path, timeout=-1 if wait else 0, poll_interval=0.1)
        with warnings.catch_warnings():
            # Filelock warns and takes a mere file for a lock, which would outlive a process that is killed.
            warnings.filterwarnings("error", "flock not supported")
            held.acquire()
    except Timeout:
        return None
    except (OSError, NotImplementedError, UserWarning) as error:
        raise StoreError(f"cannot lock {path}: {_why(error)}") from error
    return held


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return remedy(error)
    why = error.strerror if isinstance(error, OSError) and error.strerror else "the file system has none"
    return f"{why}; choose a store on a writable file system with file locks (--store)"
