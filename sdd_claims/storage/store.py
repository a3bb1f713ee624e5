"""The store: content-addressed results on a file system, safe against crashes, rivals and rot.

`layout` says where everything lies, `chains` what makes a level count.
"""

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.spec import canonical_json
from sdd_claims.storage import layout
from sdd_claims.storage.chains import (
    Chain,
    ChainReader,
    TrainingPass,
    Version,
    in_words,
    kept_levels,
    pack_pass,
    pack_spec,
    read_settings,
    weight_files,
)
from sdd_claims.storage.checked_files import DamageError, read_checked, sha256
from sdd_claims.storage.checkpoint_file import CheckpointFile
from sdd_claims.storage.files import look_again, refuse_links, remedy, sync, unreadable, write_atomically
from sdd_claims.storage.locks import lock
from sdd_claims.storage.schema import SCHEMA, check_there, pack_schema, unpack_schema
from sdd_claims.storage.states import pack_state, pack_weights, unpack_state, unpack_weights
from sdd_claims.storage.stored_curves import curve_of

_PATIENCE = 60.0
"""Seconds that a process waits for a replica without a word: at their end, those of one engine wait for each other."""

SYNCED_FROM = 10.0
"""Seconds of training in a chain from which on all of it is on the disk before training goes on.

To wait for the disk can take a small network half as long as a level. Where power fails, a chain that took less and was
written to in the last half minute or so is found to be torn, and trained anew; a process that is killed loses nothing.
A stack of several always waits: trained anew in part, its numbers would be rounded otherwise.
"""


