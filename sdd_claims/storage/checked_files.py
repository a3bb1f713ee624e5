"""Files that are read only if they are what was written."""

import hashlib
from pathlib import Path
from typing import Any

from sdd_claims.errors import StoreError
from sdd_claims.storage.checksummed_json import unseal


class DamageError(StoreError):
    """A stored file that is not what was written."""


def sha256(content: bytes) -> str:
    """The checksum of a file."""
    return hashlib.sha256(content).hexdigest()


def read_checked(path: Path, checksum: str) -> bytes:
    """The content of a file with this SHA-256.

    Raises:
        DamageError: it is missing, or has another one.
    """
    try:
        content = path.read_bytes()
    except OSError:
        content = None
    if content is None or sha256(content) != checksum:
        raise DamageError(f"{path} is missing or damaged")
    return content


def read_sealed(path: Path) -> Any:
    """The content of sealed JSON.

    Raises:
        DamageError: it is missing, or does not match its checksum.
    """
    try:
        return unseal(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DamageError(f"{path} is damaged") from error
