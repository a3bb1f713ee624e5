"""Two processes on one store, or on two copies of one at a URL, whose steps interleave: what holds for one holds.

They train, drop runs, look for damage and note judgements; either may die, or fail, at any of its calls. Files rot, at
the URL as well, and clocks jump.
SDD_CLAIMS_EXAMPLES is the number of sequences, 20 by default.
"""

import fcntl
import io
import math
import os
import random
import shutil
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import count, repeat
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sdd_claims.engines import WorkerConfig
from sdd_claims.engines.tests.test_store_under_faults import (
    CALLS,
    FAULTS,
    JUDGED,
    LOST,
    PARTS,
    SEEN,
    SEQUENCES,
    TWICE,
    WRONG,
    Fault,
    Killed,
    date_files,
    ever_trained,
    expect,
    jumping_clock,
    quick,
    rotting,
    spoil,
)
from sdd_claims.engines.work import work_through
from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.ledger import Ledger
from sdd_claims.planning.plan import Request, plan
from sdd_claims.record import Replica
from sdd_claims.storage import layout
from sdd_claims.storage.inventory import damage, drop, unneeded_runs
from sdd_claims.storage.ledger_file import LedgerFile
from sdd_claims.storage.opening import open_store
from sdd_claims.storage.store import Store
from sdd_claims.tests.rivals import WANTED
from sdd_claims.tests.tiny import NOISY, REDENSE, fill, numbers

REMOTE = tuple(
    (LocalFileSystem, name) for name in ("pipe_file", "mv", "rm_file", "makedirs", "cat_file", "exists", "ls")
)
"""All that is asked of what lies at a URL."""


PLACES = ("one folder", "one copy", "two copies")
"""Two processes share a folder, or the copy of a store at a URL, or have a copy each."""

ROTTING = ("settings", "levels", "weights", "passes")

LITTLE = sorted(PARTS.keys() - {"all"})
"""So that there is something left to train."""


class Together:
    """Two processes, here threads of which one goes on at a time: it hands over before some of its calls."""

    def __init__(self, faults: tuple[Fault, Fault], steps: Iterable[int]) -> None:
        """`steps` are the numbers of calls between which they change; when they are used up, nobody hands over."""
        self._faults, self._steps = faults, iter(steps)
        self._left = next(self._steps, math.inf)
        self._me = threading.local()
        self._turns = (threading.Semaphore(0), threading.Semaphore(0))
        self._running = {0, 1}
        self._errors: list[BaseException] = []

    def run(self, *jobs: Callable[[], object]) -> None:
        """Both, to their ends."""
        umask = os.umask(0)
        os.umask(umask)
        threads = [threading.Thread(target=self._one, args=each) for each in enumerate(jobs)]
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in (*CALLS, *REMOTE, (io, "open")):
                patch.setattr(owner, name, self._in_turn(getattr(owner, name), fails=owner is not io))
            patch.setattr(time, "sleep", self._wait)
            for thread in threads:
                thread.start()
            self._turns[0].release()
            for thread in threads:
                thread.join()
        os.umask(umask)  # each of two that change it at once may restore the other's
        for error in self._errors:
            raise error

    def _one(self, me: int, job: Callable[[], object]) -> None:
        self._turns[me].acquire()
        self._me.number = me
        try:
            with suppress(Killed, StoreError):
                job()
        except BaseException as error:
            self._errors.append(error)
        finally:
            self._running.discard(me)
            self._turns[1 - me].release()

    def _in_turn(self, call: Callable[..., Any], *, fails: bool) -> Callable[..., Any]:
        def called(*args: Any, **named: Any) -> Any:
            if (me := getattr(self._me, "number", None)) is None:
                return call(*args, **named)
            self._left -= 1
            if self._left <= 0 and not (call is fcntl.flock and args[1] == fcntl.LOCK_UN):
                self._left = next(self._steps, math.inf)
                self._hand_over(me)
            return (self._faults[me].instead_of(call) if fails else call)(*args, **named)

        return called

    def _wait(self, seconds: float) -> None:
        assert len(self._running) == 2, "a process waits for what nobody holds"
        self._hand_over(self._me.number)

    def _hand_over(self, me: int) -> None:
        if len(self._running) == 2:
            self._turns[1 - me].release()
            self._turns[me].acquire()


@cache
def undisturbed() -> dict[tuple[str, int], list[dict[str, Any]]]:
    """The numbers of a store that nothing disturbs."""
    with tempfile.TemporaryDirectory() as path:
        fill(Store(Path(path)), WANTED)
        return numbers(Store(Path(path)), WANTED)


