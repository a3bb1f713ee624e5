"""VGG-16 (Simonyan & Zisserman 2015) for small images, and the VGG-like network of Quétu & Milovanović 2023."""

from itertools import pairwise

from torch import nn

from sdd_claims.errors import InputError

_SMALLEST = 16  # pixels, of which four pools leave one


def vgg16(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Torchvision's VGG-16 with batch norm, its last max pool an average over all pixels, and one linear layer.

    He et al. 2022, B, "follow the settings from OpenLTH", whose code averages the last 2x2 pixels of 32x32 images. As
    there the convolutions have biases, though batch norm follows.

    Args:
        input_shape: (channels, height, width) of the images.
        classes: number of outputs.

    Raises:
        InputError: images too small for four pools.
    """
    channels, height, width = input_shape
    if min(height, width) < _SMALLEST:
        raise InputError(
            f"VGG-16 halves its images four times, but {height} x {width} pixels are less than {_SMALLEST} x "
            f"{_SMALLEST}; set DataSpec.side to {_SMALLEST} or more, or choose another model"
        )
    # Imported late: torchvision takes a second to import, and most runs do without it.
    from torchvision.models import get_model

    network: nn.Module = get_model("vgg16_bn", init_weights=False)
    layers = list(network.get_submodule("features").children())
    layers[0] = nn.Conv2d(channels, 64, kernel_size=3, padding=1)
    network.features = nn.Sequential(*layers[:-1])
    network.avgpool = nn.AdaptiveAvgPool2d(1)
    network.classifier = nn.Linear(512, classes)
    return network


def vgg_like(input_shape: tuple[int, int, int], channels: tuple[int, ...], classes: int) -> nn.Sequential:
    """Blocks of convolution, ReLU and batch norm, twice, and a max pool; then one linear layer.

    Quétu & Milovanović 2023, sec. 5: depth delta is the number of blocks, and gamma = 32 channels double with every
    block, so that (32, 64, 128, 256, 512) is the network of the paper. As in its code, the 3x3 convolutions have biases
    and batch norm follows ReLU. There the last images are averaged to 7x7 pixels before the linear layer; of 32x32
    images, of which five blocks leave one pixel, that makes 49 copies of it. Here the linear layer sees it once.

    Args:
        input_shape: (channels, height, width) of the images; a pool of an odd side keeps its last row and column.
        channels: output channels of both convolutions of each block.
        classes: number of outputs.
    """
    inputs, height, width = input_shape
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise((inputs, *channels)):
        for sources in (fan_in, fan_out):
            layers += [nn.Conv2d(sources, fan_out, kernel_size=3, padding=1), nn.ReLU(), nn.BatchNorm2d(fan_out)]
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
        height, width = -(-height // 2), -(-width // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * height * width, classes))
