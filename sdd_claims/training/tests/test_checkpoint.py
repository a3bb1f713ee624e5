"""What is kept of a training goes back into the tensors that are there, the optimizer's among them."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from sdd_claims.spec import OptimizerSpec, TrainingSpec
from sdd_claims.training import Replays, StackCheckpointer, checkpoint, train
from sdd_claims.training.checkpoint import Checkpointer
from sdd_claims.training.tests import plain
from sdd_claims.training.tests.in_memory import CheckpointSlot, StoppingSlot

OPTIMIZERS = {
    "momentum": lambda tensors: torch.optim.SGD(tensors, lr=0.1, momentum=0.9, fused=True),
    "plain SGD": lambda tensors: torch.optim.SGD(tensors, lr=0.1, fused=True),
    "Adam": lambda tensors: torch.optim.Adam(tensors, lr=0.1, fused=True),
    "a learning rate that is a tensor": lambda tensors: torch.optim.SGD(
        tensors, lr=torch.tensor(0.1), momentum=0.9, fused=True
    ),
}
EVERY_OPTIMIZER = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def tensors(seed: int) -> dict[str, Tensor]:
    """Two that learn, one of them in the layout of images, and one that is only moved."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(2, 3, 4, 4, generator=generator).to(memory_format=torch.channels_last)
    return {
        "w": images.requires_grad_(),
        "b": torch.randn(5, generator=generator).requires_grad_(),
        "count": torch.tensor(seed),
    }


def step(held: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, number: int) -> None:
    optimizer.zero_grad()
    ((held["w"] * number).sin().sum() + held["b"].pow(2).sum()).backward()
    optimizer.step()
    held["count"].add_(1)


def begun(make: Any, seed: int, steps: int) -> tuple[dict[str, Tensor], torch.optim.Optimizer]:
    held = tensors(seed)
    optimizer = make([held["w"], held["b"]])
    for number in range(steps):
        step(held, optimizer, number)
    return held, optimizer


def memory(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]


@EVERY_OPTIMIZER
@pytest.mark.parametrize("steps", [0, 1])
def test_training_goes_on_as_if_it_had_never_stopped(make, steps):
    """Whether the optimizer that takes it up is new or has a memory of other steps."""
    held, optimizer = begun(make, 0, 3)
    checkpoint_slot = CheckpointSlot()
    Checkpointer(checkpoint_slot).write({"epochs": 3}, held, optimizer, {"seen": torch.arange(2.0)})
    step(held, optimizer, 3)  # what is kept is a copy
    other, again = begun(make, 1, steps)
    found = Checkpointer(checkpoint_slot).restore(other, again)
    assert found is not None
    assert found[0] == {"epochs": 3}
    assert found[1]["seen"].tolist() == [0, 1]
    step(other, again, 3)
    for name, tensor in held.items():
        assert torch.equal(other[name], tensor)
    assert [value.tolist() for value in memory(again)] == [value.tolist() for value in memory(optimizer)]


@EVERY_OPTIMIZER
def test_tensors_stay_where_they_are(make):
    """A captured step knows them by their addresses."""
    checkpoint_slot = CheckpointSlot()
    Checkpointer(checkpoint_slot).write({}, *begun(make, 0, 3))
    held, optimizer = begun(make, 1, 1)
    rate = optimizer.param_groups[0]["lr"]
    before = [value.data_ptr() for value in (*held.values(), *memory(optimizer))]
    Checkpointer(checkpoint_slot).restore(held, optimizer)
    assert [value.data_ptr() for value in (*held.values(), *memory(optimizer))] == before
    assert optimizer.param_groups[0]["lr"] is rate


def test_a_new_memory_has_the_layout_of_its_tensor():
    """Fused optimizers refuse any other."""
    checkpoint_slot = CheckpointSlot()
    Checkpointer(checkpoint_slot).write({}, *begun(OPTIMIZERS["Adam"], 0, 3))
    held, optimizer = begun(OPTIMIZERS["Adam"], 1, 0)
    Checkpointer(checkpoint_slot).restore(held, optimizer)
    state = optimizer.state[held["w"]]
    assert state["exp_avg"].stride() == state["exp_avg_sq"].stride() == held["w"].stride()
    assert not held["w"].is_contiguous()
    assert state["step"] == 3


@pytest.mark.parametrize("change", [{"b": torch.zeros(6)}, {"more": torch.zeros(1)}])
def test_what_was_kept_of_other_tensors_is_left_alone(change):
    checkpoint_slot = CheckpointSlot()
    Checkpointer(checkpoint_slot).write({}, *begun(OPTIMIZERS["Adam"], 0, 3))
    held, optimizer = begun(OPTIMIZERS["Adam"], 1, 0)
    other = {**held, **change}
    before = {name: value.clone() for name, value in other.items()}
    assert Checkpointer(checkpoint_slot).restore(other, optimizer) is None
    assert all(torch.equal(other[name], value) for name, value in before.items())
    assert memory(optimizer) == []


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("architecture", [plain.ARCHITECTURE, plain.BATCH_NORM], ids=["mlp", "batch norm"])
def test_replayed_steps_take_up_what_replayed_steps_have_left(monkeypatch, name, architecture):
    """In a process that has captured them for another training of the same stack."""
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    momentum = 0.9 if name == "sgd" else 0.0
    spec = TrainingSpec(epochs=3, batch_size=8, optimizer=OptimizerSpec(name=name, lr=0.01, momentum=momentum))
    data, numbers = plain.data(3, torch.float32), plain.numbers([0.0, 0.01, 0.1])
    unbroken, stopped, stack = (plain.stack(3, architecture=architecture) for _ in range(3))
    train(unbroken, data, spec, numbers, replays={})
    checkpoint_slot: CheckpointSlot = StoppingSlot()
    replays: Replays = {}
    with pytest.raises(InterruptedError):
        train(stopped, data, spec, numbers, replays={}, checkpointer=StackCheckpointer(checkpoint_slot, []))
    train(stack, data, spec, numbers, replays=replays)
    stack.load(*plain.networks(3, torch.float32, architecture))
    again = CheckpointSlot()
    again.held = checkpoint_slot.held
    train(stack, data, spec, numbers, replays=replays, checkpointer=StackCheckpointer(again, []))
    assert len(replays) == 1
    for one, other in zip(stack.unstacked(), unbroken.unstacked(), strict=True):
        assert all(torch.equal(one[key], other[key]) for key in other)
