"""A spec's network: the module without weights, its prunable tensors, and how a seed draws its initial weights."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sdd_claims.errors import InputError
from sdd_claims.models.conv import conv_net
from sdd_claims.models.mlp import mlp
from sdd_claims.spec import ModelSpec


@dataclass(frozen=True)
class Architecture:
    """A network's form.

    Attributes:
        module: on the meta device: shapes and forward pass, no weights.
        prunable: names of the parameters that pruning may touch, in the order in which their weights are counted.
    """

    module: nn.Module
    prunable: tuple[str, ...]

    @property
    def prunable_count(self) -> int:
        """Number of prunable weights, the denominator of density."""
        shapes = dict(self.module.named_parameters())
        return sum(math.prod(shapes[name].shape) for name in self.prunable)


def build(spec: ModelSpec, input_shape: tuple[int, int, int], classes: int) -> Architecture:
    """The architecture for images of shape (channels, height, width).

    Raises:
        InputError: no architecture of that name, or nothing in it that pruning may touch.
    """
    # What is pruned, He et al. 2022, B: of LeNet all weights but the last layer's; of ResNet all convolutions and the
    # linear layer; never biases or batch norm.
    if spec.name == "mlp":
        if not spec.hidden:
            raise InputError("an MLP without hidden layers has only its last layer, which is never pruned; add a layer")
        with torch.device("meta"):
            module = mlp(math.prod(input_shape), spec.hidden, classes)
        return Architecture(module, _weights(module)[:-1])
    if spec.name == "conv":
        with torch.device("meta"):
            module = conv_net(input_shape, spec.channels, spec.batch_norm, classes)
        return Architecture(module, _weights(module))
    raise InputError(f"there is no model {spec.name!r}; use one of: mlp, conv")


def _weights(module: nn.Module) -> tuple[str, ...]:
    return tuple(name for name, parameter in module.named_parameters() if parameter.ndim > 1)


def initial_weights(architecture: Architecture, generator: torch.Generator) -> dict[str, Tensor]:
    """Parameters and buffers by name before any training, on the CPU.

    Kaiming-normal weights (fan in, ReLU gain) and zero biases (He et al. 2022, B). Batch norm begins as the identity,
    scale one and shift zero, with running means zero and variances one; the paper does not say how, and its code draws
    the scales from U(0, 1).
    """
    ones = {
        f"{name}.{part}"
        for name, layer in architecture.module.named_modules()
        if isinstance(layer, nn.BatchNorm2d)
        for part in ("weight", "running_var")
    }
    drawn = {}
    for name, tensor in architecture.module.state_dict().items():
        value = torch.full(tensor.shape, int(name in ones), dtype=tensor.dtype)
        if tensor.ndim > 1:
            nn.init.kaiming_normal_(value, nonlinearity="relu", generator=generator)
        drawn[name] = value
    return drawn
