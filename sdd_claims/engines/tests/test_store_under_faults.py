"""Whatever fails, and whoever else trains: no result is lost, none is trained twice, and no wrong number is served.

SDD_CLAIMS_EXAMPLES is the number of sequences that the state machine tries, 25 by default. Where it is set, the tests
that break off at every call, here and of remote stores and checkpoints, leave no call out.
"""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from sdd_claims.engines import work as work_module
from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.ledger import Ledger
from sdd_claims.machine import provenance
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.record import LevelRecord, Replica
from sdd_claims.storage import layout
from sdd_claims.storage.checksummed_json import unseal
from sdd_claims.storage.ledger_file import LedgerFile
from sdd_claims.storage.store import Store
from sdd_claims.tests import rivals
from sdd_claims.tests.crash import train
from sdd_claims.tests.rivals import WANTED
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, InstantPruning, fill, numbers, trained, trial_named

ROOT = Path(__file__).parents[3]
CALLS = (
    *((os, name) for name in ("open", "fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "fdopen")),
    (fcntl, "flock"),
)
"""All that a store asks of a file system but to read: each may fail, and before each a process may die.

`open` is how locks and passing files are made, and how a folder is synchronised. `fdopen` stands for what is done with
the file that it opens: writing fails, or dies, when half is written, and so may handing over what was written.
"""

FAULTS = {"killed": None, "disk full": errno.ENOSPC, "read-only": errno.EROFS, "broken": errno.EIO}


def levels_of(wanted: Plan) -> list[tuple[str, int, int]]:
    """Every level of a plan, as `trained` lists them."""
    return sorted((*replica.key, level) for replica, n in wanted.wanted.items() for level in range(n))


class Killed(BaseException):
    """The process is gone: nothing after this moment happens, not even its cleaning up."""


class Fault:
    """What happens at one of the calls; `moment` counts from 1, None is never."""

    def __init__(self, kind: str, moment: int | None) -> None:
        self.number, self.moment, self.calls, self.happened = FAULTS[kind], moment, 0, False

    def instead_of(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, until it fails. A dead process has given its locks back."""

        def called(*args: Any, **named: Any) -> Any:
            if call is flock and args[1] == fcntl.LOCK_UN:
                return call(*args, **named)
            if call is mkdir and os.path.isdir(args[0]):  # nothing is made then
                return call(*args, **named)
            if call is fdopen:
                file = fdopen(*args, **named)
                setattr(file, "write", self.torn(file.write))  # noqa: B010
                setattr(file, "flush", self.instead_of(file.flush))  # noqa: B010
                return file
            self._strike()
            return call(*args, **named)

        return called

    def torn(self, write: Callable[[bytes], int]) -> Callable[[bytes], int]:
        """Writing, until it stops half way."""

        def written(content: bytes) -> int:
            try:
                self._strike()
            except BaseException:
                if self.calls == self.moment:
                    write(content[: len(content) // 2])
                raise
            return write(content)

        return written

    def _strike(self) -> None:
        self.calls += 1
        if self.calls == self.moment or (self.happened and self.number is None):
            self.happened = True
            if self.number is None:
                raise Killed
            raise OSError(self.number, os.strerror(self.number))


flock, mkdir, fdopen = fcntl.flock, os.mkdir, os.fdopen
clocks = {name: getattr(time, name) for name in ("time", "monotonic")}


@contextmanager
def faulty(kind: str, moment: int | None, calls: Sequence[tuple[Any, str]] = CALLS) -> Iterator[Fault]:
    """Something fails at one moment; the process dies of it, or the store says so."""
    fault = Fault(kind, moment)
    with pytest.MonkeyPatch.context() as patch, suppress(Killed, StoreError):
        for owner, name in calls:
            patch.setattr(owner, name, fault.instead_of(getattr(owner, name)))
        yield fault


class FromCheckpoints(InstantPruning):
    """Writes a checkpoint before the end of every level, and goes on from one: from a wrong one with wrong numbers."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._slot: Any = args[-1]

    def next_level(self, level, states, members=None):
        chosen = [self.replicas[i] for i in (range(len(self.replicas)) if members is None else members)]
        slot = self._slot(chosen, level)
        results = super().next_level(level, states, members)
        if (found := slot.read()) is None:
            weights = {str(i): state.trained["w"] for i, (_, state) in enumerate(results)}
            slot.write({"records": [asdict(record) for record, _ in results]}, weights)
            return results
        facts, weights = found
        return [
            (LevelRecord.read(facts["records"][i]), replace(state, trained={"w": weights[str(i)]}))
            for i, (_, state) in enumerate(results)
        ]


def quick(patch: pytest.MonkeyPatch) -> None:
    """Train in no time, and wait for no disk: no test here cuts the power."""
    patch.setattr(work_module, "IterativePruning", FromCheckpoints)
    patch.setattr(os, "fsync", lambda _: None)
    provenance.commit()  # git is asked once, before any clock jumps


@pytest.fixture(autouse=True)
def instant(monkeypatch):
    quick(monkeypatch)


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """The numbers of a run that nothing disturbs."""
    path = tmp_path_factory.mktemp("undisturbed")
    fill(Store(path), WANTED)
    return numbers(Store(path), WANTED)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_run_that_fails_at_any_call_is_finished_by_the_next_with_nothing_lost_or_twice(tmp_path, right, kind):
    few = plan([Request(KEPT, (1000, 1001), 2), Request(REDENSE, (1000,), 1), Request(NOISY, (1000,), 1)])
    once = levels_of(few)
    for moment in count(1):
        store = tmp_path / str(moment)
        with faulty(kind, moment) as fault:
            train(store, few)
        kept = Counter(trained(store))
        train(store, few)
        assert all(found == right[key][: len(found)] for key, found in numbers(Store(store), few).items()), moment
        assert trained(store) == once, moment
        assert kept <= Counter(once), moment
        shutil.rmtree(store)
        if not fault.happened:
            break
    assert moment > 3 * len(once)


def test_processes_that_share_a_store_train_every_level_once_and_the_same(tmp_path, right):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", rivals.__name__, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for number in rivals.NUMBERS:
        assert numbers(Store(tmp_path / str(number)), WANTED) == right, number
        assert trained(tmp_path / str(number)) == levels_of(WANTED), number


PARTS = {
    "all": WANTED,
    "two chains": plan([Request(KEPT, (1000, 1001), 1)]),
    "three chains, further": plan([Request(KEPT, (1000, 1001, 1006), 2)]),
    "one derived": plan([Request(REDENSE, (1000,), 1)]),
    "two derived, further": plan([Request(REDENSE, (1000, 1001), 2)]),
    "two noisy chains": plan([Request(NOISY, (1000, 1006), 1)]),
    "a noisy chain, further": plan([Request(NOISY, (1006,), 3)]),
    "one of each": plan([Request(NOISY, (1012,), 3), Request(KEPT, (1006,), 2)]),
}
"""What a run asks for: little at a time, so that there is something left to train for the next ones."""

JUDGED = (trial_named("claim"), trial_named("claim", levels=3))
"""One claim's trial under two protocols: of a block of seeds the first counts."""

ROTTING = ("settings", "levels", "weights", "passes", "checkpoints")
"""The kinds of file that are checked and mended; what is known once only, of the store itself, has to be restored."""

SEEN = Counter[str]()
"""What all sequences together came to."""

COUNTED = ("sequences", "runs", "runs that failed", "judgements", "files spoilt")
LOST, TWICE, WRONG = "levels or judgements lost", "levels trained twice without need", "wrong numbers served"


def expect(holds: bool, fault: str) -> None:
    """Count a fault, and fail."""
    SEEN[fault] += not holds
    assert holds, fault


def rotting() -> st.SearchStrategy[tuple[int, str, int]]:
    """Which file is spoilt, how, and from which byte on."""
    number = st.integers(0, 10**6)
    how = st.sampled_from(["cut", "flipped", "another digit", "deleted", "emptied", "swapped"])
    return st.tuples(number, how, number)


def spoil(store: Path, kinds: Collection[str], file: int, how: str, at: int) -> set[Replica] | None:
    """Spoil one file of these kinds, or swap two; returns the replicas that they say something of, None without any."""
    by_kind = defaultdict[str, list[Path]](list)
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        by_kind[layout.kind_of(path.relative_to(store).as_posix())[0]].append(path)
    if not (there := [by_kind[kind] for kind in kinds if kind in by_kind]):
        return None
    files, file = there[file % len(there)], file // len(there)
    path, other = files[file % len(files)], files[(file // 7) % len(files)]
    victims = _members(store, path)
    if how == "deleted":
        path.unlink()
    elif how == "swapped":
        victims |= _members(store, other)
        content = path.read_bytes()
        path.write_bytes(other.read_bytes())
        other.write_bytes(content)
    else:
        path.write_bytes(_spoilt(path.read_bytes(), how, at))
    return victims


def _members(store: Path, path: Path) -> set[Replica]:
    """The replicas that a file says something of; none for one that the store makes anew, or leaves behind."""
    kind, digest, seed = layout.kind_of(path.relative_to(store).as_posix())
    if kind in ("levels", "weights"):
        chain = {r for r in WANTED.wanted if (r.spec.digest[: layout.SHORT], r.seed) == (digest, seed)}
        return chain | {r for r in WANTED.wanted if r.parent in chain}
    if kind != "passes":
        return set()
    with suppress(ValueError, KeyError, TypeError):
        members = {(r["digest"], r["seed"]) for r in unseal(path.read_bytes())["replicas"]}
        return {r for r in WANTED.wanted if r.key in members or (r.parent and r.parent.key in members)}
    return set()


def ever_trained(store: Path) -> Iterator[tuple[str, int, int]]:
    """Every (digest, seed, level) that any training ever committed, as `trained` lists them; of what rots, none."""
    for path in store.glob("passes/*.json"):
        with suppress(ValueError, KeyError, TypeError):
            yield from ((r["digest"], r["seed"], r["level"]) for r in unseal(path.read_bytes())["replicas"])


def date_files(store: Path, at: int) -> None:
    """All files of a store are said to be from one moment."""
    for path in store.rglob("*"):
        os.utime(path, (at, at))


@contextmanager
def jumping_clock(jump: float) -> Iterator[None]:
    """Clocks that jump by so many seconds at every other look."""
    looks = count()
    with pytest.MonkeyPatch.context() as patch:
        for name, clock in clocks.items():
            patch.setattr(time, name, lambda clock=clock: clock() + jump * (next(looks) % 2))
        yield


class StoreUnderFaults(RuleBasedStateMachine):
    """Runs and judgements that fail, files that rot and clocks that jump, in any order.

    Two processes have the store open all the time.
    """

    @initialize()
    def open(self) -> None:
        self.patch = pytest.MonkeyPatch()
        quick(self.patch)
        SEEN["sequences"] += 1
        numbered = count()
        self.patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=next(numbered) << 96))  # the same files every time
        self.folder = Path(tempfile.mkdtemp(prefix="sdd-claims-"))
        fill(Store(self.folder / "right"), WANTED)
        self.right = numbers(Store(self.folder / "right"), WANTED)
        self.path = self.folder / "store"
        self.open_stores = [Store(self.path), Store(self.path)]
        self.done = dict.fromkeys(WANTED.wanted, 0)
        self.rotten: set[Replica] = set()  # since they were last checked
        self.ever_rotten: set[Replica] = set()
        self.jump = 0.0
        self.judged: dict[str, str] = {}

    def teardown(self) -> None:
        try:
            if not any(SEEN[fault] for fault in (LOST, TWICE, WRONG)):
                self._run(WANTED, "killed", None)  # whatever was, the next run finishes it
                self.every_number_served_is_right()
                self.no_level_is_trained_twice_unless_it_rotted()
        finally:
            self.patch.undo()
            shutil.rmtree(self.folder)

    @rule(part=st.sampled_from(sorted(PARTS)))
    def run(self, part):
        """What a session does: check what is stored, then train what is missing."""
        self._run(PARTS[part], "killed", None)

    @rule(
        part=st.sampled_from(sorted(PARTS)),
        kind=st.sampled_from(sorted(FAULTS)),
        moment=st.integers(1, 60),
    )
    def run_and_fail(self, part, kind, moment):
        """The same, broken off unless it is done before."""
        self._run(PARTS[part], kind, moment)

    def _run(self, part: Plan, kind: str, moment: int | None) -> None:
        with jumping_clock(self.jump), faulty(kind, moment) as fault:
            store = Store(self.path)
            for replica in part.wanted:
                store.verify(replica)
            train(self.path, part)
        SEEN["runs"] += 1
        SEEN["runs that failed"] += fault.happened
        if not fault.happened:
            self.rotten -= part.wanted.keys()
            assert part.is_stored(Store(self.path))
        self._count()

    @rule(
        trial=st.sampled_from(JUDGED),
        block=st.sampled_from([1000, 2000]),
        kind=st.sampled_from(sorted(FAULTS)),
        moment=st.one_of(st.none(), st.integers(1, 9)),
    )
    def judge(self, trial, block, kind, moment):
        """A block of seeds is noted to have judged a trial, under one of two protocols."""
        ledger, seeds = Ledger(self.path / layout.LEDGER), (block, block + 1)
        noted = refused = False
        with jumping_clock(self.jump), faulty(kind, moment):
            try:
                ledger.record(trial, seeds)
                noted = True
            except InputError:
                refused = True
        self._look_at_the_ledger()
        other = JUDGED[JUDGED[0] is trial]
        if noted or refused:
            ledger.check(trial if noted else other, seeds)
            with pytest.raises(InputError, match="have changed after the block"):
                ledger.check(other if noted else trial, seeds)
        SEEN["judgements"] += noted

    @rule(by=st.sampled_from([-1e9, -3600.0, 3600.0, 1e9]), at=st.integers(0, 2 * 10**9))
    def clock(self, by, at):
        """From now on clocks jump at every other look, and all files are said to be from one moment."""
        self.jump = by
        date_files(self.path, at)

    @rule(rotting=rotting())
    def rot(self, rotting):
        """One file of a chain or of a training is not what was written, or two are swapped."""
        if (victims := spoil(self.path, ROTTING, *rotting)) is None:
            return
        SEEN["files spoilt"] += 1
        self.rotten |= victims
        self.ever_rotten |= victims
        self._count()

    @rule(
        name=st.sampled_from([layout.SCHEMA, layout.LEDGER]),
        how=st.sampled_from(["cut", "flipped", "another digit", "emptied"]),
        at=st.integers(0, 10**6),
    )
    def rot_for_good(self, name, how, at):
        """A file that cannot be made anew is spoilt: the store is not used before somebody restores it."""
        path = self.path / name
        if not path.exists():
            return
        SEEN["files spoilt"] += 1
        content = path.read_bytes()
        path.write_bytes(_spoilt(content, how, at))
        with pytest.raises(StoreError, match=r"cannot be read"):
            Store(self.path) if name == layout.SCHEMA else Ledger(path).record(JUDGED[0], (1000,))
        path.write_bytes(content)

    @invariant()
    def every_number_served_is_right(self):
        for store in (*self.open_stores, Store(self.path)):
            for replica in WANTED.wanted:
                try:
                    served = numbers(store, plan([Request(replica.spec, (replica.seed,), 3)]))[replica.key]
                except StoreError:
                    expect(replica in self.rotten, LOST)
                    continue
                expect(served == self.right[replica.key][: len(served)], WRONG)
                expect(replica in self.ever_rotten or len(served) == self.done[replica], LOST)

    @invariant()
    def no_level_is_trained_twice_unless_it_rotted(self):
        for (digest, seed, _), times in Counter(ever_trained(self.path)).items():
            expect(times == 1 or (digest, seed) in {replica.key for replica in self.ever_rotten}, TWICE)

    def _look_at_the_ledger(self) -> None:
        """What was judged once stays so."""
        now = LedgerFile(self.path / layout.LEDGER).read()
        expect(now.items() >= self.judged.items(), LOST)
        self.judged = now

    def _count(self) -> None:
        """How many levels count now: never fewer than before, but for those that rot has touched."""
        store = Store(self.path)
        for replica in WANTED.wanted:
            with suppress(StoreError):
                now = store.levels_done(replica)
                expect(now >= self.done[replica] or replica in self.ever_rotten, LOST)
                self.done[replica] = now


def _spoilt(content: bytes, how: str, at: int) -> bytes:
    at %= max(1, len(content))
    flipped = content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :] if content else b"x"
    digits = [place for place, byte in enumerate(content) if chr(byte).isdecimal()]
    place = min((place for place in digits if place >= at), default=digits[0] if digits else at)
    edited = content[:place] + b"%d" % (9 - int(content[place : place + 1])) + content[place + 1 :] if digits else b"x"
    return {"cut": content[:at], "flipped": flipped, "another digit": edited, "emptied": b""}[how]


TestStoreUnderFaults = StoreUnderFaults.TestCase
SEQUENCES = settings(
    max_examples=int(os.environ.get("SDD_CLAIMS_EXAMPLES", "25")),
    stateful_step_count=12,
    deadline=None,
    report_multiple_bugs=False,
    phases=[Phase.generate],
)
TestStoreUnderFaults.settings = SEQUENCES


def other_sequences(machine: type[RuleBasedStateMachine], number: int) -> Counter[str]:
    """Try sequences of which nobody knows before which they are; returns what they came to.

    Raises:
        AssertionError: a fault was found.
    """
    SEEN.clear()
    run_state_machine_as_test(
        machine,
        settings=settings(
            machine.TestCase.settings,
            max_examples=number,
            derandomize=False,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
    return Counter(SEEN)
