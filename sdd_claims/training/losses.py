"""What is right and wrong in a stack's logits: their cross-entropy, for training and for measuring, and a count."""

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy


def mean_loss(
    logits: Float[Tensor, "replicas batch classes"], labels: Int[Tensor, "replicas batch"]
) -> Float[Tensor, ""]:
    """Sum over replicas of the mean cross-entropy: the gradient of each replica is that of its own mean."""
    return cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / labels.shape[1]


def summed_loss(
    logits: Float[Tensor, "replicas batch classes"], labels: Int[Tensor, "replicas batch"]
) -> Float[Tensor, " replicas"]:
    """The cross-entropies of a batch in nats, summed in double precision, one sum a replica."""
    return cross_entropy(logits.transpose(1, 2), labels, reduction="none").double().sum(1)


def count_right(
    logits: Float[Tensor, "replicas batch classes"], labels: Int[Tensor, "replicas batch"]
) -> Int[Tensor, " replicas"]:
    """Number of correctly classified images; among equal logits the first class counts."""
    # On the CPU argmax is ten times slower where the classes are not contiguous in memory.
    return (logits.max(-1).indices == labels).sum(1)
