"""ResNets (He et al. 2016) for small images."""

from torch import nn


def resnet(name: str, input_channels: int, classes: int) -> nn.Module:
    """A ResNet of torchvision's with a first convolution of 3x3 and stride 1, and no max pool (He et al. 2022, B).

    Args:
        name: "resnet18" or "resnet101".
        input_channels: channels of the images.
        classes: number of outputs.
    """
    # Imported late: torchvision takes a second to import, and most runs do without it.
    from torchvision.models import get_model

    network: nn.Module = get_model(name, num_classes=classes)
    network.conv1 = nn.Conv2d(input_channels, 64, kernel_size=3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    return network
