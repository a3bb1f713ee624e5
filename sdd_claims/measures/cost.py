"""The cost of training, in floating-point operations of matrix products.

Only the network that learns is counted. A teacher's logits are computed once in a chain for each image, by a forward
pass without a backward one; that, evaluation and the optimizer's arithmetic are left out.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from sdd_claims.models import Architecture


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
    """Operations of one image's forward and backward pass, by PyTorch's own counter.

    A layer has the products of its weights with the activations, of the gradient with the activations, and of the
    gradient with the weights; a layer of the images, which need no gradient, lacks the last.
    """
    module = architecture.module
    layers = {
        name: module.get_submodule(name.removesuffix(".weight"))
        for name in architecture.prunable
        if name.endswith(".weight")
    }
    products = dict.fromkeys(layers, 0)

    def note(name: str, inputs: tuple[Tensor, ...]) -> None:
        products[name] = 3 if inputs[0].requires_grad else 2

    count = 2  # batch norm in training refuses a single value a channel
    images = torch.empty(count, *input_shape, device="meta")
    labels = torch.zeros(count, dtype=torch.long, device="meta")
    with ExitStack() as hooks, FlopCounterMode(display=False) as counter:
        for name, layer in layers.items():
            hooks.enter_context(layer.register_forward_pre_hook(lambda _, inputs, name=name: note(name, inputs)))
        loss = cross_entropy(module(images), labels)
        # For the backward pass the counter has the sum, but not always each layer's share: branches run side by side.
        forward = counter.get_flop_counts()
        by_weight = {
            name: products[name] * sum(forward[_counter_name(module, name)].values()) // count for name in layers
        }
        loss.backward()  # type: ignore[no-untyped-call]
    for parameter in module.parameters():
        parameter.grad = None
    return TrainingCost(int(counter.get_total_flops()) // count, by_weight)


def _counter_name(module: nn.Module, weight: str) -> str:
    """The counter's name for a layer: the class of the network and the path to the layer."""
    return f"{type(module).__name__}.{weight.removesuffix('.weight')}"


def training_flops_per_image(architecture: Architecture, input_shape: tuple[int, int, int]) -> int:
    """The operations of `training_cost`, counted dense."""
    return training_cost(architecture, input_shape).dense
