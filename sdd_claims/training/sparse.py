"""A sparse MLP trained by sparse products: arithmetic only for kept weights between live units.

A masked network costs as much as the dense one. Here pruned weights do not exist: all replicas' weights of a layer are
one sparse matrix, block by block along its diagonal, that meets activations of layout [units of all replicas, batch],
so that every kept weight multiplies a whole batch at once. Nor do dead units, which at high sparsity most are. Two
kinds of them take no part in training, and stay bit for bit as they began:

    idle: a pixel or hidden unit whose kept outgoing weights, if any, all lead to idle units. Nothing uses its output,
        so every gradient that touches it is zero.
    silent: a hidden unit whose kept incoming weights, if any, all come from silent units, and whose bias is not above
        zero. Its activation is zero, and so is the gradient of ReLU at and below zero.

The result is that of the masked network up to rounding.
"""

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sdd_claims.models import Architecture
from sdd_claims.training.stack import ReplicaStack
from sdd_claims.training.step import ReplicaNumbers

DENSITY = 0.3
"""Above this fraction of kept weights dense products are faster (see `benchmarks.sparse_curve`)."""


def sparse_where_faster(stack: ReplicaStack, architecture: Architecture, numbers: ReplicaNumbers) -> ReplicaStack:
    """The stack to train in place of another: a `SparseStack`, or the same stack.

    It is the stack itself where too much is kept; off the CPU, where a step of an MLP waits for launches and not for
    arithmetic; without MKL, whose sparse products these are; where the network is no plain MLP; and with weight decay
    or a penalty in any replica, which move weights that no gradient reaches, those of dead units among them.

    Args:
        stack: the networks at the start of their training. A `SparseStack` that is returned takes ownership of it.
        architecture: architecture of the stack.
        numbers: settings that differ between the replicas.
    """
    masks = stack.masks.values()
    kept, total = sum(int(mask.count_nonzero()) for mask in masks), sum(mask.numel() for mask in masks)
    fits = (
        kept <= DENSITY * total
        and torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
        and all(mask.device.type == "cpu" for mask in masks)
        and is_plain_mlp(architecture)
        and not any(numbers.weight_decay)
        and not any(numbers.penalty_strength)
    )
    return SparseStack(stack) if fits else stack


def is_plain_mlp(architecture: Architecture) -> bool:
    """Flatten, then linear layers with biases, which are not pruned, and ReLU between them; nothing but their sequence.

    An own network may have the same layers, and use them otherwise: by a class of its own, or by hooks.
    """
    module = architecture.module
    layers = list(module.children())
    if type(module) is not nn.Sequential or not layers or getattr(layers[0], "start_dim", 1) != 1:
        return False
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    kinds = [nn.Flatten, *[nn.Linear, nn.ReLU] * len(linear)][:-1]
    return (
        [type(layer) for layer in layers] == kinds
        and all(layer.bias is not None for layer in linear)
        and all(name.endswith(".weight") for name in architecture.prunable)
        and not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())
    )


