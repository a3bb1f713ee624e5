"""Tiny ImageNet in its authors' own folder or zip archive: JPEG files, read once and kept in the prepared form."""

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
from jaxtyping import UInt8

from sdd_claims.data import prepared_form
from sdd_claims.data.catalogue import DatasetInfo
from sdd_claims.data.file_kinds import ZIP, is_file, kind_of, unreadable
from sdd_claims.errors import InputError, MissingDataError, StoreError
from sdd_claims.storage.files import remedy as in_words
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.locks import OTHER_DATA_ROOT, locked

FOLDER = "tiny-imagenet-200"
"""As its archive unpacks: wnids.txt, train/<class>/images, val/images and val/val_annotations.txt."""

ARCHIVE = f"{FOLDER}.zip"

_PARTS = ("wnids.txt", "train", "val/images", "val/val_annotations.txt")
_FETCH = f"fetch {ARCHIVE}, which Stanford's course CS231n publishes,"

# What systems and programs leave in folders that they show; names that begin with a dot are such, too.
_LEFTOVERS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "__macosx"})


class _Tree(Protocol):
    """The authors' files, in a folder or in a zip archive; paths are relative to the authors' own folder.

    Attributes:
        remedy: what to do where a file is not the authors'.
    """

    remedy: str

    def names(self, folder: str) -> Sequence[str] | None:
        """What a folder holds, without what systems leave there; None where there is no such folder."""

    def read(self, file: str) -> bytes:
        """The content of a file."""

    def where(self, path: str) -> str:
        """The path as the user knows it."""


class _Unpacked:
    def __init__(self, top: Path, archive: Path) -> None:
        self._top = top
        beside = f"move {top} away and run again, so that {archive} is read instead"
        self.remedy = beside if is_file(archive) else f"{_FETCH} and unpack it anew"

    def names(self, folder: str) -> Sequence[str] | None:
        path = self._top / folder
        try:
            return [each.name for each in path.iterdir() if not _is_leftover(each.name)] if path.is_dir() else None
        except OSError as error:
            raise unreadable(path, error) from error

    def read(self, file: str) -> bytes:
        try:
            return (self._top / file).read_bytes()
        except OSError as error:
            raise unreadable(self._top / file, error) from error

    def where(self, path: str) -> str:
        return str(self._top / path)


class _Zipped:
    remedy = f"{_FETCH} anew"

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        self._members: dict[str, str] = {}
        self._folders: dict[str, dict[str, None]] = {}
        for member in archive.namelist():
            # Programs differ in what they put before the authors' folder: nothing, the folder twice, __MACOSX/.
            parts = [part for part in member.replace("\\", "/").split("/") if part]
            while parts and parts[0] == FOLDER:
                del parts[0]
            if any(map(_is_leftover, parts)):
                continue
            if not member.endswith(("/", "\\")):
                self._members["/".join(parts)] = member
            for depth in range(len(parts)):
                self._folders.setdefault("/".join(parts[:depth]), {})[parts[depth]] = None

    def names(self, folder: str) -> Sequence[str] | None:
        return list(self._folders[folder]) if folder in self._folders else None

    def read(self, file: str) -> bytes:
        try:
            return self._archive.read(self._members[file])
        except KeyError:
            raise _error(self, file, "is missing") from None
        except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise _error(self, file, f"cannot be unpacked ({error})") from error

    def where(self, path: str) -> str:
        return f"{self._path}: {path}"


