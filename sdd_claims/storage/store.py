"""The store: content-addressed results on a file system, safe against crashes, rivals and rot.

    store.json                                      schema number
    runs/<digest>/spec.json                         the spec, for people
    runs/<digest>/<seed>/levels.json                records of all finished levels
    runs/<digest>/<seed>/state-<level>.safetensors  weights and masks: of the newest level, or of all
    runs/<digest>/<seed>/rewind.safetensors         where a chain that rewinds goes back to
    passes/<id>.json                                one stacked training: who, where, with what; the commit point
    checkpoints/                                    how far a level has come that takes minutes
    locks/                                          who is training what, now
    set_aside/                                      files that failed their checksum

All replicas of a stack finish a level together or not at all: their files are written first, the pass last, and
a newest level whose pass is missing does not count. A resumed stack therefore has the members it had before the
crash, and ends with the same numbers.
"""

import hashlib
import math
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from sdd_claims.curves import DENSITY, SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.spec import PATHS, canonical_json
from sdd_claims.storage.checkpoint_file import CheckpointFile
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.files import remedy, write_atomically
from sdd_claims.storage.locks import lock

SCHEMA = 2
"""2: a rewinding point lies in a file of its own. A store of schema 1 is read as it is."""


class DamageError(StoreError):
    """A stored file that is not what was written."""


@dataclass(frozen=True)
class _Chain:
    """The content of levels.json: per level its record, the SHA-256 of its state, and its pass; that of the rewind."""

    records: tuple[LevelRecord, ...] = ()
    states: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    rewind: str = ""

    def upto(self, levels: int) -> "_Chain":
        rewind = self.rewind if levels else ""
        return _Chain(self.records[:levels], self.states[:levels], self.passes[:levels], rewind)


