"""Windows: the registered ranges of density in which a phase is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from sdd_claims.errors import InputError

# Densities are ratios of counts; a level meant to lie on a window's edge may miss it by rounding.
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Window:
    """A closed range of density, fixed before the judged seeds were run.

    Attributes:
        low: the sparse edge, a fraction of prunable weights left, above 0.
        high: the dense edge, at most 1.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high <= 1:
            raise InputError(
                f"the window {self.low:g} to {self.high:g} is no range of density; "
                "give 0 < low <= high <= 1, the fraction of prunable weights left"
            )

    def __str__(self) -> str:
        return f"{self.low:.3g}" if self.low == self.high else f"{self.low:.3g} to {self.high:.3g}"

    def levels(self, density: Float[np.ndarray, " levels"]) -> Int[np.ndarray, " inside"]:
        """Returns the indices of the levels inside the window.

        Args:
            density: fraction of prunable weights left at each level.

        Raises:
            InputError: no level lies inside.
        """
        inside = np.flatnonzero((density >= self.low * (1 - _EDGE)) & (density <= self.high * (1 + _EDGE)))
        if inside.size == 0:
            raise InputError(
                f"the window {self} lies off the curve, whose {len(density)} levels have densities "
                f"from {density[0]:.3g} to {density[-1]:.3g}; move the window or train more levels"
            )
        return inside

    def mean(
        self, density: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch"]:
        """Averages every curve over the window's levels, so that a seed gives one number."""
        return values[..., self.levels(density)].mean(axis=-1)


def check_phases(windows: Mapping[str, Window]) -> None:
    """Checks that the windows of successive phases follow each other from dense to sparse without overlap.

    Args:
        windows: phase -> window, in the order in which pruning passes through them.

    Raises:
        InputError: two windows overlap or stand in the wrong order.
    """
    phases = list(windows.items())
    for (earlier, dense), (later, sparse) in pairwise(phases):
        if sparse.high >= dense.low:
            raise InputError(
                f"the window of the {later} phase ({sparse}) must be sparser than that of the {earlier} phase "
                f"({dense}) and not overlap it; move one of them"
            )
