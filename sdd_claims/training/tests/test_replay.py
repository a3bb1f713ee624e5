"""Steps that are captured once and replayed at every level are the steps of an ordinary training.

Without a GPU nothing is captured, but all else is as there: tensors that stay where they are, loaded anew, warmed up
and set back.
"""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sdd_claims.models import Architecture
from sdd_claims.spec import OptimizerSpec, PenaltySpec, ScheduleSpec, TrainingSpec
from sdd_claims.training import Distillation, Replays, ReplicaStack, train
from sdd_claims.training.batches import draw_epoch
from sdd_claims.training.replay import Replay
from sdd_claims.training.step import Step
from sdd_claims.training.tests import plain

STEP = ScheduleSpec(name="step", milestones=(2,))
SETTINGS: dict[str, TrainingSpec] = {
    "plain SGD": TrainingSpec(epochs=3, batch_size=8, optimizer=OptimizerSpec(lr=0.1)),
    "momentum": TrainingSpec(epochs=3, batch_size=8, optimizer=OptimizerSpec(lr=0.1, momentum=0.9), schedule=STEP),
    "adam": TrainingSpec(epochs=3, batch_size=8, optimizer=OptimizerSpec(name="adam", lr=0.01)),
    "adamw": TrainingSpec(epochs=3, batch_size=8, optimizer=OptimizerSpec(name="adamw", lr=0.01), schedule=STEP),
    "a penalty": TrainingSpec(epochs=3, batch_size=8, penalty=PenaltySpec(name="l1")),
    "proximal steps": TrainingSpec(epochs=3, batch_size=8, penalty=PenaltySpec(name="l1", step="proximal")),
    "one batch": TrainingSpec(epochs=3, batch_size=100, optimizer=OptimizerSpec(lr=0.1, momentum=0.9)),
    "whole batches": TrainingSpec(epochs=3, batch_size=11, optimizer=OptimizerSpec(lr=0.1, momentum=0.9)),
}
NUMBERS = plain.numbers([0.0, 0.01, 0.1], [0.0, 0.01, 0.1])
SHARED = plain.numbers([0.1] * 3)


def trained(stack: ReplicaStack, spec: TrainingSpec, replays: Replays | None = None, **options: Any) -> ReplicaStack:
    train(stack, plain.data(3, torch.float32), spec, NUMBERS, replays=replays, **options)
    return stack


def assert_close(one: ReplicaStack, other: ReplicaStack) -> None:
    for ours, theirs in zip(one.unstacked(), other.unstacked(), strict=True):
        for name, value in ours.items():
            torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("architecture", [plain.ARCHITECTURE, plain.BATCH_NORM], ids=["mlp", "batch norm"])
@pytest.mark.parametrize("spec", SETTINGS.values(), ids=SETTINGS)
def test_replayed_steps_are_those_of_an_ordinary_training(spec, architecture):
    ordinary = trained(plain.stack(3, architecture=architecture), spec)
    assert_close(trained(plain.stack(3, architecture=architecture), spec, {}), ordinary)


@pytest.mark.parametrize("name", ["momentum", "adam", "adamw"])
def test_a_weight_decay_that_all_replicas_share_is_that_of_an_ordinary_training(name):
    ordinary, replayed = plain.stack(3), plain.stack(3)
    train(ordinary, plain.data(3, torch.float32), SETTINGS[name], SHARED)
    train(replayed, plain.data(3, torch.float32), SETTINGS[name], SHARED, replays={})
    assert_close(replayed, ordinary)
    for network, mask in zip(replayed.unstacked(), plain.networks(3, torch.float32)[1], strict=True):
        assert all(bool((network[key][~kept.bool()] == 0).all()) for key, kept in mask.items())


@pytest.mark.parametrize("start", [1, 2, 3, 5])
def test_replayed_steps_begin_where_the_schedule_is_rewound_to(start):
    spec = SETTINGS["momentum"]
    ordinary = trained(plain.stack(3), spec, start_iteration=start)
    assert_close(trained(plain.stack(3), spec, {}, start_iteration=start), ordinary)


