import errno
import multiprocessing.synchronize
import os
import re
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from io import StringIO
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from sdd_claims.engines import PoolEngine, RayEngine, SerialEngine, WorkerConfig, engine, pool, progress
from sdd_claims.engines import work as work_module
from sdd_claims.engines.progress import ProgressDisplay
from sdd_claims.errors import InputError, StoreError
from sdd_claims.machine.devices import CPU
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.record import Replica
from sdd_claims.spec import DerivationSpec
from sdd_claims.storage import locks
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import (
    KEPT,
    NOISY,
    REDENSE,
    SEEDS,
    SPEC,
    InstantPruning,
    fill,
    instant_level,
    numbers,
    stack_of_three,
    trained,
)

ROOT = Path(__file__).parents[3]
WIDER = SPEC.but(model={"hidden": (9,)})
PORTABLE = SPEC.but(training={"arithmetic": "portable"})
SEVERAL = plan(
    [
        Request(spec, seeds, 2)
        for spec, seeds in (
            (SPEC, SEEDS),
            (NOISY, tuple(range(1000, 1009))),
            (WIDER, (1000,)),
            (REDENSE, SEEDS),
            (PORTABLE, (1000, 1001)),
        )
    ]
)
FROM_CHAINS = plan([Request(REDENSE, SEEDS, 3)])
"""One stack of chains, and one of what is derived from them."""


