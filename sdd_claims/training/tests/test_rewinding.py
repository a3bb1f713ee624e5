"""Training may begin in the middle of its schedule, and hands out the weights it had at any step."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from sdd_claims.spec import OptimizerSpec, ScheduleSpec, TrainingSpec
from sdd_claims.training import ReplicaNumbers, ReplicaStack, Weights, iterations_per_epoch, train
from sdd_claims.training.tests import plain

SPEC = TrainingSpec(epochs=4, batch_size=8, optimizer=OptimizerSpec(lr=0.1), schedule=ScheduleSpec(name="cosine"))
STEPS = 3
TOTAL = SPEC.epochs * STEPS


def followed(stack: ReplicaStack, **options: Any) -> tuple[list[tuple[float, list[Weights]]], list[Weights] | None]:
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


@pytest.mark.parametrize(("start", "epochs"), [(0, 4), (1, 4), (STEPS, 3), (TOTAL - 1, 1)])
def test_the_stack_is_looked_at_after_every_epoch_and_no_number_changes(start, epochs):
    watched, unwatched = plain.stack(2), plain.stack(2)
    seen: list[list[Weights]] = []
    followed(watched, start_iteration=start, after_epoch=lambda: seen.append([*watched.unstacked()]))
    began, _ = followed(unwatched, start_iteration=start)
    ends: list[Sequence[Weights]] = [weights for _, weights in began[-STEPS * (epochs - 1) :: STEPS][: epochs - 1]]
    ends.append(unwatched.unstacked())
    assert len(seen) == len(ends) == epochs
    for looked, end in zip(seen, ends, strict=True):
        assert same_bits(looked, end)


def test_replicas_of_one_branch_draw_one_order_and_of_another_branch_another():
    found = []
    for branch in ((2,), (2,), (2, 0, 1), (2, 0, 2), (2, 1, 1)):
        stack = plain.stack(1)
        numbers = ReplicaNumbers([1000], [branch], weight_decay=[0.0], penalty_strength=[0.0])
        train(stack, plain.data(1, torch.float32), SPEC, numbers)
        found.append(stack.unstacked())
    assert same_bits(found[0], found[1])
    for one, other in combinations(found[1:], 2):
        assert not same_bits(one, other)
