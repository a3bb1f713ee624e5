"""Loss and accuracy of a stack, on each replica's own training images or on the common test set."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from sdd_claims.training import ReplicaStack, TrainingData

_CHUNK = 1000  # images a forward pass: bounds memory, large enough for full speed


@dataclass(frozen=True)
class Evaluation:
    """Means over images, one a replica: accuracy in [0, 1], cross-entropy in nats."""

    accuracy: Float[Tensor, " replicas"]
    loss: Float[Tensor, " replicas"]


@torch.no_grad()
def evaluate_training(stack: ReplicaStack, data: TrainingData) -> Evaluation:
    """On the labels that each replica was trained on, noise included."""
    totals = _Totals(len(stack), data.images.device)
    for start in range(0, data.size, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        totals.add(stack.logits(data.images[data.subset[:, chunk]]), data.labels[:, chunk])
    return totals.means()


@torch.no_grad()
def evaluate_test(
    stack: ReplicaStack, images: Float[Tensor, "images ..."], labels: Int[Tensor, " images"]
) -> Evaluation:
    """On a test set that all replicas share; its labels are clean."""
    totals = _Totals(len(stack), images.device)
    for start in range(0, len(images), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        totals.add(stack.logits_shared(images[chunk]), labels[chunk].expand(len(stack), -1))
    return totals.means()


class _Totals:
    def __init__(self, replicas: int, device: torch.device) -> None:
        self.right = torch.zeros(replicas, dtype=torch.float64, device=device)
        self.loss = torch.zeros(replicas, dtype=torch.float64, device=device)
        self.count = 0

    def add(self, logits: Float[Tensor, "replicas batch classes"], labels: Int[Tensor, "replicas batch"]) -> None:
        self.right += (logits.argmax(-1) == labels).sum(1)
        self.loss += cross_entropy(logits.transpose(1, 2), labels, reduction="none").double().sum(1)
        self.count += labels.shape[1]

    def means(self) -> Evaluation:
        return Evaluation(self.right / self.count, self.loss / self.count)
