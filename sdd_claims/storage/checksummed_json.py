"""JSON that carries the checksum of its own content, so that a torn or edited file is found when it is read."""

import hashlib
from typing import Any

from sdd_claims.parsing import from_json
from sdd_claims.spec import canonical_json

_HEAD, _BEFORE_CHECKSUM, _END = b'{"content":', b',"sha256":"', b'"}\n'
_TAIL = len(_BEFORE_CHECKSUM) + hashlib.sha256().digest_size * 2 + len(_END)


def seal(content: object) -> bytes:
    """One line of canonical JSON: the content and its SHA-256."""
    return _sealed(canonical_json(content).encode())


def unseal(raw: bytes) -> Any:
    """The content, if its checksum, and every byte around it, is what `seal` writes.

    Raises:
        ValueError: it is not, or the content is no JSON.
    """
    packed = raw[len(_HEAD) : -_TAIL]
    if _sealed(packed) != raw:
        raise ValueError("its content does not match its checksum")
    return from_json(packed.decode())


def _sealed(packed: bytes) -> bytes:
    checksum = hashlib.sha256(packed).hexdigest().encode()
    return b"".join([_HEAD, packed, _BEFORE_CHECKSUM, checksum, _END])
