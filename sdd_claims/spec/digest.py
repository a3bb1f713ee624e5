"""The digest of a spec: the key under which the results of its runs are stored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = 3
"""Layout of a spec. Raise it when fields are added, renamed or removed."""

PIPELINE = 1
"""Meaning of a spec. Raise it by hand when the same spec would train to other numbers."""

OMITTED_FROM_DIGEST_AT: Mapping[str, Any] = {
    "augmentation": "none",
    "precision": "float32",
    "arithmetic": "native",
    "own": None,
    "default_weights": False,
    "from_level": 0,
    "structure": "",
}
"""Settings that came after results had been stored under this schema, with the value that all runs had until then.

With that value a setting is left out of the digest, so that what was stored keeps its key. The value stands here and is
not taken from the default: a changed default is still a changed digest.
"""

NOT_IN_DIGEST = ("file", "label")
"""Settings that say where something lies or what people call it: they decide no number."""


def canonical_json(content: object) -> str:
    """One text for one content: sorted keys, no spaces, no NaN or infinity."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def sha256(content: object) -> str:
    """SHA-256 of the canonical JSON of some content."""
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def as_dict(spec: "DataclassInstance") -> dict[str, Any]:
    """All settings that enter the digest, defaults written out, with the numbers of schema and pipeline."""
    return {"schema": SCHEMA, "pipeline": PIPELINE, **asdict(spec, dict_factory=_without_omitted)}


def _without_omitted(settings: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        name: value
        for name, value in settings
        if name not in NOT_IN_DIGEST and (name not in OMITTED_FROM_DIGEST_AT or value != OMITTED_FROM_DIGEST_AT[name])
    }
