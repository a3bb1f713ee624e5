"""Sums that are rounded once, to the nearest double, as `math.fsum` rounds them."""

import numpy as np
from jaxtyping import Float64

from sdd_claims.compiled.jit import compiled

_MOST = 64
"""Parts that are kept of a sum. Rows that were made up for it take more: those are left to `math.fsum`."""


@compiled
def exact_sums(rows: Float64[np.ndarray, "rows columns"], found: Float64[np.ndarray, " rows"]) -> None:
    """Write the correctly rounded sum of each row; NaN where a row is not finite, or its sum takes too much room.

    Shewchuk 1997, "Adaptive precision floating-point arithmetic": what additions lose is kept, in doubles that do not
    overlap and rise, and these are added from the largest down.
    """
    parts = np.empty(_MOST)
    for row in range(rows.shape[0]):
        count = 0
        for column in range(rows.shape[1]):
            value = rows[row, column]
            kept = 0
            for place in range(count):
                other = parts[place]
                larger, smaller = (other, value) if abs(value) < abs(other) else (value, other)
                value = larger + smaller
                lost = smaller - (value - larger)
                if lost != 0.0:
                    parts[kept] = lost
                    kept += 1
            count = kept
            if value != 0.0:
                parts[count] = value
                count += 1
            if not abs(value) < np.inf or count == _MOST:
                break
        found[row] = _rounded(parts, count) if count < _MOST else np.nan


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
