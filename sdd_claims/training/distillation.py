"""Learning from a teacher's predictions beside the labels (Quétu & Milovanović 2023, eq. 1; Hinton et al. 2015)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from sdd_claims.training.stack import ReplicaStack


@dataclass(frozen=True)
class Lesson:
    """What the teachers of a stack say.

    The teacher is fixed and in evaluation mode, so it is asked once for every training image, not once a batch; but
    where images are augmented it sees each batch as the student does.

    Attributes:
        teacher: the logits of each replica's teacher on that replica's training images, in the order of its subset; or
            the teachers themselves.
        alpha: weight of the teacher, one a replica.
        temperature: by which both networks' logits are divided, common to the stack.
    """

    teacher: Float[Tensor, "replicas size classes"] | ReplicaStack
    alpha: Float[Tensor, " replicas"]
    temperature: float

    def on(
        self, places: Int[Tensor, "replicas batch"], images: Float[Tensor, "replicas batch ..."]
    ) -> Float[Tensor, "replicas batch classes"]:
        """What the teachers say of a batch, given by its places in each replica's subset and as the students see it.

        A teacher of weight 0 is silent even where it diverged: 0 times NaN is NaN.
        """
        if isinstance(self.teacher, Tensor):
            return torch.take_along_dim(self.teacher, places[:, :, None], 1)
        with torch.no_grad(), self.teacher.evaluating():
            said = self.teacher.logits(images).to(self.alpha.dtype)
        return said.where(self.alpha[:, None, None] > 0, 0.0)


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
