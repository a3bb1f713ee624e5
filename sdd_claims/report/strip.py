"""Windows as rows of bars above a panel: those of single curves, and names that would cover the curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdd_claims.report.axes import Axes
from sdd_claims.report.names import owner


@dataclass(frozen=True, slots=True)
class Mark:
    """A window's name, and its bar if it is of one curve; x as fractions of the panel's width.

    Attributes:
        text: the name.
        centre: centre of the text.
        bar: both ends of the bar, None for a window that is shaded over the whole panel.
        curve: the curve whose window it is, likewise None.
    """

    text: str
    centre: float
    bar: tuple[float, float] | None
    curve: str | None

    def reach(self, width: float) -> tuple[float, float]:
        """Both ends of the mark, with a text of this width."""
        ends = (self.centre - width / 2, self.centre + width / 2)
        return ends if self.bar is None else (min(ends[0], self.bar[0]), max(ends[1], self.bar[1]))


def mark(name: str, band: tuple[float, float], axes: Axes, width: float) -> Mark:
    """Return the mark of the window `name` that reaches over `band`, its text moved into the panel."""
    curve, text = owner(name, tuple(axes.styles))
    left, right = sorted(float(x) for x in axes.across(np.array(band)))
    centre = min(max((left + right) / 2, width / 2), 1 - width / 2)
    return Mark(text, centre, (left, right) if curve is not None else None, curve)


def pack(marks: Sequence[Mark], widths: Mapping[str, float]) -> list[list[Mark]]:
    """Put marks into rows, those of one curve together and none on another; `widths` are those of their texts."""
    rows: list[list[Mark]] = []
    for curve in dict.fromkeys(each.curve for each in marks):
        own: list[list[Mark]] = []
        for each in marks:
            if each.curve == curve:
                free = (row for row in own if not any(_touch(each, other, widths) for other in row))
                row = next(free, None)
                if row is None:
                    own.append(row := [])
                row.append(each)
        rows += own
    return rows


def _touch(first: Mark, second: Mark, widths: Mapping[str, float]) -> bool:
    (left, right), (low, high) = (each.reach(widths[each.text]) for each in (first, second))
    return left < high and low < right
