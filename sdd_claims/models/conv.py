"""Small convolutional networks, with or without batch norm."""

from itertools import pairwise

from torch import nn


def conv_net(
    input_shape: tuple[int, int, int], channels: tuple[int, ...], batch_norm: bool, classes: int
) -> nn.Sequential:
    """3x3 convolutions, each halving the side, and one linear layer; images are [batch, channels, height, width].

    Each convolution is followed by ReLU, with batch norm before it if asked for. As in ResNet, a convolution has a bias
    only where no batch norm follows, whose shift takes its place.
    """
    inputs, height, width = input_shape
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise((inputs, *channels)):
        layers.append(nn.Conv2d(fan_in, fan_out, kernel_size=3, stride=2, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(fan_out))
        layers.append(nn.ReLU())
        height, width = -(-height // 2), -(-width // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * height * width, classes))
