"""A user's own images and labels: read, checked, and kept in the prepared form for every process."""

import hashlib
import io
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sdd_claims.data import torchvision_form
from sdd_claims.data.catalogue import CATALOGUE
from sdd_claims.data.datasets import Dataset
from sdd_claims.data.prepared_form import ARRAYS
from sdd_claims.errors import InputError, nearest
from sdd_claims.spec import OwnData
from sdd_claims.storage.files import write_atomically

Arrays: TypeAlias = Mapping[str, np.ndarray]

FORM = (
    "give train_images, train_labels, test_images and test_labels, or images and labels, of which a quarter is then "
    "held out as test images"
)
_HELD_OUT = 4  # one image in so many
_NUMBERS_COMPARED = 100_000  # of the training and of the test images
_OTHER_SCALE = 10  # bytes, 0 to 1 and 0 to 16 differ by more; training and test images of one set by less than 2
_COARSE = 0.01  # of a deviation: then float32 has few numbers where a channel's lie
_SHARED = 0.05  # of the test images; published sets have fewer twins
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")


# Reading


def from_npz(path: Path) -> dict[str, Any]:
    """The arrays of an .npz file.

    Raises:
        InputError: no such file, or no arrays in it.
    """
    try:
        # Opened here, because np.load leaves the handle of a torn archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(
            f"--data {path}: there is no such file or folder; give an .npz, a folder of images, or a callable in a "
            "file, such as my.py:load"
        ) from None
    except Exception as error:  # a damaged archive makes its readers stumble in many ways
        if path.suffix.lower() not in ("", ".npz"):
            raise InputError(
                f"--data {path} is a file of another kind; give an .npz (numpy.savez), a folder of images, or a "
                "callable in a file, such as my.py:load, that reads it"
            ) from error
        raise InputError(f"--data {path} is no readable .npz of arrays ({error}); {FORM}") from error


def from_folder(path: Path) -> dict[str, Any]:
    """The images of a folder as torchvision's `ImageFolder` has it: train/<class>/<image>, and test/ or val/ alike.

    Without any, the published set that lies there in torchvision's own files.

    Raises:
        InputError: no such folders, images of several sizes, or files that are no images.
    """
    parts = [
        ("train", path / "train"),
        ("test", next((path / n for n in ("test", "val") if (path / n).is_dir()), path)),
    ]
    if not (path / "train").is_dir():
        parts = [("", path)]
    elif parts[1][1] == path:
        raise InputError(f"--data {path}: there is train/, but neither test/ nor val/; add one, with the same classes")
    classes = sorted(each.name for each in parts[0][1].iterdir() if each.is_dir())
    found: dict[str, Any] = {}
    for part, folder in parts:
        images, labels = list[np.ndarray](), list[int]()
        for file in sorted(each for each in folder.glob("*/*") if each.suffix.lower() in _IMAGES):
            if file.parent.name not in classes:
                raise InputError(f"--data {file}: the class {file.parent.name!r} has no training images; add some")
            images.append(_pixels(file))
            labels.append(classes.index(file.parent.name))
        if not images and (published := _published(path)):
            return published
        if not images:
            raise InputError(f"--data {folder}: there are no images; put each into a folder named as its class")
        sizes = sorted({image.shape for image in images})
        if len(sizes) > 1:
            raise InputError(
                f"--data {folder}: the images have {len(sizes)} sizes, such as {sizes[0]} and {sizes[-1]}; "
                "resize all to one"
            )
        if len(kinds := sorted({image.dtype.name for image in images})) > 1:
            raise InputError(f"--data {folder}: the images hold {' and '.join(kinds)}; convert all to one")
        prefix = f"{part}_" if part else ""
        found |= {f"{prefix}images": np.stack(images), f"{prefix}labels": np.array(labels)}
    return found


