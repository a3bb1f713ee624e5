"""Where to write a curve's name: beside the curve, clear of every other one. Coordinates are fractions of a panel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

_GAP = 0.018
_PLACES = 120

Places: TypeAlias = Float[np.ndarray, " places"]


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

    def within(self, left: Places, right: Places) -> tuple[Places, Places]:
        """Return the lowest and the highest point of the band for x from each `left` to its `right`."""
        x = np.linspace(left, right, 9)
        return np.interp(x, self.x, self.low).min(axis=0), np.interp(x, self.x, self.high).max(axis=0)


def place(bundles: Sequence[Bundle], sizes: Sequence[tuple[float, float]], taken: Sequence[Box]) -> list[Box]:
    """Choose a box of each given (width, height) just above or below its bundle, off the others and off `taken`."""
    placed: list[Box] = []
    for index, (bundle, (width, height)) in enumerate(zip(bundles, sizes, strict=True)):
        others = [other for position, other in enumerate(bundles) if position != index]
        left, bottom = _candidates(bundle, width, height)
        best = int(_cost(left, bottom, width, height, bundle, others, [*taken, *placed]).argmin())
        x, y = float(left[best]), float(bottom[best])
        placed.append(Box(x, y, x + width, y + height))
    return placed


def _candidates(bundle: Bundle, width: float, height: float) -> tuple[Places, Places]:
    """Left and lower edges of the boxes to choose from: at each place one above the band and one below."""
    first = max(float(bundle.x[0]), 0.0)
    last = max(min(float(bundle.x[-1]), 1.0) - width, first)
    left = np.linspace(first, last, _PLACES)
    low, high = bundle.within(left, left + width)
    return np.repeat(left, 2), np.stack([high + _GAP, low - _GAP - height], axis=1).ravel()


def _cost(
    left: Places,
    bottom: Places,
    width: float,
    height: float,
    bundle: Bundle,
    others: Sequence[Bundle],
    taken: Sequence[Box],
) -> Places:
    """The penalty of each box: for a name off the panel, on another curve or name, or far from its own curve."""
    right, top = left + width, bottom + height

    def share_on(box: Box) -> Places:
        across = np.minimum(right, box.right) - np.maximum(left, box.left)
        up = np.minimum(top, box.top) - np.maximum(bottom, box.bottom)
        return (
            np.maximum(across, 0.0) * np.maximum(up, 0.0) / max(width * height, np.finfo(float).tiny)
        )  # a name may be empty

    inside = share_on(Box(0.0, 0.0, 1.0, 1.0))
    covered = sum((share_on(box) for box in taken), start=np.zeros_like(left))
    struck, nearest_other = np.zeros_like(left), np.ones_like(left)
    for other in others:
        low, high = other.within(left, right)
        struck += np.maximum(0.0, np.minimum(high, top) - np.maximum(low, bottom)) / height
        nearest_other = np.minimum(nearest_other, np.maximum(np.maximum(low - top, bottom - high), 0.0))
    distance = np.abs((bottom + top) / 2 - np.interp((left + right) / 2, bundle.x, bundle.mean))
    return 20 * (1 - inside) + 5 * covered + 5 * struck + distance - 0.5 * np.minimum(nearest_other, 0.1)
