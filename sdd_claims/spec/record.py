"""The measures that a run records where they cost something."""

from dataclasses import dataclass
from typing import Literal

from sdd_claims.spec.base import Spec


@dataclass(frozen=True, kw_only=True)
class RecordSpec(Spec):
    """Records of every level of a chain, beyond the measures that cost next to nothing.

    Attributes:
        epoch_images: test images on which a chain's accuracy is measured after every epoch; 0 for none.
        directions: random directions along which the sharpness of a chain's solutions is measured, and of those derived
            from them by re-dense and independent training; 0 for none.
        weights: "newest" keeps the weights of the level that the next one starts from, "every_level" those of all, for
            what is derived from them.
    """

    epoch_images: int = 0
    directions: int = 0
    weights: Literal["newest", "every_level"] = "newest"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("epoch_images", self.epoch_images >= 0, "at least 0")
        self._require("directions", self.directions >= 0, "at least 0")