def _published(path: Path) -> dict[str, Any] | None:
    """The set that a folder holds in torchvision's own files, whichever of its folders is named; None if it has none.

    Raises:
        InputError: several sets, one without all of its files, or files that are not the published ones.
    """
    root = path.parent if path.name == "raw" else path
    known = [info for info in CATALOGUE.values() if info.torchvision]
    if complete := [info for info in known if torchvision_form.is_present(info, root)]:
        if len(complete) > 1:
            names, one = " and ".join(info.name for info in complete), complete[0].torchvision_folder
            raise InputError(f"--data {path} holds {names}; give the folder of one, such as {path / one}")
        return {**torchvision_form.read(complete[0], root)}
    for info in known:
        if root.name == info.torchvision_folder or (root / info.torchvision_folder).is_dir():
            raise InputError(
                f"--data {path}: {info.name} is not complete there; let torchvision download it anew, which makes "
                f"{', '.join(info.torchvision_files)}"
            )
    return None


def _pixels(file: Path) -> np.ndarray:
    from PIL import Image  # late: few read images

    try:
        with Image.open(file) as image:
            # Grey of more than eight bits stays as it is: PIL clips it to white on the way to RGB.
            as_it_is = image.mode in ("L", "I", "F") or image.mode.startswith("I;16")
            return np.asarray(image if as_it_is else image.convert("RGB"))
    except Exception as error:  # Pillow has many of a damaged file
        raise InputError(f"--data {file} is no readable image ({error}); replace it") from error


# Checking


def prepared(given: Any, where: str) -> dict[str, np.ndarray]:
    """Arrays in the prepared form, of what a user gave.

    Args:
        given: a mapping by name, or a tuple: (train images, train labels, test images, test labels), or images and
            labels alone.
        where: names it in errors.

    Raises:
        InputError: missing arrays, shapes or scales that do not fit each other, NaN, images that float32 cannot tell
            apart, one class, classes without training images, too few test images.
    """
    arrays = {name: _array(value, f"{where}: {name}") for name, value in _named(given, where).items()}
    if "images" in arrays:
        arrays = _split(arrays["images"], arrays["labels"], where)
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        _check_pair(images, labels, f"{where}: {part}")
    train, test = arrays["train_images"], arrays["test_images"]
    if train.shape[1:] != test.shape[1:]:
        raise InputError(
            f"{where}: training images have shape {train.shape[1:]}, test images {test.shape[1:]}; give both one shape"
        )
    _check_scales(train, test, where)
    names = np.unique(arrays["train_labels"])
    if len(names) < 2:
        raise InputError(
            f"{where}: all training images have the label {names[0]}; label noise needs two classes or more"
        )
    if len(unknown := np.setdiff1d(arrays["test_labels"], names)):
        raise InputError(f"{where}: the test label {unknown[0]} has no training images; leave its test images out")
    if len(test) < len(names):
        few = "one test image" if len(test) == 1 else f"{len(test)} test images"
        raise InputError(
            f"{where}: {few} for {len(names)} classes {'is' if len(test) == 1 else 'are'} too few to tell an accuracy; "
            f"give {len(names)} or more"
        )
    if bool((train == train[0]).all()):
        raise InputError(f"{where}: all training images are one and the same; give images that differ")
    images = _as_images(train)
    if not _differ_in_float32(images):
        raise InputError(
            f"{where}: the training images differ by less than float32 can tell, the type in which networks are "
            "trained; scale them, such as to mean 0 and deviation 1"
        )
    return {
        "train_images": images,
        "train_labels": np.searchsorted(names, arrays["train_labels"]).astype(np.int64),
        "test_images": _as_images(test),
        "test_labels": np.searchsorted(names, arrays["test_labels"]).astype(np.int64),
    }


def _named(given: Any, where: str) -> dict[str, Any]:
    if isinstance(given, tuple | list) and len(given) in (2, 4):
        names = ARRAYS if len(given) == 4 else ("images", "labels")
        return dict(zip(names, given, strict=True))
    if not isinstance(given, Mapping):
        raise InputError(f"{where} is a {type(given).__name__}; {FORM}, as a mapping by name or a tuple in that order")
    wanted = ARRAYS if any(name in given for name in ARRAYS) else ("images", "labels")
    for name in wanted:
        if name not in given:
            raise InputError(f"{where} lacks the array {name!r}{nearest(name, given)}; {FORM}")
    return {name: given[name] for name in wanted}