def once(wanted: Plan) -> Counter[tuple[str, int, int]]:
    return Counter((r.spec.digest, r.seed, level) for r, levels in wanted.wanted.items() for level in range(levels))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The numbers that one process alone comes to."""
    path = tmp_path_factory.mktemp("alone")
    SerialEngine().run(SEVERAL, WorkerConfig(path))
    return numbers(Store(path), SEVERAL)


@pytest.fixture
def instant(monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSYS, "Function not implemented"), PermissionError(13, "Permission denied"), ImportError()],
)
def test_where_processes_cannot_work_together_one_trains_alone_and_says_so(tmp_path, instant, monkeypatch, error):
    """As in a container without /dev/shm."""

    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(multiprocessing.synchronize.SemLock, "__init__", refuse)
    (said,) = PoolEngine().run(SEVERAL, WorkerConfig(tmp_path))
    assert "no semaphores" in said
    assert "as with --engine serial; to use every core and GPU, give the machine a writable /dev/shm" in said
    assert SEVERAL.stored(Store(tmp_path)) == SEVERAL.needed


def test_two_processes_on_one_store_train_every_level_once_and_both_end_well(tmp_path, alone):
    program = (
        "import sys; from pathlib import Path\n"
        "from sdd_claims.engines import SerialEngine, WorkerConfig\n"
        "from sdd_claims.engines.tests.test_engines import SEVERAL\n"
        "print('ready', flush=True); sys.stdin.read()\n"
        "SerialEngine().run(SEVERAL, WorkerConfig(Path(sys.argv[1])))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path / "store"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        assert process.stderr is not None
        assert (process.wait(), process.stderr.read()) == (0, "")
        process.stderr.close()
        assert process.stdout is not None
        process.stdout.close()
    assert Counter(trained(tmp_path / "store")) == once(SEVERAL)
    assert numbers(Store(tmp_path / "store"), SEVERAL) == alone


def test_a_pool_of_two_trains_every_level_once(tmp_path, alone):
    PoolEngine([CPU] * 2).run(SEVERAL, WorkerConfig(tmp_path))
    assert Counter(trained(tmp_path)) == once(SEVERAL)
    assert numbers(Store(tmp_path), SEVERAL) == alone


def test_an_error_in_a_pool_is_raised_as_itself(tmp_path):
    absent = SPEC.but(data={"name": "cifar10", "side": 8})
    with pytest.raises(InputError, match="cifar10"):
        PoolEngine([CPU]).run(plan([Request(absent, (1000,), 1)]), WorkerConfig(tmp_path, data_root=tmp_path))


@pytest.mark.parametrize("spec", [SPEC, PORTABLE])
def test_the_arithmetic_is_stored_beside_the_result(tmp_path, instant, spec):
    SerialEngine().run(plan([Request(spec, (1000,), 2)]), WorkerConfig(tmp_path))
    said = [about["arithmetic"] for about in Store(tmp_path).provenance(spec.digest, 1000)]
    assert said == [spec.training.arithmetic] * 2


def test_nothing_stored_is_trained_again(tmp_path, instant):
    SerialEngine().run(SEVERAL, WorkerConfig(tmp_path))
    SerialEngine().run(SEVERAL, WorkerConfig(tmp_path))
    assert Counter(trained(tmp_path)) == once(SEVERAL)


def test_asking_for_more_levels_and_seeds_trains_only_those(tmp_path, instant):
    more = plan([Request(SPEC, (*SEEDS, 1003), 4)])
    SerialEngine().run(stack_of_three(2), WorkerConfig(tmp_path / "extended"))
    SerialEngine().run(more, WorkerConfig(tmp_path / "extended"))
    SerialEngine().run(more, WorkerConfig(tmp_path / "at once"))
    assert Counter(trained(tmp_path / "extended")) == once(more)
    assert numbers(Store(tmp_path / "extended"), more) == numbers(Store(tmp_path / "at once"), more)


def test_replicas_of_a_stack_that_lag_behind_catch_up_first(tmp_path, monkeypatch):
    levels = []

    class Watching(InstantPruning):
        def next_level(self, level, states, members=None):
            levels.append((level, [self.replicas[member].seed for member in members]))
            return super().next_level(level, states, members)

    monkeypatch.setattr(work_module, "IterativePruning", Watching)
    fill(Store(tmp_path), plan([Request(SPEC, (1001,), 2)]))
    SerialEngine().run(plan([Request(SPEC, SEEDS, 3)]), WorkerConfig(tmp_path))
    assert levels == [(0, [1000, 1002]), (1, [1000, 1002]), (2, [1000, 1001, 1002])]


def test_what_somebody_else_holds_is_waited_for_and_not_trained(tmp_path, monkeypatch):
    """The rival lets go while we wait, having trained it all: then there is nothing left to train."""
    wanted, rival, waits = stack_of_three(2), Store(tmp_path), []
    held = ExitStack()
    assert held.enter_context(rival.locked(wanted.wanted, wait=False))
    locked = Store.locked

    def ours(store, replicas, wait):
        waits.append(wait)
        if wait:
            monkeypatch.setattr(Store, "locked", locked)
            held.close()
            fill(rival, wanted)
        return locked(store, replicas, wait)

    monkeypatch.setattr(Store, "locked", ours)
    monkeypatch.setattr(work_module, "IterativePruning", None)
    SerialEngine().run(wanted, WorkerConfig(tmp_path))
    assert waits == [False, True]
    assert Counter(trained(tmp_path)) == once(wanted)


# What is derived from chains


@pytest.fixture
def steps(monkeypatch):
    """What is trained, in the order of its training: (kind, level, seeds)."""
    seen: list[tuple[str, int, list[int]]] = []

    class Watching(InstantPruning):
        def next_level(self, level, states, members=None):
            now = [self.replicas[member] for member in members]
            seen.append((now[0].spec.derivation.kind, level, [replica.seed for replica in now]))
            return super().next_level(level, states, members)

    monkeypatch.setattr(work_module, "IterativePruning", Watching)
    return seen


def expect_derived_numbers(store: Path, folder: Path) -> None:
    """Each level from its own chain's state of the same level, and every level once."""
    fill(Store(folder), FROM_CHAINS)
    assert numbers(Store(store), FROM_CHAINS) == numbers(Store(folder), FROM_CHAINS)
    assert Counter(trained(store)) == once(FROM_CHAINS)


@pytest.mark.parametrize("backwards", [False, True])
def test_chains_are_trained_before_what_is_derived_from_them(tmp_path, steps, backwards):
    stacks = FROM_CHAINS.stacks[::-1] if backwards else FROM_CHAINS.stacks
    work_module.work_through(stacks, WorkerConfig(tmp_path / "store"))
    assert steps == [(kind, level, list(SEEDS)) for kind in ("none", "redense") for level in range(3)]
    expect_derived_numbers(tmp_path / "store", tmp_path / "expected")


def test_what_is_derived_from_a_level_on_starts_from_that_level_of_its_chain(tmp_path, steps):
    late = REDENSE.but(derivation={"from_level": 1})
    SerialEngine().run(plan([Request(late, SEEDS, 2)]), WorkerConfig(tmp_path))
    assert [step[:2] for step in steps] == [*(("none", level) for level in range(3)), ("redense", 0), ("redense", 1)]
    store = Store(tmp_path)
    for seed in SEEDS:
        replica = Replica(late, seed)
        found = [store.state(Replica(KEPT, seed), level) for level in (1, 2)]
        expected = [instant_level(replica, level, state)[0] for level, state in enumerate(found)]
        assert store.records(*replica.key) == tuple(expected)


