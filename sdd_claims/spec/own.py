"""What is a user's own: what of it decides a run's numbers, and where a process finds it."""

from dataclasses import dataclass, field
from pathlib import PurePath

from sdd_claims.spec.base import Spec

YOURS = "yours"
"""Takes the place of a paper's name in claims about them."""

OWN = "own"
"""The name of a network, a data set, a criterion or a penalty that is the user's own."""


@dataclass(frozen=True, kw_only=True)
class OwnCallable(Spec):
    """A callable of the user's: a pruning criterion, a penalty, or what makes a network.

    Attributes:
        function: the callable's name.
        source: SHA-256 of its module's file, and of the modules beside it that it imports; of a callable that was
            handed over in Python, of its source and of all that it reads.
        versions: of the packages that decide what it gives, such as "torch 2.11.0"; its own among them where a package
            offers it.
        file: its module's file, or the name of an installed module. Where it lies decides no number and is no part of
            the digest; "" for a callable that was handed over in Python, which only that process can call.
    """

    function: str
    source: str
    versions: str
    file: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{PurePath(self.file).name}:{self.function}" if self.file else self.function


@dataclass(frozen=True, kw_only=True)
class OwnNetwork(OwnCallable):
    """A network that a callable of the user's makes.

    Attributes:
        prunable: names of the parameters that pruning may touch.
        default_weights: whether its first weights are drawn by the suite, from the distribution of PyTorch's default
            ones, and not by the callable. Portable arithmetic needs it.
        structure: SHA-256 of its layers and the sizes of its tensors, which may depend on more than the source; "" in
            what was stored before this was asked.
    """

    prunable: tuple[str, ...]
    default_weights: bool = False
    structure: str = ""


@dataclass(frozen=True, kw_only=True)
class OwnData(Spec):
    """Images and labels of the user's.

    Attributes:
        sha256: of the arrays, in the prepared form.
        shape: channels, height and width of an image.
        classes: number of classes.
        train_count: number of training images.
        file: the prepared form on disk. No part of the digest, as is the label.
        label: the name that the user gave, for people to read.
    """

    sha256: str
    shape: tuple[int, ...]
    classes: int
    train_count: int
    file: str = field(default="", compare=False)
    label: str = field(default="own data", compare=False)
