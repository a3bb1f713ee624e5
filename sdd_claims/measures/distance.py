"""Learning distance: how far training has carried a network from where the dense network began."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.measures.exact import exact_sums


def learning_distance(
    initial: Mapping[str, Float[Tensor, "replicas ..."]],
    learned: Mapping[str, Float[Tensor, "replicas ..."]],
    *,
    exact: bool = False,
) -> Float[Tensor, " replicas"]:
    """l2 distance over all parameters from the original dense initialization to the learned weights.

    Pruned weights count as zero, so a pruned weight is as far away as its initial value was large
    (He et al. 2022, 3.2). `exact` sums round once, in the same way everywhere.
    """
    differences = ((learned[name].detach() - initial[name]).double() for name in learned)
    squares = (each.square().reshape(len(each), -1) for each in differences)  # a parameter may be a single number
    if exact:
        return torch.tensor([math.sqrt(each) for each in exact_sums(torch.cat(list(squares), 1))], dtype=torch.float64)
    return torch.stack([each.sum(1) for each in squares]).sum(0).sqrt()
