"""Stacked MLPs whose gradients come in the layout of their weights.

Under vmap the gradient of a linear layer's weight is computed transposed, by a product that is slow for small batches,
and then copied into the weight's layout: more than half of a step in batches of 32. Here each layer defines its own
gradient. The result is that of the stack under vmap up to rounding.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.models import Architecture
from sdd_claims.training.sparse import is_plain_mlp
from sdd_claims.training.stack import ReplicaStack
from sdd_claims.training.step import ReplicaNumbers


def mlp_stack_where_faster(
    stack: ReplicaStack, architecture: Architecture, numbers: ReplicaNumbers, precision: str
) -> ReplicaStack:
    """The stack to train in place of another: an `MlpStack` of plain MLPs on a GPU or with a penalty, or the same.

    On a CPU, stacks without a penalty stay as they are: training amplifies rounding, and their results are stored by
    the thousand. In bfloat16 it is PyTorch that chooses the types of products and of their gradients.
    """
    asked = any(numbers.penalty_strength) or stack.device.type == "cuda"
    return MlpStack(stack) if asked and precision != "bfloat16" and is_plain_mlp(architecture) else stack


class MlpStack(ReplicaStack):
    """A stack of plain MLPs, to be trained and evaluated in its place: the same tensors, other products."""

    def __init__(self, full: ReplicaStack) -> None:
        """Take over a stack."""
        vars(self).update(vars(full))

    def logits(self, images: Float[Tensor, "replicas batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """Every replica on a batch of its own."""
        return self._forward(images.flatten(2))

    def logits_shared(self, images: Float[Tensor, "batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """Every replica on the same batch."""
        return self._forward(images.flatten(1).expand(len(self), -1, -1))

    def _forward(self, rows: Float[Tensor, "replicas batch pixels"]) -> Float[Tensor, "replicas batch classes"]:
        parameters = list(self.parameters.values())
        for index, (weight, bias) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
            rows = _Layer.apply(rows.relu() if index else rows, weight, bias)
        return rows


class _Layer(torch.autograd.Function):
    """The linear layer of every replica."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: Float[Tensor, "replicas batch sources"],
        weights: Float[Tensor, "replicas units sources"],
        biases: Float[Tensor, "replicas units"],
    ) -> Float[Tensor, "replicas batch units"]:
        ctx.save_for_backward(rows, weights)
        return torch.baddbmm(biases[:, None], rows, weights.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        rows, weights = ctx.saved_tensors
        (gradient,) = gradients
        of_rows = torch.bmm(gradient, weights) if ctx.needs_input_grad[0] else None
        return of_rows, torch.bmm(gradient.transpose(1, 2), rows), gradient.sum(1)
