"""Random changes of the training images, drawn for a whole epoch and applied batch by batch on the images' device.

The draws are a row of numbers an image, so that the same changes can be made again, on any device and in batches of
any size. Images are changed as they are stored, before normalisation, as by torchvision's transforms in the papers'
code: the zeros that come in are black pixels.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor

from sdd_claims.data.preparation import averaged
from sdd_claims.errors import InputError

_SHIFT = 4  # pixels (He et al. 2022, B: "randomly shifting by up to four pixels in any direction")

_TRIES = 10
_AREA = (0.08, 1.0)
_RATIO = (3 / 4, 4 / 3)


class Augmentation(Protocol):
    """Random changes of images."""

    def draw(self, rng: np.random.Generator, count: int) -> Float32[np.ndarray, "count numbers"]:
        """The draws of one epoch: a row of numbers for each of `count` images, independent of each other."""
        ...

    def apply(
        self, images: UInt8[Tensor, "batch channels height width"], draws: Float32[Tensor, "batch numbers"]
    ) -> Float32[Tensor, "batch channels side side"]:
        """Change each image by its own row of draws, on their device: pixels of 0 .. 255."""
        ...


def augmentation(name: str, image_side: int, side: int | None) -> Augmentation | None:
    """The augmentation of that name; None for "none".

    Args:
        name: see `DataSpec.augmentation`.
        image_side: height and width of the stored images, in pixels.
        side: height and width that the network sees; None for those of the images.

    Raises:
        InputError: no augmentation of that name, or one that does not lead to images of this side.
    """
    if name == "none":
        return None
    side = image_side if side is None else side
    if name == "flip_and_shift":
        if side < 1 or image_side % side:
            raise InputError(
                f"the augmentation 'flip_and_shift' averages images of {image_side} x {image_side} pixels down, but "
                f"not to {side} x {side}; set DataSpec.side to None or to a number that divides {image_side}"
            )
        return FlipAndShift(side)
    if name == "crop_and_flip":
        if side < 1:
            raise InputError(
                f"the augmentation 'crop_and_flip' was asked for images of {side} x {side} pixels; set DataSpec.side "
                "to 1 or more, or to None"
            )
        return CropAndFlip(image_side, side)
    raise InputError(f"there is no augmentation {name!r}; use one of: none, flip_and_shift, crop_and_flip")


@dataclass(frozen=True, slots=True)
class FlipAndShift:
    """Half of the images mirrored, each moved by its own whole number of pixels, zeros coming in, then averaged down.

    The same law as torchvision's `RandomHorizontalFlip` and `RandomCrop(side, padding=4)`, which the code of He et al.
    2022 has from OpenLTH. There they come before `ToTensor` and `Normalize`, so that black comes in and not the mean.
    Drawn: (mirrored 0 or 1, pixels down, pixels to the right), before averaging.

    Attributes:
        side: height and width of the result, in pixels; it divides those of the images.
    """

    side: int

    def draw(self, rng: np.random.Generator, count: int) -> Float32[np.ndarray, "count 3"]:
        """See `Augmentation`."""
        mirrored = rng.integers(0, 2, (count, 1))
        moves = rng.integers(-_SHIFT, _SHIFT + 1, (count, 2))
        return np.hstack([mirrored, moves]).astype(np.float32)

    def apply(
        self, images: UInt8[Tensor, "batch channels height width"], draws: Float32[Tensor, "batch 3"]
    ) -> Float32[Tensor, "batch channels side side"]:
        """See `Augmentation`."""
        batch, channels, height, width = images.shape
        mirrored, down, right = draws.long()[:, :, None].unbind(1)
        # Where each pixel of the result comes from; outside of the image for the zeros.
        rows = torch.arange(height, device=images.device) - down
        columns = torch.arange(width, device=images.device) - right
        columns = torch.where(mirrored.bool(), width - 1 - columns, columns)
        inside = _inside(rows, height)[:, None, :, None] & _inside(columns, width)[:, None, None, :]
        moved = images[
            torch.arange(batch, device=images.device)[:, None, None, None],
            torch.arange(channels, device=images.device)[:, None, None],
            rows.clamp(0, height - 1)[:, None, :, None],
            columns.clamp(0, width - 1)[:, None, None, :],
        ]
        return averaged((moved * inside).float(), self.side)


def _inside(positions: Int[Tensor, "batch side"], side: int) -> Bool[Tensor, "batch side"]:
    return (positions >= 0) & (positions < side)


@dataclass(frozen=True, slots=True)
class CropAndFlip:
    """A random part of each image, resized to side x side pixels, and half of them mirrored.

    The same law as torchvision's `RandomResizedCrop(side)` and `RandomHorizontalFlip` (He et al. 2022, B: "randomly
    cropping and resizing to a size of 32 x 32, and randomly horizontal flipping"): parts of 8 to 100 % of the area and
    of an aspect ratio of 3/4 to 4/3, resized by linear interpolation with antialiasing. Here pixels are not rounded to
    whole numbers afterwards. Drawn: (top, left, height, width, mirrored 0 or 1), in pixels.

    Attributes:
        image_side: height and width of the images, in pixels.
        side: height and width of the result, in pixels.
    """

    image_side: int
    side: int

    def draw(self, rng: np.random.Generator, count: int) -> Float32[np.ndarray, "count 5"]:
        """See `Augmentation`."""
        areas = rng.uniform(*_AREA, (count, _TRIES))
        ratios = np.exp(rng.uniform(math.log(_RATIO[0]), math.log(_RATIO[1]), (count, _TRIES)))
        sizes = first_that_fits(areas, ratios, self.image_side)
        corners = rng.integers(0, self.image_side - sizes + 1)
        mirrored = rng.integers(0, 2, (count, 1))
        return np.hstack([corners, sizes, mirrored]).astype(np.float32)

    def apply(
        self, images: UInt8[Tensor, "batch channels height width"], draws: Float32[Tensor, "batch 5"]
    ) -> Float32[Tensor, "batch channels side side"]:
        """See `Augmentation`. Products in TensorFloat-32 leave pixels off by up to a quarter of a grey level."""
        top, left, height, width, mirrored = draws.unbind(1)
        rows = torch.arange(self.side, device=images.device).expand(len(images), -1)
        down = _resampling(top, height, rows, self.side, images.shape[2])
        columns = torch.where(mirrored.bool()[:, None], self.side - 1 - rows, rows)
        across = _resampling(left, width, columns, self.side, images.shape[3])
        with torch.autocast(images.device.type, enabled=False):  # products in bfloat16 would round pixels
            return down[:, None] @ (images.float() @ across[:, None].mT)


def first_that_fits(
    areas: Float[np.ndarray, "count tries"], ratios: Float[np.ndarray, "count tries"], image_side: int
) -> Int[np.ndarray, "count 2"]:
    """Height and width of each image's part: those of its first try that fit, or those of the whole image.

    Args:
        areas: areas of the parts, as a fraction of the image's.
        ratios: ratios of the width to the height.
        image_side: height and width of the images, in pixels.
    """
    heights, widths = (
        np.rint(image_side * np.sqrt(shares)).astype(np.int64) for shares in (areas / ratios, areas * ratios)
    )
    fits = (heights > 0) & (heights <= image_side) & (widths > 0) & (widths <= image_side)
    tries = np.stack([heights, widths], axis=-1)
    chosen = np.take_along_axis(tries, fits.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    return np.where(fits.any(axis=1, keepdims=True), chosen, image_side)


def _resampling(
    start: Float32[Tensor, " batch"],
    length: Float32[Tensor, " batch"],
    positions: Int[Tensor, "batch side"],
    side: int,
    image_side: int,
) -> Float32[Tensor, "batch side image_side"]:
    """The matrices that resize `length` pixels of `image_side`, from `start` on, to the `positions` of `side` pixels.

    As PyTorch interpolates with antialiasing: the weights of a pixel fall linearly with its distance from the new
    pixel's centre, to zero at one pixel or, where the part shrinks, one new pixel; pixels beyond the part have none.
    """
    start, length = start[:, None, None], length[:, None, None]
    scale = length / side
    centres = scale * (positions[:, :, None] + 0.5)
    pixels = torch.arange(image_side, device=start.device) + 0.5 - start
    inside = (pixels > 0) & (pixels < length)
    weights = (1 - (pixels - centres).abs() / scale.clamp(min=1)).clamp(min=0) * inside
    return weights / weights.sum(2, keepdim=True)
