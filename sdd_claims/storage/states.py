"""Weights and masks as safetensors, a format that executes nothing when it is read."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from sdd_claims.record import ChainState


def pack_weights(weights: Mapping[str, Tensor]) -> bytes:
    """Dense weights, such as those that a chain rewinds to."""
    return save({name: value.contiguous() for name, value in weights.items()})


def unpack_weights(content: bytes) -> dict[str, Tensor]:
    """The weights that `pack_weights` has packed."""
    return load(content)


def pack_state(state: ChainState) -> bytes:
    """A state without its rewinding point: masks as bits, and of a masked tensor only the weights that are left."""
    tensors: dict[str, Tensor] = {}
    for name, mask in state.masks.items():
        tensors[f"mask/{name}"] = torch.from_numpy(np.packbits(mask.numpy()))
        tensors[f"shape/{name}"] = torch.tensor(mask.shape)
    for name, value in state.trained.items():
        tensors[f"trained/{name}"] = value[state.masks[name]] if name in state.masks else value.contiguous()
    return save(tensors)


def unpack_state(content: bytes) -> ChainState:
    """The state that `pack_state` has packed; from a store of schema 1, with its rewinding point."""
    groups: dict[str, dict[str, Tensor]] = {"shape": {}, "trained": {}, "mask": {}, "rewind": {}}
    for key, value in load(content).items():
        group, name = key.split("/", 1)
        groups[group][name] = value
    masks = {}
    for name, bits in groups["mask"].items():
        shape = groups["shape"][name].tolist()
        masks[name] = torch.from_numpy(np.unpackbits(bits.numpy(), count=math.prod(shape)).astype(bool)).view(shape)
    trained = {
        name: torch.zeros(masks[name].shape, dtype=value.dtype).masked_scatter(masks[name], value)
        if name in masks
        else value
        for name, value in groups["trained"].items()
    }
    return ChainState(masks, trained, groups["rewind"] or None)
