"""The data and networks of a stack's replicas before level 0: images, labels and initial weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from sdd_claims.data import own, regression
from sdd_claims.data.augmentation import augmentation
from sdd_claims.data.datasets import load
from sdd_claims.data.preparation import Normalisation, channels_first, prepare
from sdd_claims.data.sampling import draw_training_set, draw_validation_set
from sdd_claims.data.view import View
from sdd_claims.errors import InputError
from sdd_claims.models import Architecture, build, initial_weights
from sdd_claims.randomness import Stream, draws
from sdd_claims.record import Replica
from sdd_claims.spec import RunSpec
from sdd_claims.training.arithmetic import check_arithmetic, portable
from sdd_claims.training.batches import TrainingData, iterations_per_epoch
from sdd_claims.training.forward import Weights
from sdd_claims.training.sparse import is_plain_mlp

built = cache(build)
"""One module for all stacks of a network in a process, so that it is compiled once."""

prepared = lru_cache(maxsize=1)(prepare)
"""The images of one stack serve the next one, which has the same as a rule; nothing writes into them."""


@dataclass(frozen=True, eq=False)
class Setup:
    """Data and networks of some replicas that can share a stack, on the device.

    Attributes:
        replicas: the chains.
        architecture: architecture of the networks.
        classes: number of classes of the data set.
        training: each replica's images and labels, noise included.
        validation: each replica's held-out images and clean labels.
        test_images: test images, common to all replicas.
        test_labels: their clean labels.
        initial: each replica's weights before the dense training, on the CPU.
    """

    replicas: Sequence[Replica]
    architecture: Architecture
    classes: int
    training: TrainingData
    validation: TrainingData
    test_images: Float[Tensor, "images channels height width"]
    test_labels: Int[Tensor, " images"]
    initial: Sequence[Weights]

    @property
    def spec(self) -> RunSpec:
        """The spec of the first replica: all replicas share the settings that are not numbers."""
        return self.replicas[0].spec

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image, as the networks see it."""
        return cast(tuple[int, int, int], tuple(self.test_images.shape[1:]))

    def of(self, members: Sequence[int]) -> "Setup":
        """The part of some replicas, by their indices."""
        chosen = torch.tensor(members, device=self.test_labels.device)
        return replace(
            self,
            replicas=[self.replicas[i] for i in members],
            training=self.training.of(chosen),
            validation=self.validation.of(chosen),
            initial=[self.initial[i] for i in members],
        )


def draw_setup(replicas: Sequence[Replica], device: torch.device, data_root: Path | None = None) -> Setup:
    """Load the data and draw what each seed draws before training: subset, label noise, initial weights.

    Args:
        replicas: the chains.
        device: where they train.
        data_root: folder of data sets; None for the default.

    Raises:
        InputError: replicas that cannot share a stack, unknown names in the spec, data that cannot be had, or a
            rewinding point beyond the training.
    """
    spec = replicas[0].spec
    if len({replica.spec.stack_key() for replica in replicas}) != 1:
        raise InputError(
            "replicas train as one stack only where their settings differ in numbers alone (`RunSpec.stack_key`); "
            "put the others into a stack of their own"
        )
    _check_classification(spec)
    check_arithmetic(spec, device)
    dataset = load(spec.data.name, data_root) if spec.data.own is None else own.kept(spec.data.own)
    # Elsewhere a user's network may write into them, and where they are copied to a GPU they would only take memory.
    train_images, test_images = (prepared if portable(spec) else prepare)(dataset, spec.data.side)
    channels, height, width = test_images.shape[1:]
    architecture = built(spec.model, (channels, height, width), dataset.classes)
    if portable(spec) and not is_plain_mlp(architecture):
        raise InputError(
            f"portable arithmetic trains plain MLPs, an nn.Sequential of Flatten, Linear and ReLU, and {spec.model} is "
            "none; set TrainingSpec.arithmetic to 'native'"
        )
    augmented = augmentation(spec.data.augmentation, dataset.train_images.shape[1], spec.data.side)
    view = None if augmented is None else View(Normalisation.of(dataset, device), height, augmented)
    if view is not None:
        train_images = channels_first(dataset.train_images)
    images = train_images.to(device)
    drawn = [draw_training_set(dataset, replica, data_root) for replica in replicas]
    held_out = [draw_validation_set(dataset, r, subset) for r, (subset, _) in zip(replicas, drawn, strict=True)]
    training, validation = (_on_device(images, each, view) for each in (drawn, held_out))
    _check_rewinding(spec, training.size)
    return Setup(
        replicas=list(replicas),
        architecture=architecture,
        classes=dataset.classes,
        training=training,
        validation=validation,
        test_images=test_images.to(device),
        test_labels=torch.from_numpy(dataset.test_labels.astype(np.int64)).to(device),
        initial=[
            initial_weights(
                architecture,
                draws(r.seed, Stream.INITIALIZATION, portable=portable(spec)),
                spec.model.initialization,
            )
            for r in replicas
        ],
    )


def _on_device(images: Tensor, drawn: Sequence[tuple[np.ndarray, np.ndarray]], view: View | None) -> TrainingData:
    subset, labels = (torch.from_numpy(np.stack(arrays)).to(images.device) for arrays in zip(*drawn, strict=True))
    return TrainingData(images, subset, labels, view)


def _check_classification(spec: RunSpec) -> None:
    """Raise if a spec asks for something that only regression has; a regression problem itself is refused by `load`."""
    if spec.data.name not in regression.PROBLEMS and spec.training.loss != "cross_entropy":
        raise InputError(
            f"the loss {spec.training.loss!r} wants targets that are numbers, and {spec.data.name!r} has classes; set "
            f"the loss to 'cross_entropy', or train on {', '.join(regression.PROBLEMS)} by a path over epochs"
        )
    if spec.model.name == "relu_network":
        raise InputError(
            "a 'relu_network' is trained by a path over epochs and never pruned; choose another model for images, or a "
            f"path over epochs on {', '.join(regression.PROBLEMS)}"
        )
    if spec.training.penalty.name == "rbv2":
        raise InputError(
            "the penalty 'rbv2' is that of ReLU networks on a path over epochs; choose another one for images, or set "
            f"PathSpec.over to 'epochs' and DataSpec.name to one of {', '.join(regression.PROBLEMS)}"
        )


def _check_rewinding(spec: RunSpec, size: int) -> None:
    last = spec.training.epochs * iterations_per_epoch(size, spec.training.batch_size) - 1
    if spec.pruning.rewind_iteration > last:
        raise InputError(
            f"PruningSpec.rewind_iteration is {spec.pruning.rewind_iteration}, but the iterations of this training are "
            f"0 to {last} ({spec.training.epochs} epochs of {size} images in batches of {spec.training.batch_size}); "
            "rewind to one of them, or train longer"
        )