class Store:
    """Results by (digest, seed). Any number of processes may use one store at once.

    Attributes:
        path: its folder.
        warnings: what the user should hear of, in sentences.
    """

    def __init__(self, path: Path) -> None:
        """Open a store, or make one where there is none.

        Raises:
            StoreError: written by a newer version, the path cannot be read or written, or it holds something else.
        """
        self.path = Path(path)
        self.warnings: list[str] = []
        self._reader = ChainReader(self.path)
        marker = self.path / layout.SCHEMA
        try:
            try:
                content = marker.read_bytes()
            except (FileNotFoundError, NotADirectoryError):  # not asked before: a failing disk would seem to have none
                self._check_new(marker)
                write_atomically(marker, pack_schema(SCHEMA))
                content = marker.read_bytes()
            self._schema = unpack_schema(content, marker)
        except OSError as error:
            raise unreadable(marker, error) from error
        if self._schema > SCHEMA:
            raise StoreError(
                f"the store {self.path} was written by a newer version (schema {self._schema}, this one reads "
                f"{SCHEMA}); update sdd_claims or choose another store with --store"
            )

    def _check_new(self, marker: Path) -> None:
        """Check that a folder which is no store yet holds nothing else, hidden files and parts of a store apart."""
        held = sorted(path.name for path in self.path.iterdir()) if self.path.is_dir() else []
        parts = [name for name in held if name in layout.TOP]
        known = [*parts, layout.OWN_DATA] if {*parts} - {layout.LOST} else parts  # alone it may be anybody's
        others = [name for name in held if name not in known and not name.startswith(".")]
        if others and not marker.exists():  # a rival may have made the store, and begun to fill it, in this moment
            raise StoreError(
                f"no store can be made in {self.path}, which holds something else, such as {others[0]}; choose a new "
                "or an empty folder with --store"
            )

    @property
    def is_writable(self) -> bool:
        """Whether this process may write there; a store that it can only read can be judged from, but not mended."""
        return os.access(self.path, os.W_OK)

    # Reading

    def levels_done(self, replica: Replica) -> int:
        """Number of finished levels of a replica, 0 if there are none.

        Raises:
            StoreError: what is stored of it is damaged.
        """
        return len(self._chain(*replica.key).records)

    def usable_levels(self, replica: Replica) -> int:
        """Number of finished levels that training goes on from: 0 where their file or a pass is damaged.

        Weights are not looked at: what is damaged of them is found before training.

        Raises:
            StoreError: what is stored of it cannot be read.
        """
        try:
            return len(self._reader.chain(*replica.key).records)
        except DamageError:
            return 0

    def version(self, replica: Replica) -> Version | None:
        """A mark that changes when the finished levels of a replica do; None where there are none."""
        return self._reader.version(*replica.key)

    def records(self, digest: str, seed: int) -> tuple[LevelRecord, ...]:
        """The finished levels of a replica, from level 0 on.

        Raises:
            StoreError: what is stored of it is damaged.
        """
        return self._chain(digest, seed).records

    def provenance(self, digest: str, seed: int) -> tuple[Mapping[str, Any], ...]:
        """The provenance of each finished level of a replica, from level 0 on: device, hardware, versions, commit.

        Raises:
            StoreError: what is stored of it is damaged.
        """
        return tuple(self._reader.provenance(pass_id) for pass_id in self._chain(digest, seed).passes)

    def levels_bytes(self, digest: str, seed: int) -> int:
        """The size of a replica's file of levels; 0 if there is none."""
        path = self.path / layout.levels(digest, seed)
        return path.stat().st_size if path.exists() else 0

    def runs(self) -> Iterator[tuple[Mapping[str, Any], str, tuple[int, ...]]]:
        """Every run of which something is stored: settings as JSON, digest and seeds; unreadable ones left out."""
        for path in sorted(self.path.glob(layout.SPECS)):
            with suppress(StoreError):
                settings = read_settings(self.path, path.parent.name)
                seeds = sorted(int(p.name) for p in path.parent.glob("[0-9]*") if p.name.isdecimal())
                yield settings, path.parent.name, tuple(seeds)

    def curve(self, digest: str, measure: str, seeds: Sequence[int], levels: int) -> SparsityCurve:
        """The table seed x level of one measure; NaN where a replica diverged.

        Raises:
            InputError: a level that is not stored, no such measure, or one that was not recorded.
            StoreError: what is stored is damaged, or gone.
        """
        records = [self.records(digest, seed)[:levels] for seed in seeds]
        for seed, found in zip(seeds, records, strict=True):
            if len(found) < levels:
                check_there(self.path)
                raise InputError(
                    f"{in_words(digest, seed)} has {len(found)} of the {levels} levels asked for; train it"
                )
        try:
            settings = read_settings(self.path, digest)
        except DamageError as damage:
            raise StoreError(
                f"{damage}; run again, and it will be written again (sdd-claims store {self.path} verify says what "
                "else is damaged)"
            ) from damage
        return curve_of(seeds, records, settings, measure)

    def state(self, replica: Replica, level: int) -> ChainState:
        """The state that a finished level left: the newest of a chain, or any where the spec keeps those of all.

        Raises:
            InputError: the spec keeps no state of that level.
            DamageError: it is not there, or not what was written.
        """
        chain = self._chain(*replica.key)
        if level not in kept_levels(replica, len(chain.records)):
            check_there(self.path)
            raise InputError(
                f"level {level} of {in_words(*replica.key)} is not stored with weights; a chain of "
                f"{len(chain.records)} levels keeps those of its newest, or of all if RecordSpec.weights is "
                "'every_level'"
            )
        state = unpack_state(read_checked(self.path / layout.state(*replica.key, level), chain.states[level]))
        if not chain.rewind:
            return state  # Schema 1 has the rewinding point in every state.
        rewind = read_checked(self.path / layout.rewind(*replica.key), chain.rewind)
        return replace(state, rewind_point=unpack_weights(rewind))

    def checkpoint(self, replicas: Sequence[Replica], level: int, *, every_epoch: bool = False) -> CheckpointFile:
        """The state of some replicas within their next level, or within a whole path. The caller holds their locks.

        It belongs to the levels that this one builds on, as they were trained, and goes with the level's commit. If
        `every_epoch`, it is written after every epoch and restored at once.
        """
        builds_on = [[*replica.key, self._passes_before(replica, level)] for replica in replicas]
        training = sha256(canonical_json([level, builds_on]).encode())
        path = self.path / layout.checkpoint(*replicas[0].key, training)
        aside = self.path / layout.SET_ASIDE
        return CheckpointFile(path, training, aside, self.warn_once, every_epoch=every_epoch, store=self.path)

    # Writing

    @contextmanager
    def locked(self, replicas: Iterable[Replica], wait: bool) -> Iterator[bool]:
        """Hold the right to train some replicas; yields whether it was had. Without `wait` it is tried once.

        A process that dies gives its locks back. Locks are taken in one order everywhere, so nobody waits in a circle.

        Raises:
            StoreError: the file system has no locks, or refuses the files; the store is gone, or a part of it a link.
        """
        check_there(self.path)
        with ExitStack() as held:
            by_key = {replica.key: replica for replica in replicas}
            for key in sorted(by_key):
                self._refuse_links(by_key[key])
                what = f"seed {by_key[key].seed} of {by_key[key].spec}"
                mine = lock(self.path / layout.lock(*key), wait, what, patience=_PATIENCE)
                if mine is None:
                    held.close()
                    yield False
                    return
                held.callback(mine.release)
            for key in by_key:
                look_again(self.path, layout.replica(*key))
            yield True

    def commit(
        self, results: Sequence[tuple[Replica, LevelRecord, ChainState | None]], about: Mapping[str, Any]
    ) -> None:
        """Store one level of all replicas of a stack, all or none. The caller holds their locks.

        Args:
            results: replicas with the record and state of their next level; the points of a path have no state.
            about: provenance of this training: device, hardware, versions, commit.

        Raises:
            InputError: a level that is not the next of its replica.
            StoreError: the disk is full or read-only, the store is gone, or a part of it is a link. What was stored
                before stands.
        """
        check_there(self.path)
        pass_id = uuid.uuid4().hex
        waits = len(results) > 1
        for replica, record, _ in results:
            before = self._seconds(replica)
            if not waits and before + record.seconds >= SYNCED_FROM:
                waits = True
                if before < SYNCED_FROM:
                    self._sync(replica)
        written = [self._write_level(replica, record, state, pass_id, waits) for replica, record, state in results]
        members = [(replica, record.level) for replica, record, _ in results]
        trained = TrainingPass(about, frozenset((*replica.key, level) for replica, level in members))
        write_atomically(self.path / layout.training_pass(pass_id), pack_pass(about, members), durable=waits)
        self._reader.remember(written, pass_id, trained)
        for replica, level in members:
            self._sweep_up(replica, level)

    def verify(self, replica: Replica, *, keeps_records: bool = False) -> str:
        """Check all that is stored for a replica; set the chain aside, with a warning, if a byte is wrong.

        Passes that this object has read before are not read again: they were whole, and are what it goes by.

        Args:
            replica: whose chain.
            keeps_records: leave a chain where it is of which nothing is damaged but weights.

        Returns:
            What is damaged of the weights of a chain that was left; "" where there is nothing.

        Raises:
            StoreError: what is damaged cannot be set aside or written again, a file cannot be read now, or a part of
                the store is a link.
        """
        self._refuse_links(replica)
        spec_path, spec = self.path / layout.spec(replica.spec.digest), pack_spec(replica.spec)
        try:
            found = spec_path.read_bytes()
        except FileNotFoundError:  # not asked before: somebody may drop the run meanwhile
            found = b""
        except OSError as error:
            raise unreadable(spec_path, error) from error
        if found != spec and spec_path.parent.exists():
            write_atomically(spec_path, spec)
            self.warnings.append(f"{spec_path} was missing or damaged and has been written again")
        records_are_whole = False
        try:
            chain = self._reader.read(*replica.key)
            records_are_whole = True
            for name, checksum in weight_files(replica, chain.states, chain.rewind).items():
                read_checked(self.path / name, checksum)
        except DamageError as damage:
            if keeps_records and records_are_whole:
                return str(damage)
            aside = self._set_aside(replica, str(damage))
            self.warnings.append(
                f"{damage}: what is stored of {in_words(*replica.key)} has been set aside in {aside} and will be "
                "trained anew"
            )
        return ""

    def warn_once(self, warning: str) -> None:
        """Have the user hear of something, but not twice."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    # Elsewhere. A store that is a folder alone has nothing elsewhere, so these three do nothing.

    def synchronise(self, replicas: Sequence[Replica], wait: bool) -> bool:
        """Fetch the levels that only the remote store has, and send those that only this one has.

        Takes the locks of the replicas; without `wait` it is tried once.

        Returns:
            Whether that is done; not where somebody else holds a lock.

        Raises:
            StoreError: the remote store does not answer.
        """
        return True

    def send_unsent(self) -> None:
        """Send what could not be sent when it was committed.

        Raises:
            StoreError: it cannot be sent now either. It is kept here, and the next `synchronise` sends it.
        """

    def synchronise_ledger(self) -> None:
        """Give both sides what either says of judged blocks; where they differ, the remote store was first.

        Raises:
            StoreError: either is damaged, or the remote store does not answer.
        """

    # Parts of the above

    def _chain(self, digest: str, seed: int) -> Chain:
        try:
            return self._reader.chain(digest, seed)
        except DamageError as damage:
            raise StoreError(f"{damage}; run again, and it will be set aside and trained anew") from damage

    def _refuse_links(self, replica: Replica) -> None:
        for name in layout.parts(*replica.key):
            refuse_links(self.path, name)

    def _seconds(self, replica: Replica) -> float:
        """The seconds that the stored levels of a replica took."""
        return sum(record.seconds for record in self._chain(*replica.key).records)

    def _write_level(
        self, replica: Replica, record: LevelRecord, state: ChainState | None, pass_id: str, waits: bool
    ) -> Chain:
        """Write all files of a replica's next level but its pass; returns its levels, this one included."""
        self._refuse_links(replica)
        chain = self._chain(*replica.key)
        if record.level != len(chain.records):
            raise InputError(
                f"{in_words(*replica.key)} has {len(chain.records)} levels, so level {record.level} cannot be its "
                "next; results are immutable and levels follow each other"
            )
        spec_path = self.path / layout.spec(replica.spec.digest)
        if not spec_path.exists():
            write_atomically(spec_path, pack_spec(replica.spec))
        packed, rewind = b"", chain.rewind
        if state is not None and record.level in kept_levels(replica, record.level + 1):
            packed = pack_state(state)
            write_atomically(self.path / layout.state(*replica.key, record.level), packed, durable=waits)
            rewind = self._rewind_kept(replica, chain, state, waits)
        records, states = (*chain.records, record), (*chain.states, sha256(packed))
        extended = Chain(records, states, (*chain.passes, pass_id), rewind, replica.key)
        write_atomically(self.path / layout.levels(*replica.key), extended.pack(), durable=waits)
        return extended

    def _sync(self, replica: Replica) -> None:
        """Wait until the levels so far are on the disk: what is there may name nothing that is not."""
        chain = self._chain(*replica.key)
        weights = weight_files(replica, chain.states, chain.rewind)
        sync(self.path / name for name in (*weights, *map(layout.training_pass, chain.passes)))

    def _rewind_kept(self, replica: Replica, chain: Chain, state: ChainState, waits: bool) -> str:
        """The SHA-256 of a chain's rewinding point, stored once."""
        if state.rewind_point is None:
            return chain.rewind
        packed = pack_weights(state.rewind_point)
        if chain.rewind and chain.rewind != sha256(packed):
            raise InputError(
                f"{in_words(*replica.key)} has another rewinding point already; results are immutable, and a chain has "
                "one"
            )
        if not chain.rewind:
            if self._schema < SCHEMA:  # An older version would go on without it.
                write_atomically(self.path / layout.SCHEMA, pack_schema(SCHEMA))
                self._schema = SCHEMA
            write_atomically(self.path / layout.rewind(*replica.key), packed, durable=waits)
        return sha256(packed)

    def _sweep_up(self, replica: Replica, level: int) -> None:
        """Remove what nobody needs any more once a level is finished."""
        self._refuse_links(replica)
        folder = self.path / layout.replica(*replica.key)
        kept = [self.path / layout.state(*replica.key, one) for one in kept_levels(replica, level + 1)]
        # The states before, and what a process that was killed while writing has left.
        for old in (*folder.glob(layout.STATES), *folder.glob(".*")):
            if old not in kept:
                _remove(old)
        path = replica.spec.path
        if path.over == "none" or level == len(path.values) - 1:
            for old in self.path.glob(layout.checkpoints(*replica.key)):
                _remove(old)

    def _passes_before(self, replica: Replica, level: int) -> list[str]:
        """The passes that trained the levels which a level starts and learns from."""
        passes = [*self._chain(*replica.key).passes[:level]]
        if replica.parent is not None:
            at = replica.spec.chain_level(level)
            passes += self._chain(*replica.parent.key).passes[at : at + 1]
        if replica.teacher is not None:
            levels = replica.spec.distillation.teacher_levels
            passes += self._chain(*replica.teacher.key).passes[:levels]
        return passes

    def _set_aside(self, replica: Replica, why: str) -> Path:
        """Move all that is stored of a replica out of the way; returns where it is then."""
        aside = self.path / layout.set_aside(*replica.key)
        try:
            aside.parent.mkdir(exist_ok=True)
            shutil.move(self.path / layout.replica(*replica.key), aside)
        except OSError as error:
            raise StoreError(f"{why}, and cannot be set aside: {remedy(error)}") from error
        return aside


def _remove(path: Path) -> None:
    """Remove a file; it does no harm to stay where that is refused."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
