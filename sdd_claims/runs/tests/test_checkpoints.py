"""A training stopped after any epoch and taken up from its checkpoint ends with the bits of an unbroken one."""

import errno
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdd_claims.measures import EpochWatch
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.spec import (
    DataSpec,
    DerivationSpec,
    DistillationSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    PathSpec,
    PenaltySpec,
    PruningSpec,
    RecordSpec,
    RunSpec,
    TrainingSpec,
    TransformerSpec,
)
from sdd_claims.storage.checkpoint_file import CheckpointFile
from sdd_claims.training import MlpStack, SparseStack, StackCheckpointer, checkpoint
from sdd_claims.training.compiled_stack import CompiledStack

CPU = torch.device("cpu")
SEEDS = (0, 1)
EPOCHS = 3
SPEC = RunSpec(
    data=DataSpec(name="stand_in:mnist_small", side=14, train_size=40, validation_size=8),
    noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
    model=ModelSpec(hidden=(8,)),
    training=TrainingSpec(epochs=EPOCHS, batch_size=16, optimizer=OptimizerSpec(lr=0.05, momentum=0.9)),
    pruning=PruningSpec(fraction=0.5),
    record=RecordSpec(epoch_images=20, weights="every_level"),
)
ADAMW = SPEC.but(training={"optimizer": OptimizerSpec(name="adamw", lr=0.01, weight_decay=0.1)})
REWOUND = SPEC.but(pruning={"rewind_iteration": 4}, training={"schedule": {"name": "cosine"}})
PENALISED = SPEC.but(training={"penalty": PenaltySpec(name="l1", strength=1e-3)})
PROXIMAL = PENALISED.but(training={"penalty": {"step": "proximal"}, "optimizer": {"momentum": 0.0}})
SPARSE = SPEC.but(pruning={"fraction": 0.9})
PORTABLE, PORTABLE_ADAMW, PORTABLE_REWOUND, PORTABLE_PENALISED, PORTABLE_SPARSE = (
    spec.but(training={"arithmetic": "portable"}) for spec in (SPEC, ADAMW, REWOUND, PENALISED, SPARSE)
)
CONV = SPEC.but(model=ModelSpec(name="conv", hidden=(), channels=(3, 4), batch_norm=True))
VIT = ADAMW.but(
    model=ModelSpec(
        name="vit",
        hidden=(),
        transformer=TransformerSpec(patch=7, width=8, depth=1, heads=2, mlp=8),
        initialization="pytorch",
    )
)
STUDENT = SPEC.but(distillation=DistillationSpec(alpha=0.5, temperature=4.0, teacher=SPEC))
PORTABLE_STUDENT = PORTABLE.but(distillation=DistillationSpec(alpha=0.5, temperature=4.0, teacher=PORTABLE))
REDENSE = SPEC.but(derivation=DerivationSpec(kind="redense"))
Level = list[tuple[LevelRecord, ChainState]]


class StoppedError(Exception):
    """The end of a process."""


class CheckpointSlot(CheckpointFile):
    """A real one, whose process ends when it has been written so many times."""

    def __init__(self, path: Path, writes: int = -1) -> None:
        self.warnings: list[str] = []
        super().__init__(path, "this", path.parent / "set_aside", self.warnings.append)
        self.left = writes
        self.written: list[Mapping[str, Any]] = []

    def write(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        super().write(facts, tensors)
        self.written.append(facts)
        self.left -= 1
        if self.left == 0:
            raise StoppedError


@pytest.fixture
def always(monkeypatch):
    """A checkpoint after every epoch."""
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)


def level_of(
    spec: RunSpec,
    level: int = 0,
    states: Sequence[ChainState | None] = (None, None),
    checkpoint_slot: CheckpointSlot | None = None,
) -> Level:
    teacher = spec.distillation.teacher
    teachers = None if teacher is None else [state for _, state in level_of(teacher)]
    members = [Replica(spec, seed) for seed in SEEDS]
    pruning = IterativePruning(
        members, CPU, None, teachers, None if checkpoint_slot is None else lambda *_: checkpoint_slot
    )
    return pruning.next_level(level, states)


def untimed(record: LevelRecord) -> dict[str, Any]:
    return {**asdict(record), "seconds": None}


def expect_same_bits(ones: Level, others: Level) -> None:
    for (record, state), (other_record, other) in zip(ones, others, strict=True):
        assert untimed(record) == untimed(other_record)
        assert not record.diverged
        pairs = [(state.trained, other.trained), (state.masks, other.masks)]
        assert (state.rewind_point is None) == (other.rewind_point is None)
        pairs.append((state.rewind_point or {}, other.rewind_point or {}))
        for tensors, expected in pairs:
            assert tensors.keys() == expected.keys()
            assert all(torch.equal(tensors[name], expected[name]) for name in expected)


