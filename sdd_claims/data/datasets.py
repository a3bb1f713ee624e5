"""Data sets by name: the embedded small MNIST, and larger sets from a data root."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from sdd_claims.data import catalogue, prepared_form, regression, stand_in, tiny_imagenet, torchvision_form
from sdd_claims.data.file_kinds import is_file
from sdd_claims.errors import InputError, MissingDataError
from sdd_claims.locations import bundled, in_home
from sdd_claims.spec import STAND_IN

ROOT_VARIABLE = "SDD_CLAIMS_DATA"
DEFAULT_ROOT = Path("~/.cache/sdd_claims/data")
EMBEDDED_FOLDER = bundled("fixtures")

_RESTORE = "restore it with `git checkout -- fixtures/{}`"


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Images and clean labels, as published and in the published order; the arrays of `load` are read-only.

    Attributes:
        name: its name in the catalogue.
        train_images: pixels 0 .. 255; a last axis of 3 for colour.
        train_labels: 0 .. classes - 1.
        test_images: as train_images.
        test_labels: never corrupted.
        classes: number of classes.
    """

    name: str
    train_images: UInt8[np.ndarray, "n h w *c"]
    train_labels: UInt8[np.ndarray, " n"]
    test_images: UInt8[np.ndarray, "m h w *c"]
    test_labels: UInt8[np.ndarray, " m"]
    classes: int


def load(name: str, data_root: Path | None = None) -> Dataset:
    """Load a data set; the second call in a process returns the same object.

    `mnist_small` comes from the repository's fixtures. Any other set comes from the data root: `<root>/<name>.npz` in
    the prepared form if it is there, else torchvision's own folder, unpacked if its archives lie there, or downloaded
    where there is a network. Tiny ImageNet comes from its authors' folder or archive, which nothing here downloads; its
    test images are the published validation images.

    Args:
        name: mnist_small, mnist, fashion_mnist, cifar10, cifar100 or tiny_imagenet; after "stand_in:", random images of
            its shape.
        data_root: the folder; None for the environment variable SDD_CLAIMS_DATA, or else ~/.cache/sdd_claims/data.

    Raises:
        InputError: unknown name, missing or unreadable file, wrong dtype, shape, count, labels or checksum, no network;
            or a regression problem, which has neither images nor classes.
    """
    if name in regression.PROBLEMS:
        raise InputError(
            f"{name!r} is a regression problem, without images or classes to train on; give it a path over epochs with "
            f"the loss 'mean_squared_error', or choose one of the data sets {', '.join(catalogue.CATALOGUE)}"
        )
    if name.startswith(STAND_IN):
        info = catalogue.find(name.removeprefix(STAND_IN))
        return Dataset(name=info.name, classes=info.classes, **stand_in.arrays(info))
    info = catalogue.find(name)
    return _load(info, EMBEDDED_FOLDER if info.embedded else resolve_root(data_root))


def forget() -> None:
    """Let go of the sets that were loaded; who loads one again reads it again."""
    _load.cache_clear()


def why_unavailable(name: str, data_root: Path | None = None) -> str | None:
    """Say what `load` would miss and what to fetch; None if the files are there (not opened), or none are needed.

    Raises:
        InputError: unknown name.
    """
    if name in regression.PROBLEMS:
        return None
    info = catalogue.find(name)
    try:
        return _why_unavailable(info, EMBEDDED_FOLDER if info.embedded else resolve_root(data_root))
    except InputError as error:  # folders that may not be searched
        return str(error)


def _why_unavailable(info: catalogue.DatasetInfo, folder: Path) -> str | None:
    if is_file(folder / f"{info.name}.npz"):
        return None
    if info.embedded:
        return f"{folder / f'{info.name}.npz'} is missing; {_RESTORE.format(f'{info.name}.npz')}"
    if info.torchvision is None:
        return None if tiny_imagenet.is_present(folder) else tiny_imagenet.why_absent(info, folder)
    return None if torchvision_form.is_present(info, folder) else torchvision_form.why_absent(info, folder)


def no_such_root(said: str) -> InputError:
    """The error on a root that does not exist, `said` as the user has named it."""
    return InputError(f"{said}: there is no such folder; name the one of the data sets, or make it")


def resolve_root(data_root: Path | None = None) -> Path:
    """The data root in force: the argument, or SDD_CLAIMS_DATA, or the default, as an absolute path.

    Raises:
        MissingDataError: it lies in a home folder, and the user has none.
        InputError: symbolic links that lead round in a circle.
    """
    named = Path(data_root or os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT)
    try:
        placed = in_home(named, f"name a folder of data sets with --data-root=DIR or {ROOT_VARIABLE}")
    except InputError as error:
        raise MissingDataError(str(error)) from error
    try:
        root = placed.resolve()
    except (OSError, RuntimeError) as error:
        raise InputError(f"the data root {named} leads nowhere ({error}); name another folder") from error
    if os.path.islink(root):  # from Python 3.13 on, a circle of links is resolved to one of them
        raise InputError(f"the data root {named} leads nowhere (Symlink loop from {root}); name another folder")
    return root


@functools.cache
def _load(info: catalogue.DatasetInfo, folder: Path) -> Dataset:
    path = folder / f"{info.name}.npz"
    if info.embedded:
        arrays = prepared_form.read(path, info, _RESTORE.format(path.name))
    elif is_file(path) or path.is_dir():
        again = "torchvision downloads the set" if info.torchvision else f"it is made anew from {tiny_imagenet.FOLDER}/"
        arrays = prepared_form.read(path, info, f"replace it, or move it away so that {again}")
    elif info.torchvision is None:
        arrays = tiny_imagenet.read(info, folder)
    else:
        arrays = torchvision_form.read(info, folder)
    for array in arrays.values():
        array.setflags(write=False)  # every replica of the process shares them
    return Dataset(name=info.name, classes=info.classes, **arrays)