def _is_leftover(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFTOVERS


def is_present(root: Path) -> bool:
    """Whether the authors' folder or archive is under the data root; its images are not counted.

    Raises:
        InputError: a folder that may not be searched.
    """
    return _folder(root) is not None or is_file(root / ARCHIVE)


def why_absent(info: DatasetInfo, root: Path) -> str:
    """The sentence that names the missing folder and its source."""
    top = root / FOLDER
    lacking = [part for part in _PARTS if not (top / part).exists()] if top.is_dir() else []
    part = f", without {lacking[0]}" if lacking else ""
    return (
        f"{root} holds neither {info.name}.npz nor a complete {FOLDER}/{part}; {_FETCH} and put it there, packed or "
        "unpacked"
    )


def read(info: DatasetInfo, root: Path) -> prepared_form.Arrays:
    """Read the set from the authors' folder or archive, and write `<root>/<name>.npz`, which is read the next time.

    Labels number the classes (WordNet identifiers) in alphabetical order. The test images are the authors' validation
    images, whose labels are published. Images come class by class, those of a class in the order of their numbers. An
    archive is read as it is, without unpacking its 120 000 files; its own checksums are checked.

    Raises:
        MissingDataError: neither folder nor archive is there.
        InputError: files that are missing, too many, unreadable or not the authors', or a root that cannot be written.
    """
    target = root / f"{info.name}.npz"
    if not is_present(root):
        raise MissingDataError(why_absent(info, root))
    folder = _folder(root)
    source = f"{FOLDER}/" if folder else ARCHIVE
    try:
        with locked(root / f".{info.name}.lock", f"the making of {target.name}", OTHER_DATA_ROOT), ExitStack() as stack:
            if target.exists():  # another process was faster
                return prepared_form.read(target, info, f"move it away, so that it is made anew from {source}")
            path = root / ARCHIVE
            tree = _Unpacked(folder, path) if folder else _Zipped(stack.enter_context(_opened(path)), path)
            arrays = _arrays(info, tree)
            content = io.BytesIO()
            np.savez(content, allow_pickle=False, **arrays)
            write_atomically(target, content.getvalue())
            return arrays
    except StoreError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{target} could not be made from {source}: {in_words(error)}") from error


def _folder(root: Path) -> Path | None:
    """The authors' folder if it is complete: where it should be, or within a folder of its own name."""
    try:
        for top in (root / FOLDER, root / FOLDER / FOLDER):
            if all((top / part).exists() for part in _PARTS):
                return top
    except OSError as error:
        raise unreadable(root / FOLDER, error) from error
    return None


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        kind = kind_of(path)
        what = f"is {kind}, expected {ZIP}" if kind not in (None, ZIP) else f"is no readable zip archive ({error})"
        raise InputError(f"{path} {what}; {_FETCH} anew") from error
    except OSError as error:
        raise unreadable(path, error) from error


def _arrays(info: DatasetInfo, tree: _Tree) -> prepared_form.Arrays:
    classes = _classes(info, tree)
    train = [
        (file, label)
        for label, name in enumerate(classes)
        for file in _images(tree, f"train/{name}/images", name, info.train_count // info.classes)
    ]
    listed = "val/val_annotations.txt"
    annotated = _annotated(tree, listed, classes)
    images = _images(tree, "val/images", "val", info.test_count)
    if missing := [file for file in images if _stem(file) not in annotated]:
        raise _error(tree, listed, f"lacks the class of {missing[0].rsplit('/', 1)[-1]}")
    test = [(file, annotated[_stem(file)]) for file in images]
    height, width, _ = info.image_shape
    return {
        "train_images": _decoded(tree, [file for file, _ in train], height, width),
        "train_labels": np.array([label for _, label in train], np.uint8),
        "test_images": _decoded(tree, [file for file, _ in test], height, width),
        "test_labels": np.array([label for _, label in test], np.uint8),
    }


def _text(tree: _Tree, file: str) -> str:
    return tree.read(file).decode("utf-8-sig", errors="replace")  # editors of Windows begin a file with a mark


def _classes(info: DatasetInfo, tree: _Tree) -> list[str]:
    listed = _text(tree, "wnids.txt").split()
    if len(set(listed)) != len(listed) or len(listed) != info.classes:
        raise _error(tree, "wnids.txt", f"names {len(set(listed))} classes, expected {info.classes}, each once")
    found = set(tree.names("train") or ())
    if found != set(listed):
        one = min(found ^ set(listed))
        raise _error(
            tree,
            "train",
            f"holds {one}, which wnids.txt does not name" if one in found else f"lacks {one}, which wnids.txt names",
        )
    return sorted(listed)


def _images(tree: _Tree, folder: str, prefix: str, count: int) -> list[str]:
    """The files <prefix>_<number>.JPEG of a folder that holds nothing else, by their numbers."""
    names = tree.names(folder)
    if names is None:
        raise _error(tree, folder, f"is missing, expected {count} images there")
    numbered: dict[int, str] = {}
    for name in names:
        # Some programs write the ending in small letters.
        match = re.fullmatch(rf"{re.escape(prefix)}_(\d+)\.(?i:jpe?g)", name)
        if match is None:
            raise _error(tree, folder, f"holds {name}, expected images {prefix}_<number>.JPEG alone")
        if other := numbered.get(int(match[1])):
            raise _error(tree, folder, f"holds {min(name, other)} and {max(name, other)}, expected one of them")
        numbered[int(match[1])] = name
    if len(numbered) != count:
        raise _error(tree, folder, f"holds {len(numbered)} images, expected {count}")
    return [f"{folder}/{numbered[number]}" for number in sorted(numbered)]


def _stem(file: str) -> str:
    return file.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _annotated(tree: _Tree, file: str, classes: Sequence[str]) -> Mapping[str, int]:
    """The label of each validation image, by its name without the ending; a line begins with image and class."""
    numbers = {name: number for number, name in enumerate(classes)}
    annotated: dict[str, int] = {}
    for line in filter(str.strip, _text(tree, file).splitlines()):
        image, name, *_ = [*line.split("\t"), "", ""]
        if name.strip() not in numbers or _stem(image) in annotated:
            raise _error(tree, file, f"has the line {line!r}, expected every image once, with a class of wnids.txt")
        annotated[_stem(image)] = numbers[name.strip()]
    return MappingProxyType(annotated)


def _decoded(tree: _Tree, files: Sequence[str], height: int, width: int) -> UInt8[np.ndarray, "n height width 3"]:
    from PIL import Image

    pixels = np.empty((len(files), height, width, 3), np.uint8)
    for index, file in enumerate(files):
        content = tree.read(file)
        try:
            with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
                size = image.size
                if size == (width, height):
                    pixels[index] = np.asarray(image.convert("RGB"))  # some are grey
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise _error(tree, file, f"is no readable JPEG file ({_without_address(error)})") from error
        if size != (width, height):
            raise _error(tree, file, f"is an image of {size[1]} x {size[0]} pixels, expected {height} x {width}")
    return pixels


def _without_address(error: Exception) -> str:
    """Pillow's words on an image that it got as bytes, which it calls by their place in memory."""
    return re.sub(r" <_io\.BytesIO object at \w+>", " it", str(error))


def _error(tree: _Tree, path: str, what: str) -> InputError:
    return InputError(f"{tree.where(path)} {what}; {tree.remedy}")