CASES = {
    "momentum": (SPEC, 0),
    "momentum, pruned": (SPEC, 1),
    "AdamW with decay": (ADAMW, 1),
    "a snapshot to rewind to": (REWOUND, 0),
    "from the middle of an epoch": (REWOUND, 1),
    "a penalty": (PENALISED, 1),
    "a proximal step": (PROXIMAL, 0),
    "sparse products": (SPARSE, 1),
    "batch norm": (CONV, 1),
    "dropout": (VIT, 0),
    "a teacher": (STUDENT, 0),
    "derived": (REDENSE, 1),
    "portable": (PORTABLE, 1),
    "portable AdamW with decay": (PORTABLE_ADAMW, 1),
    "a portable snapshot to rewind to": (PORTABLE_REWOUND, 0),
    "portable, from the middle of an epoch": (PORTABLE_REWOUND, 1),
    "a portable penalty": (PORTABLE_PENALISED, 1),
    "portable sparse products": (PORTABLE_SPARSE, 1),
    "a portable teacher": (PORTABLE_STUDENT, 0),
}


@pytest.mark.parametrize(("spec", "level"), CASES.values(), ids=CASES)
def test_a_level_taken_up_after_any_epoch_ends_with_the_same_bits(tmp_path, always, spec, level):
    states: Sequence[ChainState | None] = [None, None]
    chain = spec.parent or spec
    for before in range(level + 1 if spec.parent else level):
        states = [state for _, state in level_of(chain, before, states)]
    unbroken = level_of(spec, level, states)
    whole = CheckpointSlot(tmp_path / "whole")
    expect_same_bits(level_of(spec, level, states, whole), unbroken)
    assert [facts["epochs"] for facts in whole.written] == list(range(EPOCHS + 1 - len(whole.written), EPOCHS + 1))
    for stop in range(1, len(whole.written) + 1):
        path = tmp_path / str(stop)
        with pytest.raises(StoppedError):
            level_of(spec, level, states, CheckpointSlot(path, stop))
        again = CheckpointSlot(path)
        expect_same_bits(level_of(spec, level, states, again), unbroken)
        assert [facts["epochs"] for facts in again.written] == [facts["epochs"] for facts in whole.written[stop:]]


@pytest.mark.parametrize(("spec", "kind"), [(SPARSE, SparseStack), (PENALISED, MlpStack), (PORTABLE, CompiledStack)])
def test_the_cases_above_train_the_stacks_that_they_are_meant_for(tmp_path, always, monkeypatch, spec, kind):
    seen = []
    start = StackCheckpointer.start

    def watching(checkpointer, first, stack, optimizer):
        seen.append(type(stack))
        return start(checkpointer, first, stack, optimizer)

    monkeypatch.setattr(StackCheckpointer, "start", watching)
    level_of(spec, 1, [state for _, state in level_of(spec)], CheckpointSlot(tmp_path / "file"))
    assert seen == [kind]


def test_the_seconds_of_a_level_count_what_it_took_before_it_was_taken_up(tmp_path, always):
    with pytest.raises(StoppedError):
        level_of(SPEC, checkpoint_slot=CheckpointSlot(tmp_path / "file", 2))
    before = (stopped := CheckpointSlot(tmp_path / "file")).read()
    assert before is not None
    longer = {**before[0], "seconds": 5000.0}
    stopped.write(longer, before[1])
    ((record, _), _) = level_of(SPEC, checkpoint_slot=stopped)
    assert record.seconds > 5000 / len(SEEDS)


# Paths

STRENGTHS = SPEC.but(
    training={"penalty": PenaltySpec(name="l1")},
    pruning=PruningSpec(criterion="none"),
    record=RecordSpec(),
    path=PathSpec(over="penalty_strength", values=(0.0, 1e-3, 0.01)),
)
REFITS = STRENGTHS.but(
    training={"penalty": {"name": "none"}}, path=PathSpec(over="ridge_refit", values=(0.0, 0.1, 1.0))
)
REGRESSION = RunSpec(
    data=DataSpec(name="grid"),
    model=ModelSpec(name="relu_network", hidden=(8, 8), functional_width=3, initialization="uniform"),
    training=TrainingSpec(
        epochs=9,
        batch_size=81,
        loss="mean_squared_error",
        optimizer=OptimizerSpec(name="adam", lr=0.01),
        penalty=PenaltySpec(name="rbv2", strength=1e-3),
    ),
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="epochs", values=(0, 4, 9)),
)


def path_of(spec: RunSpec, checkpoint_slot: CheckpointSlot | None = None) -> list[list[dict[str, Any]]]:
    paths = train_path([Replica(spec, seed) for seed in SEEDS], CPU, None, checkpoint_slot)
    return [[untimed(record) for record in path] for path in paths]


@pytest.mark.parametrize(
    "spec",
    [STRENGTHS, REFITS, REGRESSION, STRENGTHS.but(training={"arithmetic": "portable"})],
    ids=["strengths", "refits", "epochs", "portable strengths"],
)
def test_a_path_taken_up_after_any_epoch_ends_with_the_same_numbers(tmp_path, always, spec):
    unbroken = path_of(spec)
    for stop in range(1, spec.training.epochs + 1):
        with pytest.raises(StoppedError):
            path_of(spec, CheckpointSlot(tmp_path / str(stop), stop))
        again = CheckpointSlot(tmp_path / str(stop))
        assert path_of(spec, again) == unbroken
        assert len(again.written) == spec.training.epochs - stop


