"""Folders in the user's cache for what can be made again: each for one state of what it was made from."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

_DAYS = 30
"""How long a folder stays that no process has asked for."""


def folder(name: str, above: str | None = None, most: int | None = None) -> Path:
    """A folder that can be written, beside others of its kind; those that nobody has asked for lately are removed.

    Args:
        name: "KIND-STATE".
        above: the cache; by default XDG_CACHE_HOME or ~/.cache.
        most: how many of its kind stay, those that were asked for last; None for all.

    Raises:
        OSError: it cannot be written.
        RuntimeError: there is no home.
    """
    whole = Path(above or os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sdd_claims"
    found = whole / name
    if not found.exists():
        found.mkdir(parents=True, exist_ok=True)
        _remove_unused(whole, name.partition("-")[0], most)
    if not os.access(found, os.W_OK | os.X_OK):
        raise PermissionError(f"{found} cannot be written")
    os.utime(found)
    return found


def _remove_unused(whole: Path, kind: str, most: int | None) -> None:
    """Remove what no process has asked for long, of other sources and of checkouts elsewhere, and what is too many.

    Every process sets the times of the folders that it uses.
    """
    oldest = time.time() - _DAYS * 24 * 3600
    for pattern in (f"{kind}-*/", f"{kind}-*/*/"):  # in this order: what is removed of a folder sets its time
        for unused in list(whole.glob(pattern)):
            with suppress(OSError):  # another process removes it too
                if max(path.stat().st_mtime for path in (unused, *unused.glob("*/"))) < oldest:
                    shutil.rmtree(unused, ignore_errors=True)
    if most is not None:
        with suppress(OSError):
            for old in sorted(whole.glob(f"{kind}-*/"), key=lambda path: path.stat().st_mtime)[:-most]:
                shutil.rmtree(old, ignore_errors=True)