def test_chains_that_nobody_has_put_into_the_queue_are_trained_too(tmp_path, steps):
    work_module.work_through(FROM_CHAINS.stacks[1:], WorkerConfig(tmp_path / "store"))
    assert steps == [(kind, level, list(SEEDS)) for kind in ("none", "redense") for level in range(3)]
    expect_derived_numbers(tmp_path / "store", tmp_path / "expected")


def test_chains_put_into_the_queue_by_one_derived_stack_serve_another(tmp_path, steps):
    again = REDENSE.but(derivation=DerivationSpec(kind="redense", draw=2))
    queue = [*FROM_CHAINS.stacks[1:], *plan([Request(again, SEEDS, 3)]).stacks[1:]]
    work_module.work_through(queue, WorkerConfig(tmp_path))
    assert Counter(kind for kind, *_ in steps) == {"none": 3, "redense": 6}
    assert [kind for kind, *_ in steps[:3]] == ["none"] * 3


def test_a_chain_set_aside_after_the_queue_was_made_is_trained_again(tmp_path, monkeypatch, steps):
    """Somebody else's check of the store finds it damaged while another stack is trained here."""
    store, lost = Store(tmp_path), Replica(KEPT, SEEDS[0])
    fill(store, plan([Request(KEPT, SEEDS, 3)]))
    first = plan([Request(SPEC, SEEDS[:1], 1)]).stacks
    commit = Store.commit

    def damaged_meanwhile(ours, results, about):
        if results[0][0].spec == SPEC:
            (store.path / "runs" / lost.spec.digest / str(lost.seed) / "levels.json").write_text("rot")
            store.verify(lost)
        commit(ours, results, about)

    monkeypatch.setattr(Store, "commit", damaged_meanwhile)
    work_module.work_through([*first, *FROM_CHAINS.stacks], WorkerConfig(tmp_path))
    assert len(store.warnings) == 1
    assert steps == [
        ("none", 0, [1000]),  # the other stack
        *(("none", level, [1000]) for level in range(3)),
        *(("redense", level, list(SEEDS)) for level in range(3)),
    ]


def test_a_chain_that_is_stored_is_derived_from_and_not_trained_again(tmp_path, steps):
    fill(Store(tmp_path / "store"), plan([Request(KEPT, SEEDS, 3)]))
    SerialEngine().run(FROM_CHAINS, WorkerConfig(tmp_path / "store"))
    assert steps == [("redense", level, list(SEEDS)) for level in range(3)]
    expect_derived_numbers(tmp_path / "store", tmp_path / "expected")


def test_derived_levels_that_are_stored_are_gone_on_from(tmp_path, steps):
    fill(Store(tmp_path / "store"), plan([Request(REDENSE, SEEDS[:1], 2), Request(REDENSE, SEEDS[1:2], 1)]))
    SerialEngine().run(FROM_CHAINS, WorkerConfig(tmp_path / "store"))
    assert [step for step in steps if step[0] == "redense"] == [
        ("redense", 0, [1002]),
        ("redense", 1, [1001, 1002]),
        ("redense", 2, [1000, 1001, 1002]),
    ]
    expect_derived_numbers(tmp_path / "store", tmp_path / "expected")


@pytest.mark.parametrize("last", range(1, 6))
def test_a_run_stopped_between_levels_goes_on_whether_in_a_chain_or_in_what_is_derived(tmp_path, monkeypatch, last):
    levels = count()

    class Stopping(InstantPruning):
        def next_level(self, level, states, members=None):
            if next(levels) == last:
                raise KeyboardInterrupt
            return super().next_level(level, states, members)

    monkeypatch.setattr(work_module, "IterativePruning", Stopping)
    with pytest.raises(KeyboardInterrupt):
        SerialEngine().run(FROM_CHAINS, WorkerConfig(tmp_path / "store"))
    assert FROM_CHAINS.stored(Store(tmp_path / "store")) == last * len(SEEDS)
    SerialEngine().run(FROM_CHAINS, WorkerConfig(tmp_path / "store"))
    expect_derived_numbers(tmp_path / "store", tmp_path / "expected")


