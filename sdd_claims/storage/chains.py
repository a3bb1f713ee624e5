"""The stored files of one replica: the records of its levels, the weights it goes on from, and its passes.

All replicas of a stack finish a level together or not at all: their files are written first, the pass last, and a
newest level whose pass is missing does not count. A stack that is resumed therefore has the members it had before the
crash, and ends with the same numbers.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from sdd_claims.record import LevelRecord, Replica
from sdd_claims.spec import RunSpec, canonical_json
from sdd_claims.storage import layout
from sdd_claims.storage.checked_files import TRAINED_ANEW, DamageError, read_sealed, sha256
from sdd_claims.storage.checksummed_json import seal
from sdd_claims.storage.files import unreadable


@dataclass(frozen=True)
class Chain:
    """The content of a replica's file of levels.

    Attributes:
        records: records of all levels.
        states: SHA-256 of every level's state, also where the state is not kept any more.
        passes: the pass in which each level was trained.
        rewind: SHA-256 of the rewinding point; empty where there is none.
        of: digest and seed of the replica. None in older files: of those of one stack nobody could tell whose is whose.
    """

    records: tuple[LevelRecord, ...] = ()
    states: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    rewind: str = ""
    of: tuple[str, int] | None = None

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Chain":
        """A chain from JSON, which knows no tuples; an older one says nothing of rewinding, or of whose it is.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: it is none.
        """
        passes = passes_of(content)
        records = tuple(LevelRecord.read(record) for record in content["records"])
        of = None if content.get("of") is None else tuple(content["of"])
        return cls(records, tuple(content["states"]), passes, content.get("rewind", ""), of)

    def pack(self) -> bytes:
        """The file."""
        records = [{each.name: getattr(record, each.name) for each in fields(record)} for record in self.records]
        return seal({**{each.name: getattr(self, each.name) for each in fields(self)}, "records": records})

    def upto(self, levels: int) -> "Chain":
        """Its first levels."""
        rewind = self.rewind if levels else ""
        return Chain(self.records[:levels], self.states[:levels], self.passes[:levels], rewind, self.of)


@dataclass(frozen=True)
class TrainingPass:
    """The content of the file of a pass.

    Attributes:
        about: provenance of the training.
        levels: digest, seed and level of each of these.
    """

    about: Mapping[str, Any]
    levels: frozenset[tuple[str, int, int]]

    @classmethod
    def read(cls, content: Any, path: Path) -> "TrainingPass":
        """A pass from JSON.

        Raises:
            DamageError: it is none.
        """
        try:
            levels = frozenset((each["digest"], each["seed"], each["level"]) for each in content["replicas"])
            return cls({name: value for name, value in content.items() if name != "replicas"}, levels)
        except (AttributeError, KeyError, TypeError) as error:
            raise DamageError(f"{path} holds something else") from error


def passes_of(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The pass of each level of a chain that is known as JSON, which anybody may have written.

    Raises:
        KeyError, TypeError, ValueError: it is no chain.
    """
    passes = tuple(content["passes"])
    if not all(map(layout.is_pass, passes)):
        raise ValueError("what it names as passes are none")
    if not len(passes) == len(content["records"]) == len(content["states"]):
        raise ValueError("not every level has a record, a state and a pass")
    return passes


def pack_spec(spec: RunSpec) -> bytes:
    """The file of a run's settings."""
    return seal(spec.as_dict())


def read_settings(folder: Path, digest: str) -> Mapping[str, Any]:
    """The settings of a run, as JSON, from below the folder of a store.

    Raises:
        DamageError: they are missing or damaged, or have another digest than the one that their folder is named after.
        StoreError: they cannot be read now.
    """
    path = folder / layout.spec(digest)
    settings = read_sealed(path)
    if (found := sha256(canonical_json(settings).encode())) != digest:
        raise DamageError(f"{path} holds the settings of another run, {found[:12]}")
    return settings


def pack_pass(about: Mapping[str, Any], members: Iterable[tuple[Replica, int]]) -> bytes:
    """The file of a pass: its provenance, and the replicas that were trained, each with its level."""
    replicas = [{"digest": replica.spec.digest, "seed": replica.seed, "level": level} for replica, level in members]
    return seal({**about, "replicas": replicas})


def kept_levels(replica: Replica, levels: int) -> range:
    """The levels, of those finished, whose states are kept; nothing starts from what is derived, or from a path."""
    spec = replica.spec
    return _kept(spec.derivation.kind, spec.path.over, spec.record.weights, levels)


def _kept(derivation: str, path: str, weights: str, levels: int) -> range:
    if derivation != "none" or path != "none":
        return range(0)
    return range(levels) if weights == "every_level" else range(max(0, levels - 1), levels)


