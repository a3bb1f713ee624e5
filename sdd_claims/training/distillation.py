"""Learning from a teacher's predictions beside the labels (Quétu & Milovanović 2023, eq. 1; Hinton et al. 2015)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from sdd_claims.models import Architecture
from sdd_claims.record import ChainState
from sdd_claims.training.batches import CHUNK, Batch, TrainingData
from sdd_claims.training.portable_form import stack_of
from sdd_claims.training.precision import products_in
from sdd_claims.training.stack import ReplicaStack


@dataclass(frozen=True)
class Distillation:
    """The teachers that the replicas of a stack learn from beside their labels.

    Attributes:
        teacher: the logits of each replica's teacher on that replica's training images, in the order of its subset; or
            the teachers themselves, where images are augmented and each batch is another.
        alpha: weight of the teacher, one a replica.
        temperature: number by which both networks' logits are divided, common to the stack.
    """

    teacher: Float[Tensor, "replicas size classes"] | ReplicaStack
    alpha: Float[Tensor, " replicas"]
    temperature: float

    def teacher_logits(self, batch: Batch) -> Float[Tensor, "replicas batch classes"]:
        """The logits of each replica's teacher on its images of a batch, as the student sees them."""
        if isinstance(self.teacher, Tensor):
            return torch.take_along_dim(self.teacher, batch.indices[:, :, None], 1)
        with torch.no_grad(), self.teacher.evaluating():
            logits = self.teacher.logits(batch.images).to(self.alpha.dtype)
        return _without_unused(logits, self.alpha)


class Teachers:
    """The trained teachers of some replicas, each of which has seen its student's images.

    A teacher is fixed and in evaluation mode, so its logits are computed once for every training image, not once a
    batch; but where images are augmented it sees each batch as the student does.
    """

    def __init__(
        self, architecture: Architecture, states: Sequence[ChainState], data: TrainingData, *, portable: bool = False
    ) -> None:
        """Take the teacher of each replica of `data`, in that order; `portable` is the arithmetic of its logits."""
        self._architecture, self._states, self._device = architecture, states, data.subset.device
        augmented = data.view is not None
        self._logits = None if augmented else logits_on_own_images(architecture, states, data, portable=portable)
        self._last: tuple[tuple[int, ...], Distillation] | None = None

    def of(self, members: Sequence[int], alpha: Sequence[float], temperature: float) -> Distillation:
        """The distillation of some replicas, given by their indices; `alpha` has one weight for each of them."""
        if self._last is None or self._last[0] != tuple(members):
            weights = torch.tensor(alpha, device=self._device)
            self._last = tuple(members), Distillation(self._teacher(members, weights), weights, temperature)
        return self._last[1]

    def _teacher(self, members: Sequence[int], alpha: Float[Tensor, " members"]) -> Tensor | ReplicaStack:
        if self._logits is not None:
            return _without_unused(self._logits[list(members)], alpha)
        return ReplicaStack.of(self._architecture, [self._states[i] for i in members], self._device)


def _without_unused(
    logits: Float[Tensor, "replicas images classes"], alpha: Float[Tensor, " replicas"]
) -> Float[Tensor, "replicas images classes"]:
    """Set the logits of teachers of weight 0 to zero: such a teacher may have diverged, and 0 times NaN is NaN."""
    return logits.where(alpha[:, None, None] > 0, 0.0)


@torch.no_grad()
@products_in("float32")
def logits_on_own_images(
    architecture: Architecture, states: Sequence[ChainState], data: TrainingData, *, portable: bool = False
) -> Float[Tensor, "replicas size classes"]:
    """The logits of each replica's network, in evaluation mode, on that replica's own training images."""
    stack = stack_of(architecture, states, data.images.device, portable=portable)
    with stack.evaluating():
        return torch.cat([stack.logits(data.seen(chunk)) for chunk in torch.split(data.subset, CHUNK, 1)], 1)


def distilled_loss(
    logits: Float[Tensor, "replicas batch classes"],
    labels: Int[Tensor, "replicas batch"],
    teacher: Float[Tensor, "replicas batch classes"],
    alpha: Float[Tensor, " replicas"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Sum over replicas of (1 - alpha) x cross-entropy + alpha x temperature squared x KL(teacher || student).

    Both terms are means over the batch, in nats. The square of the temperature keeps the size of the gradient, as in
    the published code; the paper's equation leaves it out.
    """
    batch = labels.shape[1]
    hard = cross_entropy(logits.transpose(1, 2), labels, reduction="none").sum(1) / batch
    softened = log_softmax(logits / temperature, -1), log_softmax(teacher / temperature, -1)
    soft = temperature**2 * kl_div(*softened, reduction="none", log_target=True).sum((1, 2)) / batch
    return ((1 - alpha) * hard + alpha * soft).sum()
