"""A stack trains each of its replicas as one network would train by itself in plain PyTorch."""

import pytest
import torch

from sdd_claims.spec import OptimizerSpec, PenaltySpec, ScheduleSpec, TrainingSpec
from sdd_claims.training import MlpStack, mlp_stack_where_faster, train
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
NONE = [0.0, 0.0, 0.0]


@pytest.mark.parametrize("penalty", ["none", "l1", "l2", "matrix_norm"])
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


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_proximal_steps_of_a_stack_are_those_of_each_network_and_leave_exact_zeros(schedule):
    spec = TrainingSpec(
        epochs=4,
        batch_size=8,
        optimizer=OPTIMIZERS["sgd"],
        schedule=SCHEDULES[schedule],
        penalty=PenaltySpec(name="l1", step="proximal"),
    )
    data, numbers = plain.data(3, torch.float64), plain.numbers(NONE, [0.3, 0.0, 0.05])
    stack = plain.stack(3, torch.float64)
    pruned = {name: mask == 0 for name, mask in stack.masks.items()}
    train(stack, data, spec, numbers)
    for replica, weights in enumerate(stack.unstacked()):
        alone = plain.trained_alone(replica, data, spec, numbers, torch.float64)
        for name, value in weights.items():
            torch.testing.assert_close(value, alone[name], rtol=1e-9, atol=1e-12)
            assert torch.equal(value == 0, alone[name] == 0)
    zeros = [sum(int((value == 0).sum()) for value in weights.values()) for weights in stack.unstacked()]
    dense = [sum(int(mask[replica].sum()) for mask in pruned.values()) for replica in range(3)]
    assert zeros[0] > dense[0]
    assert zeros[1] == dense[1]
    assert zeros[2] > dense[2]


@pytest.mark.parametrize("penalty", ["l1", "l2", "matrix_norm"])
def test_the_gradients_of_an_mlp_stack_are_those_of_the_stack_it_takes_the_place_of(penalty):
    spec = TrainingSpec(epochs=3, batch_size=8, optimizer=OPTIMIZERS["sgd"], penalty=PenaltySpec(name=penalty))
    data, numbers = plain.data(3, torch.float64), plain.numbers(DECAYS, STRENGTHS)
    one, other = plain.stack(3, torch.float64), plain.stack(3, torch.float64)
    other = mlp_stack_where_faster(other, plain.ARCHITECTURE, numbers, "float32")
    assert isinstance(other, MlpStack)
    for stack in (one, other):
        train(stack, data, spec, numbers)
    for weights, same in zip(one.unstacked(), other.unstacked(), strict=True):
        for name, value in weights.items():
            torch.testing.assert_close(value, same[name], rtol=1e-9, atol=1e-12)
    images = data.images[:5]
    torch.testing.assert_close(other.logits_shared(images), other.logits(images.expand(3, *images.shape)))
    torch.testing.assert_close(other.logits_shared(images), one.logits_shared(images), rtol=1e-9, atol=1e-12)


def test_only_plain_mlps_with_a_penalty_are_stacked_otherwise():
    penalised, free = plain.numbers(NONE, STRENGTHS), plain.numbers(NONE)
    stack, convolutional = plain.stack(3), plain.stack(3, architecture=plain.BATCH_NORM)
    assert mlp_stack_where_faster(stack, plain.ARCHITECTURE, free, "float32") is stack
    assert mlp_stack_where_faster(convolutional, plain.BATCH_NORM, penalised, "float32") is convolutional


def test_in_single_precision_it_agrees_to_single_precision():
    spec = TrainingSpec(epochs=2, batch_size=8, optimizer=OptimizerSpec(lr=0.05, momentum=0.9))
    data, numbers = plain.data(2, torch.float32), plain.numbers([0.0, 0.01])
    stack = plain.stack(2)
    train(stack, data, spec, numbers)
    for replica, weights in enumerate(stack.unstacked()):
        alone = plain.trained_alone(replica, data, spec, numbers, torch.float32)
        for name, value in weights.items():
            torch.testing.assert_close(value, alone[name], rtol=1e-4, atol=1e-5)
