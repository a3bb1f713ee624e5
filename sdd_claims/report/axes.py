"""What the panels of one claim share: the rows of measures, the limits of their axes, and one colour a curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdd_claims.report.evidence import Line

ACCURACY = "accuracy"


def is_accuracy(measure: str) -> bool:
    """Whether a measure is a fraction of images told right, and so drawn in per cent."""
    return measure.endswith("accuracy")


def row_of(measure: str) -> str:
    """The row in which a measure is drawn: all accuracies share one, every other measure has its own."""
    return ACCURACY if is_accuracy(measure) else measure


def drawn_values(line: Line) -> np.ndarray:
    """The values [seeds, levels] as drawn: accuracies in per cent, everything else as it is."""
    return line.curve.values * 100 if is_accuracy(line.measure) else line.curve.values


def whole_rows(values: np.ndarray) -> np.ndarray:
    """The rows [seeds, levels] of replicas that never diverged: a mean over changing seeds would jump."""
    return values[np.isfinite(values).all(axis=1)]


@dataclass(frozen=True, slots=True)
class Axes:
    """The same axes for a claim and its control, so that the two panels can be compared by eye.

    Attributes:
        density: sparse and dense end of the x axis.
        rows: for each row of measures its limits on the y axis, per cent for accuracies.
        colours: for each curve's name its number in the page's palette, from 1.
    """

    density: tuple[float, float]
    rows: dict[str, tuple[float, float]]
    colours: dict[str, int]

    @classmethod
    def around(cls, lines: Sequence[Line]) -> "Axes":
        """Return axes that hold all `lines` (at least one), with room above for the names of windows."""
        densities = np.concatenate([line.curve.position for line in lines])
        rows: dict[str, tuple[float, float]] = {}
        for row in sorted({row_of(line.measure) for line in lines}, key=lambda name: (name != ACCURACY, name)):
            values = np.concatenate([drawn_values(line).ravel() for line in lines if row_of(line.measure) == row])
            values = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
            low, high = float(values.min()), float(values.max())
            room = (high - low) or abs(high) or 1.0
            rows[row] = (low - 0.06 * room, high + 0.20 * room)
        names = dict.fromkeys(line.name for line in lines)
        colours = {name: number for number, name in enumerate(names, start=1)}
        return cls((float(densities.min()) / 1.12, float(densities.max()) * 1.12), rows, colours)

    def across(self, density: np.ndarray) -> np.ndarray:
        """Place densities on the x axis, as a fraction of its length: 0 is the dense end, 1 the sparse end."""
        sparse, dense = np.log(self.density)
        return (dense - np.log(density)) / (dense - sparse)
