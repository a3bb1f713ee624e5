"""The names of all files of a store, relative to its folder or its URL. No other module spells them."""

import re
import uuid
from typing import Literal

SCHEMA = "store.json"
"""The schema number."""

LEDGER = "judged.json"
"""Which protocol each block of seeds has judged."""

LOST = "lost+found"
"""What a file system puts into its topmost folder."""

TOP = (SCHEMA, LEDGER, "judged.lock", "runs", "passes", "checkpoints", "locks", "set_aside", LOST)
"""The names in a store's own folder, and that one."""

OWN_DATA = "data"
"""The folder of a user's own images and labels, each set in a file named by its content."""

SPECS = "runs/*/spec.json"
"""The pattern of all `spec` files."""

SET_ASIDE = "set_aside"
"""The folder of files that failed their checksum."""

CHECKPOINTS = "checkpoints"
"""The folder of `checkpoint` files."""


def spec(digest: str) -> str:
    """The settings of a run, for people and for the axis of its curves."""
    return f"runs/{digest}/spec.json"


def replica(digest: str, seed: int) -> str:
    """The folder of one seed of a run."""
    return f"runs/{digest}/{seed}"


def levels(digest: str, seed: int) -> str:
    """The records of all finished levels, with the checksums of their states and the trainings they came from."""
    return f"{replica(digest, seed)}/levels.json"


def state(digest: str, seed: int, level: int) -> str:
    """Weights and masks of one level: of the newest, or of all."""
    return f"{replica(digest, seed)}/state-{level}.safetensors"


def parts(digest: str, seed: int) -> tuple[str, ...]:
    """Names that every file written for a replica has, or lies below."""
    return spec(digest), levels(digest, seed), "passes", CHECKPOINTS, "locks", SET_ASIDE


def is_weights(name: str) -> bool:
    """Whether this is a `state` or `rewind` file."""
    return name.endswith(".safetensors")


STATES = "state-*.safetensors"
"""The pattern of all `state` files in the folder of a replica."""


def rewind(digest: str, seed: int) -> str:
    """The weights that a chain which rewinds goes back to."""
    return f"{replica(digest, seed)}/rewind.safetensors"


def is_pass(pass_id: object) -> bool:
    """Whether a pass can have this name; one that another has written may lead out of the store."""
    return isinstance(pass_id, str) and _PASS.fullmatch(pass_id) is not None


def training_pass(pass_id: str) -> str:
    """One stacked training of one level: who, where and with what. Once it is written, the level counts.

    Raises:
        ValueError: no pass has such a name.
    """
    if not is_pass(pass_id):
        raise ValueError(f"{pass_id[:64]!r} is no name of a pass")
    return f"passes/{pass_id}.json"


def checkpoint(digest: str, seed: int, training: str) -> str:
    """How far a level has come that takes minutes; `training` is the checksum of what it goes on from."""
    return f"{CHECKPOINTS}/{_short(digest, seed)}-{training[:16]}"


def checkpoints(digest: str, seed: int) -> str:
    """The pattern of all checkpoints of a replica, half-written ones too."""
    return f"{CHECKPOINTS}/*{_short(digest, seed)}-*"


def lock(digest: str, seed: int) -> str:
    """Locked by whoever trains a replica now."""
    return f"locks/{_short(digest, seed)}.lock"


PRUNE_LOCK = "locks/prune.lock"
"""Locked by whoever removes runs now."""


def set_aside(digest: str, seed: int) -> str:
    """A new folder for what was stored of a replica and is damaged."""
    return f"{SET_ASIDE}/{digest[:12]}-{seed}-{uuid.uuid4().hex[:8]}"


_PASS = re.compile(r"[0-9a-f]{32}")

Kind = Literal["settings", "levels", "weights", "passes", "checkpoints", "locks", "set aside", "bookkeeping", "other"]
"""What a file of a store is; "other" is none of its own."""

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("settings", re.compile(r"runs/([0-9a-f]{64})/spec\.json")),
    ("levels", re.compile(r"runs/([0-9a-f]{64})/(\d+)/levels\.json")),
    ("weights", re.compile(r"runs/([0-9a-f]{64})/(\d+)/(?:state-\d+|rewind)\.safetensors")),
    ("passes", re.compile(rf"passes/{_PASS.pattern}\.json")),
    ("checkpoints", re.compile(r"checkpoints/([0-9a-f]{32})-(\d+)-[0-9a-f]{16}")),
    ("locks", re.compile(r"locks/([0-9a-f]{32})-(\d+)\.lock|judged\.lock|locks/prune\.lock")),
    ("set aside", re.compile(r"set_aside/.*")),
    ("bookkeeping", re.compile(r"store\.json|judged\.json")),
)


def kind_of(name: str) -> tuple[Kind, str, int | None]:
    """What a file is, by its name below the store: its kind, and its run's short digest and its seed, if it has any."""
    for kind, pattern in _KINDS:
        if found := pattern.fullmatch(name):
            digest, seed = (*found.groups(), None, None)[:2]
            return kind, (digest or "")[:SHORT], None if seed is None else int(seed)
    return "other", "", None


SHORT = 32
"""Characters of a digest that name a run where a name must be short."""


def _short(digest: str, seed: int) -> str:
    return f"{digest[:SHORT]}-{seed}"