class Store:
    """Results by (digest, seed). Any number of processes may use one store at once."""

    def __init__(self, path: Path) -> None:
        """Open a store, or make one where there is none.

        Raises:
            StoreError: written by a newer version, or the path cannot be read or written.
        """
        self.path = Path(path)
        self.warnings: list[str] = []
        self._passes: dict[str, Mapping[str, Any]] = {}
        self._chains: dict[Path, tuple[tuple[int, int, int], _Chain]] = {}
        marker = self.path / "store.json"
        try:
            if not marker.exists():
                write_atomically(marker, seal({"schema": SCHEMA}))
            schema = unseal(marker.read_bytes())["schema"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{marker} cannot be read ({error}); if this folder is a store of this version, delete that one file "
                "and it is written anew, else choose another folder with --store"
            ) from error
        self._schema = schema
        if schema > SCHEMA:
            raise StoreError(
                f"the store {self.path} was written by a newer version (schema {schema}, this one reads {SCHEMA}); "
                "update sdd_claims or choose another store with --store"
            )

    # What is there

    def levels_done(self, replica: Replica) -> int:
        """Number of finished levels of a replica, 0 if there are none."""
        return len(self._chain(*replica.key).records)

    def records(self, digest: str, seed: int) -> tuple[LevelRecord, ...]:
        """The finished levels of a replica, from level 0 on."""
        return self._chain(digest, seed).records

    def provenance(self, digest: str, seed: int) -> tuple[Mapping[str, Any], ...]:
        """Where each finished level of a replica was trained, and with what, from level 0 on."""
        return tuple(self._passes[pass_id] for pass_id in self._chain(digest, seed).passes)

    def runs(self) -> Iterator[tuple[Mapping[str, Any], str, tuple[int, ...]]]:
        """Every run of which something is stored: settings as JSON, digest and seeds; damaged ones left out."""
        for path in sorted(self.path.glob("runs/*/spec.json")):
            with suppress(DamageError):
                settings = self._unsealed(path)
                yield settings, path.parent.name, tuple(sorted(int(p.name) for p in path.parent.glob("[0-9]*")))

    def curve(self, digest: str, measure: str, seeds: Sequence[int], levels: int) -> SparsityCurve:
        """The table seed x level of one measure; NaN where a replica diverged.

        Raises:
            InputError: a level that is not stored, no such measure, or one that was not recorded.
        """
        table, axis, position = [], DENSITY, np.empty(0)
        for seed in seeds:
            records = self.records(digest, seed)[:levels]
            if len(records) < levels:
                raise InputError(
                    f"seed {seed} of run {digest[:12]} has {len(records)} of the {levels} levels asked for; train it"
                )
            row = [record.measure(measure) for record in records]
            table.append([np.nan if value is None else value for value in row])
            axis, position = self._positions(digest, levels)
        return SparsityCurve(tuple(seeds), position, np.array(table), axis)

    def _positions(self, digest: str, levels: int) -> tuple[str, np.ndarray]:
        """What the levels lie along, and where: of a path its values, else the scheduled density.

        That is the density counted to within one weight, and defined for identity masks too.
        """
        try:
            spec = self._unsealed(self.path / "runs" / digest / "spec.json")
        except DamageError as damage:
            raise StoreError(f"{damage}; run again, and it will be written again") from damage
        path = spec.get("path", {"over": "none"})  # specs stored before there were paths have none
        if path["over"] == "none":
            return DENSITY, (1 - spec["pruning"]["fraction"]) ** np.arange(levels)
        return PATHS[path["over"]], np.array(path["values"][:levels])

    def state(self, replica: Replica, level: int) -> ChainState:
        """The state that a finished level left: the newest of a chain, or any where the spec keeps those of all.

        Raises:
            InputError: the spec keeps no state of that level.
            DamageError: it is not there, or not what was written.
        """
        chain = self._chain(*replica.key)
        if level not in kept_levels(replica, len(chain.records)):
            raise InputError(
                f"level {level} of seed {replica.seed} of run {replica.spec.digest[:12]} is not stored with weights; a "
                f"chain of {len(chain.records)} levels keeps those of its newest, or of all if RecordSpec.weights is "
                "'every_level'"
            )
        state = _unpacked(_sound(self._state_path(replica, level), chain.states[level]))
        if not chain.rewind:
            return state  # Schema 1 has the rewinding point in every state.
        return replace(state, rewind_point=load_tensors(_sound(self._rewind_path(replica), chain.rewind)))

    def checkpoint(self, replicas: Sequence[Replica], level: int, *, rehearsed: bool = False) -> CheckpointFile:
        """The state of some replicas within their next level, or within a whole path. The caller holds their locks.

        It belongs to the levels that this one builds on, as they were trained, and goes with the level's commit. If
        `rehearsed`, it is written after every epoch and taken up at once.
        """
        builds_on = [[*replica.key, self._passes_before(replica, level)] for replica in replicas]
        training = _sha(canonical_json([level, builds_on]).encode())
        path = self.path / "checkpoints" / f"{_short(replicas[0])}-{training[:16]}"
        return CheckpointFile(path, training, self.path / "set_aside", self._warn_once, rehearsed=rehearsed)

    # Writing

    @contextmanager
    def locked(self, replicas: Iterable[Replica], wait: bool) -> Iterator[bool]:
        """Hold the right to train some replicas; yields whether it was had. Without `wait` it is tried once.

        A process that dies gives its locks back. Locks are taken in one order everywhere, so nobody waits in a circle.
        """
        with ExitStack() as held:
            for digest, seed in sorted({replica.key for replica in replicas}):
                mine = lock(self.path / "locks" / f"{digest[:32]}-{seed}.lock", wait)
                if mine is None:
                    held.close()
                    yield False
                    return
                held.callback(mine.release)
            yield True

    def commit(
        self, results: Sequence[tuple[Replica, LevelRecord, ChainState | None]], about: Mapping[str, Any]
    ) -> None:
        """Store one level of all replicas of a stack, all or none. The caller holds their locks.

        Args:
            results: replicas with the record and state of their next level; the points of a path have no state.
            about: provenance of this training: device, hardware, versions, commit.
        """
        pass_id = uuid.uuid4().hex
        for replica, record, state in results:
            chain = self._chain(*replica.key)
            if record.level != len(chain.records):
                raise InputError(
                    f"seed {replica.seed} of run {replica.spec.digest[:12]} has {len(chain.records)} levels, so level "
                    f"{record.level} cannot be its next; results are immutable and levels follow each other"
                )
            spec_path = self.path / "runs" / replica.spec.digest / "spec.json"
            if not spec_path.exists():
                write_atomically(spec_path, seal(replica.spec.as_dict()))
            packed, rewind = b"", chain.rewind
            if state is not None and record.level in kept_levels(replica, record.level + 1):
                packed = _packed(state)
                write_atomically(self._state_path(replica, record.level), packed)
                rewind = self._rewind_kept(replica, chain, state)
            extended = _Chain((*chain.records, record), (*chain.states, _sha(packed)), (*chain.passes, pass_id), rewind)
            write_atomically(self._levels_path(*replica.key), seal(asdict(extended)))
        members = [{"digest": r.spec.digest, "seed": r.seed, "level": record.level} for r, record, _ in results]
        write_atomically(self.path / "passes" / f"{pass_id}.json", seal({**about, "replicas": members}))
        for replica, record, _ in results:
            folder = self._folder(*replica.key)
            kept = [self._state_path(replica, level) for level in kept_levels(replica, record.level + 1)]
            # The states before, and what a process that was killed while writing has left.
            for old in (*folder.glob("state-*.safetensors"), *folder.glob(".*")):
                if old not in kept:
                    _swept(old)
            if replica.spec.path.over == "none" or record.level == len(replica.spec.path.values) - 1:
                for old in (self.path / "checkpoints").glob(f"*{_short(replica)}-*"):
                    _swept(old)

    def verify(self, replica: Replica) -> None:
        """Check every byte stored for a replica; set the chain aside, with a warning, if one is wrong."""
        folder = self._folder(*replica.key)
        spec_path, spec = folder.parent / "spec.json", seal(replica.spec.as_dict())
        if spec_path.parent.exists() and (not spec_path.exists() or spec_path.read_bytes() != spec):
            write_atomically(spec_path, spec)
            self.warnings.append(f"{spec_path} was missing or damaged and has been written again")
        try:
            chain = self._read_chain(*replica.key)
            for level in kept_levels(replica, len(chain.records)):
                _sound(self._state_path(replica, level), chain.states[level])
            if chain.rewind:
                _sound(self._rewind_path(replica), chain.rewind)
        except DamageError as damage:
            aside = self._set_aside(replica, str(damage))
            self.warnings.append(
                f"{damage}: what is stored of seed {replica.seed} of run {replica.spec.digest[:12]} has been set aside "
                f"in {aside} and will be trained anew"
            )

    # Files

    def _set_aside(self, replica: Replica, why: str) -> Path:
        """Move all that is stored of a replica out of the way; returns where it is then."""
        aside = self.path / "set_aside" / f"{replica.spec.digest[:12]}-{replica.seed}-{uuid.uuid4().hex[:8]}"
        try:
            aside.parent.mkdir(exist_ok=True)
            shutil.move(self._folder(*replica.key), aside)
        except OSError as error:
            raise StoreError(f"{why}, and cannot be set aside: {remedy(error)}") from error
        return aside

    def _passes_before(self, replica: Replica, level: int) -> list[str]:
        """Those that trained what a level starts and learns from."""
        passes = [*self._chain(*replica.key).passes[:level]]
        if replica.parent is not None:
            passes += self._chain(*replica.parent.key).passes[level : level + 1]
        if replica.teacher is not None:
            levels = replica.spec.distillation.teacher_levels
            passes += self._chain(*replica.teacher.key).passes[:levels]
        return passes

    def _rewind_kept(self, replica: Replica, chain: _Chain, state: ChainState) -> str:
        """The SHA-256 of a chain's rewinding point, stored once."""
        if state.rewind_point is None:
            return chain.rewind
        packed = save_tensors({name: value.contiguous() for name, value in state.rewind_point.items()})
        if chain.rewind and chain.rewind != _sha(packed):
            raise InputError(
                f"seed {replica.seed} of run {replica.spec.digest[:12]} has another rewinding point already; results "
                "are immutable, and a chain has one"
            )
        if not chain.rewind:
            if self._schema < SCHEMA:  # An older version would go on without it.
                write_atomically(self.path / "store.json", seal({"schema": SCHEMA}))
                self._schema = SCHEMA
            write_atomically(self._rewind_path(replica), packed)
        return _sha(packed)

    def _warn_once(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _folder(self, digest: str, seed: int) -> Path:
        return self.path / "runs" / digest / str(seed)

    def _levels_path(self, digest: str, seed: int) -> Path:
        return self._folder(digest, seed) / "levels.json"

    def _state_path(self, replica: Replica, level: int) -> Path:
        return self._folder(*replica.key) / f"state-{level}.safetensors"

    def _rewind_path(self, replica: Replica) -> Path:
        return self._folder(*replica.key) / "rewind.safetensors"

    def _chain(self, digest: str, seed: int) -> _Chain:
        path = self._levels_path(digest, seed)
        known, now = self._chains.get(path), _version(path)
        if known is not None and known[0] == now:
            return known[1]
        try:
            return self._read_chain(digest, seed)
        except DamageError as damage:
            raise StoreError(f"{damage}; run again, and it will be set aside and trained anew") from damage

    def _read_chain(self, digest: str, seed: int) -> _Chain:
        path = self._levels_path(digest, seed)
        version = _version(path)  # before reading, so that a chain is never taken for newer than it is
        if version is None:
            return _Chain()
        content = self._unsealed(path)
        chain = _Chain(
            tuple(LevelRecord.read(record) for record in content["records"]),
            tuple(content["states"]),
            tuple(content["passes"]),
            content.get("rewind", ""),
        )
        for place, pass_id in enumerate(chain.passes):
            pass_path = self.path / "passes" / f"{pass_id}.json"
            if pass_id in self._passes:
                continue
            if pass_path.exists():
                self._passes[pass_id] = self._unsealed(pass_path)
            elif place == len(chain.passes) - 1:
                return chain.upto(place)  # A crash before the commit point: the level was never finished.
            else:
                raise DamageError(f"{pass_path} is missing")
        self._chains[path] = version, chain
        return chain

    def _unsealed(self, path: Path) -> Any:
        try:
            return unseal(path.read_bytes())
        except (OSError, ValueError) as error:
            raise DamageError(f"{path} is damaged") from error


def _version(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does: files are replaced whole, never written in place. None where there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sound(path: Path, checksum: str) -> bytes:
    """The content of a file, if it is what was written."""
    try:
        content = path.read_bytes()
    except OSError:
        content = None
    if content is None or _sha(content) != checksum:
        raise DamageError(f"{path} is missing or damaged")
    return content


def _short(replica: Replica) -> str:
    return f"{replica.spec.digest[:32]}-{replica.seed}"


def _swept(path: Path) -> None:
    """Remove what nobody needs any more; where that is refused it does no harm."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def kept_levels(replica: Replica, levels: int) -> range:
    """The levels, of those finished, whose states are kept; nothing starts from what is derived, or from a path."""
    if replica.parent is not None or replica.spec.path.over != "none":
        return range(0)
    return range(levels) if replica.spec.record.weights == "every_level" else range(max(0, levels - 1), levels)


def _packed(state: ChainState) -> bytes:
    """As safetensors. Masks are stored as bits and masked tensors as the weights that are left, the rest being zero."""
    tensors: dict[str, Tensor] = {}
    for name, mask in state.masks.items():
        tensors[f"mask/{name}"] = torch.from_numpy(np.packbits(mask.numpy()))
        tensors[f"shape/{name}"] = torch.tensor(mask.shape)
    for name, value in state.trained.items():
        tensors[f"trained/{name}"] = value[state.masks[name]] if name in state.masks else value.contiguous()
    return save_tensors(tensors)


def _unpacked(content: bytes) -> ChainState:
    groups: dict[str, dict[str, Tensor]] = {"shape": {}, "trained": {}, "mask": {}, "rewind": {}}
    for key, value in load_tensors(content).items():
        group, name = key.split("/", 1)
        groups[group][name] = value
    masks = {}
    for name, bits in groups["mask"].items():
        shape = groups["shape"][name].tolist()
        masks[name] = torch.from_numpy(np.unpackbits(bits.numpy(), count=math.prod(shape)).astype(bool)).view(shape)
    trained = {
        name: torch.zeros(masks[name].shape, dtype=value.dtype).masked_scatter(masks[name], value)
        if name in masks
        else value
        for name, value in groups["trained"].items()
    }
    return ChainState(masks, trained, groups["rewind"] or None)
