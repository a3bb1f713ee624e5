"""A spec's network: the module without weights, its prunable tensors, and how a seed draws its initial weights."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import UnionType
from typing import TypeAlias

import torch
from torch import Tensor, nn

from sdd_claims.models import own
from sdd_claims.models.conv import conv_net
from sdd_claims.models.mlp import mlp
from sdd_claims.models.relu_network import relu_network
from sdd_claims.models.resnet import resnet
from sdd_claims.models.vgg import vgg16, vgg_like
from sdd_claims.models.vit import vision_transformer
from sdd_claims.randomness import Draws
from sdd_claims.spec import Initialization, ModelSpec, OwnNetwork, TransformerSpec


@dataclass(frozen=True)
class Architecture:
    """A network's form.

    Attributes:
        module: on the meta device: shapes and forward pass, no weights.
        prunable: names of the parameters that pruning may touch, in the order in which their weights are counted.
        drawn: makes the module with weights that it draws from PyTorch's global generator, where there is more to draw
            than linear and convolutional layers, or where nobody knows what is drawn; None elsewhere.
        random: whether a forward pass in training draws random numbers, as dropout does.
    """

    module: nn.Module
    prunable: tuple[str, ...]
    drawn: Callable[[], nn.Module] | None = None
    random: bool = False

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
    # linear layer; in VGG the convolutions; never biases or batch norm. After the code of Quétu & Milovanović 2023, in
    # a ViT all linear layers, those of attention and the last one among them, and nothing else: no class token,
    # position embedding or layer norms. (The code prunes the patches' embedding and the VGG-like network's last layer.)
    if spec.own is not None:
        return _own(spec.own, input_shape, classes)
    make = partial(_MODULES[spec.name], spec, input_shape, classes)
    with torch.device("meta"):
        module = make()
    if spec.name in ("mlp", "vgg_like", "vgg16"):
        return Architecture(module, _weights(module)[:-1])
    if spec.name == "vit":
        dropout = bool(spec.transformer and spec.transformer.dropout)
        return Architecture(module, _weights(module, nn.Linear), make, random=dropout)
    if spec.name == "relu_network":  # never pruned
        return Architecture(module, ())
    return Architecture(module, _weights(module))


Shape: TypeAlias = tuple[int, int, int]


def _own(network: OwnNetwork, shape: Shape, classes: int) -> Architecture:
    # Made on the CPU, with weights: code of the user's need not know of a device without any.
    make = partial(own.module_of, network, shape, classes)
    with torch.random.fork_rng(devices=[]):
        module = make()
    random = own.is_random(module, shape)
    return Architecture(module.to("meta"), network.prunable, None if network.default_weights else make, random)


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
    architecture: Architecture, draws: Draws, initialization: Initialization = "kaiming_normal"
) -> dict[str, Tensor]:
    """Parameters and buffers by name before any training, on the CPU.

    Args:
        architecture: the network.
        draws: of the seed.
        initialization: see `ModelSpec.initialization`.
    """
    return _INITIALIZATIONS[initialization](architecture, draws)


def _undrawn(architecture: Architecture) -> dict[str, Tensor]:
    """Zeros, but for batch norm, which begins as the identity: scale one, shift zero, running variances one.

    He et al. 2022 do not specify it, and their code draws the scales from U(0, 1).
    """
    ones = {
        f"{name}.{part}"
        for name, layer in architecture.module.named_modules()
        if isinstance(layer, nn.BatchNorm2d)
        for part in ("weight", "running_var")
    }
    return {
        name: torch.full(tensor.shape, int(name in ones), dtype=tensor.dtype)
        for name, tensor in architecture.module.state_dict().items()
    }


def _kaiming_normal(architecture: Architecture, draws: Draws) -> dict[str, Tensor]:
    """Kaiming-normal weights (fan in, ReLU gain) and zero biases (He et al. 2022, B)."""
    return {
        name: draws.normal(value.shape, math.sqrt(2.0) / math.sqrt(value[0].numel()), value.dtype)
        if value.ndim > 1
        else value
        for name, value in _undrawn(architecture).items()
    }


def _pytorch(architecture: Architecture, draws: Draws) -> dict[str, Tensor]:
    """PyTorch's own initialization of linear and convolutional layers; batch norm as above.

    Weights and biases are uniform up to 1 / sqrt(fan in) either way, layer by layer, the weight first. A network that
    has more to draw draws it all itself.
    """
    if architecture.drawn is not None:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(draws.whole())
            module = architecture.drawn()
        # Not its `state_dict`, which leaves out what is not saved and has what is shared twice.
        held = (*module.named_parameters(), *module.named_buffers())
        return {name: value.detach() for name, value in held}
    drawn = _undrawn(architecture)
    for name, layer in architecture.module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            weight = drawn[f"{name}.weight"]
            # As `kaiming_uniform_` with a = sqrt(5) computes it, to the last bit.
            reach = math.sqrt(3.0) * (math.sqrt(2.0 / (1 + math.sqrt(5) ** 2)) / math.sqrt(weight[0].numel()))
            drawn[f"{name}.weight"] = draws.uniform(weight.shape, -reach, reach)
            if layer.bias is not None:
                bound = 1 / math.sqrt(weight[0].numel())
                drawn[f"{name}.bias"] = draws.uniform(drawn[f"{name}.bias"].shape, -bound, bound)
    return drawn


def _uniform(architecture: Architecture, draws: Draws) -> dict[str, Tensor]:
    """All parameters uniform on [-1, 1], biases among them (Parhi et al. 2021, 3); batch norm as above."""
    drawn = _undrawn(architecture)
    norms = {name for name, layer in architecture.module.named_modules() if isinstance(layer, nn.BatchNorm2d)}
    for name, _ in architecture.module.named_parameters():
        if name.rpartition(".")[0] not in norms:
            drawn[name] = draws.uniform(drawn[name].shape, -1, 1)
    return drawn


_INITIALIZATIONS: Mapping[Initialization, Callable[[Architecture, Draws], dict[str, Tensor]]] = {
    "kaiming_normal": _kaiming_normal,
    "pytorch": _pytorch,
    "uniform": _uniform,
}
