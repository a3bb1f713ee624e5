"""JSON that carries the checksum of its own content, so that a torn or edited file is found when it is read."""

import hashlib
from typing import Any

from sdd_claims.parsing import from_json
from sdd_claims.spec import canonical_json


def seal(content: object) -> bytes:
    """One line of canonical JSON: the content and its SHA-256."""
    checksum = hashlib.sha256(canonical_json(content).encode()).hexdigest()
    return (canonical_json({"content": content, "sha256": checksum}) + "\n").encode()


def unseal(raw: bytes) -> Any:
    """The content, if these bytes are what `seal` makes of it, to the last one.

    Raises:
        ValueError: they are not.
    """
    sealed = from_json(raw)
    if not isinstance(sealed, dict) or "content" not in sealed or seal(sealed["content"]) != raw:
        raise ValueError("its content does not match its checksum")
    return sealed["content"]
