"""Multilayer perceptrons, LeNet-300-100 (LeCun et al. 1998) among them."""

from itertools import pairwise

from torch import nn


def mlp(inputs: int, hidden: tuple[int, ...], classes: int) -> nn.Sequential:
    """Linear layers with ReLU between them; images [batch, channels, side, side] are flattened first."""
    widths = (inputs, *hidden, classes)
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
