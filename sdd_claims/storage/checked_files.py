"""Files that are read only if they are what was written."""

import hashlib
from pathlib import Path
from typing import Any

from sdd_claims.errors import StoreError
from sdd_claims.storage.checksummed_json import unseal
from sdd_claims.storage.files import unreadable


class DamageError(StoreError):
    """A stored file that is not what was written. One that cannot be read now may be whole, and is no such file."""


TRAINED_ANEW = "move it away, and what it is of is trained anew"
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def sha256(content: bytes) -> str:
    """The checksum of a file."""
    return hashlib.sha256(content).hexdigest()


def read_checked(path: Path, checksum: str) -> bytes:
    """The content of a file with this SHA-256.

    Raises:
        DamageError: it is missing, or has another one.
        StoreError: it cannot be read now.
    """
    try:
        content = path.read_bytes()
    except _NOT_THERE:
        content = None
    except OSError as error:
        raise unreadable(path, error, TRAINED_ANEW) from error
    if content is None or sha256(content) != checksum:
        raise DamageError(f"{path} is missing or damaged")
    return content


def read_sealed(path: Path) -> Any:
    """The content of sealed JSON.

    Raises:
        DamageError: it is missing, or does not match its checksum.
        StoreError: it cannot be read now.
    """
    try:
        return unseal(path.read_bytes())
    except (*_NOT_THERE, ValueError) as error:
        raise DamageError(f"{path} is damaged") from error
    except OSError as error:
        raise unreadable(path, error, TRAINED_ANEW) from error
