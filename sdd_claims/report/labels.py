"""Where to write a curve's name: beside the curve, clear of every other one. Coordinates are fractions of a panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_GAP = 0.018
_PLACES = 120


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a panel, (0, 0) its lower left corner and (1, 1) its upper right one."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: "Box") -> float:
        """Return the area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)


@dataclass(frozen=True, slots=True)
class Bundle:
    """One curve as drawn: its mean and the band that its seeds fill, over rising x."""

    x: Float[np.ndarray, " levels"]
    mean: Float[np.ndarray, " levels"]
    low: Float[np.ndarray, " levels"]
    high: Float[np.ndarray, " levels"]

    def within(self, left: float, right: float) -> tuple[float, float]:
        """Return the lowest and the highest point of the band for x from `left` to `right`."""
        x = np.linspace(left, right, 9)
        return float(np.interp(x, self.x, self.low).min()), float(np.interp(x, self.x, self.high).max())


def place(bundles: Sequence[Bundle], sizes: Sequence[tuple[float, float]], taken: Sequence[Box]) -> list[Box]:
    """Choose a box of each given (width, height) just above or below its bundle, off the others and off `taken`."""
    placed: list[Box] = []
    for index, (bundle, (width, height)) in enumerate(zip(bundles, sizes, strict=True)):
        others = [other for position, other in enumerate(bundles) if position != index]
        candidates = _candidates(bundle, width, height)
        placed.append(min(candidates, key=lambda box: _cost(box, bundle, others, [*taken, *placed])))
    return placed


def _candidates(bundle: Bundle, width: float, height: float) -> list[Box]:
    boxes = []
    first = max(float(bundle.x[0]), 0.0)
    last = max(min(float(bundle.x[-1]), 1.0) - width, first)
    for left in np.linspace(first, last, _PLACES):
        low, high = bundle.within(float(left), float(left) + width)
        for bottom in (high + _GAP, low - _GAP - height):
            boxes.append(Box(float(left), bottom, float(left) + width, bottom + height))
    return boxes


def _cost(box: Box, bundle: Bundle, others: Sequence[Bundle], taken: Sequence[Box]) -> float:
    """The penalty of a box: for a name off the panel, on another curve or name, or far from its own curve."""
    area = (box.right - box.left) * (box.top - box.bottom)
    inside = box.overlap(Box(0.0, 0.0, 1.0, 1.0)) / area
    covered = sum(box.overlap(other) for other in taken) / area
    struck = 0.0
    nearest_other = 1.0
    for other in others:
        low, high = other.within(box.left, box.right)
        struck += max(0.0, min(high, box.top) - max(low, box.bottom)) / (box.top - box.bottom)
        nearest_other = min(nearest_other, max(low - box.top, box.bottom - high, 0.0))
    middle = (box.left + box.right) / 2
    distance = abs((box.bottom + box.top) / 2 - float(np.interp(middle, bundle.x, bundle.mean)))
    return 20 * (1 - inside) + 5 * covered + 5 * struck + distance - 0.5 * min(nearest_other, 0.1)
