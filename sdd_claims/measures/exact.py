"""Sums that no order of their terms changes: each is rounded once, to the nearest double."""

import math

import numpy as np
from jaxtyping import Float, Float64
from torch import Tensor

from sdd_claims.training.arithmetic import why_no_numba


def exact_sum(values: Tensor) -> float:
    """The correctly rounded sum of all numbers of a tensor; NaN or infinite as they make it."""
    return exact_sums(values.flatten()[None])[0]


def exact_sums(rows: Float[Tensor, "rows columns"]) -> list[float]:
    """The same of each row of a matrix."""
    numbers = rows.detach().double().contiguous().cpu().numpy()
    found = np.full(len(numbers), np.nan)
    if not why_no_numba():
        from sdd_claims.compiled.sums import exact_sums as compiled_sums  # late: it needs Numba

        compiled_sums(numbers, found)
    return [_sum(row) if total != total else total for row, total in zip(numbers, found.tolist(), strict=True)]


def _sum(row: Float64[np.ndarray, " columns"]) -> float:
    """The sum of a row that is not finite, or that nothing compiled has summed."""
    return math.fsum(row) if np.isfinite(row).all() else sum(row.tolist())
