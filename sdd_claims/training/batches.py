"""The training data of a stack: every replica's images and labels, in a new order every epoch, batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from sdd_claims.data.view import View
from sdd_claims.randomness import Stream, numpy_stream

CHUNK = 1000
"""Images a forward pass where no step is taken: bounds memory, large enough for full speed."""


@dataclass(frozen=True)
class TrainingData:
    """The images all replicas share and what each replica draws from them.

    Attributes:
        images: all training images on the device: as the network sees them or, where there is a view, as pixels.
        subset: the images of each replica.
        labels: the labels each replica is trained on, noise included, in the order of its subset.
        view: turns pixels into the network's input, and augments them; None where the images are the input already.
    """

    images: Tensor
    subset: Int[Tensor, "replicas size"]
    labels: Int[Tensor, "replicas size"]
    view: View | None = None

    @property
    def size(self) -> int:
        """Training images a replica."""
        return self.subset.shape[1]

    def of(self, replicas: Int[Tensor, " some"]) -> "TrainingData":
        """The part of some replicas, by their indices."""
        return replace(self, subset=self.subset[replicas], labels=self.labels[replicas])

    def seen(self, images: Int[Tensor, "*some"]) -> Float[Tensor, "*some channels height width"]:
        """Some images as the network's input, without augmentation."""
        # Four times as fast as indexing by the whole table.
        chosen = self.images.index_select(0, images.flatten())
        chosen = chosen if self.view is None else self.view.plain(chosen)
        return chosen.view(*images.shape, *chosen.shape[1:])

    def augmented(
        self, images: Int[Tensor, "*some"], draws: Float[Tensor, "*some numbers"]
    ) -> Float[Tensor, "*some channels height width"]:
        """Some images as the network's input, augmented by the given draws."""
        assert self.view is not None, "only pixels are augmented"
        chosen = self.images.index_select(0, images.flatten())
        chosen = self.view.augmented(chosen, draws.flatten(0, -2))
        return chosen.view(*images.shape, *chosen.shape[1:])


@dataclass(frozen=True)
class Batch:
    """One batch of every replica.

    Attributes:
        images: images as the networks see them.
        labels: each replica's labels of them, noise included.
        indices: which images of each replica's subset they are.
    """

    images: Float[Tensor, "replicas batch channels height width"]
    labels: Int[Tensor, "replicas batch"]
    indices: Int[Tensor, "replicas batch"]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images, each replica in an order of its own, on the device.

    Attributes:
        data: the training data.
        indices: the order, as indices into each replica's subset.
        chosen: the same as indices into `TrainingData.images`.
        labels: the labels in that order.
        draws: draws of the augmentation, in that order; None where there is none.
    """

    data: TrainingData
    indices: Int[Tensor, "replicas size"]
    chosen: Int[Tensor, "replicas size"]
    labels: Int[Tensor, "replicas size"]
    draws: Float[Tensor, "replicas size numbers"] | None

    def batch(self, where: slice | Int[Tensor, " batch"]) -> Batch:
        """Some images of the pass."""
        chosen = self.chosen[:, where]
        images = self.data.seen(chosen) if self.draws is None else self.data.augmented(chosen, self.draws[:, where])
        return Batch(images, self.labels[:, where], self.indices[:, where])

    def batches(self, batch_size: int, skipped: int = 0) -> Iterator[Batch]:
        """The batches of the pass but for the first ones; the last may be smaller."""
        for start in range(skipped * batch_size, self.data.size, batch_size):
            yield self.batch(slice(start, start + batch_size))


def draw_epoch(data: TrainingData, seeds: Sequence[int], branches: Sequence[tuple[int, ...]], epoch: int) -> Epoch:
    """Draw the order of an epoch, and how its images are augmented, from each replica's seed, branch and epoch."""

    def streams(purpose: Stream) -> list[np.random.Generator]:
        return [numpy_stream(seed, purpose, *branch, epoch) for seed, branch in zip(seeds, branches, strict=True)]

    order = np.stack([stream.permutation(data.size) for stream in streams(Stream.BATCH_ORDER)])
    indices = _sent(order, data.images.device)
    draws = None
    if data.view is not None:
        drawn = np.stack([data.view.augmentation.draw(each, data.size) for each in streams(Stream.AUGMENTATION)])
        draws = _sent(drawn, data.images.device)
    return Epoch(data, indices, data.subset.gather(1, indices), data.labels.gather(1, indices), draws)


def iterations_per_epoch(size: int, batch_size: int) -> int:
    """Optimizer steps an epoch; the last batch may be smaller."""
    return -(-size // batch_size)


def _sent(array: np.ndarray, device: torch.device) -> Tensor:
    """Copy to the device, without waiting for its running computations."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