@pytest.mark.parametrize(
    "queue", [FROM_CHAINS.stacks, FROM_CHAINS.stacks[1:]], ids=["chains in the queue", "chains put into it"]
)
def test_what_is_derived_waits_while_somebody_else_trains_the_chains(tmp_path, monkeypatch, steps, queue):
    rival, waits, held = Store(tmp_path / "store"), [], ExitStack()
    assert held.enter_context(rival.locked(FROM_CHAINS.stacks[0].replicas, wait=False))
    locked = Store.locked

    def ours(store, replicas, wait):
        waits.append(wait)
        if wait:
            monkeypatch.setattr(Store, "locked", locked)
            held.close()
            fill(rival, plan([Request(KEPT, SEEDS, 3)]))
        return locked(store, replicas, wait)

    monkeypatch.setattr(Store, "locked", ours)
    work_module.work_through(queue, WorkerConfig(tmp_path / "store"))
    assert waits == [False, False, True]  # once for each of the two
    assert {kind for kind, *_ in steps} == {"redense"}
    expect_derived_numbers(tmp_path / "store", tmp_path / "expected")


def test_chains_whose_trainer_has_died_are_trained_here(tmp_path, monkeypatch, steps):
    rival, held = Store(tmp_path / "store"), ExitStack()
    assert held.enter_context(rival.locked(FROM_CHAINS.stacks[0].replicas, wait=False))
    locked = Store.locked

    def ours(store, replicas, wait):
        if wait:
            held.close()
        return locked(store, replicas, wait)

    monkeypatch.setattr(Store, "locked", ours)
    SerialEngine().run(FROM_CHAINS, WorkerConfig(tmp_path / "store"))
    assert steps == [(kind, level, list(SEEDS)) for kind in ("none", "redense") for level in range(3)]


def test_there_are_three_engines_and_no_other():
    assert isinstance(engine("serial"), SerialEngine)
    assert isinstance(engine("pool"), PoolEngine)
    assert isinstance(engine("ray"), RayEngine)
    with pytest.raises(InputError, match=r"there is no engine 'dask'; use one of: serial, pool, ray"):
        engine("dask")


def test_progress_without_a_terminal_is_a_plain_line_with_what_is_done(tmp_path, capsys):
    store = Store(tmp_path)
    fill(store, plan([Request(SPEC, (1000,), 1)]))
    with ProgressDisplay(stack_of_three(2), store, lambda: "an hour left"):
        pass
    shown = capsys.readouterr().err
    assert f"training: 1 of 6 levels, an hour left; now {SPEC}" in " ".join(shown.split())


@pytest.mark.parametrize("terminal", [True, False], ids=["a bar", "lines"])
def test_the_time_that_is_left_is_asked_for_once_a_minute(tmp_path, monkeypatch, terminal):
    shown, hours = StringIO(), count(1)
    clock = iter([0.0, 59.0, 60.0, 60.0])  # asked; looked at, looked at and asked
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    console = Console(file=shown, force_terminal=terminal, width=400)
    display = ProgressDisplay(stack_of_three(2), Store(tmp_path), lambda: f"{next(hours)} hours left", console)
    waits = iter([False, True])
    monkeypatch.setattr(display, "_stop", SimpleNamespace(wait=lambda _: next(waits), set=lambda: None))
    with display:
        display._thread.join()
    assert "0/6" in shown.getvalue() if terminal else "0 of 6 levels, 1 hours left" in shown.getvalue()
    assert "2 hours left" in shown.getvalue()
    assert "3 hours left" not in shown.getvalue()


WAITING = "waiting for a slot, held by another process since 12:00:00"


class Pauses:
    """Takes the place of a display's clock: something happens after each time it has shown, and then it ends."""

    def __init__(self, *happens):
        self._happens = iter(happens)

    def wait(self, seconds):
        happened = next(self._happens, None)
        if happened is not None:
            happened()
        return happened is None

    def set(self): ...


def shown(tmp_path, monkeypatch, console, *happens) -> str:
    """What a display shows of three replicas of two levels, on a console that writes to a string."""
    display = ProgressDisplay(stack_of_three(2), Store(tmp_path), lambda: "about 2 h left, by a guess", console)
    monkeypatch.setattr(display, "_stop", Pauses(*happens))
    with display:
        display._thread.join()
    return console.file.getvalue()


