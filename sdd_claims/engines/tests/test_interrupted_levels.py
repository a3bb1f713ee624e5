"""A level that is stopped between its epochs goes on from there, through engine and store, and never counts twice."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.engines import work as work_module
from sdd_claims.errors import StoreError
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.record import Replica
from sdd_claims.spec import (
    DataSpec,
    DerivationSpec,
    DistillationSpec,
    ModelSpec,
    OptimizerSpec,
    PathSpec,
    PenaltySpec,
    PruningSpec,
    TrainingSpec,
)
from sdd_claims.storage.checkpoint_file import CheckpointFile
from sdd_claims.storage.store import Store
from sdd_claims.tests import crash
from sdd_claims.tests.tiny import KEPT, numbers, trained
from sdd_claims.training import Checkpointer, checkpoint

ROOT = Path(__file__).parents[3]
SEEDS = (0, 1)
EPOCHS = crash.EPOCHS
CHAIN = crash.REWOUND.but(record={"weights": "every_level"})
REDENSE = CHAIN.but(derivation=DerivationSpec(kind="redense"))
TEACHER = KEPT.but(training={"epochs": EPOCHS})
STUDENT = TEACHER.but(distillation=DistillationSpec(alpha=0.5, temperature=2.0, teacher=TEACHER))
PATH = TEACHER.but(
    training={"penalty": PenaltySpec(name="l1")},
    pruning=PruningSpec(criterion="none"),
    record={"weights": "newest"},
    path=PathSpec(over="penalty_strength", values=(0.0, 1e-3, 0.01)),
)
RELU = PATH.but(
    data=DataSpec(name="grid"),
    model=ModelSpec(name="relu_network", hidden=(8, 8), functional_width=3, initialization="uniform"),
    training=TrainingSpec(
        epochs=3,
        loss="mean_squared_error",
        optimizer=OptimizerSpec(name="adam", lr=0.01),
        penalty=PenaltySpec(name="rbv2", strength=0.001),
        arithmetic="portable",
    ),
    path=PathSpec(over="epochs", values=(1, 2, 3)),
)
PLANS = {
    "a chain that rewinds": (plan([Request(CHAIN, SEEDS, 2)]), 2 * EPOCHS - 1),  # the second level rewinds one epoch
    "derived": (plan([Request(REDENSE, SEEDS, 2)]), 4 * EPOCHS - 1),
    "a student": (plan([Request(STUDENT, SEEDS, 2)]), 3 * EPOCHS),
    "a path": (plan([Request(PATH, SEEDS, 3)]), EPOCHS),
    "ReLU networks, each alone": (plan([Request(RELU, SEEDS, 3)]), 2 * 3),
}


@pytest.fixture
def always(monkeypatch):
    """A checkpoint after every epoch."""
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)


@pytest.fixture
def written(monkeypatch):
    """How many checkpoints each training writes, and a process that ends after so many."""
    write = CheckpointFile.write

    class Counter:
        total, left = 0, -1

    def counting(file, facts, tensors):
        write(file, facts, tensors)
        Counter.total, Counter.left = Counter.total + 1, Counter.left - 1
        if Counter.left == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(CheckpointFile, "write", counting)
    return Counter


def states(store: Path) -> dict[str, str]:
    """Digests of the states from which chains go on, and of what they rewind to."""
    return {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in store.glob("runs/*/*/*.safetensors")
    }


def left_over(store: Path) -> list[Path]:
    return list((store / "checkpoints").glob("*"))


def once(wanted: Plan) -> list[tuple[str, int, int]]:
    return sorted((r.spec.digest, r.seed, level) for r, levels in wanted.wanted.items() for level in range(levels))


@pytest.mark.parametrize(("wanted", "epochs"), PLANS.values(), ids=PLANS)
def test_a_run_stopped_after_any_epoch_trains_no_epoch_twice_and_ends_with_the_same_bits(
    tmp_path, always, written, wanted, epochs
):
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "unbroken"))
    assert written.total == epochs
    for stop in range(1, epochs + 1):
        store = tmp_path / str(stop)
        written.total, written.left = 0, stop
        with pytest.raises(KeyboardInterrupt):
            SerialEngine().run(wanted, WorkerConfig(store))
        opened = Store(store)
        for replica in wanted.wanted:  # what a session does first
            opened.verify(replica)
        SerialEngine().run(wanted, WorkerConfig(store))
        assert written.total == epochs
        assert opened.warnings == []
        assert numbers(Store(store), wanted) == numbers(Store(tmp_path / "unbroken"), wanted)
        assert states(store) == states(tmp_path / "unbroken")
        assert trained(store) == once(wanted)
        assert left_over(store) == []


def test_a_path_stopped_between_its_points_is_not_trained_again(tmp_path, always, written, monkeypatch):
    wanted, _ = PLANS["a path"]
    commit = Store.commit

    def stopping(store, results, about):
        if results[0][1].level == 2:
            raise KeyboardInterrupt
        commit(store, results, about)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "commit", stopping)
        with pytest.raises(KeyboardInterrupt):
            SerialEngine().run(wanted, WorkerConfig(tmp_path))
    SerialEngine().run(wanted, WorkerConfig(tmp_path))
    assert written.total == EPOCHS
    assert trained(tmp_path) == once(wanted)
    assert left_over(tmp_path) == []


def test_killed_at_any_moment_a_run_with_checkpoints_ends_with_the_same_bits(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sdd_claims.tests.crash", tmp_path, "checkpoints"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    wanted, unbroken = crash.wanted(checkpoints=True), tmp_path / "unbroken"
    # Three calls for each file: store.json and spec.json; a checkpoint an epoch; a state and levels.json a replica and
    # the pass, a level; what a replica rewinds to.
    files = 2 + (2 * EPOCHS - 1) + crash.LEVELS * (2 * len(SEEDS) + 1) + len(SEEDS)
    last = int(done.stdout)
    assert last == 3 * files  # an odd number
    for moment in range(1, last + 1, crash.STEP):
        store = tmp_path / str(moment)
        assert numbers(Store(store), wanted) == numbers(Store(unbroken), wanted), moment
        newest = states(store)
        assert {name: newest[name] for name in states(unbroken)} == states(unbroken), moment
        assert trained(store) == once(wanted), moment
        # Killed at the very last call there is nothing left to do but to sweep, which the next commit will.
        assert left_over(store) == [] or moment == last, moment


# Whose checkpoint it is


def stopped(store: Path, wanted: Plan, written, after: int) -> None:
    written.left = after
    with pytest.raises(KeyboardInterrupt):
        SerialEngine().run(wanted, WorkerConfig(store))
    written.total, written.left = 0, -1


def test_a_level_taken_up_with_other_members_starts_over(tmp_path, always, written):
    stopped(tmp_path / "store", plan([Request(CHAIN, SEEDS, 1)]), written, 2)
    more = plan([Request(CHAIN, (*SEEDS, 2), 1)])
    for store in ("store", "unbroken"):
        written.total = 0
        SerialEngine().run(more, WorkerConfig(tmp_path / store))
        assert written.total == EPOCHS
    assert numbers(Store(tmp_path / "store"), more) == numbers(Store(tmp_path / "unbroken"), more)
    assert left_over(tmp_path / "store") == []


def test_the_checkpoint_of_a_chain_that_is_set_aside_is_not_that_of_the_chain_trained_anew(tmp_path, always, written):
    """Trained without its sextet it has other bits, and what it was stopped in would have another mask."""
    wanted = plan([Request(CHAIN, SEEDS, 2)])
    stopped(tmp_path, wanted, written, EPOCHS + 1)
    (tmp_path / "runs" / CHAIN.digest / "0" / "state-0.safetensors").unlink()
    store = Store(tmp_path)
    store.verify(Replica(CHAIN, 0))
    assert len(store.warnings) == 1
    SerialEngine().run(wanted, WorkerConfig(tmp_path))
    assert written.total == EPOCHS + EPOCHS - 1
    assert left_over(tmp_path) == []


def test_what_is_derived_starts_over_when_its_chain_was_trained_anew(tmp_path, always, written):
    wanted, _ = PLANS["derived"]
    stopped(tmp_path, wanted, written, 2 * EPOCHS - 1 + 1)
    (tmp_path / "runs" / CHAIN.digest / "0" / "state-0.safetensors").unlink()
    store = Store(tmp_path)
    store.verify(Replica(CHAIN, 0))
    SerialEngine().run(wanted, WorkerConfig(tmp_path))
    assert written.total == 2 * EPOCHS - 1 + 2 * EPOCHS


def test_a_run_says_what_became_of_its_checkpoints(tmp_path, always, written):
    wanted = plan([Request(CHAIN, SEEDS, 1)])
    stopped(tmp_path, wanted, written, 1)
    (file,) = left_over(tmp_path)
    file.write_bytes(b"rot")
    (warning,) = work_module.work_through(wanted.stacks, WorkerConfig(tmp_path))
    assert f"{file} was damaged and has been set aside" in warning
    assert wanted.stored(Store(tmp_path)) == wanted.needed


def test_short_levels_leave_no_trace_of_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpointer, "write", None)
    wanted = plan([Request(CHAIN, SEEDS, 2)])
    SerialEngine().run(wanted, WorkerConfig(tmp_path))
    assert wanted.stored(Store(tmp_path)) == wanted.needed
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(("wanted", "epochs"), PLANS.values(), ids=PLANS)
def test_a_rehearsal_takes_up_every_epoch_and_comes_to_the_same_bits(tmp_path, monkeypatch, wanted, epochs):
    taken = []
    restore = Checkpointer.restore

    def watching(checkpointer, tensors, optimizer):
        taken.append(restore(checkpointer, tensors, optimizer))
        return taken[-1]

    SerialEngine().run(wanted, WorkerConfig(tmp_path / "unbroken"))
    monkeypatch.setattr(Checkpointer, "restore", watching)
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "every_epoch", checkpoint_every_epoch=True))
    assert sum(found is not None for found in taken) == epochs
    assert numbers(Store(tmp_path / "every_epoch"), wanted) == numbers(Store(tmp_path / "unbroken"), wanted)
    assert states(tmp_path / "every_epoch") == states(tmp_path / "unbroken")


def test_a_rehearsal_that_cannot_take_up_what_it_wrote_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(CheckpointFile, "write", lambda *_: None)
    with pytest.raises(StoreError, match="that has just been written cannot be restored"):
        SerialEngine().run(plan([Request(CHAIN, SEEDS, 1)]), WorkerConfig(tmp_path, checkpoint_every_epoch=True))
