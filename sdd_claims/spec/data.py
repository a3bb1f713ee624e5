"""The images that a run sees, and the noise on their labels."""

from dataclasses import dataclass
from typing import Literal, get_args

from sdd_claims.errors import InputError, nearest
from sdd_claims.spec.base import Spec
from sdd_claims.spec.own import OWN, OwnData

DataName = Literal["mnist_small", "mnist", "fashion_mnist", "cifar10", "cifar100", "tiny_imagenet", "grid"]
NoiseKind = Literal["none", "symmetric_permute", "symmetric_always_wrong", "asymmetric", "pairflip", "human"]

STAND_IN = "stand_in:"
"""Opens the name of a stand-in: random images of a data set's shape, for smoke runs where the set is absent."""


@dataclass(frozen=True, kw_only=True)
class DataSpec(Spec):
    """The images that a replica sees.

    Attributes:
        name: data set, see `sdd_claims.data`; "own" for the user's.
        side: images are averaged down to side x side pixels; None keeps them as they are.
        train_size: images that each seed draws from the training set without replacement; None takes all that
            validation leaves.
        validation_size: further images of the training set that each seed holds out; their labels stay clean.
        augmentation: changes to the training images, anew in every epoch, see `sdd_claims.data.augmentation`: "none";
            "flip_and_shift": half of them mirrored, and moved by up to four pixels either way, zeros coming in;
            "crop_and_flip": a random part resized to side x side, and half of them mirrored.
        own: the user's own images and labels.
    """

    name: str = "mnist_small"
    side: int | None = None
    train_size: int | None = None
    validation_size: int = 0
    augmentation: Literal["none", "flip_and_shift", "crop_and_flip"] = "none"
    own: OwnData | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        bare = self.name.removeprefix(STAND_IN)
        if self.name == OWN or self.own is not None:
            self._require("own", self.name == OWN and self.own is not None, f"given for {OWN!r} only")
            as_it_is = self.side is None and self.augmentation == "none"
            self._require("own", as_it_is, "given without side and augmentation")
        elif bare not in get_args(DataName):
            raise InputError(
                f"DataSpec.name must be one of {', '.join(get_args(DataName))}, got {self.name!r}"
                f"{nearest(bare, get_args(DataName))}"
            )
        self._require("train_size", self.train_size is None or self.train_size >= 1, "at least 1, or None for all")
        self._require("validation_size", self.validation_size >= 0, "at least 0")

    def __str__(self) -> str:
        return self.name if self.own is None else self.own.label


@dataclass(frozen=True, kw_only=True)
class NoiseSpec(Spec):
    """Label noise on the training set; test labels are always clean.

    Attributes:
        kind: see `sdd_claims.data.label_noise`.
        rate: fraction of training labels it is applied to; 0 for "human", whose rate the annotators set.
    """

    kind: NoiseKind = "none"
    rate: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("rate", 0 <= self.rate <= 1, "between 0 and 1")
        without = self.kind in ("none", "human")
        self._require("rate", without == (self.rate == 0), "0 for kinds 'none' and 'human', above 0 for every other")

    def __str__(self) -> str:
        if self.kind in ("none", "human"):
            return "clean labels" if self.kind == "none" else "human annotators' labels"
        return f"{100 * self.rate:g}% noise ({self.kind.replace('_', ' ')})"
