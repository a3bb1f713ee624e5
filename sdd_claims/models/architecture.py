"""A spec's network: the module without weights, its prunable tensors, and how a seed draws its initial weights."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sdd_claims.errors import InputError
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
    if spec.name != "mlp":
        raise InputError(f"there is no model {spec.name!r}; use one of: mlp")
    if not spec.hidden:
        raise InputError("an MLP without hidden layers has only its last layer, which is never pruned; add a layer")
    with torch.device("meta"):
        module = mlp(math.prod(input_shape), spec.hidden, classes)
    weights = [name for name, parameter in module.named_parameters() if parameter.ndim > 1]
    # LeNet: all weights but the last layer's; never biases (He et al. 2022, B).
    return Architecture(module, tuple(weights[:-1]))


def initial_weights(architecture: Architecture, generator: torch.Generator) -> dict[str, Tensor]:
    """Kaiming-normal weights (fan in, ReLU gain) and zero biases, on the CPU (He et al. 2022, B)."""
    drawn = {}
    for name, parameter in architecture.module.named_parameters():
        value = torch.zeros(parameter.shape)
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(value, nonlinearity="relu", generator=generator)
        drawn[name] = value
    return drawn
