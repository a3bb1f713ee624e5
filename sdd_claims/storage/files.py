"""Files that are either wholly there or not there at all."""

import errno
import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sdd_claims.errors import StoreError


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file so that a reader sees the old content or the new, never a mixture, though the writer may be killed.

    Args:
        path: the file.
        content: what stands there afterwards.
        durable: wait until it is on the disk, so that a power failure leaves one of the two as well. That takes
            milliseconds; without it the file may be lost or torn by a power failure, for half a minute or so.

    Raises:
        StoreError: the disk is full, the folder cannot be written or the path is no folder; the old file stands.
    """
    name = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # results are for sharing, as umask allows
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {remedy(error)}. Nothing that was stored before is lost.") from error


def refuse_links(root: Path, name: str) -> None:
    """Check that no part of this name is a link, on which writing and sweeping would change files of somebody else's.

    The root itself may be one.

    Raises:
        StoreError: a part is a link, or cannot be looked at now.
    """
    path = root
    for part in Path(name).parts:
        path /= part
        try:
            leads_elsewhere = path.is_symlink()
        except OSError as error:
            raise unreadable(path, error) from error
        if leads_elsewhere:
            raise StoreError(
                f"{path} is a link, and a store keeps nothing outside its folder; put what it leads to in its place, "
                f"or let {root} itself be the link"
            )


def unreadable(path: object, error: OSError, otherwise: str = "choose another store with --store") -> StoreError:
    """The error that the operating system does not let us read a file, which may be whole.

    Args:
        path: of the file.
        error: what the system says.
        otherwise: what to do where it can never be read again.
    """
    return StoreError(
        f"{path} cannot be read ({error.strerror or error}); change its permissions, or mend what it lies on, and run "
        f"again, else {otherwise}"
    )


def sync(paths: Iterable[Path]) -> None:
    """Wait until files that were written without waiting are on the disk, with their names.

    Raises:
        StoreError: one of them cannot be read, or the disk fails.
    """
    mode = "rb" if os.name == "posix" else "r+b"  # Windows flushes only what may be written
    for path in paths:
        try:
            with path.open(mode) as file:
                os.fsync(file.fileno())
            _sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {remedy(error)}. What is stored stands.") from error


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself durable, where the system lets folders be synchronised."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remedy(error: OSError) -> str:
    """An error of the operating system in words, and what to do about it."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full; free some space, or choose another folder, and run again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "the folder is read-only; choose a folder that can be written, or change its permissions"
        case errno.EEXIST | errno.ENOTDIR:
            return "a file stands where a folder is needed; choose another folder"
        case _:
            return f"{error.strerror or error}; choose another folder"


def look_again(root: Path, name: str) -> None:
    """Let the next look at a folder's files see what another machine has written there by now.

    NFS remembers names and sizes for up to a minute, and asks its server again where a folder is opened.

    Args:
        root: a folder.
        name: path from there of a folder, which need not be there.
    """
    parts = Path(name).parts
    with suppress(OSError):  # what is not there, or no folder that can be opened, has no files to see
        for depth in range(len(parts) + 1):
            os.close(os.open(root.joinpath(*parts[:depth]), os.O_RDONLY))
