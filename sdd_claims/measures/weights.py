"""Measures of the weights themselves: their variance, and how many are zero or small."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.measures.exact import exact_sum

SMALL = 1e-3
"""Absolute value up to which a weight counts as small (Parhi et al. 2021, 3; the code of Zhang 2024).

Part of every stored fraction, so a change needs a new `spec.PIPELINE`.
"""


def weight_variance(
    trained: Sequence[Mapping[str, Tensor]], masks: Sequence[Mapping[str, Tensor]], *, exact: bool = False
) -> Float[Tensor, " replicas"]:
    """Variance of the prunable weights that are left, over all layers, one a replica; 0 where fewer than two are."""
    left = [
        torch.cat([weights[name][mask.bool()] for name, mask in kept.items()]).double()
        for weights, kept in zip(trained, masks, strict=True)
    ]
    if exact:
        return torch.tensor([_exact_variance(weights) for weights in left], dtype=torch.float64)
    return torch.stack([weights.var() if len(weights) > 1 else weights.new_zeros(()) for weights in left])


def _exact_variance(weights: Float[Tensor, " left"]) -> float:
    if len(weights) < 2:
        return 0.0
    mean = exact_sum(weights) / len(weights)
    return exact_sum((weights - mean).square()) / (len(weights) - 1)


def zero_fraction(trained: Sequence[Mapping[str, Tensor]]) -> Float[Tensor, " replicas"]:
    """Fraction of the entries of all weight matrices that are exactly zero, one a replica."""
    return torch.stack([(_entries(weights) == 0).double().mean() for weights in trained])


def small_fraction(trained: Sequence[Mapping[str, Tensor]]) -> Float[Tensor, " replicas"]:
    """Fraction of the entries of all weight matrices with absolute value at most `SMALL`, one a replica."""
    return torch.stack([(_entries(weights).abs() <= SMALL).double().mean() for weights in trained])


def _entries(weights: Mapping[str, Tensor]) -> Float[Tensor, " entries"]:
    return torch.cat([value.flatten() for value in weights.values() if value.ndim > 1])
