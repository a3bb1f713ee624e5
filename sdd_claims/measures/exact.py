"""Sums that no order of their terms changes: each is rounded once, to the nearest double."""

import math

import torch
from torch import Tensor


def exact_sum(values: Tensor) -> float:
    """The correctly rounded sum of all numbers of a tensor; NaN or infinite as they make it."""
    return exact_sums(values.flatten()[None])[0]


def exact_sums(rows: Tensor) -> list[float]:
    """The same of each row of a matrix."""
    numbers = rows.detach().double()
    finite = torch.isfinite(numbers).all(1).tolist()
    return [math.fsum(row) if whole else sum(row) for row, whole in zip(numbers.tolist(), finite, strict=True)]