def weight_files(replica: Replica, states: Sequence[str], rewind: str) -> dict[str, str]:
    """The names of the files that a chain goes on from, each with its SHA-256.

    Args:
        replica: whose chain.
        states: SHA-256 of the states of all its levels.
        rewind: SHA-256 of its rewinding point; empty where there is none.
    """
    return _weight_files(replica.key, kept_levels(replica, len(states)), states, rewind)


def stored_weight_files(settings: Mapping[str, Any], key: tuple[str, int], chain: Chain) -> dict[str, str]:
    """The same of a chain that is known by its stored settings alone, which may be from before there were some."""
    derivation, path = settings.get("derivation", {}).get("kind", "none"), settings.get("path", {}).get("over", "none")
    kept = _kept(derivation, path, settings.get("record", {}).get("weights", "newest"), len(chain.states))
    return _weight_files(key, kept, chain.states, chain.rewind)


def _weight_files(key: tuple[str, int], kept: range, states: Sequence[str], rewind: str) -> dict[str, str]:
    files = {layout.state(*key, level): states[level] for level in kept}
    return {**files, layout.rewind(*key): rewind} if rewind else files


def in_words(digest: str, seed: int) -> str:
    """A replica, for people."""
    return f"seed {seed} of run {digest[:12]}"


Version = tuple[int, ...]
"""A mark of a file's content."""


class ChainReader:
    """Reads chains below a folder, and remembers them until their files change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chains: dict[tuple[str, int], tuple[Version, Chain]] = {}
        self._passes: dict[str, TrainingPass] = {}
        self._abouts: dict[str, Mapping[str, Any]] = {}  # thousands of passes say the same

    def chain(self, digest: str, seed: int) -> Chain:
        """The finished levels of a replica; an empty chain where there are none.

        Raises:
            DamageError: a file is missing or not what was written.
            StoreError: one cannot be read now.
        """
        known = self._chains.get((digest, seed))
        if known is not None and known[0] == self.version(digest, seed):
            return known[1]
        return self.read(digest, seed)

    def version(self, digest: str, seed: int) -> Version | None:
        """A mark that changes when the file of levels does. None without a file.

        Raises:
            StoreError: whether there is one cannot be told now.
        """
        path = f"{self._folder}/{layout.levels(digest, seed)}"
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(Path(path), error, TRAINED_ANEW) from error
        # Files are replaced whole, never written in place. The time of the last change is the one that a backup which
        # is played back in place cannot set.
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size

    def read(self, digest: str, seed: int) -> Chain:
        """The same, read from the disk even if it is remembered; but a pass that has been read is not read again.

        Raises:
            DamageError: a file is missing or not what was written.
            StoreError: one cannot be read now.
        """
        path = self._folder / layout.levels(digest, seed)
        version = self.version(digest, seed)  # before reading, so that a chain is never taken for newer than it is
        if version is None:
            return Chain()
        try:
            chain = Chain.read(read_sealed(path))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DamageError(f"{path} holds something else") from error
        if chain.of not in (None, (digest, seed)):
            raise DamageError(f"{path} is that of another run or seed")
        for level, pass_id in enumerate(chain.passes):
            if pass_id not in self._passes:
                pass_path = self._folder / layout.training_pass(pass_id)
                try:
                    found = TrainingPass.read(read_sealed(pass_path), pass_path)
                except DamageError as damage:
                    if not isinstance(damage.__cause__, FileNotFoundError):
                        raise
                    if level == len(chain.passes) - 1:
                        return chain.upto(level)  # A crash before the pass was written: the level was never finished.
                    raise DamageError(f"{pass_path} is missing") from damage
                self._passes[pass_id] = self._with_known_about(found)
            # Of an older file only its passes say whose it is.
            if (digest, seed, level) not in self._passes[pass_id].levels:
                raise DamageError(f"{path} is that of another run or seed")
        self._chains[digest, seed] = version, chain
        return chain

    def remember(self, chains: Iterable[Chain], pass_id: str, trained: TrainingPass) -> None:
        """Know chains that this process has just written, and the pass of their newest level, without reading them."""
        self._passes[pass_id] = self._with_known_about(trained)
        for chain in chains:
            assert chain.of is not None, "whoever writes a chain says whose it is"
            if (version := self.version(*chain.of)) is not None:
                self._chains[chain.of] = version, chain

    def _with_known_about(self, trained: TrainingPass) -> TrainingPass:
        return replace(trained, about=self._abouts.setdefault(canonical_json(trained.about), trained.about))

    def provenance(self, pass_id: str) -> Mapping[str, Any]:
        """That of a pass of a chain that has been read."""
        return self._passes[pass_id].about
