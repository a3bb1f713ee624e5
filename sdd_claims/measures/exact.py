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
    if why_no_numba():
        return [_sum(row) for row in numbers]
    from sdd_claims.compiled.sums import PARTS, split_sums  # late: it needs Numba

    parts = np.zeros((len(numbers), PARTS))
    split_sums(numbers, parts)
    return [_sum(row) if np.isnan(few[0]) else math.fsum(few) for row, few in zip(numbers, parts, strict=True)]


def _sum(row: Float64[np.ndarray, " columns"]) -> float:
    return math.fsum(row) if np.isfinite(row).all() else sum(row.tolist())
