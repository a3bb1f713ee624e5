"""The step that is written out against the one of autograd and PyTorch's optimizer.

It is compiled for GPUs alone. Here it is taken uncompiled, and traced as for a compiler.
"""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from sdd_claims.spec import OptimizerSpec, PenaltySpec, ScheduleSpec, TrainingSpec
from sdd_claims.training import (
    Distillation,
    MlpStack,
    Replays,
    ReplicaNumbers,
    ReplicaStack,
    StackCheckpointer,
    checkpoint,
    train,
)
from sdd_claims.training.batches import draw_epoch
from sdd_claims.training.compiling import compiled_or
from sdd_claims.training.mlp_step import MlpStep, replayed_step
from sdd_claims.training.replay import Replay
from sdd_claims.training.step import Step
from sdd_claims.training.tests import plain
from sdd_claims.training.tests.in_memory import StoppingSlot

NONE = plain.numbers([0.0] * 3)
DECAYS = {
    "none": NONE,
    "shared": plain.numbers([1e-3] * 3),
    "of their own": plain.numbers([0.0, 1e-3, 1e-2]),
}
EVERY_DECAY = pytest.mark.parametrize("numbers", DECAYS.values(), ids=DECAYS)
EVERY_MOMENTUM = pytest.mark.parametrize("momentum", [0.0, 0.9])


def spec_with(momentum: float, epochs: int = 3) -> TrainingSpec:
    """Batches of 8, the last one of 6, and another learning rate in the third epoch."""
    optimizer = OptimizerSpec(lr=0.125, momentum=momentum)  # held in float32: exact
    schedule = ScheduleSpec(name="step", milestones=(2,), factor=0.5)
    return TrainingSpec(epochs=epochs, batch_size=8, optimizer=optimizer, schedule=schedule)


def mlps(dtype: torch.dtype = torch.float32, *, pruned: bool = True) -> MlpStack:
    weights, masks = plain.networks(3, dtype)
    if not pruned:
        masks = [{name: torch.ones_like(mask) for name, mask in each.items()} for each in masks]
    return MlpStack(ReplicaStack(plain.ARCHITECTURE, weights, masks, torch.device("cpu")))


def assert_pruned(stack: ReplicaStack, optimizer: torch.optim.Optimizer) -> None:
    for name, mask in stack.masks.items():
        weight = stack.parameters[name]
        for tensor in (weight, *optimizer.state[weight].values()):
            if isinstance(tensor, Tensor):
                assert not tensor[mask == 0].any()
                assert tensor[mask == 1].any()


@pytest.mark.parametrize("pruned", [False, True], ids=["dense", "pruned"])
@EVERY_DECAY
@EVERY_MOMENTUM
def test_the_steps_are_those_of_autograd_and_the_optimizer(momentum, numbers, pruned):
    spec, data = spec_with(momentum), plain.data(3, torch.float64)
    ours, theirs = mlps(torch.float64, pruned=pruned), mlps(torch.float64, pruned=pruned)
    written_out, usual = MlpStep(ours, spec, numbers), Step(theirs, spec, numbers)
    for epoch in range(2):
        for step in (written_out, usual):
            step.learn_at(0.125 / (1 + epoch))
        for batch in draw_epoch(data, numbers.seeds, numbers.branches, epoch).batches(8):
            written_out.take(batch)
            usual.take(batch)
            assert_pruned(ours, written_out.optimizer)
            for name, parameter in ours.parameters.items():
                torch.testing.assert_close(parameter, theirs.parameters[name], rtol=0, atol=1e-10)


