"""What a network sees of a data set: pixels scaled, averaged down, and normalised by the published constants."""

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from sdd_claims.data import catalogue
from sdd_claims.data.datasets import Dataset
from sdd_claims.errors import InputError


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
    entry = catalogue.find(dataset.name)
    height = dataset.train_images.shape[1]
    side = height if side is None else side
    if side < 1 or height % side:
        divisors = ", ".join(str(d) for d in range(1, height + 1) if height % d == 0)
        raise InputError(
            f"images of {dataset.name} cannot be averaged from {height} x {height} down to {side} x {side}: "
            f"give a side that divides {height} ({divisors})"
        )
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (entry.mean, entry.std))
    train, test = (_averaged(images, side) for images in (dataset.train_images, dataset.test_images))
    for images in (train, test):
        images.div_(255).sub_(mean).div_(std)  # in place: CIFAR takes 0.6 GB
    return train, test


def _averaged(images: UInt8[np.ndarray, "n h w *c"], side: int) -> Float32[Tensor, "n channels side side"]:
    count, height = images.shape[:2]
    pixels = torch.tensor(images).view(count, height, height, -1).permute(0, 3, 1, 2)
    pixels = pixels.to(torch.float32, memory_format=torch.contiguous_format)
    if side == height:
        return pixels
    # Before scaling: sums of whole numbers are exact, so the order of summation cannot change a bit.
    step = height // side
    return pixels.view(count, -1, side, step, side, step).mean((3, 5))