def actions() -> st.SearchStrategy[tuple[Any, ...]]:
    """What a process does, and how it ends."""
    does = st.one_of(
        st.tuples(st.just("train"), st.sampled_from(LITTLE)),
        st.tuples(st.just("train"), st.sampled_from(LITTLE)),
        st.tuples(st.just("drop"), st.sampled_from([NOISY, REDENSE])),
        st.tuples(st.just("look"), st.none()),
        st.tuples(st.just("judge"), st.tuples(st.sampled_from([0, 1]), st.sampled_from([1000, 2000]))),
    )
    moment = st.one_of(st.none(), st.integers(1, 120))
    return st.tuples(does, st.sampled_from(sorted(FAULTS)), moment)


class RivalsUnderFaults(RuleBasedStateMachine):
    """Two processes, one after the other or interleaved."""

    @initialize(place=st.sampled_from(PLACES))
    def open(self, place: str) -> None:
        self.patch = pytest.MonkeyPatch()
        quick(self.patch)
        SEEN["sequences"] += 1
        numbered = count()
        self.patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=next(numbered) << 96))  # the same files every time
        self.folder = Path(tempfile.mkdtemp(prefix="sdd-claims-"))
        self.right = undisturbed()
        far = self.folder / "far"
        self.url = None if place == "one folder" else f"file://{far}"
        here = [self.folder / name for name in ("one", "other")]
        self.paths = here if place == "two copies" else here[:1] * 2
        self.stores = list(dict.fromkeys(self.paths + [far] * (self.url is not None)))
        for path in self.paths:
            open_store(path, self.url)
        self.apart = place == "two copies"
        self.done = {path: dict.fromkeys(WANTED.wanted, 0) for path in self.stores}
        self.asked: dict[Replica, int] = {}
        self.dropped: set[str] = set()
        self.rotten: dict[Path, set[Replica]] = {path: set() for path in self.stores}  # and not trained since
        self.ever_rotten: set[Replica] = set()
        self.spoilt: set[Path] = set()
        self.jump = 0.0
        self.judged: dict[Path, dict[str, str]] = {path: {} for path in self.stores}

    def teardown(self) -> None:
        try:
            asked = plan(Request(r.spec, (r.seed,), n) for r, n in self.asked.items())
            for path in [*self.paths, self.paths[0]][not self.apart :]:  # whatever was, the next run finishes it
                self._train(path, asked)
                open_store(path, self.url).synchronise_ledger()
            assert all(asked.is_stored(Store(path)) for path in self.stores if path not in self.spoilt - {*self.paths})
            ledgers = [LedgerFile(path / layout.LEDGER).read().keys() for path in self.stores]
            assert all(keys == set().union(*ledgers) for keys in ledgers[: None if self.apart else 1])
            self.spoilt -= {*self.paths}  # here all is mended by now; there it waits for whoever needs it
            self.nothing_is_lost_doubled_or_wrong()
        finally:
            self.patch.undo()
            shutil.rmtree(self.folder)

    @rule(who=st.sampled_from([0, 1]), action=actions())
    def alone(self, who, action):
        """One after the other."""
        does, kind, moment = action
        idle = Fault("killed", None)
        fault = Fault(kind, moment)
        with jumping_clock(self.jump):
            Together((fault, idle), ()).run(self._job(self.paths[who], does), lambda: None)
        self._count(does, fault)
        if does[0] == "train" and not fault.happened:
            self.rotten[self.paths[who]] -= PARTS[does[1]].wanted.keys()

    @rule(
        first=actions(),
        second=st.one_of(st.sampled_from(["the same", "drop it"]), actions()),
        seed=st.integers(0, 2**32),
    )
    def at_once(self, first, second, seed):
        """Steps of one between steps of the other."""
        draw = random.Random(seed)
        self.interleave(first, second, (draw.randint(1, 12) for _ in count()))

    @rule(by=st.sampled_from([-1e9, -3600.0, 3600.0, 1e9]), at=st.integers(0, 2 * 10**9))
    def clock(self, by, at):
        """From now on clocks jump at every other look, and all files are said to be from one moment."""
        self.jump = by
        for path in self.stores:
            date_files(path, at)

    @rule(where=st.integers(0, 2), rotting=rotting())
    def rot(self, where, rotting):
        """One file is not what was written, here or there, or two are swapped."""
        path = self.stores[where % len(self.stores)]
        if (victims := spoil(path, ROTTING, *rotting)) is not None:
            SEEN["files spoilt"] += 1
            self.spoilt.add(path)
            self.rotten[path] |= victims
            self.ever_rotten |= victims

    def interleave(self, first: Any, second: Any, steps: Iterable[int]) -> None:
        """The same, in these steps."""
        if isinstance(second, str):
            second = self._against(first, drops=second == "drop it")
        if self.apart:  # across a URL there are no locks: it takes a driver that gives out the work
            first, second = self._disjoint(first, keep=False), self._disjoint(second, keep=True)
        faults = Fault(*first[1:]), Fault(*second[1:])
        jobs = [self._job(path, does) for path, (does, _, _) in zip(self.paths, (first, second), strict=True)]
        with jumping_clock(self.jump):
            Together(faults, steps).run(*jobs)
        for (does, _, _), fault in zip((first, second), faults, strict=True):
            self._count(does, fault)

    def _count(self, does: tuple[str, Any], fault: Fault) -> None:
        SEEN["runs"] += does[0] == "train"
        SEEN["runs that failed"] += does[0] == "train" and fault.happened

    def _against(self, action, drops):
        """What gets in the way of an action, and does not fail."""
        (verb, what), _, _ = action
        if verb == "judge":
            what = (what[0], 3000 - what[1])
        if verb == "train" and drops:
            verb, what = "drop", NOISY if any(replica.spec == NOISY for replica in PARTS[what].wanted) else REDENSE
        return (verb, what), "killed", None

    def _disjoint(self, action, keep):
        (verb, what), kind, moment = action
        if verb == "train":
            names = [name for name in LITTLE if all((r.spec == NOISY) == keep for r in PARTS[name].wanted)]
            what = names[LITTLE.index(what) % len(names)]
        return (verb, what), kind, moment

    def _job(self, path: Path, does: tuple[str, Any]) -> Callable[[], object]:
        verb, what = does
        if verb == "train":
            self.asked |= {replica: max(n, self.asked.get(replica, 0)) for replica, n in PARTS[what].wanted.items()}
            return lambda: self._train(path, PARTS[what])
        if verb == "judge":
            return lambda: self._judge(path, JUDGED[what[0]], what[1])
        if verb == "look":
            return lambda: list(damage(Store(path)))
        self.dropped.add(what.digest)
        for replica in WANTED.wanted:
            if replica.spec == what:
                self.done[path][replica] = 0
        return lambda: self._drop(path, what.digest)

    def _train(self, path, part):
        """What a session does: bring both sides together, check what is stored, then train what is missing."""
        store = open_store(path, self.url)
        for stack in part.stacks:
            store.synchronise(stack.replicas, wait=False)
        for replica in part.wanted:
            with store.locked([replica], wait=False) as mine:
                if mine:
                    store.verify(replica)
        work_through(part.stacks, WorkerConfig(path, url=self.url))

    def _drop(self, path, digest):
        store = Store(path)
        drop(store, unneeded_runs(store, {replica.spec.digest for replica in WANTED.wanted} - {digest}))

    def _judge(self, path, trial, block):
        store = open_store(path, self.url)
        store.synchronise_ledger()
        with suppress(InputError):
            Ledger(path / layout.LEDGER).record(trial, (block,))
            SEEN["judgements"] += 1
        store.synchronise_ledger()

    @invariant()
    def nothing_is_lost_doubled_or_wrong(self):
        for path in self.stores:
            store = Store(path)
            assert path in self.spoilt or list(damage(store)) == []
            for replica in WANTED.wanted:
                try:
                    found = numbers(store, replace(WANTED, wanted={replica: 3}))[replica.key]
                except StoreError:
                    expect(replica in self.rotten[path], LOST)
                    continue
                expect(found == self.right[replica.key][: len(found)], WRONG)
                aside = self.apart and path in self.paths and any(path.glob(f"set_aside/{replica.spec.digest[:12]}-*"))
                expect(len(found) >= self.done[path][replica] or aside or replica in self.ever_rotten, LOST)
                self.done[path][replica] = len(found)
            if not self.apart:
                again = self.dropped | {replica.spec.digest for replica in self.ever_rotten}
                for (digest, _, _), times in Counter(ever_trained(path)).items():
                    expect(times == 1 or digest in again, TWICE)
            now = LedgerFile(path / layout.LEDGER).read()
            if self.apart and path in self.paths:  # where two differ, who was first there is right
                expect(now.keys() >= self.judged[path].keys(), LOST)
            else:
                expect(now.items() >= self.judged[path].items(), LOST)
            self.judged[path] = now


TestRivalsUnderFaults = RivalsUnderFaults.TestCase
TestRivalsUnderFaults.settings = settings(
    SEQUENCES, max_examples=int(os.environ.get("SDD_CLAIMS_EXAMPLES", "20")), stateful_step_count=6
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("does", "against"),
    [
        (("train", "two chains"), "the same"),
        (("train", "a noisy chain, further"), "drop it"),
        (("drop", NOISY), "the same"),
        (("judge", (0, 1000)), "the same"),
    ],
    ids=["train and train", "train and drop", "drop and drop", "judge and judge"],
)
def test_two_that_change_after_every_few_calls_lose_double_and_spoil_nothing(does, against, place):
    for calls in (1, 2, 5):
        rivals = RivalsUnderFaults()
        rivals.open(place)
        try:
            if does[0] != "judge":
                rivals.alone(0, (("train", "two noisy chains"), "killed", None))
                rivals.nothing_is_lost_doubled_or_wrong()
            rivals.interleave((does, "killed", None), against, repeat(calls))
            rivals.nothing_is_lost_doubled_or_wrong()
            if does[0] == "judge" and place != "two copies":
                assert len(rivals.judged[rivals.stores[0]]) == 2
        finally:
            rivals.teardown()
