"""One number from a series: over the epochs of a training, or along a line between two solutions."""

from collections.abc import Sequence
from itertools import accumulate
from statistics import fmean


def late_drift(accuracies: Sequence[float], parts: int = 5) -> float:
    """Mean over the last of so many parts of the epochs, at least one epoch, minus that over the part before.

    It is 0 for a single epoch.
    """
    part = max(1, len(accuracies) // parts)
    return fmean(accuracies[-part:]) - fmean(accuracies[-2 * part : -part] or accuracies)


def last_drift(accuracies: Sequence[float]) -> float:
    """The same of tenths, for a learning rate that falls so late that the fifth before the last shows the step."""
    return late_drift(accuracies, parts=10)


def last(numbers: Sequence[float]) -> float:
    """The last one."""
    return numbers[-1]


def fall(losses: Sequence[float]) -> float:
    """The first minus the last."""
    return losses[0] - losses[-1]


def largest_climb(losses: Sequence[float]) -> float:
    """The largest rise from any point to a later one; 0 where there is none."""
    return max(loss - lowest for loss, lowest in zip(losses, accumulate(losses, min), strict=True))
