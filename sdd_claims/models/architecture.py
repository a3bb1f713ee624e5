"""A spec's network: the module without weights, its prunable tensors, and how a seed draws its initial weights."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import UnionType
from typing import TypeAlias

import torch
from torch import Tensor, nn

from sdd_claims.models.conv import conv_net
from sdd_claims.models.mlp import mlp
from sdd_claims.models.relu_network import relu_network
from sdd_claims.models.resnet import resnet
from sdd_claims.models.vgg import vgg16, vgg_like
from sdd_claims.models.vit import vision_transformer
from sdd_claims.spec import Initialization, ModelSpec, TransformerSpec


@dataclass(frozen=True)
class Architecture:
    """A network's form.

    Attributes:
        module: on the meta device: shapes and forward pass, no weights.
        prunable: names of the parameters that pruning may touch, in the order in which their weights are counted.
        drawn: makes the module with weights that it draws from PyTorch's global generator, where there is more to draw
            than linear and convolutional layers; None elsewhere.
    """

    module: nn.Module
    prunable: tuple[str, ...]
    drawn: Callable[[], nn.Module] | None = None

    @property
    def prunable_count(self) -> int:
        """Number of prunable weights, the denominator of density."""
        shapes = dict(self.module.named_parameters())
        return sum(math.prod(shapes[name].shape) for name in self.prunable)


def build(spec: ModelSpec, input_shape: tuple[int, int, int], classes: int) -> Architecture:
    """The architecture for images of shape (channels, height, width).

    Raises:
        InputError: images that the architecture cannot take.
    """
    # Pruned, by He et al. 2022, B: in LeNet all weights but the last layer's; in ResNet all convolutions and the
    # linear layer; in VGG the convolutions; never biases or batch norm. Quétu & Milovanović 2023, code: in a ViT all
    # linear layers, those of attention and the last one among them, and nothing else: not the patches' convolution,
    # class token, position embedding or layer norms. (The code prunes the VGG-like network's last layer as well.)
    make = partial(_MODULES[spec.name], spec, input_shape, classes)
    with torch.device("meta"):
        module = make()
    if spec.name in ("mlp", "vgg_like", "vgg16"):
        return Architecture(module, _weights(module)[:-1])
    if spec.name == "vit":
        return Architecture(module, _weights(module, nn.Linear), make)
    if spec.name == "relu_network":  # never pruned
        return Architecture(module, ())
    return Architecture(module, _weights(module))


Shape: TypeAlias = tuple[int, int, int]

_MODULES: Mapping[str, Callable[[ModelSpec, Shape, int], nn.Module]] = {
    "mlp": lambda spec, shape, classes: mlp(math.prod(shape), spec.hidden, classes),
    "conv": lambda spec, shape, classes: conv_net(shape, spec.channels, spec.batch_norm, classes),
    "vgg_like": lambda spec, shape, classes: vgg_like(shape, spec.channels, classes),
    "vgg16": lambda _, shape, classes: vgg16(shape, classes),
    "resnet18": lambda spec, shape, classes: resnet(spec.name, shape[0], classes),
    "resnet101": lambda spec, shape, classes: resnet(spec.name, shape[0], classes),
    "relu_network": lambda spec, shape, outputs: relu_network(
        math.prod(shape), spec.hidden, spec.functional_width, outputs
    ),
    "vit": lambda spec, shape, classes: vision_transformer(shape, spec.transformer or TransformerSpec(), classes),
}


def _weights(module: nn.Module, kinds: type | UnionType = nn.Linear | nn.Conv2d) -> tuple[str, ...]:
    """The weight matrices of all layers of some kinds, without their biases."""
    return tuple(f"{name}.weight" for name, layer in module.named_modules() if isinstance(layer, kinds))


def initial_weights(
    architecture: Architecture, generator: torch.Generator, initialization: Initialization = "kaiming_normal"
) -> dict[str, Tensor]:
    """Parameters and buffers by name before any training, on the CPU.

    Args:
        architecture: the network.
        generator: generator of the seed.
        initialization: see `ModelSpec.initialization`.
    """
    return _INITIALIZATIONS[initialization](architecture, generator)


def _kaiming_normal(architecture: Architecture, generator: torch.Generator) -> dict[str, Tensor]:
    """Kaiming-normal weights (fan in, ReLU gain) and zero biases (He et al. 2022, B).

    Batch norm begins as the identity, scale one and shift zero, with running means zero and variances one; the paper
    does not specify it, and its code draws the scales from U(0, 1).
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


def _pytorch(architecture: Architecture, generator: torch.Generator) -> dict[str, Tensor]:
    """PyTorch's own initialization of linear and convolutional layers; batch norm as above.

    Weights and biases are uniform up to 1 / sqrt(fan in) either way, layer by layer, the weight first. A network that
    has more to draw draws it all itself.
    """
    if architecture.drawn is not None:
        seed = int(torch.randint(2**63 - 1, (), generator=generator))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return dict(architecture.drawn().state_dict())
    drawn = _kaiming_normal(architecture, torch.Generator())
    for name, layer in architecture.module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            weight = drawn[f"{name}.weight"]
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
            if layer.bias is not None:
                bound = 1 / math.sqrt(weight[0].numel())
                nn.init.uniform_(drawn[f"{name}.bias"], -bound, bound, generator=generator)
    return drawn


def _uniform(architecture: Architecture, generator: torch.Generator) -> dict[str, Tensor]:
    """All parameters uniform on [-1, 1], biases among them (Parhi et al. 2021, 3); batch norm as above."""
    drawn = _kaiming_normal(architecture, torch.Generator())
    norms = {name for name, layer in architecture.module.named_modules() if isinstance(layer, nn.BatchNorm2d)}
    for name, _ in architecture.module.named_parameters():
        if name.rpartition(".")[0] not in norms:
            nn.init.uniform_(drawn[name], -1, 1, generator=generator)
    return drawn


_INITIALIZATIONS: Mapping[Initialization, Callable[[Architecture, torch.Generator], dict[str, Tensor]]] = {
    "kaiming_normal": _kaiming_normal,
    "pytorch": _pytorch,
    "uniform": _uniform,
}
