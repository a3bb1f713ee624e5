"""Whatever fails, and whoever else trains: no result is lost, none is trained twice, and no wrong number is served.

SDD_CLAIMS_EXAMPLES is the number of sequences that the state machine tries, 25 by default.
"""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sdd_claims.engines import work as work_module
from sdd_claims.errors import StoreError
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.record import Replica
from sdd_claims.storage import layout
from sdd_claims.storage.checksummed_json import unseal
from sdd_claims.storage.store import Store
from sdd_claims.tests import rivals
from sdd_claims.tests.crash import train
from sdd_claims.tests.rivals import WANTED
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, InstantPruning, fill, numbers, trained

ROOT = Path(__file__).parents[3]
CALLS = ((os, "fsync"), (os, "replace"), (os, "unlink"), (tempfile, "mkstemp"), (fcntl, "flock"), (shutil, "move"))
"""All that a store asks of a file system but to read: each may fail, and before each a process may die."""

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
            if call is fcntl_flock and args[1] == fcntl.LOCK_UN:
                return call(*args, **named)
            self.calls += 1
            dead = self.happened and self.number is None
            if self.calls == self.moment or dead:
                self.happened = True
                if self.number is None:
                    raise Killed
                raise OSError(self.number, os.strerror(self.number))
            return call(*args, **named)

        return called


fcntl_flock = fcntl.flock


@contextmanager
def faulty(kind: str, moment: int | None) -> Iterator[Fault]:
    """Something fails at one moment; the process dies of it, or the store says so."""
    fault = Fault(kind, moment)
    with pytest.MonkeyPatch.context() as patch, suppress(Killed, StoreError):
        for module, name in CALLS:
            patch.setattr(module, name, fault.instead_of(getattr(module, name)))
        yield fault


@pytest.fixture(autouse=True)
def instant(monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)


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
    "two noisy chains": plan([Request(NOISY, (1000, 1006), 2)]),
    "one of each": plan([Request(NOISY, (1012,), 3), Request(KEPT, (1006,), 2)]),
}


class StoreUnderFaults(RuleBasedStateMachine):
    """Runs that fail, and files that rot, in any order; two processes that have the store open all the time."""

    @initialize()
    def open(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(work_module, "IterativePruning", InstantPruning)
        numbered = count()
        self.patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=next(numbered)))  # the same files in every repetition
        self.folder = Path(tempfile.mkdtemp(prefix="sdd-claims-"))
        fill(Store(self.folder / "right"), WANTED)
        self.right = numbers(Store(self.folder / "right"), WANTED)
        self.path = self.folder / "store"
        self.open_stores = [Store(self.path), Store(self.path)]
        self.done = dict.fromkeys(WANTED.wanted, 0)
        self.rotten: set[Replica] = set()  # since they were last checked
        self.ever_rotten: set[Replica] = set()

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.folder)

    @rule(
        part=st.sampled_from(sorted(PARTS)),
        kind=st.sampled_from(sorted(FAULTS)),
        moment=st.one_of(st.none(), st.integers(1, 120)),
    )
    def run(self, part, kind, moment):
        """What a session does: check what is stored, then train what is missing."""
        part = PARTS[part]
        with faulty(kind, moment) as fault:
            store = Store(self.path)
            for replica in part.wanted:
                store.verify(replica)
            train(self.path, part)
        if not fault.happened:
            self.rotten -= part.wanted.keys()
            assert part.is_stored(Store(self.path))
        self._count()

    @rule(file=st.integers(0, 10**6), how=st.sampled_from(["cut", "flipped", "deleted", "emptied", "swapped"]))
    def rot(self, file, how):
        """One file of a chain or of a training is not what was written."""
        files = sorted(path for path in self.path.rglob("*") if self._members(path))
        if not files:
            return
        path = files[file % len(files)]
        content, other = path.read_bytes(), files[(file // 7) % len(files)]
        victims = self._members(path)
        if how == "deleted":
            path.unlink()
        elif how == "swapped":
            victims |= self._members(other)
            path.write_bytes(other.read_bytes())
            other.write_bytes(content)
        else:
            middle = len(content) // 2
            flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if content else b"x"
            path.write_bytes({"cut": content[:middle], "flipped": flipped, "emptied": b""}[how])
        self.rotten |= victims
        self.ever_rotten |= victims
        self._count()

    @invariant()
    def every_number_served_is_right(self):
        for store in (*self.open_stores, Store(self.path)):
            for replica in WANTED.wanted:
                try:
                    served = numbers(store, plan([Request(replica.spec, (replica.seed,), 3)]))[replica.key]
                except StoreError:
                    assert replica in self.rotten
                    continue
                assert served == self.right[replica.key][: len(served)]
                assert replica in self.ever_rotten or len(served) == self.done[replica]

    @invariant()
    def no_level_is_trained_twice_unless_it_rotted(self):
        for (digest, seed, level), times in Counter(self._trained()).items():
            assert times == 1 or (digest, seed) in {replica.key for replica in self.ever_rotten}, level

    def _trained(self) -> Iterator[tuple[str, int, int]]:
        for path in self.path.glob("passes/*.json"):
            with suppress(ValueError, KeyError, TypeError):
                yield from ((r["digest"], r["seed"], r["level"]) for r in unseal(path.read_bytes())["replicas"])

    def _members(self, path: Path) -> set[Replica]:
        """The replicas that a file says something of; none for one that the store makes anew, or leaves behind."""
        kind, digest, seed = layout.kind_of(path.relative_to(self.path).as_posix())
        if kind in ("levels", "weights"):
            chain = {r for r in WANTED.wanted if (r.spec.digest[: layout.SHORT], r.seed) == (digest, seed)}
            return chain | {r for r in WANTED.wanted if r.parent in chain}
        if kind != "passes":
            return set()
        with suppress(ValueError, KeyError, TypeError):
            members = {(r["digest"], r["seed"]) for r in unseal(path.read_bytes())["replicas"]}
            return {r for r in WANTED.wanted if r.key in members or (r.parent and r.parent.key in members)}
        return set()

    def _count(self) -> None:
        """How many levels count now: never fewer than before, but for those that rot has touched."""
        store = Store(self.path)
        for replica in WANTED.wanted:
            with suppress(StoreError):
                now = store.levels_done(replica)
                assert now >= self.done[replica] or replica in self.ever_rotten
                self.done[replica] = now


TestStoreUnderFaults = StoreUnderFaults.TestCase
TestStoreUnderFaults.settings = settings(
    max_examples=int(os.environ.get("SDD_CLAIMS_EXAMPLES", "25")),
    stateful_step_count=12,
    deadline=None,
    report_multiple_bugs=False,
    phases=[Phase.generate],
)
