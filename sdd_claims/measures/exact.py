"""Sums that no order of their terms changes: each is rounded once, to the nearest double."""

import math

import torch
from torch import Tensor


def exact_sum(values: Tensor) -> float:
    """The correctly rounded sum of all numbers of a tensor; NaN or infinite as they make it."""
    numbers = values.detach().flatten().double()
    return math.fsum(numbers.tolist()) if bool(torch.isfinite(numbers).all()) else float(numbers.sum())
