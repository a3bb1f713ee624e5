"""Test accuracy after every epoch: how a curve looks during training, and whether it has settled."""

from jaxtyping import Float, Int
from torch import Tensor

from sdd_claims.training import ReplicaStack


class EpochWatch:
    """Looks at a stack after every epoch, on the first `images` test images.

    Attributes:
        images: number of images; 0 where nothing is watched.
        seen: accuracies after each epoch so far, each [replicas], on the device.
    """

    def __init__(
        self,
        stack: ReplicaStack,
        test_images: Float[Tensor, "images ..."],
        test_labels: Int[Tensor, " images"],
        images: int,
    ) -> None:
        self.images = images
        self.seen: list[Float[Tensor, " replicas"]] = []
        self._stack, self._test_images, self._test_labels = stack, test_images[:images], test_labels[:images]

    def look(self) -> None:
        """Measure now."""
        right = self._stack.count_right(self._test_images, self._test_labels)
        self.seen.append(right.double() / len(self._test_labels))
