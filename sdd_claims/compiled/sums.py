"""Sums of many numbers as sums of few, none of them rounded."""

import numpy as np
from jaxtyping import Float64

from sdd_claims.compiled.functions import float64_of, int64_of
from sdd_claims.compiled.jit import compiled, inlined

PARTS = 128
"""More than all bits of a double's range make, split off 17 at a time, of a row as long as memory holds."""
_LANES = 64
_FRACTION, _HIGHEST = 52, 2046  # bits after the point of a double; its highest exponent, as it is written in its bits


@compiled
def split_sums(rows: Float64[np.ndarray, "rows columns"], parts: Float64[np.ndarray, "rows PARTS"]) -> None:
    """Write a few numbers that have the exact sum of a row; NaN where it is not finite, or too large or small for that.

    Rump, Ogita & Oishi 2008, "Accurate floating-point summation part I": leading bits are split off all terms, so few
    of each that their sum is exact in any order, until no bit is left.

    Args:
        rows: the rows.
        parts: zeros; the first ones are written.
    """
    columns = rows.shape[1]
    bits = 1
    while (1 << bits) < columns + 2:
        bits += 1
    left = np.zeros((-(-columns // _LANES), _LANES))
    lanes = np.empty(_LANES)
    for row in range(rows.shape[0]):
        for column in range(columns):
            left[column // _LANES, column % _LANES] = rows[row, column]
        count, largest = 0, _largest(left)
        while largest > 0:
            exponent = largest >> _FRACTION
            above = exponent + 1 + bits
            if exponent == 0 or above > _HIGHEST:
                parts[row, 0] = np.nan
                break
            parts[row, count] = _split_off(left, float64_of(above << _FRACTION), lanes)
            count, largest = count + 1, _largest(left)


@inlined
def _largest(left: Float64[np.ndarray, "lines _LANES"]) -> np.int64:
    """The bits of the largest absolute value, which are in the order of the numbers."""
    largest = np.int64(0)
    for line in range(left.shape[0]):
        for lane in range(_LANES):
            largest = max(largest, int64_of(abs(left[line, lane])))
    return largest


@inlined
def _split_off(left: Float64[np.ndarray, "lines _LANES"], above: float, lanes: Float64[np.ndarray, " _LANES"]) -> float:
    """Take off all terms what of them is left when they are added to a power of two, and return its sum."""
    for lane in range(_LANES):
        lanes[lane] = 0.0
    for line in range(left.shape[0]):
        for lane in range(_LANES):
            leading = (above + left[line, lane]) - above
            left[line, lane] -= leading
            lanes[lane] += leading
    total = 0.0
    for lane in range(_LANES):
        total += lanes[lane]
    return total
