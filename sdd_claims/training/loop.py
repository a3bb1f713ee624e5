"""One level of training for a whole stack: ordinary autograd and torch.optim on tensors with a replica axis."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from sdd_claims.randomness import Stream, numpy_stream, torch_stream
from sdd_claims.spec import OptimizerSpec, TrainingSpec
from sdd_claims.training.distillation import Lesson, asked, distilled_loss
from sdd_claims.training.penalties import PENALTIES, shrink_l1
from sdd_claims.training.schedules import learning_rate
from sdd_claims.training.stack import ReplicaStack


@dataclass(frozen=True)
class TrainingData:
    """The images all replicas share and what each replica draws from them.

    Attributes:
        images: all training images, normalised, on the device.
        subset: the images of each replica.
        labels: the labels each replica is trained on, noise included, in the order of its subset.
    """

    images: Float[Tensor, "images channels height width"]
    subset: Int[Tensor, "replicas size"]
    labels: Int[Tensor, "replicas size"]

    @property
    def size(self) -> int:
        """Training images a replica."""
        return self.subset.shape[1]

    def of(self, replicas: Int[Tensor, " some"]) -> "TrainingData":
        """That of some replicas, by their places."""
        return TrainingData(self.images, self.subset[replicas], self.labels[replicas])


@dataclass(frozen=True)
class ReplicaNumbers:
    """What may differ between the replicas of a stack, one entry a replica.

    Attributes:
        seeds: of the batch order.
        branches: of the batch order: the pruning level and, for what is derived from it, more.
        weight_decay: see `OptimizerSpec`.
        penalty_strength: see `PenaltySpec`.
    """

    seeds: Sequence[int]
    branches: Sequence[tuple[int, ...]]
    weight_decay: Sequence[float]
    penalty_strength: Sequence[float]


def iterations_per_epoch(size: int, batch_size: int) -> int:
    """Optimizer steps an epoch; the last batch may be smaller."""
    return -(-size // batch_size)


def train(
    stack: ReplicaStack,
    data: TrainingData,
    spec: TrainingSpec,
    numbers: ReplicaNumbers,
    start_iteration: int = 0,
    snapshot_iteration: int | None = None,
    after_epoch: Callable[[], None] | None = None,
    lesson: Lesson | None = None,
) -> list[dict[str, Tensor]] | None:
    """Train every replica of the stack in place, from an iteration of the schedule to its end.

    Args:
        stack: the networks; pruned weights stay exactly zero after every step.
        data: images and each replica's labels.
        spec: epochs, batches, optimizer, schedule and the form of the penalty, common to the stack.
        numbers: what differs between replicas.
        start_iteration: steps of the schedule that are skipped (rewinding).
        snapshot_iteration: the step before which a copy of the weights is taken.
        after_epoch: called when an epoch is over, to look at the stack.
        lesson: of the replicas' teachers; None where they learn from the labels alone.

    Returns:
        The weights of each replica at `snapshot_iteration`, or None if no snapshot was asked for.
    """
    optimizer = _optimizer(spec.optimizer, stack)
    steps = iterations_per_epoch(data.size, spec.batch_size)
    decay = _per_replica(numbers.weight_decay, stack)
    strength = _per_replica(numbers.penalty_strength, stack)
    proximal = spec.penalty.step == "proximal"
    penalty = None if spec.penalty.name == "none" or proximal else PENALTIES[spec.penalty.name]
    snapshot = None
    for epoch in range(start_iteration // steps, spec.epochs):
        lr = learning_rate(spec.schedule, spec.optimizer.lr, epoch, spec.epochs)
        for group in optimizer.param_groups:
            group["lr"] = lr
        if stack.has_dropout:
            seed_dropout(numbers.seeds[0], *numbers.branches[0], epoch)
        skipped = max(0, start_iteration - epoch * steps)
        for step, (images, labels, places) in enumerate(
            _batches(data, numbers, epoch, spec.batch_size, skipped), skipped
        ):
            if epoch * steps + step == snapshot_iteration:
                snapshot = stack.unstacked()
            logits = stack.logits(images)
            if lesson is None:
                loss = mean_loss(logits, labels)
            else:
                loss = distilled_loss(logits, labels, asked(lesson, places), lesson.alpha, lesson.temperature)
            if penalty is not None and strength is not None:
                loss = loss + (strength * penalty(stack.parameters.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if decay is not None and spec.optimizer.name != "adamw":
                _add_decay(stack.parameters, decay)
            stack.mask_gradients()
            if decay is not None and spec.optimizer.name == "adamw":
                _shrink(stack.parameters, lr * decay)
            optimizer.step()
            if proximal and strength is not None:
                shrink_l1(stack.parameters.values(), lr * strength)
        if after_epoch is not None:
            after_epoch()
    return snapshot


def seed_dropout(seed: int, *counters: int) -> None:
    """Seed what a whole stack's dropout draws from by its first replica: the same draws whatever ran before.

    PyTorch has one generator a device, so what a replica drops depends on its place in the stack as well.
    """
    torch.manual_seed(torch_stream(seed, Stream.DROPOUT, *counters).initial_seed())


def _optimizer(spec: OptimizerSpec, stack: ReplicaStack) -> torch.optim.Optimizer:
    # Weight decay differs between replicas, so it is applied in `train`, not by the optimizer.
    parameters = list(stack.parameters.values())
    if spec.name == "sgd":
        return torch.optim.SGD(parameters, lr=spec.lr, momentum=spec.momentum, fused=True)
    return torch.optim.Adam(parameters, lr=spec.lr, fused=True)


def _per_replica(values: Sequence[float], stack: ReplicaStack) -> Float[Tensor, " replicas"] | None:
    """The numbers as a tensor, or None where all are zero and there is nothing to do."""
    some = next(iter(stack.parameters.values()))
    return torch.tensor(list(values), dtype=some.dtype, device=some.device) if any(values) else None


def mean_loss(
    logits: Float[Tensor, "replicas batch classes"], labels: Int[Tensor, "replicas batch"]
) -> Float[Tensor, ""]:
    """Sum over replicas of the mean cross-entropy: the gradient of each replica is that of its own mean."""
    return cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / labels.shape[1]


def _add_decay(parameters: Mapping[str, Tensor], decay: Float[Tensor, " replicas"]) -> None:
    for parameter in parameters.values():
        assert parameter.grad is not None
        parameter.grad.addcmul_(parameter.detach(), _as_column(decay, parameter))


@torch.no_grad()
def _shrink(parameters: Mapping[str, Tensor], amount: Float[Tensor, " replicas"]) -> None:
    for parameter in parameters.values():
        parameter.mul_(1 - _as_column(amount, parameter))


def _as_column(numbers: Float[Tensor, " replicas"], like: Tensor) -> Tensor:
    return numbers.view(-1, *[1] * (like.ndim - 1))


def _batches(
    data: TrainingData, numbers: ReplicaNumbers, epoch: int, batch_size: int, skipped: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The batches of an epoch, each replica in an order of its own that depends on its seed, branch and the epoch.

    Yields images, labels, and the images' places in each replica's subset.
    """
    order = np.stack(
        [
            numpy_stream(seed, Stream.BATCH_ORDER, *branch, epoch).permutation(data.size)
            for seed, branch in zip(numbers.seeds, numbers.branches, strict=True)
        ]
    )
    places = torch.from_numpy(order).to(data.subset.device)
    chosen = data.subset.gather(1, places)
    labels = data.labels.gather(1, places)
    for start in range(skipped * batch_size, data.size, batch_size):
        batch = slice(start, start + batch_size)
        # Four times as fast as indexing by the whole table.
        images = data.images.index_select(0, chosen[:, batch].flatten())
        yield images.view(len(chosen), -1, *data.images.shape[1:]), labels[:, batch], places[:, batch]
