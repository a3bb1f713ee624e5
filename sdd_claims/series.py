"""One number from a series: over the epochs of a training, or along a line between two solutions."""

from collections.abc import Sequence
from itertools import accumulate
from statistics import fmean


def late_drift(accuracies: Sequence[float]) -> float:
    """Mean over the last fifth of the epochs, at least one, minus that over the fifth before; 0 for a single epoch."""
    fifth = max(1, len(accuracies) // 5)
    return fmean(accuracies[-fifth:]) - fmean(accuracies[-2 * fifth : -fifth] or accuracies)


def last(numbers: Sequence[float]) -> float:
    """The last one."""
    return numbers[-1]


def fall(losses: Sequence[float]) -> float:
    """The first minus the last."""
    return losses[0] - losses[-1]


def largest_climb(losses: Sequence[float]) -> float:
    """The largest rise from any point to a later one; 0 where there is none."""
    return max(loss - lowest for loss, lowest in zip(losses, accumulate(losses, min), strict=True))
