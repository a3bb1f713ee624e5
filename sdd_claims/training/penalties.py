"""Penalties on the stacked parameters: one number a replica, multiplied by its strength and added to its loss."""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

Penalty = Callable[[Iterable[Tensor]], Float[Tensor, " replicas"]]


def l1(parameters: Iterable[Tensor]) -> Float[Tensor, " replicas"]:
    """Sum of absolute values of all parameters, each [replicas, ...]."""
    return torch.stack([p.abs().flatten(1).sum(1) for p in parameters]).sum(0)


def l2(parameters: Iterable[Tensor]) -> Float[Tensor, " replicas"]:
    """Sum of squares of all parameters, each [replicas, ...]: a weight decay of twice its strength."""
    return torch.stack([p.square().flatten(1).sum(1) for p in parameters]).sum(0)


PENALTIES: dict[str, Penalty] = {"l1": l1, "l2": l2}
