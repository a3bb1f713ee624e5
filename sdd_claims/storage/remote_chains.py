"""Chains in the store at a URL: read, checked and set aside."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdd_claims.record import Replica
from sdd_claims.storage import layout
from sdd_claims.storage.chains import TrainingPass, passes_of, weight_files
from sdd_claims.storage.checked_files import DamageError, sha256
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.remote_files import RemoteFiles


@dataclass(frozen=True)
class RemoteChain:
    """The file of levels of a replica at the URL.

    Attributes:
        raw: the file; None where there is none.
        content: what it says, as JSON; None where there is none, or it is damaged.
        levels: how many of its levels count.
    """

    raw: bytes | None = None
    content: Mapping[str, Any] | None = None
    levels: int = 0

    @property
    def passes(self) -> tuple[str, ...]:
        """The passes of the levels that count."""
        return tuple(self.content["passes"][: self.levels]) if self.content else ()

    @property
    def is_damaged(self) -> bool:
        """Whether there is a file that cannot be read."""
        return self.raw is not None and self.content is None

    def pack(self) -> bytes:
        """The file, with the levels that count and no other."""
        assert self.content is not None
        counted = {key: self.content[key][: self.levels] for key in ("records", "states", "passes")}
        return seal({**self.content, **counted})


def read_chain(remote: RemoteFiles, replica: Replica) -> RemoteChain:
    """The chain of a replica.

    Raises:
        UnreachedError: the URL does not answer.
    """
    raw = remote.read(layout.levels(*replica.key))
    if raw is None:
        return RemoteChain()
    try:
        passes = passes_of(content := unseal(raw))
        if content.get("of") not in (None, [*replica.key]):
            return RemoteChain(raw)
    except (AttributeError, KeyError, TypeError, ValueError):
        return RemoteChain(raw)
    # Only the newest pass can be missing: that of a sending which broke.
    whole = not passes or remote.has(layout.training_pass(passes[-1]))
    return RemoteChain(raw, content, len(passes) if whole else len(passes) - 1)


def read_files(remote: RemoteFiles, replica: Replica, chain: RemoteChain) -> Mapping[str, bytes] | None:
    """All files of a chain but that of its levels, checked; None where one is missing or damaged.

    Raises:
        UnreachedError: the URL does not answer.
    """
    if chain.content is None:
        return None
    files = {}
    states, rewind = chain.content["states"][: chain.levels], chain.content.get("rewind", "")
    for name, checksum in weight_files(replica, states, rewind).items():
        file = remote.read(name)
        if file is None or sha256(file) != checksum:
            return None
        files[name] = file
    for level, name in enumerate(map(layout.training_pass, chain.passes)):
        try:
            trained = TrainingPass.read(unseal(file := remote.read(name) or b""), Path(name))
        except (DamageError, ValueError):
            return None
        if (*replica.key, level) not in trained.levels:
            return None
        files[name] = file
    return files


def weights_there(remote: RemoteFiles, replica: Replica) -> list[str]:
    """The names of all files with weights of a replica, whether a chain goes on from them or not.

    Raises:
        UnreachedError: the URL does not answer.
    """
    return [name for name in remote.names(layout.replica(*replica.key)) if layout.is_weights(name)]


def set_aside(remote: RemoteFiles, replica: Replica) -> str:
    """Make way for a chain that is to be sent; returns the folder in which the damaged one is then.

    Raises:
        UnreachedError: the URL does not answer.
    """
    aside = layout.set_aside(*replica.key)
    # The file of levels goes first: without it the rest counts for nothing.
    for name in (layout.levels(*replica.key), *weights_there(remote, replica)):
        with suppress(FileNotFoundError):  # somebody else has done so
            remote.move(name, f"{aside}/{name.rpartition('/')[2]}")
    return aside
