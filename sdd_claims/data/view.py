"""How pixels that are held on the device become what a network sees: augmented, scaled and normalised in batches."""

from dataclasses import dataclass

from jaxtyping import Float, UInt8
from torch import Tensor

from sdd_claims.data.augmentation import Augmentation
from sdd_claims.data.preparation import Normalisation, averaged


@dataclass(frozen=True)
class View:
    """What a network sees of pixels.

    Attributes:
        normalisation: with the data set's published constants.
        side: height and width in pixels that the network sees.
        augmentation: of training images; None for none.
    """

    normalisation: Normalisation
    side: int
    augmentation: Augmentation | None = None

    def plain(self, pixels: UInt8[Tensor, "batch channels height width"]) -> Float[Tensor, "batch channels side side"]:
        """Without augmentation: averaged down to the side, and normalised; as `prepare` would have it, bit for bit."""
        return self.normalisation(averaged(pixels.float(), self.side))

    def augmented(
        self,
        pixels: UInt8[Tensor, "batch channels height width"],
        draws: Float[Tensor, "batch numbers"],
    ) -> Float[Tensor, "batch channels side side"]:
        """Augmented as drawn, and normalised."""
        assert self.augmentation is not None, "there is nothing to draw for"
        return self.normalisation(self.augmentation.apply(pixels, draws))
