"""All that is measured on a stack that has gone through one level, by the names of `LevelRecord`'s fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.measures import distance, weights
from sdd_claims.measures.accuracy import Evaluation, evaluate_test, evaluate_training
from sdd_claims.measures.line import Line, along_line
from sdd_claims.measures.sharpness import sharpness
from sdd_claims.randomness import Draws
from sdd_claims.record import RECORDED, recorded
from sdd_claims.training import ReplicaStack, Setup, Weights, portable

_COUNTED = ("density", "train_flops", "kept_train_flops", "seconds")
"""Fields that follow from masks, batches and the clock: the code that trained the level fills them in."""


@dataclass(frozen=True, eq=False)
class TrainedLevel:
    """The networks of a stack after one level. Each property below is a measure: [replicas] or [replicas, points].

    Attributes:
        setup: data and networks of these replicas.
        stack: the networks as they were trained.
        trained: weights after this level's training.
        masks: masks with which this level was trained.
        origins: for a training derived from a chain, the weights that the chain had after this level.
        generators: the sources from which the replicas draw random directions.
        epoch_accuracies: test accuracy after every epoch, where it was watched.
    """

    setup: Setup
    stack: ReplicaStack
    trained: Sequence[Weights]
    masks: Sequence[Weights]
    origins: Sequence[Weights]
    generators: Sequence[Draws]
    epoch_accuracies: Sequence[Float[Tensor, " replicas"]]

    def measures(self) -> list[dict[str, Any]]:
        """For each replica the measures that its spec asks for, by name; nothing of one that diverged.

        A network that diverged has no meaningful measure at all, not even the accuracy of its NaN logits. An infinite
        weight shows in the distance; finite weights with an infinite loss have diverged as well.
        """
        names = [name for name in RECORDED if recorded(self.setup.spec, name) and name not in _COUNTED]
        found = {name: getattr(self, name) for name in names}
        columns = {name: value.cpu() for name, value in found.items()}  # last, since it waits for a GPU
        return [
            {name: _plain(column[index]) for name, column in columns.items()}
            if all(bool(column[index].isfinite().all()) for column in columns.values())
            else {}
            for index in range(len(self.masks))
        ]

    @property
    def train_accuracy(self) -> Float[Tensor, " replicas"]:
        """Accuracy on each replica's own training labels, noise included."""
        return self._on_training.accuracy

    @property
    def train_loss(self) -> Float[Tensor, " replicas"]:
        """Cross-entropy on the same labels."""
        return self._on_training.loss

    @property
    def test_accuracy(self) -> Float[Tensor, " replicas"]:
        """Accuracy on the clean test set."""
        return self._on_test.accuracy

    @property
    def test_loss(self) -> Float[Tensor, " replicas"]:
        """Cross-entropy on the clean test set."""
        return self._on_test.loss

    @property
    def validation_accuracy(self) -> Float[Tensor, " replicas"]:
        """Accuracy on held-out images with clean labels."""
        return evaluate_training(self.stack, self.setup.validation).accuracy

    @property
    def epoch_test_accuracy(self) -> Float[Tensor, "replicas epochs"]:
        """Accuracy on the watched test images after every epoch."""
        return torch.stack([*self.epoch_accuracies], dim=1)

    @property
    def learning_distance(self) -> Float[Tensor, " replicas"]:
        """How far training has carried the weights from the dense initialization."""
        device = self.setup.test_images.device
        names = [name for name, _ in self.setup.architecture.module.named_parameters()]
        start, end = (
            {name: torch.stack([each[name] for each in given]).to(device) for name in names}
            for given in (self.setup.initial, self.trained)
        )
        return distance.learning_distance(start, end, exact=self._portable)

    @property
    def weight_variance(self) -> Float[Tensor, " replicas"]:
        """How wide the kept prunable weights spread."""
        return weights.weight_variance(self.trained, self.masks, exact=self._portable)

    @property
    def zero_fraction(self) -> Float[Tensor, " replicas"]:
        """Share of weights that are exactly zero."""
        return weights.zero_fraction(self.trained)

    @property
    def small_fraction(self) -> Float[Tensor, " replicas"]:
        """Share of weights that are nearly zero."""
        return weights.small_fraction(self.trained)

    @property
    def sharpness(self) -> Float[Tensor, " replicas"]:
        """Curvature of the training loss along random directions."""
        setup = self.setup
        directions = setup.spec.record.directions
        return sharpness(
            setup.architecture,
            self.trained,
            self.masks,
            setup.training,
            self.generators,
            directions,
            portable=self._portable,
        )

    @property
    def line_train_loss(self) -> Float[Tensor, "replicas points"]:
        """Training loss along the line from the chain's solution."""
        return self._line.loss

    @property
    def line_train_accuracy(self) -> Float[Tensor, "replicas points"]:
        """Training accuracy along the same line."""
        return self._line.accuracy

    @property
    def _portable(self) -> bool:
        return portable(self.setup.spec)

    @cached_property
    def _on_training(self) -> Evaluation:
        return evaluate_training(self.stack, self.setup.training)

    @cached_property
    def _on_test(self) -> Evaluation:
        return evaluate_test(self.stack, self.setup.test_images, self.setup.test_labels)

    @cached_property
    def _line(self) -> Line:
        return along_line(
            self.setup.architecture, self.origins, self.trained, self.setup.training, portable=self._portable
        )


def _plain(numbers: Tensor) -> float | tuple[float, ...]:
    return float(numbers) if numbers.ndim == 0 else tuple(numbers.tolist())
