"""The forward pass, from images to logits: of many networks at once, or of one large network by itself."""

from collections.abc import Callable, Mapping
from functools import cache
from types import FunctionType
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sdd_claims.models import Architecture
from sdd_claims.training.compiling import compiled_or

Weights: TypeAlias = Mapping[str, Tensor]
"""Parameters and buffers of networks by name."""

Forward: TypeAlias = Callable[[Weights, Weights, Tensor], Tensor]
"""From parameters, buffers and images to logits."""


def forward_of(architecture: Architecture, replicas: int, device: torch.device, *, shared: bool) -> Forward:
    """The forward pass of a stack, in the mode that the architecture's module is in.

    Args:
        architecture: architecture of the networks.
        replicas: number of networks. A single convolutional network needs no `vmap`, under which its convolutions
            would be grouped ones, several times as slow.
        device: device of the networks.
        shared: all see the same images [batch, ...]; else each its own [replicas, batch, ...].
    """
    if replicas == 1 and any(isinstance(layer, nn.Conv2d) for layer in architecture.module.modules()):
        alone = _alone(architecture, shared=shared)
        return _compiled(architecture, alone) if device.type == "cuda" and not shared else alone
    return vmap(_plain(architecture), in_dims=(0, 0, None if shared else 0), randomness="different")


def _plain(architecture: Architecture) -> Forward:
    def forward(parameters: Weights, buffers: Weights, images: Tensor) -> Tensor:
        logits: Tensor = functional_call(architecture.module, {**parameters, **buffers}, (images,))
        return logits

    return forward


@cache
def _alone(architecture: Architecture, *, shared: bool) -> FunctionType:
    """One network as a stack of one; its images are in channels-last layout, which suits a GPU's matrix units."""
    forward = _plain(architecture)

    def of_one(parameters: Weights, buffers: Weights, images: Tensor) -> Tensor:
        own = images if shared else images.squeeze(0)
        if own.is_cuda:
            own = own.contiguous(memory_format=torch.channels_last)
        one, held = ({name: value.squeeze(0) for name, value in stacked.items()} for stacked in (parameters, buffers))
        return forward(one, held, own).unsqueeze(0)

    assert isinstance(of_one, FunctionType)
    return of_one


@cache
def _compiled(architecture: Architecture, plain: FunctionType) -> Forward:
    """The pass compiled for training, once an architecture: weights and masks are data. Evaluation is not compiled.

    Where PyTorch cannot compile on this machine, it trains uncompiled, with a line in the log.
    """
    chosen: Forward | None = None

    def forward(parameters: Weights, buffers: Weights, images: Tensor) -> Tensor:
        nonlocal chosen
        if not architecture.module.training:
            return plain(parameters, buffers, images)
        if chosen is None:
            chosen = _compiled_or(plain, parameters, buffers, images)
        return chosen(parameters, buffers, images)

    return forward


def _compiled_or(plain: FunctionType, parameters: Weights, buffers: Weights, images: Tensor) -> Forward:
    """The pass compiled, forward and backward, or where that fails the pass itself. It is tried out on copies."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    held = {name: value.clone() for name, value in buffers.items()}
    return compiled_or(plain, lambda compiled: compiled(leaves, held, images).sum().backward())
