"""Sums that are rounded once, to the nearest double, as `math.fsum` rounds them."""

import numpy as np
from jaxtyping import Float64

from sdd_claims.compiled.functions import float64_of, int64_of
from sdd_claims.compiled.jit import compiled, inlined

_LANES = 64
_PARTS = 128  # more than all bits of a double's range make, split off 17 at a time, of a row as long as memory holds
_FRACTION, _HIGHEST = 52, 2046  # bits after the point of a double; its highest exponent, as it is written in its bits


@compiled
def exact_sums(rows: Float64[np.ndarray, "rows columns"], found: Float64[np.ndarray, " rows"]) -> None:
    """Write the correctly rounded sum of each row; NaN where that is left to `math.fsum`.

    Rump, Ogita & Oishi 2008, "Accurate floating-point summation part I": leading bits are split off all terms, so few
    of each that their sum is exact in any order, until no bit is left. The few sums are added by Shewchuk 1997,
    "Adaptive precision floating-point arithmetic": what additions lose is kept, in doubles that do not overlap, and
    these are added from the largest down. What is too large or too small for it, or not finite, has no sum here.
    """
    columns = rows.shape[1]
    bits = 1
    while (1 << bits) < columns + 2:
        bits += 1
    left = np.zeros((-(-columns // _LANES), _LANES))
    lanes, parts = np.empty(_LANES), np.empty(_PARTS)
    for row in range(rows.shape[0]):
        for column in range(columns):
            left[column // _LANES, column % _LANES] = rows[row, column]
        count, largest = 0, _largest(left)
        while largest > 0:
            exponent = largest >> _FRACTION
            above = exponent + 1 + bits
            if exponent == 0 or above > _HIGHEST:
                break
            count = _added(parts, count, _split_off(left, float64_of(above << _FRACTION), lanes))
            largest = _largest(left)
        found[row] = np.nan if largest > 0 else _rounded(parts, count)


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
    lanes[:] = 0.0
    for line in range(left.shape[0]):
        for lane in range(_LANES):
            leading = (above + left[line, lane]) - above
            left[line, lane] -= leading
            lanes[lane] += leading
    total = 0.0
    for lane in range(_LANES):
        total += lanes[lane]
    return total


@inlined
def _added(parts: Float64[np.ndarray, " _PARTS"], count: int, value: float) -> int:
    """Add a number to a sum in parts; returns how many there are then."""
    kept = 0
    for place in range(count):
        other = parts[place]
        larger, smaller = (other, value) if abs(value) < abs(other) else (value, other)
        value = larger + smaller
        lost = smaller - (value - larger)
        if lost != 0.0:
            parts[kept] = lost
            kept += 1
    if value != 0.0:
        parts[kept] = value
        kept += 1
    return kept


@compiled
def _rounded(parts: Float64[np.ndarray, " some"], count: int) -> float:
    """The sum of the first parts, rounded half to even."""
    if count == 0:
        return 0.0
    count -= 1
    total, lost = parts[count], 0.0
    while count > 0 and lost == 0.0:
        count -= 1
        before = total
        total = before + parts[count]
        lost = parts[count] - (total - before)
    # Half way between two doubles, the parts below decide.
    if count > 0 and ((lost < 0.0 and parts[count - 1] < 0.0) or (lost > 0.0 and parts[count - 1] > 0.0)):
        twice = lost * 2.0
        other = total + twice
        if twice == other - total:
            total = other
    return total if abs(total) < np.inf else np.nan
