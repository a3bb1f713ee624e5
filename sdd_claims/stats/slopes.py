"""The least-squares slope of a number on a factor, where each value of the factor has a curve of its own."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from sdd_claims.errors import InputError


def check_factors(curves: Sequence[str], factors: Sequence[float]) -> None:
    """Checks that a slope can be computed over curves.

    Args:
        curves: their names.
        factors: the value of the factor for each.

    Raises:
        InputError: not one factor a curve, or all factors are equal.
    """
    if len(curves) != len(factors) or len(set(factors)) < 2:
        raise InputError(
            f"a slope needs one factor a curve and two different factors, got {len(curves)} curves and the "
            f"factors {factors}; give as many of both"
        )


def slopes(
    numbers: Float[np.ndarray, "*batch seeds factors"], factors: Sequence[float]
) -> Float[np.ndarray, "*batch seeds"]:
    """Computes every seed's slope, in the unit of the numbers per unit of the factor; NaN where a number is NaN."""
    centred = np.array(factors) - np.mean(factors)
    return numbers @ (centred / (centred @ centred))