@pytest.mark.parametrize("name", ["momentum", "adam"])
@pytest.mark.parametrize("architecture", [plain.ARCHITECTURE, plain.BATCH_NORM], ids=["mlp", "batch norm"])
def test_a_stack_loaded_anew_is_trained_by_the_steps_captured_before_as_a_new_stack_is(name, architecture):
    weights, masks = plain.networks(3, torch.float32, architecture)
    dense = [{key: torch.ones_like(mask) for key, mask in each.items()} for each in masks]
    replays: Replays = {}
    kept = ReplicaStack(architecture, weights[::-1], dense, torch.device("cpu"))
    trained(kept, SETTINGS[name], replays)
    kept.load(weights, masks)
    trained(kept, SETTINGS[name], replays)
    assert len(replays) == 1
    assert_close(kept, trained(plain.stack(3, architecture=architecture), SETTINGS[name]))


def test_pruned_weights_stay_zero_under_steps_that_were_captured_when_nothing_was_pruned():
    weights, masks = plain.networks(3, torch.float32)
    dense = [{key: torch.ones_like(mask) for key, mask in each.items()} for each in masks]
    replays: Replays = {}
    kept = ReplicaStack(plain.ARCHITECTURE, weights, dense, torch.device("cpu"))
    trained(kept, SETTINGS["momentum"], replays)
    kept.load(weights, masks)
    trained(kept, SETTINGS["momentum"], replays)
    for network, mask in zip(kept.unstacked(), masks, strict=True):
        assert all(bool((network[name][~kept_here.bool()] == 0).all()) for name, kept_here in mask.items())


def test_another_learning_rate_and_schedule_take_the_same_captured_steps_and_another_optimizer_does_not():
    replays: Replays = {}
    stack = plain.stack(3)
    spec = SETTINGS["momentum"]
    trained(stack, spec, replays)
    trained(stack, TrainingSpec(epochs=1, batch_size=8, optimizer=OptimizerSpec(lr=0.001, momentum=0.9)), replays)
    assert len(replays) == 1
    trained(stack, SETTINGS["adam"], replays)
    assert len(replays) == 2


def test_a_lesson_is_told_in_replayed_steps():
    told = torch.randn(3, plain.SIZE, 4, generator=torch.Generator().manual_seed(9))
    distillation = Distillation(told, torch.tensor([0.0, 0.5, 1.0]), 4.0)
    spec = SETTINGS["momentum"]
    ordinary = trained(plain.stack(3), spec, distillation=distillation)
    assert_close(trained(plain.stack(3), spec, {}, distillation=distillation), ordinary)


def test_capturing_leaves_the_stack_as_it_is():
    architecture: Architecture = plain.BATCH_NORM
    stack = plain.stack(3, architecture=architecture)
    before = stack.unstacked()
    trained(stack, SETTINGS["momentum"], {}, start_iteration=9)  # no step is left to take
    assert_close_weights(before, stack)


def assert_close_weights(before: list[dict[str, torch.Tensor]], stack: ReplicaStack) -> None:
    for ours, theirs in zip(before, stack.unstacked(), strict=True):
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "lift_fresh"}
"""What a step that is captured must not do: look at a value, or bring one from the host."""


class Watched(TorchDispatchMode):
    """Notes the operations in force."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(operation._schema.name.removeprefix("aten::"))
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("numbers", [NUMBERS, SHARED], ids=["decays of their own", "one decay"])
@pytest.mark.parametrize("architecture", [plain.ARCHITECTURE, plain.BATCH_NORM], ids=["mlp", "batch norm"])
@pytest.mark.parametrize("spec", SETTINGS.values(), ids=SETTINGS)
def test_a_replayed_step_looks_at_no_value_and_brings_none(spec, architecture, numbers):
    epoch = draw_epoch(plain.data(3, torch.float32), numbers.seeds, numbers.branches, 0)
    step = Step(plain.stack(3, architecture=architecture), spec, numbers, replayed=True)
    replay = Replay(step, epoch, spec.batch_size)
    for take in replay.takes(epoch):
        with Watched() as watched:
            take()
        assert "_foreach_mul_" in watched.names  # masks
        assert not watched.names & WAITS