def _array(value: Any, where: str) -> np.ndarray:
    if any(map(np.ma.is_masked, value if isinstance(value, tuple | list) else (value,))):
        raise InputError(f"{where} has masked numbers, which would be trained on; fill them, or leave these images out")
    try:
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{where} is no array ({error}); give one of NumPy's or PyTorch's") from error
    if array.dtype.kind not in "buif":
        raise InputError(f"{where} holds {array.dtype}; give numbers")
    with np.errstate(over="ignore"):
        finite = array.dtype.kind != "f" or bool(np.isfinite(array.astype(np.float32)).all())
    if not finite:
        raise InputError(
            f"{where} holds NaN or infinite numbers, or numbers beyond float32, the type in which networks are "
            "trained; replace or scale them, or leave these images out"
        )
    return array


def _check_pair(images: np.ndarray, labels: np.ndarray, where: str) -> None:
    if images.ndim and not len(images):
        raise InputError(f"{where}: there are no images; give some of every class")
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise InputError(
            f"{where} images have shape {images.shape}; give (images, height, width), with channels (images, height, "
            "width, channels), or (images, numbers)"
        )
    if images.ndim == 4 and images.shape[3] > 4:
        channels = " (channels come last: images.transpose(0, 2, 3, 1))" if images.shape[1] <= 4 else ""
        raise InputError(f"{where} images have shape {images.shape}, {images.shape[3]} channels{channels}; give 1 to 4")
    if labels.shape == (len(images), 1):
        raise InputError(f"{where} labels have shape {labels.shape}; flatten them: labels.ravel()")
    if labels.shape != (len(images),):
        raise InputError(f"{where} labels have shape {labels.shape} for {len(images)} images; give one label an image")
    if labels.dtype.kind == "f" and (labels % 1).any():
        raise InputError(f"{where} labels are no whole numbers; give the number of each image's class")


def _check_scales(train: np.ndarray, test: np.ndarray, where: str) -> None:
    """Check that training and test images are on one scale, as far as one can tell: parts of one set always are.

    Compared is how far 99 % of the numbers lie from 0 at most, which few outliers cannot move.
    """
    if (train.dtype == np.uint8) != (test.dtype == np.uint8):
        raise InputError(
            f"{where}: training images hold {train.dtype}, test images {test.dtype}, and only bytes run from 0 to 255 "
            "for sure; give both one type, on one scale"
        )
    drawn = [np.random.default_rng(0).choice(images.ravel(), _NUMBERS_COMPARED) for images in (train, test)]
    reaches = [float(np.quantile(np.abs(numbers.astype(np.float64)), 0.99)) for numbers in drawn]
    if min(reaches) > 0 and max(reaches) > _OTHER_SCALE * min(reaches):
        raise InputError(
            f"{where}: 99 % of the numbers in training images are within {reaches[0]:.3g} of 0, in test images within "
            f"{reaches[1]:.3g}, which are two scales; scale both alike"
        )