@EVERY_DECAY
@EVERY_MOMENTUM
def test_replayed_levels_are_those_of_an_ordinary_training(momentum, numbers):
    """The second level on tensors that were loaded anew, when the first has left a memory in the optimizer."""
    spec, data, replays = spec_with(momentum), plain.data(3, torch.float64), dict[Any, Replay]()
    ours, theirs = mlps(torch.float64, pruned=False), mlps(torch.float64)
    train(ours, data, spec, numbers, replays=replays)
    ours.load(*plain.networks(3, torch.float64))
    train(ours, data, spec, numbers, replays=replays)
    train(theirs, data, spec, numbers)
    (replay,) = replays.values()
    assert isinstance(replay.step, MlpStep)
    assert_pruned(ours, replay.step.optimizer)
    for name, parameter in ours.parameters.items():
        torch.testing.assert_close(parameter, theirs.parameters[name], rtol=0, atol=1e-10)


@EVERY_MOMENTUM
@pytest.mark.parametrize("like_this", [True, False], ids=["by such steps", "by ordinary steps"])
def test_a_training_that_was_stopped_is_taken_up(monkeypatch, momentum, like_this):
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    spec, data, checkpoint_slot = spec_with(momentum), plain.data(3, torch.float64), StoppingSlot()
    unbroken, stopped, other = (mlps(torch.float64) for _ in range(3))
    train(unbroken, data, spec, NONE, replays={})
    with pytest.raises(InterruptedError):
        train(
            stopped,
            data,
            spec,
            NONE,
            replays={} if like_this else None,
            checkpointer=StackCheckpointer(checkpoint_slot, []),
        )
    assert checkpoint_slot.held is not None
    assert checkpoint_slot.held[0]["epochs"] == 1
    monkeypatch.setattr(checkpoint, "INTERVAL", 60.0)
    train(other, data, spec, NONE, replays={}, checkpointer=StackCheckpointer(checkpoint_slot, []))
    for name, parameter in other.parameters.items():
        torch.testing.assert_close(parameter, unbroken.parameters[name], rtol=0, atol=0 if like_this else 1e-10)


def kind(
    stack: ReplicaStack, spec: TrainingSpec, numbers: ReplicaNumbers = NONE, distillation: Distillation | None = None
) -> type:
    return type(replayed_step(stack, spec, numbers, distillation))


def test_other_trainings_keep_the_usual_step():
    spec = spec_with(0.0)
    assert kind(mlps(), spec) is MlpStep
    assert kind(plain.stack(3), spec) is Step
    assert kind(mlps(), TrainingSpec(optimizer=OptimizerSpec(name="adam"))) is Step
    penalised = TrainingSpec(penalty=PenaltySpec(name="l1"))
    assert kind(mlps(), penalised, plain.numbers([0.0] * 3, [0.1] * 3)) is Step
    distillation = Distillation(torch.randn(3, plain.SIZE, 4), torch.tensor([0.0, 0.5, 1.0]), 4.0)
    assert kind(mlps(), spec, NONE, distillation) is Step


@EVERY_DECAY
@EVERY_MOMENTUM
def test_a_compiler_sees_the_whole_step_at_once(monkeypatch, momentum, numbers):
    """From the place in the epoch to the new weights: one graph, that of the full batches and that of the last."""
    graphs = []

    def counting(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counting))
    ours, theirs = mlps(), mlps()
    spec, epoch = spec_with(momentum), draw_epoch(plain.data(3, torch.float32), NONE.seeds, NONE.branches, 0)
    replays: Replays = {}
    train(theirs, plain.data(3, torch.float32), spec_with(momentum, epochs=1), numbers, replays=replays)
    replay = Replay(MlpStep(ours, spec, numbers), epoch, 8)
    replay.step.learn_at(0.125)

    def full() -> None:
        replay._take(8)

    def last() -> None:
        replay._take(6)

    with replay._left_as_it_is():
        compiled = [compiled_or(take, lambda function: function()) for take in (full, last)]
    list(replay.takes(epoch))
    for take in (compiled[0], compiled[0], compiled[1]):
        take()
    assert len(graphs) == 2
    for name, parameter in ours.parameters.items():
        torch.testing.assert_close(parameter, theirs.parameters[name], rtol=1e-5, atol=1e-7)
