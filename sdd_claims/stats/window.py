"""Windows: the registered ranges of density, or of another axis, in which a phase is looked at."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from sdd_claims.curves import DENSITY
from sdd_claims.errors import InputError
from sdd_claims.stats import words

# Positions are computed, as densities by powers; a level meant to lie on a window's edge may miss it by rounding.
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Window:
    """A closed range along a curve, fixed before the judged seeds were run.

    Attributes:
        low: lower edge; of density, a fraction of prunable weights left, the sparse edge, above 0.
        high: upper edge; of density the dense edge, at most 1.
        axis: what the curve lies along, see `SparsityCurve`.
    """

    low: float
    high: float
    axis: str = DENSITY

    def __post_init__(self) -> None:
        if self.axis == DENSITY and not 0 < self.low <= self.high <= 1:
            raise InputError(
                f"the window {self.low:g} to {self.high:g} is no range of density; "
                "give 0 < low <= high <= 1, the fraction of prunable weights left"
            )
        if not 0 <= self.low <= self.high < math.inf:
            raise InputError(
                f"the window {self.low:g} to {self.high:g} is no range of {self.axis}; give 0 <= low <= high"
            )

    def __str__(self) -> str:
        low, high = words.position(self.low), words.position(self.high)
        return low if self.low == self.high else f"{low} to {high}"

    @property
    def is_untouched(self) -> bool:
        """Whether it is where a curve begins and no more: the dense network, or 0 of another axis, as of a penalty."""
        return self.low == self.high == (1 if self.axis == DENSITY else 0)

    @property
    def words(self) -> str:
        """The range with its axis, in words: "density 0.1 to 0.2"."""
        return f"{self.axis} {self}"

    def levels(self, position: Float[np.ndarray, " levels"]) -> Int[np.ndarray, " inside"]:
        """Returns the indices of the levels inside the window.

        Args:
            position: position of each level along the window's axis.

        Raises:
            InputError: no level lies inside.
        """
        inside = np.flatnonzero((position >= self.low * (1 - _EDGE)) & (position <= self.high * (1 + _EDGE)))
        if inside.size == 0:
            raise InputError(
                f"the window at {self.words} lies off the curve, whose {len(position)} levels lie from "
                f"{words.position(position[0])} to {words.position(position[-1])}; move the window or train more "
                "levels"
            )
        return inside

    def mean(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch"]:
        """Averages every curve over the window's levels, so that a seed gives one number."""
        return values[..., self.levels(position)].mean(axis=-1)


def check_phases(windows: Mapping[str, Window]) -> None:
    """Checks that the windows of successive phases follow each other along the curve without overlap.

    That is from dense to sparse, and from low to high along every other axis.

    Args:
        windows: phase -> window, in the order in which the levels pass through them.

    Raises:
        InputError: two windows overlap, stand in the wrong order or lie along different axes.
    """
    for (earlier, first), (later, second) in pairwise(windows.items()):
        if first.axis != second.axis:
            raise InputError(
                f"the window of the {later} phase ({second.words}) lies along another axis than that of the {earlier} "
                f"phase ({first.words}); phases follow each other along one"
            )
        falls = first.axis == DENSITY
        if second.high >= first.low if falls else second.low <= first.high:
            raise InputError(
                f"the window of the {later} phase ({second}) must be {'sparser' if falls else 'higher'} than that of "
                f"the {earlier} phase ({first}) and not overlap it; move one of them"
            )
