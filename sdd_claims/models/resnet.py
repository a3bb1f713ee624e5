"""ResNet-18 (He et al. 2016) for small images."""

from torch import nn


def resnet18(input_channels: int, classes: int) -> nn.Module:
    """Torchvision's ResNet-18 with a first convolution of 3x3 and stride 1, and no max pool (He et al. 2022, B)."""
    # Imported late: torchvision takes a second to import, and most runs do without it.
    from torchvision.models import resnet18 as of_torchvision

    network: nn.Module = of_torchvision(num_classes=classes)
    network.conv1 = nn.Conv2d(input_channels, 64, kernel_size=3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    return network
