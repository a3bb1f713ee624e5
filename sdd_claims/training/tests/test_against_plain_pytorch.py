"""A stack trains each of its replicas as one network would train by itself in plain PyTorch."""

import pytest
import torch

from sdd_claims.spec import OptimizerSpec, PenaltySpec, ScheduleSpec, TrainingSpec
from sdd_claims.training import train
from sdd_claims.training.tests import plain

OPTIMIZERS = {
    "sgd": OptimizerSpec(lr=0.1),
    "momentum": OptimizerSpec(lr=0.1, momentum=0.9),
    "adam": OptimizerSpec(name="adam", lr=0.01),
    "adamw": OptimizerSpec(name="adamw", lr=0.01),
}
SCHEDULES = {
    "constant": ScheduleSpec(),
    "step": ScheduleSpec(name="step", milestones=(1, 3), factor=0.3),
    "cosine": ScheduleSpec(name="cosine"),
}
DECAYS = [0.0, 0.03, 0.5]
STRENGTHS = [0.02, 0.0, 0.005]


@pytest.mark.parametrize("penalty", ["none", "l1", "l2"])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_stack_of_pruned_and_dense_replicas_trains_as_torch_optim_trains_each(optimizer, schedule, penalty):
    spec = TrainingSpec(
        epochs=4,
        batch_size=8,
        optimizer=OPTIMIZERS[optimizer],
        schedule=SCHEDULES[schedule],
        penalty=PenaltySpec(name=penalty),
    )
    data, numbers = plain.data(3, torch.float64), plain.numbers(DECAYS, STRENGTHS)
    stack = plain.stack(3, torch.float64)
    before = stack.unstacked()
    train(stack, data, spec, numbers)
    for replica, weights in enumerate(stack.unstacked()):
        alone = plain.trained_alone(replica, data, spec, numbers, torch.float64)
        for name, value in weights.items():
            torch.testing.assert_close(value, alone[name], rtol=1e-9, atol=1e-12)
            assert not torch.equal(value, before[replica][name])


def test_in_single_precision_it_agrees_to_single_precision():
    spec = TrainingSpec(epochs=2, batch_size=8, optimizer=OptimizerSpec(lr=0.05, momentum=0.9))
    data, numbers = plain.data(2, torch.float32), plain.numbers([0.0, 0.01])
    stack = plain.stack(2)
    train(stack, data, spec, numbers)
    for replica, weights in enumerate(stack.unstacked()):
        alone = plain.trained_alone(replica, data, spec, numbers, torch.float32)
        for name, value in weights.items():
            torch.testing.assert_close(value, alone[name], rtol=1e-4, atol=1e-5)
