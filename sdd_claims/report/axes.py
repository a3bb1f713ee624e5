"""The axes that the panels of one claim share: rows of measures, limits of their axes, and one colour a curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdd_claims.curves import DENSITY
from sdd_claims.report.inline_svg import SERIES
from sdd_claims.report.lines import Line

ACCURACY = "accuracy"

_BESIDE = 1.12  # room beside the outermost levels
_GAP_AT_ZERO = 3.0  # the least factor between the drawn position of 0 and the lowest position above it
_DECADES = 100  # a factor that values must span before a linear axis hides the smaller ones
_HAIR = 0.006  # half the width of the narrowest window, as a share of the axis


def is_accuracy(measure: str) -> bool:
    """Whether a measure is a fraction of correctly classified images, and so drawn in per cent."""
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
        axis: name of the x axis, the same for all curves.
        ends: lower and upper end of the x axis.
        lowest: the lowest position above 0.
        zero: where position 0, which no log axis holds, is drawn: set apart on the left; None where no curve has it.
        rows: for each row of measures its limits on the y axis, per cent for accuracies.
        logs: the rows whose y axis is a log one: all values positive, and spread over decades.
        styles: for each curve's name its number in the page's palette, from 1, and that of its dashes, from 0. Measures
            of the same networks have one colour, and within a row their own dashes.
    """

    axis: str
    ends: tuple[float, float]
    lowest: float
    zero: float | None
    rows: dict[str, tuple[float, float]]
    logs: frozenset[str]
    styles: dict[str, tuple[int, int]]

    @classmethod
    def around(cls, lines: Sequence[Line]) -> "Axes":
        """Return axes that hold all `lines` (at least one), with room above for the names of windows."""
        positions = np.concatenate([line.curve.position for line in lines])
        above = positions[positions > 0] if (positions > 0).any() else np.ones(1)
        low, high = float(above.min()), float(above.max())
        zero = low / max(_GAP_AT_ZERO, (high / low) ** 0.12) if (positions == 0).any() else None
        rows: dict[str, tuple[float, float]] = {}
        logs = set()
        for row in sorted({row_of(line.measure) for line in lines}, key=lambda name: (name != ACCURACY, name)):
            values = np.concatenate([drawn_values(line).ravel() for line in lines if row_of(line.measure) == row])
            values = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
            bottom, top = float(values.min()), float(values.max())
            if row != ACCURACY and bottom > 0 and top > _DECADES * bottom:
                logs.add(row)
                rows[row] = (bottom * (bottom / top) ** 0.06, top * (top / bottom) ** 0.12)
            else:
                room = (top - bottom) or abs(top) or 1.0
                rows[row] = (bottom - 0.06 * room, top + 0.20 * room)
        ends = ((zero or low) / _BESIDE, high * _BESIDE)
        return cls(lines[0].curve.axis, ends, low, zero, rows, frozenset(logs), _styles(lines))

    @property
    def left_to_right(self) -> tuple[float, float]:
        """The ends as drawn: dense networks on the left, along every other axis the lower end."""
        low, high = self.ends
        return (high, low) if self.axis == DENSITY else (low, high)

    def drawn(self, position: np.ndarray) -> np.ndarray:
        """Positions as drawn on the log axis: unchanged, except for 0."""
        return position if self.zero is None else np.where(position > 0, position, self.zero)

    def across(self, position: np.ndarray) -> np.ndarray:
        """Place positions on the x axis, as a fraction of its length from the left."""
        left, right = np.log(self.left_to_right)
        return (np.log(self.drawn(position)) - left) / (right - left)

    def up(self, row: str, values: np.ndarray) -> np.ndarray:
        """Place values on the y axis of a row, as a fraction of its length from below."""
        low, high = self.rows[row]
        if row in self.logs:
            return np.log(values / low) / np.log(high / low)
        return (values - low) / (high - low)

    def band(self, low: float, high: float) -> tuple[float, float] | None:
        """The part of the x axis to shade for a window, wide enough to be seen; None where it is off the axis."""
        hair = (self.ends[1] / self.ends[0]) ** _HAIR
        from_, to = (float(end) for end in self.drawn(np.array([low, high], dtype=float)))
        if to < from_ * hair**2:
            from_, to = from_ / hair, to * hair
        if from_ >= self.ends[1] or to <= self.ends[0]:
            return None
        return max(from_, self.ends[0]), min(to, self.ends[1])


def _styles(lines: Sequence[Line]) -> dict[str, tuple[int, int]]:
    """Give each run a colour and each measure within a row dashes; runs beyond the palette get dashes, too."""
    runs: dict[object, int] = {}
    measures: dict[tuple[object, str], list[str]] = {}
    styles: dict[str, tuple[int, int]] = {}
    for line in lines:
        if line.name in styles:
            continue
        number = runs.setdefault(line.run, len(runs))
        of_row = measures.setdefault((line.run, row_of(line.measure)), [])
        if line.measure not in of_row:
            of_row.append(line.measure)
        styles[line.name] = (number % SERIES + 1, number // SERIES + of_row.index(line.measure))
    return styles