@pytest.mark.parametrize("terminal", [True, False], ids=["a bar", "lines"])
def test_who_waits_is_said_in_place_of_what_trains_until_something_gets_on(tmp_path, monkeypatch, terminal):
    console = Console(file=StringIO(), force_terminal=terminal, width=400)
    waits, waits_no_longer = (lambda: locks.say(WAITING)), (lambda: locks.say(""))
    said = shown(tmp_path, monkeypatch, console, waits)
    assert said.rpartition("left, by a guess; ")[2].startswith(WAITING)
    assert (f"\n{WAITING}\n" in said) is not terminal  # a line is due once a minute: this one does not wait for that
    said = shown(tmp_path, monkeypatch, console, waits, waits_no_longer)
    assert said.rpartition("left, by a guess; ")[2].startswith("now MLP-8")
    train_one = partial(fill, Store(tmp_path), plan([Request(SPEC, (1000,), 1)]))
    said = shown(tmp_path, monkeypatch, console, waits, train_one)
    assert said.rpartition("left, by a guess; ")[2].startswith("now MLP-8")


@pytest.mark.parametrize("failure", [StoreError("a file is missing"), OSError("stale file handle")])
def test_a_store_that_fails_for_a_moment_is_shown_again_after_it(tmp_path, monkeypatch, failure):
    def fails(store, replica):
        raise failure

    def gets_on():
        patch.undo()
        fill(Store(tmp_path), plan([Request(SPEC, (1000,), 1)]))

    with pytest.MonkeyPatch.context() as patch:
        said = shown(
            tmp_path,
            monkeypatch,
            Console(file=StringIO(), width=400),
            lambda: patch.setattr(Store, "levels_done", fails),
            gets_on,
        )
    assert [line.partition(",")[0] for line in said.splitlines()] == [f"training: {n} of 6 levels" for n in (0, 1)]


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_shows_the_bar_the_count_and_all_words(tmp_path, monkeypatch, width):
    console = Console(file=StringIO(), force_terminal=True, width=width)
    said = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", shown(tmp_path, monkeypatch, console))
    assert re.search("training ━{10,} +0/6 levels", said)
    assert f"about 2 h left, by a guess; now {SPEC}, level 0 of 2, 3 seeds" in " ".join(said.split())


def test_a_terminal_that_draws_nothing_again_gets_lines(tmp_path, monkeypatch):
    console = Console(file=StringIO(), force_terminal=True, width=400, _environ={"TERM": "dumb"})
    assert shown(tmp_path, monkeypatch, console).startswith("training: 0 of 6 levels, about 2 h left, by a guess; now")


def test_what_a_process_waits_for_is_said_where_its_pool_was_started():
    heard = list[str]()
    hears, says = multiprocessing.Pipe(duplex=False)
    before = locks.tell(heard.append)
    try:
        pool._pass_on(hears)
        says.send(WAITING)
        says.send("")
        says.close()  # as where the process has ended
        pool._pass_on(hears)
        pool._pass_on(hears)
    finally:
        locks.tell(before)
    assert heard == [WAITING, ""]


def test_levels_done_by_others_do_not_make_a_replica_train_backwards(tmp_path, instant):
    fill(Store(tmp_path), plan([Request(SPEC, SEEDS, 4)]))
    SerialEngine().run(stack_of_three(2), WorkerConfig(tmp_path))
    assert [Store(tmp_path).levels_done(Replica(SPEC, seed)) for seed in SEEDS] == [4, 4, 4]


# A deadline


def test_after_the_deadline_no_level_is_begun_and_one_that_has_begun_is_stored(tmp_path, monkeypatch):
    passed = list[int]()

    class Clocked(InstantPruning):
        def next_level(self, level, states, members=None):
            passed.append(level)
            return super().next_level(level, states, members)

    monkeypatch.setattr(work_module, "IterativePruning", Clocked)
    monkeypatch.setattr(time, "time", lambda: len(passed))
    SerialEngine().run(FROM_CHAINS, WorkerConfig(tmp_path, deadline=2))
    store = Store(tmp_path)
    assert [store.levels_done(replica) for replica in FROM_CHAINS.wanted] == [2, 2, 2, 0, 0, 0]
    SerialEngine().run(FROM_CHAINS, WorkerConfig(tmp_path))
    assert Counter(trained(tmp_path)) == once(FROM_CHAINS)


def test_nobody_waits_beyond_the_deadline_for_what_others_hold(tmp_path, monkeypatch, instant):
    now = count()
    monkeypatch.setattr(work_module, "_POLL_SECONDS", 0)
    monkeypatch.setattr(time, "time", lambda: next(now))
    store = Store(tmp_path)
    with store.locked(FROM_CHAINS.stacks[0].replicas, wait=False) as held:
        assert held
        SerialEngine().run(FROM_CHAINS, WorkerConfig(tmp_path, deadline=20))
    assert trained(tmp_path) == []
