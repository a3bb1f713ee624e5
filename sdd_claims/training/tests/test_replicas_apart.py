"""Replicas train together and never touch each other."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from sdd_claims.spec import OptimizerSpec, PenaltyName, PenaltySpec, TrainingSpec
from sdd_claims.training import Weights, train
from sdd_claims.training.tests import plain

SGD = OptimizerSpec(lr=0.1, momentum=0.9)
ADAM = OptimizerSpec(name="adam", lr=0.01)
ADAMW = OptimizerSpec(name="adamw", lr=0.01)


def trained(
    optimizer: OptimizerSpec,
    decay: Sequence[float],
    strength: Sequence[float] = (0.0, 0.0, 0.0),
    penalty: PenaltyName = "none",
) -> list[dict[str, Tensor]]:
    stack = plain.stack(3)
    spec = TrainingSpec(epochs=4, batch_size=8, optimizer=optimizer, penalty=PenaltySpec(name=penalty))
    train(stack, plain.data(3, torch.float32), spec, plain.numbers(decay, strength))
    return stack.unstacked()


def same_bits(one: Weights, other: Weights) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_training_again_gives_the_same_bits():
    once, again = (trained(SGD, [0.0, 0.01, 0.1], [0.0, 0.01, 0.1], "l1") for _ in range(2))
    assert all(same_bits(a, b) for a, b in zip(once, again, strict=True))


@pytest.mark.parametrize("optimizer", [SGD, ADAM, ADAMW], ids=lambda o: o.name)
@pytest.mark.parametrize("place", range(3))
def test_weight_decay_acts_on_its_own_replica_only(optimizer, place):
    without = trained(optimizer, [0.05] * 3)
    changed = trained(optimizer, [0.2 if r == place else 0.05 for r in range(3)])
    assert [same_bits(a, b) for a, b in zip(without, changed, strict=True)] == [r != place for r in range(3)]


@pytest.mark.parametrize("penalty", ["l1", "l2", "matrix_norm"])
@pytest.mark.parametrize("place", range(3))
def test_penalty_strength_acts_on_its_own_replica_only(penalty, place):
    without = trained(SGD, [0.0] * 3, [0.01] * 3, penalty)
    changed = trained(SGD, [0.0] * 3, [0.05 if r == place else 0.01 for r in range(3)], penalty)
    assert [same_bits(a, b) for a, b in zip(without, changed, strict=True)] == [r != place for r in range(3)]


@pytest.mark.parametrize("optimizer", [SGD, ADAMW], ids=lambda o: o.name)
@pytest.mark.parametrize("place", range(3))
def test_a_replica_that_diverges_leaves_the_others_as_they_were_to_the_bit(optimizer, place):
    sound = trained(optimizer, [0.01] * 3)
    diverged = trained(optimizer, [1e20 if r == place else 0.01 for r in range(3)])
    assert not torch.isfinite(diverged[place]["1.weight"]).all()
    assert [same_bits(a, b) for a, b in zip(sound, diverged, strict=True)] == [r != place for r in range(3)]
    assert all(value.isfinite().all() for r in range(3) if r != place for value in diverged[r].values())
