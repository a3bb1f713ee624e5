"""What one level of one replica leaves behind: numbers to keep, and a state from which the next level goes on."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from sdd_claims.spec import RunSpec


@dataclass(frozen=True)
class Replica:
    """One seed's whole chain of iterative pruning under one spec."""

    spec: RunSpec
    seed: int

    @property
    def key(self) -> tuple[str, int]:
        """Identity in the store: the spec's digest and the seed."""
        return self.spec.digest, self.seed


@dataclass(frozen=True)
class LevelRecord:
    """The measures of one trained level. None stands for a measure that a diverged network does not have.

    Attributes:
        level: number of prunings before this training.
        density: fraction of prunable weights left, counted.
        remaining: weights left in each prunable tensor.
        train_accuracy: on the labels trained on, noise included, in [0, 1], after the last epoch.
        train_loss: cross-entropy in nats on the same labels.
        test_accuracy: on clean test labels, in [0, 1], after the last epoch.
        test_loss: cross-entropy in nats.
        learning_distance: l2, from the dense initialization, pruned weights counting as zero.
        diverged: a weight or a loss became infinite or NaN; all measures are then None.
        train_flops: matrix products of this level's training, counted dense.
        seconds: this replica's share of the wall time of its stack.
    """

    level: int
    density: float
    remaining: Mapping[str, int]
    train_accuracy: float | None
    train_loss: float | None
    test_accuracy: float | None
    test_loss: float | None
    learning_distance: float | None
    diverged: bool
    train_flops: float
    seconds: float


@dataclass(frozen=True)
class ChainState:
    """What the next level needs of this one, on the CPU.

    Attributes:
        masks: boolean, of the prunable tensors, as this level was trained.
        trained: all weights after training.
        rewind_point: the dense network's weights at the rewinding iteration, None where the seed gives them
            (iteration 0).
    """

    masks: Mapping[str, Tensor]
    trained: Mapping[str, Tensor]
    rewind_point: Mapping[str, Tensor] | None
