"""The cost of training, in floating-point operations of matrix products.

Only the network that learns is counted. A teacher's logits are computed once in a chain for each image, by a forward
pass without a backward one; that, evaluation and the optimizer's arithmetic are left out.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from sdd_claims.models import Architecture
from sdd_claims.training.sparse import is_plain_mlp

_SMALL = 1_000_000
"""Parameters of a network that is trained on two images in a moment."""


@dataclass(frozen=True)
class TrainingCost:
    """Operations of one image's forward and backward pass.

    Attributes:
        dense: operations of the whole network, pruned weights included, as without sparse kernels.
        by_weight: the share of each linear or convolutional layer that pruning may touch, by the name of its weights.
    """

    dense: int
    by_weight: Mapping[str, int]

    def kept(self, masks: Mapping[str, Tensor]) -> float:
        """The same where a pruned weight costs nothing: each layer's share times the fraction of it that is left.

        Layers without prunable weights, products of activations, and matrices that are no layer of their own (those of
        a ReLU network, which nothing prunes) count as in the dense network.
        """
        gone = {name: float((~mask).double().mean()) for name, mask in masks.items()}
        return self.dense - sum(share * gone[name] for name, share in self.by_weight.items())


def training_cost(architecture: Architecture, input_shape: tuple[int, int, int]) -> TrainingCost:
    """Operations of one image's forward and backward pass, as PyTorch counts them.

    A layer has the products of its weights with the activations, of the gradient with the activations, and of the
    gradient with the weights; a layer of the images, which need no gradient, lacks the last.
    """
    if is_plain_mlp(architecture):
        return _of_an_mlp(architecture)
    # Shapes are enough, but the first product of mere shapes imports PyTorch's compiler, which takes seconds. A
    # forward pass that looks up buffers or makes tensors, as a user's may, wants true ones on the CPU.
    small = sum(parameter.numel() for parameter in architecture.module.parameters()) <= _SMALL
    device = "cpu" if small or architecture.drawn else "meta"
    if architecture.drawn:
        with torch.random.fork_rng(devices=[]):
            module = architecture.drawn().train()
    else:
        module = deepcopy(architecture.module).to_empty(device=device)
    layers = {
        name: module.get_submodule(name.removesuffix(".weight"))
        for name in architecture.prunable
        if name.endswith(".weight")
    }
    by_weight = dict.fromkeys(layers, 0)
    counter = _Operations()

    def begin(name: str) -> None:
        by_weight[name] = -counter.total

    def end(name: str, inputs: Iterable[Any]) -> None:
        forward = by_weight[name] + counter.total
        feels = any(isinstance(each, Tensor) and each.requires_grad for each in inputs)
        by_weight[name] = (3 if feels else 2) * forward // count

    count = 2  # batch norm in training refuses a single value a channel
    images = torch.zeros(count, *input_shape, device=device)
    labels = torch.zeros(count, dtype=torch.long, device=device)
    with ExitStack() as hooks, counter:
        for name, layer in layers.items():
            hooks.enter_context(layer.register_forward_pre_hook(lambda _, inputs, name=name: begin(name)))
            hooks.enter_context(
                layer.register_forward_hook(
                    lambda _, inputs, by_name, out, name=name: end(name, (*inputs, *by_name.values())),
                    with_kwargs=True,
                )
            )
        # In the backward pass branches run side by side: only the sum is seen.
        with torch.random.fork_rng(devices=[]):
            cross_entropy(module(images), labels).backward()  # type: ignore[no-untyped-call]
    return TrainingCost(counter.total // count, by_weight)


def _of_an_mlp(architecture: Architecture) -> TrainingCost:
    """The same without a pass: what counts operations imports Triton where it is installed, 75 MB in every process."""
    linear = {name: layer for name, layer in architecture.module.named_children() if isinstance(layer, nn.Linear)}
    first = next(iter(linear))
    by_weight = {
        f"{name}.weight": (2 if name == first else 3) * 2 * layer.weight.numel() for name, layer in linear.items()
    }
    prunable = {name: by_weight[name] for name in architecture.prunable if name in by_weight}
    return TrainingCost(sum(by_weight.values()), prunable)


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up operations as `torch.utils.flop_counter` does, whose own counter imports PyTorch's compiler."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        from torch.utils.flop_counter import flop_registry  # late: see `_of_an_mlp`

        self.total, self._formulas = 0, flop_registry

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if count := self._formulas.get(func._overloadpacket):
            self.total += int(count(*args, **(kwargs or {}), out_val=out))
        return out


def training_flops_per_image(architecture: Architecture, input_shape: tuple[int, int, int]) -> int:
    """The operations of `training_cost`, counted dense."""
    return training_cost(architecture, input_shape).dense
