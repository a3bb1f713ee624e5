"""A data set as a network's input: pixels averaged down and normalised by the published constants."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from sdd_claims.data import catalogue
from sdd_claims.data.datasets import Dataset
from sdd_claims.errors import InputError

_CHUNK = 1024  # images taken to float32 at once: all of Tiny ImageNet at full size would take 5 GB


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Pixels scaled to [0, 1], then to mean zero and deviation one by constants of each channel.

    Attributes:
        mean: mean of each channel over the training images, scaled to [0, 1].
        std: standard deviation of each channel, same scale.
    """

    mean: Float32[Tensor, "channels 1 1"]
    std: Float32[Tensor, "channels 1 1"]

    @classmethod
    def of(cls, dataset: Dataset, device: torch.device | None = None) -> "Normalisation":
        """Normalisation by the constants that are published for a data set, held on the device (None: the CPU).

        Those of a set that is not in the catalogue are taken from its training images.
        """
        info = catalogue.CATALOGUE.get(dataset.name)
        means, stds = (info.mean, info.std) if info else _measured(dataset.train_images)
        mean, std = (torch.tensor(values, device=device).view(-1, 1, 1) for values in (means, stds))
        return cls(mean, std)

    def __call__(self, pixels: Float32[Tensor, "batch channels height width"]) -> Float32[Tensor, "batch channels h w"]:
        """Normalise pixels of 0 .. 255, which stay as they are."""
        return pixels.div(255).sub_(self.mean).div_(self.std)


def prepare(
    dataset: Dataset, side: int | None = None
) -> tuple[Float32[Tensor, "n channels side side"], Float32[Tensor, "m channels side side"]]:
    """Turn the images into the network's input.

    Pixels are scaled to [0, 1], averaged over squares down to side x side (28 to 14: means of 2 x 2), and normalised
    per channel with the mean and standard deviation that are published for the data set's training images at their
    full size. Averaging smooths, so that averaged-down images have a standard deviation below 1.

    Args:
        dataset: from `load`.
        side: height and width in pixels that the network sees; None for the original.

    Returns:
        Training and test images on the CPU, in the order of the data set.

    Raises:
        InputError: `side` does not divide the side of the images.
    """
    height, width = dataset.train_images.shape[1:3]
    size = (height, width) if side is None else (side, side)
    side = height if side is None else side
    if side < 1 or height % side:
        divisors = ", ".join(str(d) for d in range(1, height + 1) if height % d == 0)
        raise InputError(
            f"images of {dataset.name} cannot be averaged from {height} x {height} down to {side} x {side}: "
            f"give a side that divides {height} ({divisors})"
        )
    normalise = Normalisation.of(dataset)
    train, test = (_prepared(images, size, normalise) for images in (dataset.train_images, dataset.test_images))
    return train, test


def channels_first(images: UInt8[np.ndarray, "n h w *c"]) -> UInt8[Tensor, "n channels h w"]:
    """A copy of a data set's images with their channels, one or three, before height and width."""
    pixels = torch.tensor(images)
    pixels = pixels.unsqueeze(1) if images.ndim == 3 else pixels.permute(0, 3, 1, 2)
    return pixels.contiguous()


def averaged(pixels: Float32[Tensor, "n channels height height"], side: int) -> Float32[Tensor, "n channels side side"]:
    """The means of squares of pixels of 0 .. 255, side x side of them; `side` divides the height."""
    count, channels, height, _ = pixels.shape
    if side == height:
        return pixels
    # Before scaling: sums of whole numbers are exact, so the order of summation cannot change a bit.
    step = height // side
    return pixels.reshape(count, channels, side, step, side, step).mean((3, 5))


def _prepared(
    images: UInt8[np.ndarray, "n h w *c"], size: tuple[int, int], normalise: Normalisation
) -> Float32[Tensor, "n channels side side"]:
    prepared = torch.empty(len(images), len(normalise.mean), *size)
    for first in range(0, len(images), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        prepared[chunk] = normalise(averaged(channels_first(images[chunk]).float(), size[0]))
    return prepared


def _measured(images: UInt8[np.ndarray, "n h w *c"]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over 255; a channel that never changes has the deviation 1 / 255."""
    channels = images.reshape(-1, images.shape[3]) if images.ndim == 4 else images.reshape(-1, 1)
    mean, std = channels.mean(0, dtype=np.float64), channels.std(0, dtype=np.float64)
    return (mean / 255).tolist(), (np.where(std > 0, std, 1) / 255).tolist()
