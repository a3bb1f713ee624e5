"""One level of training for a whole stack: ordinary autograd and torch.optim on tensors with a replica axis."""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Protocol, TypeAlias

import torch

from sdd_claims.randomness import Stream, torch_stream
from sdd_claims.spec import ScheduleSpec, TrainingSpec
from sdd_claims.training.batches import Epoch, TrainingData, draw_epoch, iterations_per_epoch
from sdd_claims.training.checkpoint import HasState, Snapshot, StackCheckpointer
from sdd_claims.training.distillation import Distillation
from sdd_claims.training.mlp_step import replayed_step
from sdd_claims.training.precision import products_in
from sdd_claims.training.replay import Replay
from sdd_claims.training.schedules import learning_rate
from sdd_claims.training.stack import ReplicaStack
from sdd_claims.training.step import ReplicaNumbers, Step

Replays: TypeAlias = MutableMapping[tuple[int, TrainingSpec], Replay]
"""Captured steps, kept from level to level, by stack and by the training settings that they depend on."""


def train(
    stack: ReplicaStack,
    data: TrainingData,
    spec: TrainingSpec,
    numbers: ReplicaNumbers,
    start_iteration: int = 0,
    snapshot_iteration: int | None = None,
    after_epoch: Callable[[], None] | None = None,
    distillation: Distillation | None = None,
    replays: Replays | None = None,
    checkpointer: StackCheckpointer | None = None,
) -> Snapshot | None:
    """Train a stack in place, from an iteration of the schedule to its end.

    Args:
        stack: the networks; pruned weights stay exactly zero after every step.
        data: images and each replica's labels.
        spec: epochs, batches, optimizer, schedule, the form of the penalty and the arithmetic, common to the stack.
        numbers: settings that differ between replicas.
        start_iteration: steps of the schedule that are skipped (rewinding).
        snapshot_iteration: the step before which a copy of the weights is taken.
        after_epoch: called after each epoch, to measure the stack.
        distillation: teachers of the replicas; None where they learn from the labels alone.
        replays: where captured steps are kept, for a stack that is loaded anew for every level and trained with the
            same numbers and distillation; None to take every step as it comes.
        checkpointer: restores the training from its checkpoint, and saves it from time to time; None to do neither.

    Returns:
        The weights of each replica at `snapshot_iteration`, or None if no snapshot was asked for.
    """
    each = iterations_per_epoch(data.size, spec.batch_size)
    first = start_iteration // each
    snapshot: Snapshot | None = None
    with products_in(spec.precision):
        replay = None if replays is None else _replay(replays, stack, data, spec, numbers, distillation)
        steps = replay or _steps(stack, data, spec, numbers, distillation)
        if checkpointer is not None:
            first, snapshot = checkpointer.start(first, stack, steps.optimizer)
        for epoch in range(first, spec.epochs):
            steps.learn_at(learning_rate(spec.schedule, spec.optimizer.lr, epoch, spec.epochs))
            if stack.has_dropout:
                seed_dropout(numbers.seeds[0], *numbers.branches[0], epoch)
            skipped = max(0, start_iteration - epoch * each)
            drawn = draw_epoch(data, numbers.seeds, numbers.branches, epoch)
            if snapshot_iteration is not None and skipped <= (stop := snapshot_iteration - epoch * each) < each:
                steps.advance(drawn, skipped, stop)
                snapshot = stack.unstacked()
                skipped = stop
            steps.advance(drawn, skipped, each)
            if after_epoch is not None:
                after_epoch()
            if checkpointer is not None:
                checkpointer.after_epoch(epoch, stack, steps.optimizer, snapshot)
    return snapshot


class Steps(Protocol):
    """The steps of one training.

    Attributes:
        optimizer: its state, for checkpoints.
    """

    @property
    def optimizer(self) -> HasState:
        """Holds the state."""

    def learn_at(self, lr: float) -> None:
        """Set the learning rate."""

    def advance(self, epoch: Epoch, first: int, end: int) -> None:
        """Take the steps of an epoch from the first on, up to the end."""


def _steps(
    stack: ReplicaStack,
    data: TrainingData,
    spec: TrainingSpec,
    numbers: ReplicaNumbers,
    distillation: Distillation | None,
) -> Steps:
    own: Steps | None = stack.own_steps(data, spec, numbers, distillation)
    return Step(stack, spec, numbers, distillation) if own is None else own


def _replay(
    replays: Replays,
    stack: ReplicaStack,
    data: TrainingData,
    spec: TrainingSpec,
    numbers: ReplicaNumbers,
    distillation: Distillation | None,
) -> Replay:
    """The captured step of a stack, captured now where it has not been yet."""
    # A captured step does not depend on epochs and learning rates.
    key = id(stack), replace(spec, epochs=1, schedule=ScheduleSpec(), optimizer=replace(spec.optimizer, lr=1.0))
    if key not in replays:
        step = replayed_step(stack, spec, numbers, distillation)
        replays[key] = Replay(step, draw_epoch(data, numbers.seeds, numbers.branches, 0), spec.batch_size)
    replays[key].forget()
    return replays[key]


def seed_dropout(seed: int, *counters: int) -> None:
    """Seed the generator of a stack's dropout by its first replica, so that the draws do not depend on earlier ones.

    PyTorch has one generator a device, so a replica's dropout depends on its position in the stack as well.
    """
    torch.manual_seed(torch_stream(seed, Stream.DROPOUT, *counters).initial_seed())
