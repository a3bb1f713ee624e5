"""Tiny ImageNet in its authors' own folder: JPEG files, read once and kept in the prepared form from then on."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from sdd_claims.data import prepared_form
from sdd_claims.data.catalogue import DatasetInfo
from sdd_claims.errors import InputError, MissingDataError, StoreError
from sdd_claims.storage.files import remedy as in_words
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.locks import OTHER_DATA_ROOT, locked

FOLDER = "tiny-imagenet-200"
"""As its archive unpacks: wnids.txt, train/<class>/images, val/images and val/val_annotations.txt."""

_REMEDY = f"fetch {FOLDER}.zip, which Stanford's course CS231n publishes, and unpack it"


def is_present(root: Path) -> bool:
    """Whether the authors' folder is under the data root; its images are not counted."""
    folder = root / FOLDER
    return all((folder / part).exists() for part in ("wnids.txt", "train", "val/images", "val/val_annotations.txt"))


def why_absent(info: DatasetInfo, root: Path) -> str:
    """The sentence that names the missing folder and its source."""
    return f"{root} holds neither {info.name}.npz nor a complete {FOLDER}/; {_REMEDY} there"


def read(info: DatasetInfo, root: Path) -> prepared_form.Arrays:
    """Read the set from the authors' folder, and write `<root>/<name>.npz`, from which it is read the next time.

    Labels number the classes (WordNet identifiers) in alphabetical order. The test images are the authors' validation
    images, whose labels are published. Images come class by class, those of a class in the order of their numbers.

    Raises:
        MissingDataError: the folder is not there.
        InputError: files that are missing, too many, unreadable or not the authors', or a root that cannot be written.
    """
    target = root / f"{info.name}.npz"
    if not is_present(root):
        raise MissingDataError(why_absent(info, root))
    try:
        with locked(root / f".{info.name}.lock", f"the making of {target.name}", OTHER_DATA_ROOT):
            if target.exists():  # another process was faster
                return prepared_form.read(target, info, f"delete it, so that it is made anew from {FOLDER}/")
            arrays = _arrays(info, root / FOLDER)
            content = io.BytesIO()
            np.savez(content, allow_pickle=False, **arrays)
            write_atomically(target, content.getvalue())
            return arrays
    except StoreError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{target} could not be made from {FOLDER}/: {in_words(error)}") from error


def _arrays(info: DatasetInfo, folder: Path) -> prepared_form.Arrays:
    classes = _classes(info, folder)
    train = [
        (file, label)
        for label, name in enumerate(classes)
        for file in _images(folder / "train" / name / "images", name, info.train_count // info.classes)
    ]
    annotated = _annotated(folder / "val" / "val_annotations.txt", classes)
    images = _images(folder / "val" / "images", "val", info.test_count)
    if missing := [file.name for file in images if file.name not in annotated]:
        raise _error(folder / "val" / "val_annotations.txt", f"lacks the class of {missing[0]}")
    test = [(file, annotated[file.name]) for file in images]
    height, width, _ = info.image_shape
    return {
        "train_images": _decoded([file for file, _ in train], height, width),
        "train_labels": np.array([label for _, label in train], np.uint8),
        "test_images": _decoded([file for file, _ in test], height, width),
        "test_labels": np.array([label for _, label in test], np.uint8),
    }


def _classes(info: DatasetInfo, folder: Path) -> list[str]:
    listed = (folder / "wnids.txt").read_text(errors="replace").split()
    if len(set(listed)) != len(listed) or len(listed) != info.classes:
        raise _error(folder / "wnids.txt", f"names {len(set(listed))} classes, expected {info.classes}, each once")
    found = {path.name for path in (folder / "train").iterdir()}
    if found != set(listed):
        one = min(found ^ set(listed))
        raise _error(
            folder / "train",
            f"holds {one}, which wnids.txt does not name" if one in found else f"lacks {one}, which wnids.txt names",
        )
    return sorted(listed)


def _images(folder: Path, prefix: str, count: int) -> list[Path]:
    """The files <prefix>_<number>.JPEG of a folder that holds nothing else, by their numbers."""
    if not folder.is_dir():
        raise _error(folder, f"is missing, expected {count} images there")
    numbered = {}
    for path in folder.iterdir():
        match = re.fullmatch(rf"{re.escape(prefix)}_(\d+)\.JPEG", path.name)
        if match is None:
            raise _error(folder, f"holds {path.name}, expected images {prefix}_<number>.JPEG alone")
        numbered[int(match[1])] = path
    if len(numbered) != count:
        raise _error(folder, f"holds {len(numbered)} images, expected {count}")
    return [numbered[number] for number in sorted(numbered)]


def _annotated(path: Path, classes: Sequence[str]) -> dict[str, int]:
    """The label of each validation image; a line begins with the image's name and its class."""
    numbers = {name: number for number, name in enumerate(classes)}
    annotated: dict[str, int] = {}
    for line in path.read_text(errors="replace").splitlines():
        image, name, *_ = [*line.split("\t"), "", ""]
        if name not in numbers or image in annotated:
            raise _error(path, f"has the line {line!r}, expected every image once, with a class of wnids.txt")
        annotated[image] = numbers[name]
    return annotated


def _decoded(files: Sequence[Path], height: int, width: int) -> UInt8[np.ndarray, "n height width 3"]:
    from PIL import Image

    pixels = np.empty((len(files), height, width, 3), np.uint8)
    for index, file in enumerate(files):
        try:
            with Image.open(file, formats=("JPEG",)) as image:
                size = image.size
                if size == (width, height):
                    pixels[index] = np.asarray(image.convert("RGB"))  # some are grey
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise _error(file, f"is no readable JPEG file ({error})") from error
        if size != (width, height):
            raise _error(file, f"is an image of {size[1]} x {size[0]} pixels, expected {height} x {width}")
    return pixels


def _error(path: Path, what: str) -> InputError:
    return InputError(f"{path} {what}; {_REMEDY} anew")
