"""The data sets as their authors published them: sizes, classes, pixel statistics, checksums."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sdd_claims.errors import InputError


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """One data set of the catalogue.

    Attributes:
        name: the name that specs and `load` use.
        train_count: number of training images.
        test_count: number of test images.
        image_shape: (height, width), or (height, width, 3) for colour.
        classes: number of classes; labels are 0 .. classes - 1.
        mean: published mean of each channel over the training images, pixels scaled to [0, 1].
        std: published standard deviation of each channel, same scale.
        sha256: SHA-256 of the bytes of train_images, train_labels, test_images, test_labels in this order: the content,
            not the file, so that a set compressed by another program still counts. None where we never held the data:
            torchvision then checks its MD5 sums. For a set of JPEG files no bytes are published: decoders differ by a
            grey level.
        embedded: whether the repository itself carries the data.
        torchvision: class name in `torchvision.datasets`; None for sets that it does not have.
        torchvision_files: the files that torchvision reads, relative to the data root.
        torchvision_archive: the archive that has them all, relative to the data root; None where each file is packed
            alone, as `<file>.gz` beside it.
    """

    name: str
    train_count: int
    test_count: int
    image_shape: tuple[int, ...]
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str | None
    embedded: bool = False
    torchvision: str | None = None
    torchvision_files: tuple[str, ...] = ()
    torchvision_archive: str | None = None

    def archive_of(self, file: str) -> str:
        """The published archive that one of torchvision's files is in, relative to the data root."""
        return self.torchvision_archive or f"{file}.gz"

    @property
    def torchvision_folder(self) -> str:
        """The folder under the data root that torchvision keeps to this set."""
        return self.torchvision_files[0].split("/")[0]


def _idx_files(folder: str) -> tuple[str, ...]:
    return tuple(
        f"{folder}/raw/{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")
    )


_MNIST_MEAN, _MNIST_STD = (0.1307,), (0.3081,)

_DATASETS = (
    DatasetInfo(
        name="mnist_small",
        train_count=8_000,
        test_count=5_000,
        image_shape=(28, 28),
        classes=10,
        mean=_MNIST_MEAN,
        std=_MNIST_STD,
        sha256="afefc2d0c877c4511ea6fdaadb6e2911ce0c2da54ebbf654b325affc9dd7a9d2",
        embedded=True,
    ),
    DatasetInfo(
        name="mnist",
        train_count=60_000,
        test_count=10_000,
        image_shape=(28, 28),
        classes=10,
        mean=_MNIST_MEAN,
        std=_MNIST_STD,
        sha256="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
        torchvision="MNIST",
        torchvision_files=_idx_files("MNIST"),
    ),
    DatasetInfo(
        name="fashion_mnist",
        train_count=60_000,
        test_count=10_000,
        image_shape=(28, 28),
        classes=10,
        mean=(0.2860,),
        std=(0.3530,),
        sha256="ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
        torchvision="FashionMNIST",
        torchvision_files=_idx_files("FashionMNIST"),
    ),
    DatasetInfo(
        name="cifar10",
        train_count=50_000,
        test_count=10_000,
        image_shape=(32, 32, 3),
        classes=10,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        sha256="80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660",
        torchvision="CIFAR10",
        torchvision_files=tuple(
            f"cifar-10-batches-py/{name}"
            for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
        ),
        torchvision_archive="cifar-10-python.tar.gz",
    ),
    DatasetInfo(
        name="cifar100",
        train_count=50_000,
        test_count=10_000,
        image_shape=(32, 32, 3),
        classes=100,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        sha256=None,
        torchvision="CIFAR100",
        torchvision_files=("cifar-100-python/train", "cifar-100-python/test", "cifar-100-python/meta"),
        torchvision_archive="cifar-100-python.tar.gz",
    ),
    # The labels of its test set were never published: its validation set takes the place here, as in He et al. 2022.
    DatasetInfo(
        name="tiny_imagenet",
        train_count=100_000,
        test_count=10_000,
        image_shape=(64, 64, 3),
        classes=200,
        mean=(0.4802, 0.4481, 0.3975),
        std=(0.2770, 0.2691, 0.2821),
        sha256=None,
    ),
)

CATALOGUE: Mapping[str, DatasetInfo] = MappingProxyType({info.name: info for info in _DATASETS})


def find(name: str) -> DatasetInfo:
    """Look a data set up by name.

    Raises:
        InputError: the catalogue holds no such set.
    """
    try:
        return CATALOGUE[name]
    except KeyError:
        raise InputError(f"unknown data set {name!r}: give one of {', '.join(CATALOGUE)}") from None
