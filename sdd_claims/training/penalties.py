"""Penalties on the stacked parameters: one number a replica, multiplied by its strength and added to its loss."""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.errors import InputError

Penalty = Callable[[Iterable[Tensor]], Float[Tensor, " replicas"]]


def l1(parameters: Iterable[Tensor]) -> Float[Tensor, " replicas"]:
    """Sum of absolute values of all parameters, each [replicas, ...]."""
    return torch.stack([_rows(p.abs()).sum(1) for p in parameters]).sum(0)


def l2(parameters: Iterable[Tensor]) -> Float[Tensor, " replicas"]:
    """Sum of squares of all parameters, each [replicas, ...]: a weight decay of twice its strength."""
    return torch.stack([_rows(p.square()).sum(1) for p in parameters]).sum(0)


def matrix_norm(parameters: Iterable[Tensor]) -> Float[Tensor, " replicas"]:
    """Sum of the matrix 1-norms of all weights and the l1 norms of all biases (the published code of Zhang 2024).

    The matrix 1-norm of a weight [replicas, out, in] is its largest column sum of absolute values, over the weights of
    the strongest input. Columns of equal sums share the subgradient, as they do in `torch.linalg.norm`.

    Raises:
        InputError: a parameter has more than two axes a replica, as that of a convolution.
    """
    return torch.stack([_matrix_norm(p) for p in parameters]).sum(0)


def _matrix_norm(parameter: Float[Tensor, "replicas ..."]) -> Float[Tensor, " replicas"]:
    if parameter.ndim > 3:
        raise InputError(
            f"the matrix norm is that of vectors and matrices, got a parameter of shape {tuple(parameter.shape[1:])}; "
            "give a network of linear layers, or another penalty"
        )
    if parameter.ndim < 3:
        return _rows(parameter.abs()).sum(1)
    return parameter.abs().sum(1).amax(-1)


def _rows(parameter: Float[Tensor, "replicas ..."]) -> Float[Tensor, "replicas numbers"]:
    """A row a replica, of a single number too."""
    return parameter.reshape(len(parameter), -1)


@torch.no_grad()
def shrink_l1(parameters: Iterable[Tensor], amount: Float[Tensor, " replicas"]) -> None:
    """Move every parameter, each [replicas, ...], towards zero by its replica's amount, and to exact zero within it.

    The proximal operator of amount x `l1` (Parikh & Boyd 2014, 6.5.2): an SGD step on the loss without the penalty,
    followed by this with learning rate x strength, is a step of proximal SGD.
    """
    for parameter in parameters:
        reach = amount.view(-1, *[1] * (parameter.ndim - 1))
        parameter.sub_(parameter.clamp(-reach, reach))


def off(parameters: Iterable[Tensor]) -> Float[Tensor, " replicas"]:
    """Zero: the control of a path along a penalty's strength."""
    first = next(iter(parameters))
    return first.new_zeros(len(first))


PENALTIES: dict[str, Penalty] = {"off": off, "l1": l1, "l2": l2, "matrix_norm": matrix_norm}
