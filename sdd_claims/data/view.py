"""From pixels on the device to a network's input: augmented, scaled and normalised in batches.

Images that are not augmented are held as the network sees them: in four times the memory, but no step has to convert
and normalise its batch, which would be four more launches for a small network that waits for launches.
"""

from dataclasses import dataclass

from jaxtyping import Float, UInt8
from torch import Tensor

from sdd_claims.data.augmentation import Augmentation
from sdd_claims.data.preparation import Normalisation, averaged


@dataclass(frozen=True)
class View:
    """Turns pixels into a network's input.

    Attributes:
        normalisation: normalisation with the data set's published constants.
        side: height and width in pixels that the network sees.
        augmentation: augmentation of training images.
    """

    normalisation: Normalisation
    side: int
    augmentation: Augmentation

    def plain(self, pixels: UInt8[Tensor, "batch channels height width"]) -> Float[Tensor, "batch channels side side"]:
        """Without augmentation: averaged down to the side, and normalised; as `prepare` would have it, bit for bit."""
        return self.normalisation(averaged(pixels.float(), self.side))

    def augmented(
        self,
        pixels: UInt8[Tensor, "batch channels height width"],
        draws: Float[Tensor, "batch numbers"],
    ) -> Float[Tensor, "batch channels side side"]:
        """Augmented as drawn, and normalised."""
        return self.normalisation(self.augmentation.apply(pixels, draws))