def test_a_network_that_has_diverged_stays_so_when_its_path_is_taken_up(tmp_path, always):
    wild = REGRESSION.but(training={"optimizer": {"lr": 1e30}})
    unbroken = path_of(wild)
    assert [record["diverged"] for record in unbroken[0]] == [False, True, True]
    with pytest.raises(StoppedError):
        path_of(wild, CheckpointSlot(tmp_path / "file", 6))
    assert path_of(wild, CheckpointSlot(tmp_path / "file")) == unbroken


# When


def test_a_training_shorter_than_the_interval_writes_nothing(tmp_path):
    level_of(SPEC, checkpoint_slot=CheckpointSlot(tmp_path / "file"))
    path_of(REGRESSION, CheckpointSlot(tmp_path / "file"))
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_written_when_the_interval_is_over_and_not_before(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: clock.now))
    look = EpochWatch.look

    def takes_25_seconds(watch):
        clock.now += 25
        look(watch)

    monkeypatch.setattr(EpochWatch, "look", takes_25_seconds)
    checkpoint_slot = CheckpointSlot(tmp_path / "file")
    level_of(SPEC.but(training={"epochs": 10}), checkpoint_slot=checkpoint_slot)
    assert [(facts["epochs"], facts["seconds"]) for facts in checkpoint_slot.written] == [(3, 75), (6, 150), (9, 225)]


# What lies on the checkpoint_slot


@pytest.fixture
def written(tmp_path):
    checkpoint_slot = CheckpointSlot(tmp_path / "file")
    checkpoint_slot.write({"epochs": 2, "seconds": 0.5}, {"value/w": torch.arange(5.0), "step/w": torch.tensor(3.0)})
    return checkpoint_slot


def test_what_is_written_is_read_back(written):
    facts, tensors = written.read()
    assert facts == {"epochs": 2, "seconds": 0.5}
    assert {name: value.tolist() for name, value in tensors.items()} == {"value/w": [0, 1, 2, 3, 4], "step/w": 3}
    assert written.warnings == []


def test_it_is_one_line_of_json_and_safetensors_and_nothing_that_executes(written):
    line, _, packed = written.path.read_bytes().partition(b"\n")
    assert json.loads(line)["content"]["training"] == "this"
    header = int.from_bytes(packed[:8], "little")
    assert set(json.loads(packed[8 : 8 + header])) == {"value/w", "step/w"}


@settings(max_examples=60)
@given(data=st.data())
def test_one_byte_changed_anywhere_is_found_and_said_and_set_aside(tmp_path_factory, data):
    checkpoint_slot = CheckpointSlot(tmp_path_factory.mktemp("spoilt") / "file")
    checkpoint_slot.write({"epochs": 2}, {"value/w": torch.arange(5.0)})
    raw = bytearray(checkpoint_slot.path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    checkpoint_slot.path.write_bytes(raw)
    assert checkpoint_slot.read() is None
    (warning,) = checkpoint_slot.warnings
    assert "was damaged and has been set aside" in warning
    assert not checkpoint_slot.path.exists()
    (aside,) = (checkpoint_slot.path.parent / "set_aside").iterdir()
    assert aside.read_bytes() == raw


def test_a_level_whose_checkpoint_is_damaged_starts_over_and_ends_well(tmp_path, always):
    unbroken = level_of(SPEC)
    with pytest.raises(StoppedError):
        level_of(SPEC, checkpoint_slot=CheckpointSlot(tmp_path / "file", 2))
    raw = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(raw[: len(raw) // 2])
    again = CheckpointSlot(tmp_path / "file")
    expect_same_bits(level_of(SPEC, checkpoint_slot=again), unbroken)
    assert len(again.written) == EPOCHS
    assert len(again.warnings) == 1


def test_what_belongs_to_another_training_is_not_read(written):
    other = CheckpointFile(written.path, "other", written.path.parent, written.warnings.append)
    assert other.read() is None
    assert written.warnings == []
    assert written.read() is not None


def test_tensors_of_another_form_are_not_taken_up(tmp_path, always):
    with pytest.raises(StoppedError):
        level_of(SPEC, checkpoint_slot=CheckpointSlot(tmp_path / "file", 2))
    wider = SPEC.but(model={"hidden": (9,)})
    expect_same_bits(level_of(wider, checkpoint_slot=CheckpointSlot(tmp_path / "file")), level_of(wider))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_checkpoint_that_cannot_be_written_is_said_and_training_goes_on(tmp_path, always, monkeypatch, number):
    unbroken = level_of(SPEC)
    checkpoint_slot = CheckpointSlot(tmp_path / "file")

    def refuse(*args):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        expect_same_bits(level_of(SPEC, checkpoint_slot=checkpoint_slot), unbroken)
    why = {errno.ENOSPC: "the disk is full; free some space", errno.EACCES: "the folder is read-only"}[number]
    assert len(set(checkpoint_slot.warnings)) == 1
    assert why in checkpoint_slot.warnings[0]
    assert "training goes on" in checkpoint_slot.warnings[0]
    assert not list(tmp_path.iterdir())
