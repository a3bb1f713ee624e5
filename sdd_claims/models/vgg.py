"""The VGG-like network of Quétu & Milovanović 2023."""

from itertools import pairwise

from torch import nn


def vgg_like(input_shape: tuple[int, int, int], channels: tuple[int, ...], classes: int) -> nn.Sequential:
    """Blocks of convolution, ReLU and batch norm, twice, and a max pool; then one linear layer.

    Quétu & Milovanović 2023, sec. 5: depth delta is the number of blocks, and gamma = 32 channels double with every
    block, so that (32, 64, 128, 256, 512) is the network of the paper. As in its code, the 3x3 convolutions have biases
    and batch norm follows ReLU. There the last images are averaged to 7x7 pixels before the linear layer; of 32x32
    images, of which five blocks leave one pixel, that makes 49 copies of it. Here the linear layer sees it once.

    Args:
        input_shape: (channels, height, width) of the images; a pool of an odd side keeps its last row and column.
        channels: outputs of both convolutions of each block.
        classes: outputs.
    """
    inputs, height, width = input_shape
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise((inputs, *channels)):
        for sources in (fan_in, fan_out):
            layers += [nn.Conv2d(sources, fan_out, kernel_size=3, padding=1), nn.ReLU(), nn.BatchNorm2d(fan_out)]
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
        height, width = -(-height // 2), -(-width // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * height * width, classes))
