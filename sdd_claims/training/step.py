"""One step of the optimizer for a whole stack: everything between a batch and the new weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.record import Replica
from sdd_claims.spec import OptimizerSpec, TrainingSpec
from sdd_claims.training.batches import Batch, Epoch
from sdd_claims.training.distillation import Distillation, distilled_loss
from sdd_claims.training.losses import mean_loss
from sdd_claims.training.own import penalty_of
from sdd_claims.training.penalties import shrink_l1
from sdd_claims.training.precision import autocast
from sdd_claims.training.stack import ReplicaStack


@dataclass(frozen=True)
class ReplicaNumbers:
    """The settings that may differ between the replicas of a stack, one entry a replica.

    Attributes:
        seeds: seeds of the batch order.
        branches: branches of the batch order: the pruning level and, for a derived training, more.
        weight_decay: see `OptimizerSpec`.
        penalty_strength: see `PenaltySpec`.
    """

    seeds: Sequence[int]
    branches: Sequence[tuple[int, ...]]
    weight_decay: Sequence[float]
    penalty_strength: Sequence[float]

    @classmethod
    def of(cls, replicas: Sequence[Replica], branch: tuple[int, ...]) -> "ReplicaNumbers":
        """The settings of some replicas, for a training that draws its batches from one branch of their streams."""
        return cls(
            seeds=[replica.seed for replica in replicas],
            branches=[branch] * len(replicas),
            weight_decay=[replica.spec.training.optimizer.weight_decay for replica in replicas],
            penalty_strength=[replica.spec.training.penalty.strength for replica in replicas],
        )


class Step:
    """Takes steps for a stack. Pruned weights stay exactly zero after every one.

    Attributes:
        stack: the networks.
        optimizer: PyTorch's, with one state for the whole stack.
        compilable: whether a step is one function of tensors, which can be compiled as a whole.
    """

    compilable = False

    def __init__(
        self,
        stack: ReplicaStack,
        spec: TrainingSpec,
        numbers: ReplicaNumbers,
        distillation: Distillation | None = None,
        *,
        replayed: bool = False,
    ) -> None:
        """Prepare to train a stack.

        Args:
            stack: the networks.
            spec: the optimizer, the form of the penalty and the arithmetic, common to the stack.
            numbers: settings that differ between replicas.
            distillation: teachers of the replicas; None where they learn from the labels alone.
            replayed: steps will be captured and replayed: the learning rate is a tensor, masks are applied even where
                nothing is pruned yet, and a weight decay that all replicas share is left to the optimizer.
        """
        self.stack = stack
        self._spec, self._distillation, self._replayed = spec, distillation, replayed
        some = next(iter(stack.parameters.values()))
        self._device = some.device
        self._lr: float | Tensor = torch.tensor(0.0, device=some.device) if replayed else 0.0
        # The optimizer's own weight decay is one for all replicas, but saves a GPU a launch a tensor. It may round
        # differently, so that on a CPU stored results would not be reproduced.
        own = replayed and spec.optimizer.name != "adamw" and len({*numbers.weight_decay}) == 1
        self._decay = None if own else _per_replica(numbers.weight_decay, some)
        self.optimizer = _optimizer(spec.optimizer, stack, self._lr, numbers.weight_decay[0] if own else 0.0)
        self._strength = _per_replica(numbers.penalty_strength, some)
        self._proximal = spec.penalty.step == "proximal"
        without = spec.penalty.name == "none" or self._proximal
        self._penalty = None if without else penalty_of(spec.penalty)

    def learn_at(self, lr: float) -> None:
        """Set the learning rate."""
        if isinstance(self._lr, Tensor):
            self._lr.fill_(lr)
            return
        self._lr = lr
        for group in self.optimizer.param_groups:
            group["lr"] = lr

    def take(self, batch: Batch) -> None:
        """Take one step."""
        parameters, lr = self.stack.parameters, self._lr
        loss = self._loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        decoupled = self._spec.optimizer.name == "adamw"
        if self._decay is not None and not decoupled:
            _add_decay(parameters, self._decay)
        self.stack.mask_gradients(always=self._replayed)
        if self._decay is not None and decoupled:
            _shrink(parameters, lr * self._decay)
        self.optimizer.step()
        if self._proximal and self._strength is not None:
            shrink_l1(parameters.values(), lr * self._strength)

    def advance(self, epoch: Epoch, first: int, end: int) -> None:
        """Take the steps of an epoch from the first on, up to the end."""
        for batch in islice(epoch.batches(self._spec.batch_size, first), end - first):
            self.take(batch)

    def _loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The loss, summed over replicas."""
        with autocast(self._spec.precision, self._device):
            logits = self.stack.logits(batch.images)
        logits = logits.to(next(iter(self.stack.parameters.values())).dtype)
        if self._distillation is None:
            loss = mean_loss(logits, batch.labels)
        else:
            teacher = self._distillation.teacher_logits(batch)
            alpha, temperature = self._distillation.alpha, self._distillation.temperature
            loss = distilled_loss(logits, batch.labels, teacher, alpha, temperature)
        if self._penalty is not None and self._strength is not None:
            loss = loss + (self._strength * self._penalty(self.stack.parameters)).sum()
        return loss


def _optimizer(
    spec: OptimizerSpec, stack: ReplicaStack, lr: float | Tensor, weight_decay: float
) -> torch.optim.Optimizer:
    parameters = list(stack.parameters.values())
    if spec.name == "sgd":
        return torch.optim.SGD(parameters, lr=lr, momentum=spec.momentum, weight_decay=weight_decay, fused=True)
    capturable = isinstance(lr, Tensor) and lr.is_cuda
    return torch.optim.Adam(parameters, lr=lr, weight_decay=weight_decay, fused=True, capturable=capturable)


def _per_replica(values: Sequence[float], like: Tensor) -> Float[Tensor, " replicas"] | None:
    """The numbers as a tensor, or None where all are zero and there is nothing to do."""
    return torch.tensor(list(values), dtype=like.dtype, device=like.device) if any(values) else None


def _add_decay(parameters: Mapping[str, Tensor], decay: Float[Tensor, " replicas"]) -> None:
    for parameter in parameters.values():
        if parameter.grad is not None:  # one that the loss does not reach stays as it is, as in PyTorch's optimizers
            parameter.grad.addcmul_(parameter.detach(), as_column(decay, parameter))


@torch.no_grad()
def _shrink(parameters: Mapping[str, Tensor], amount: Float[Tensor, " replicas"]) -> None:
    for parameter in parameters.values():
        parameter.mul_(1 - as_column(amount, parameter))


def as_column(numbers: Float[Tensor, " replicas"], like: Tensor) -> Tensor:
    """A number a replica, in a form that can be multiplied by a parameter."""
    return numbers.view(-1, *[1] * (like.ndim - 1))