class SparseStack(ReplicaStack):
    """The kept weights and live units of a stack of plain MLPs, to be trained and evaluated in its place.

    Attributes:
        parameters: named as in the full stack; each has the entries that are trained, replica after replica.
        masks: none; pruned weights are not in `parameters`.
    """

    def __init__(self, full: ReplicaStack) -> None:
        """Take over a full stack at the start of its training."""
        self._full = full
        names = list(full.parameters)
        pairs = list(zip(names[::2], names[1::2], strict=True))
        kept = [
            full.masks[weight] != 0 if weight in full.masks else torch.ones_like(full.parameters[weight]).bool()
            for weight, _ in pairs
        ]
        live = live_units(kept, [full.parameters[bias].detach() > 0 for _, bias in pairs])
        self._pixels = live[0].nonzero(as_tuple=True)
        self._trained: dict[str, Bool[Tensor, "replicas ..."]] = {}
        self._layers: list[tuple[str, str, _Pattern]] = []
        for (weight, bias), mask, (sources, units) in zip(pairs, kept, pairwise(live), strict=True):
            mask &= units[:, :, None] & sources[:, None]
            self._trained |= {weight: mask, bias: units}
            self._layers.append((weight, bias, _Pattern(mask, sources, units)))
        self.parameters = {
            name: full.parameters[name].detach()[entries].requires_grad_() for name, entries in self._trained.items()
        }
        self.masks = {}
        self.buffers = {}

    def __len__(self) -> int:
        return len(self._full)

    def logits(self, images: Float[Tensor, "replicas batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """Every replica on a batch of its own."""
        return self._forward(images.flatten(2).transpose(1, 2))

    def logits_shared(self, images: Float[Tensor, "batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """Every replica on the same batch."""
        return self._forward(images.flatten(1).t().expand(len(self), -1, -1))

    def mask_gradients(self, *, always: bool = False) -> None:
        """Do nothing: pruned weights have no gradient."""

    def unstacked(self) -> list[dict[str, Tensor]]:
        """A copy of each replica's weights, on the CPU: all of them, the pruned and the dead as well."""
        with torch.no_grad():
            for name, entries in self._trained.items():
                self._full.parameters[name][entries] = self.parameters[name]
        return self._full.unstacked()

    def _forward(self, pixels: Float[Tensor, "replicas pixels batch"]) -> Float[Tensor, "replicas batch classes"]:
        columns = pixels[self._pixels]
        for index, (weight, bias, pattern) in enumerate(self._layers):
            if index:
                columns = columns.relu_()
            columns = _Layer.apply(self.parameters[weight], self.parameters[bias], columns, pattern)
        return columns.view(len(self), -1, columns.shape[1]).transpose(1, 2)


def live_units(
    kept: Sequence[Bool[Tensor, "replicas units sources"]], positive: Sequence[Bool[Tensor, "replicas units"]]
) -> list[Bool[Tensor, "replicas units"]]:
    """The units of each layer that are not dead, from the pixels to the outputs, which are all alive.

    Args:
        kept: for each layer, which weights are kept.
        positive: for each layer, which biases are above zero.
    """
    outputs = torch.ones_like(positive[-1])
    used = [outputs]  # not idle
    for mask in reversed(kept):
        used.insert(0, (mask & used[0][:, :, None]).any(1))
    live = [used[0]]
    active = torch.ones_like(used[0])  # not silent
    for mask, above_zero, is_used in zip(kept[:-1], positive[:-1], used[1:-1], strict=True):
        active = (mask & active[:, None]).any(2) | above_zero
        live.append(active & is_used)
    return [*live, outputs]


class _Pattern:
    """The indices of all replicas' weights of a layer in a block-diagonal matrix [live units, live sources]."""

    def __init__(
        self,
        kept: Bool[Tensor, "replicas units sources"],
        sources: Bool[Tensor, "replicas sources"],
        units: Bool[Tensor, "replicas units"],
    ) -> None:
        replica, unit, source = kept.nonzero(as_tuple=True)
        row, column = _numbered(units)[replica, unit], _numbered(sources)[replica, source]
        self._shape = (int(units.sum()), int(sources.sum()))
        self._by_row = (_starts(row, self._shape[0]), column)
        self._transposition = torch.argsort(column, stable=True)
        self._by_column = (_starts(column, self._shape[1]), row[self._transposition])
        with warnings.catch_warnings():
            # PyTorch warns once in a process that this layout is in beta, and 2.11 that it checks no invariants.
            warnings.filterwarnings("ignore", "Sparse (CSR tensor|invariant checks)", UserWarning)
            self.matrix(torch.zeros(len(row)))

    def matrix(self, weights: Float[Tensor, " kept"]) -> Tensor:
        """The matrix, in compressed rows."""
        return torch.sparse_csr_tensor(*self._by_row, weights, self._shape, check_invariants=False)

    def transposed(self, weights: Float[Tensor, " kept"]) -> Tensor:
        """The transposed matrix, in compressed rows."""
        weights = weights[self._transposition]
        return torch.sparse_csr_tensor(*self._by_column, weights, self._shape[::-1], check_invariants=False)


def _numbered(units: Bool[Tensor, "replicas units"]) -> Int[Tensor, "replicas units"]:
    """Numbers from 0 for those that are true, replica by replica."""
    return (units.flatten().cumsum(0) - 1).view_as(units)


def _starts(rows: Int[Tensor, " entries"], count: int) -> Int[Tensor, " bounds"]:
    """Where each row begins in a list of entries sorted by row, and where the last ends."""
    return torch.cat([rows.new_zeros(1), rows.bincount(minlength=count).cumsum(0)])


class _Layer(torch.autograd.Function):
    """Weights times activations, plus biases. PyTorch's own gradient would sort out the transpose at every step."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, biases: Tensor, columns: Tensor, pattern: _Pattern) -> Tensor:
        ctx.save_for_backward(weights, columns)
        ctx.pattern = pattern
        return torch.sparse.mm(pattern.matrix(weights), columns, "sum").add_(biases[:, None])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weights, columns = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        zeros = ctx.pattern.matrix(torch.zeros_like(weights))
        of_weights = torch.sparse.sampled_addmm(zeros, gradient, columns.t(), beta=0).values()
        of_columns = None
        if ctx.needs_input_grad[2]:
            of_columns = torch.sparse.mm(ctx.pattern.transposed(weights), gradient, "sum")
        return of_weights, gradient.sum(1), of_columns, None