def _split(images: np.ndarray, labels: np.ndarray, where: str) -> dict[str, np.ndarray]:
    _check_pair(images, labels, where)
    order = np.random.default_rng(0).permutation(len(images))
    test, train = np.sort(order[: len(images) // _HELD_OUT]), np.sort(order[len(images) // _HELD_OUT :])
    if not len(test):
        raise InputError(f"{where}: {len(images)} images are too few to hold out a quarter as test images; give more")
    if len(lost := np.setdiff1d(labels[test], labels[train])):
        count = int((labels == lost[0]).sum())
        few = "one image has" if count == 1 else f"{count} images have"
        raise InputError(
            f"{where}: {few} the label {lost[0]}, too few to hold out a quarter of all images at random; give more of "
            "them, or leave them out"
        )
    parts = (images[train], labels[train], images[test], labels[test])
    return dict(zip(ARRAYS, parts, strict=True))


def _as_images(images: np.ndarray) -> np.ndarray:
    """Images (n, h, w) or (n, h, w, channels); numbers without a place are one row of pixels."""
    shaped = images[:, None, :] if images.ndim == 2 else images
    shaped = shaped[..., 0] if shaped.ndim == 4 and shaped.shape[3] == 1 else shaped
    return np.ascontiguousarray(shaped if shaped.dtype == np.uint8 else shaped.astype(np.float32))


def _differ_in_float32(images: np.ndarray) -> bool:
    """Whether normalised images will still differ, in every channel by many times the distance of float32's numbers."""
    if images.dtype == np.uint8:
        return True
    channels = images.reshape(-1, images.shape[3] if images.ndim == 4 else 1)
    mean, std = channels.mean(0, dtype=np.float64), channels.std(0, dtype=np.float64)
    spacing = 255 * np.spacing(np.abs(mean / 255).astype(np.float32))  # pixels are normalised over 255
    is_coarse = (channels.max(0) > channels.min(0)) & (spacing > _COARSE * std)
    return not (is_coarse.any() or (images == images[0]).all())


def check_noise(count: int, rate: float, classes: int, where: str) -> None:
    """Check that there are images enough for label noise, and for a test accuracy that it could move.

    Raises:
        InputError: too few.
    """
    if not 0 < rate < 1:
        raise InputError(f"--noise {rate:g}: give the share of wrong labels, between 0 and 1, such as 0.2")
    if rate >= 1 - 1 / classes:
        raise InputError(
            f"--noise {rate:g}: of {classes} classes the right label would be no likelier than a wrong one, so that "
            f"nothing can be learned; give less than {1 - 1 / classes:.2g}"
        )
    if round(count * rate) < classes or count < 5 * classes:
        raise InputError(
            f"{where} has {count} training images of {classes} classes, too few for {100 * rate:g}% label noise, "
            f"which makes {round(count * rate)} labels wrong; give five images and one wrong label a class, or more"
        )


def check_apart(arrays: Arrays, where: str) -> None:
    """Check that hardly a test image is one of the training images, whose labels may be wrong and known by heart.

    Raises:
        InputError: many more are than by chance, where training images have twins among themselves.
    """
    train, test = arrays["train_images"], arrays["test_images"]
    counts = Counter(image.tobytes() for image in train)
    twins = sum(count for count in counts.values() if count > 1) / len(train)  # as there are of a few whole numbers
    both = sum(image.tobytes() in counts for image in test)
    share = max(twins, _SHARED)
    scatter = (share * (1 - share) * (1 + len(test) / len(train)) / len(test)) ** 0.5
    if both > (twins + _SHARED + 3 * scatter) * len(test) + 1:
        raise InputError(
            f"{where}: {both} of {len(test)} test images are training images, too; leave them out of one of the two"
        )


# Keeping


def keep(arrays: Arrays, folder: Path, label: str) -> OwnData:
    """Keep arrays in the prepared form in a folder, by their content; returns what a run needs to know of them.

    A file that holds others, or is damaged, is written anew.

    Raises:
        StoreError: the folder cannot be written.
    """
    sha256 = _sha256(arrays)
    file = folder / f"{sha256}.npz"
    if not file.exists() or _held(file, sha256) is None:
        content = io.BytesIO()
        kept_ones: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
        np.savez_compressed(content, **kept_ones)  # numbers all; NumPy 2.0 takes any option for one more array
        write_atomically(file, content.getvalue())
    images = arrays["train_images"]
    _, height, width, *channels = images.shape
    return OwnData(
        sha256=sha256,
        shape=(*(channels or [1]), height, width),
        classes=int(arrays["train_labels"].max()) + 1,
        train_count=len(images),
        file=str(file.absolute()),
        label=label,
    )


def _sha256(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in ARRAYS:
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _held(file: Path, sha256: str) -> dict[str, Any] | None:
    """The arrays of a file that `keep` has written; None where it is damaged, or holds others."""
    try:
        found = from_npz(file)
    except InputError:
        return None
    whole = found.keys() >= set(ARRAYS) and _sha256(found) == sha256
    return {name: found[name] for name in ARRAYS} if whole else None


def forget() -> None:
    """Let go of the sets that were read; who asks for one again reads it again."""
    kept.cache_clear()


@cache
def kept(own: OwnData) -> Dataset:
    """The data set that `keep` has kept; the second call in a process returns the same object.

    Raises:
        InputError: the file is gone, or holds other arrays than it did.
    """
    path = Path(own.file)
    if not path.is_file():
        raise InputError(f"{path} is missing, the images of {own.label}; run again with the same --data")
    arrays = _held(path, own.sha256)
    if arrays is None:
        raise InputError(
            f"{path} does not hold the images of {own.label} any more; run again with the same --data, which writes "
            "them anew"
        )
    for array in arrays.values():
        array.setflags(write=False)
    return Dataset(name=f"own data ({own.label})", classes=own.classes, **arrays)
