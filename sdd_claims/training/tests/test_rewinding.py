"""Training may begin in the middle of its schedule, and hands out the weights it had at any step."""

from collections.abc import Sequence

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from sdd_claims.spec import OptimizerSpec, ScheduleSpec, TrainingSpec
from sdd_claims.training import ReplicaStack, Weights, iterations_per_epoch, train
from sdd_claims.training.tests import plain

SPEC = TrainingSpec(epochs=4, batch_size=8, optimizer=OptimizerSpec(lr=0.1), schedule=ScheduleSpec(name="cosine"))
STEPS = 3
TOTAL = SPEC.epochs * STEPS


def followed(stack: ReplicaStack, **options: int) -> tuple[list[tuple[float, list[Weights]]], list[Weights] | None]:
    """Train, and say what every step began with: learning rate and weights; and what `train` returned."""
    began: list[tuple[float, list[Weights]]] = []

    def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
        began.append((optimizer.param_groups[0]["lr"], [*stack.unstacked()]))

    hook = register_optimizer_step_pre_hook(note)
    try:
        snapshot = train(stack, plain.data(2, torch.float32), SPEC, plain.numbers([0.0, 0.01]), **options)
        return began, None if snapshot is None else [*snapshot]
    finally:
        hook.remove()


def same_bits(ones: Sequence[Weights], others: Sequence[Weights]) -> bool:
    return all(torch.equal(one[name], other[name]) for one, other in zip(ones, others, strict=True) for name in one)


def test_an_epoch_takes_a_last_smaller_batch():
    assert [iterations_per_epoch(size, 8) for size in (1, 7, 8, 9, 16, plain.SIZE)] == [1, 1, 1, 2, 2, STEPS]


def test_no_snapshot_is_returned_unless_asked_for():
    assert followed(plain.stack(2))[1] is None


@pytest.mark.parametrize("iteration", range(TOTAL))
def test_a_snapshot_holds_the_weights_before_its_step(iteration):
    began, snapshot = followed(plain.stack(2), snapshot_iteration=iteration)
    assert len(began) == TOTAL
    assert snapshot is not None
    assert same_bits(began[iteration][1], snapshot)


@pytest.mark.parametrize("iteration", range(TOTAL))
def test_going_on_from_a_snapshot_takes_the_remaining_steps_to_the_same_end(iteration):
    """Without momentum a rewound training repeats the first one: same batches, same learning rates, same bits."""
    unbroken = plain.stack(2)
    began, snapshot = followed(unbroken, snapshot_iteration=iteration)
    assert snapshot is not None
    _, masks = plain.networks(2, torch.float32)
    rewound = ReplicaStack(plain.ARCHITECTURE, snapshot, masks, torch.device("cpu"))
    began_again, _ = followed(rewound, start_iteration=iteration)
    assert len(began_again) == TOTAL - iteration
    assert [lr for lr, _ in began_again] == [lr for lr, _ in began[iteration:]]
    assert same_bits(rewound.unstacked(), unbroken.unstacked())
