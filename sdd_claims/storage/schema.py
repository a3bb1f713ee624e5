"""The schema number of a store, which keeps versions away that could not read it."""

from sdd_claims.errors import StoreError
from sdd_claims.storage.checksummed_json import seal, unseal

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
