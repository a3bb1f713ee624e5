"""Loss and accuracy of a stack, on each replica's own training images or on the common test set."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sdd_claims.training import CHUNK, ReplicaStack, TrainingData, count_right


@dataclass(frozen=True)
class Evaluation:
    """Means over images, one a replica: accuracy in [0, 1], cross-entropy in nats."""

    accuracy: Float[Tensor, " replicas"]
    loss: Float[Tensor, " replicas"]


@torch.no_grad()
def evaluate_training(stack: ReplicaStack, data: TrainingData) -> Evaluation:
    """Evaluate on the labels that each replica was trained on, noise included."""
    totals = Totals(len(stack), data.images.device)
    with stack.evaluating():
        for start in range(0, data.size, CHUNK):
            chunk = slice(start, start + CHUNK)
            logits, labels = stack.logits(data.seen(data.subset[:, chunk])), data.labels[:, chunk]
            totals.add(logits, labels, stack.summed_loss(logits, labels))
    return totals.means()


@torch.no_grad()
def evaluate_test(
    stack: ReplicaStack, images: Float[Tensor, "images ..."], labels: Int[Tensor, " images"]
) -> Evaluation:
    """Evaluate on a test set that all replicas share; its labels are clean."""
    totals = Totals(len(stack), images.device)
    with stack.evaluating():
        for start in range(0, len(images), CHUNK):
            chunk = slice(start, start + CHUNK)
            logits, own = stack.logits_shared(images[chunk]), labels[chunk].expand(len(stack), -1)
            totals.add(logits, own, stack.summed_loss(logits, own))
    return totals.means()


class Totals:
    """Sums over images, in double precision, one a replica."""

    def __init__(self, replicas: int, device: torch.device) -> None:
        self.right = torch.zeros(replicas, dtype=torch.float64, device=device)
        self.loss = torch.zeros(replicas, dtype=torch.float64, device=device)
        self.count = 0

    def add(
        self,
        logits: Float[Tensor, "replicas batch classes"],
        labels: Int[Tensor, "replicas batch"],
        loss: Float[Tensor, " replicas"],
    ) -> None:
        """Counts a batch; `loss` is the sum of its cross-entropies."""
        self.right += count_right(logits, labels)
        self.loss += loss
        self.count += labels.shape[1]

    def means(self) -> Evaluation:
        """Means over all images counted."""
        return Evaluation(self.right / self.count, self.loss / self.count)
