"""The schema number of a store, which keeps versions away that could not read it, and shows that a store is there."""

from pathlib import Path

from sdd_claims.errors import StoreError
from sdd_claims.storage import layout
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.files import unreadable

SCHEMA = 2
"""2: a rewinding point lies in a file of its own. A store of schema 1 is read as it is."""


def pack_schema(number: int) -> bytes:
    """The file that says it."""
    return seal({"schema": number})


def unpack_schema(content: bytes, path: object) -> int:
    """The number in such a file; `path` names it in the error.

    Raises:
        StoreError: the file is damaged.
    """
    try:
        return int(unseal(content)["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} cannot be read ({error}); if this is a store of this version, delete that one file and it is "
            "written anew, else choose another store with --store"
        ) from error


def check_there(store: Path) -> None:
    """Check that a store which has been opened is still in its folder, before anything is made there in its place.

    Raises:
        StoreError: it is not, or this cannot be told now.
    """
    marker = store / layout.SCHEMA
    try:
        marker.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"the store {store} is gone: it was moved, removed or unmounted while it was in use, or this machine does "
            "not have it; bring it back, or name its new place with --store, and run again: it goes on from what is "
            "stored there"
        ) from None
    except OSError as error:
        raise unreadable(marker, error) from error
