"""A data set in torchvision's own folder: unpacked where its archives lie, downloaded where there is a network."""

import gzip
import hashlib
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

from sdd_claims.data import prepared_form
from sdd_claims.data.catalogue import DatasetInfo
from sdd_claims.data.file_kinds import is_file, kind_of, unreadable
from sdd_claims.errors import InputError, StoreError
from sdd_claims.storage.files import remedy as in_words
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.locks import OTHER_DATA_ROOT, locked


def is_present(info: DatasetInfo, root: Path) -> bool:
    """Whether every file that torchvision reads is under the data root, unpacked or in its published archive.

    Raises:
        InputError: a folder that may not be searched.
    """
    return _is_available(info, _home(info, root))


def why_absent(info: DatasetInfo, root: Path) -> str:
    """The sentence that says what is missing and how to get it."""
    return f"{root} holds neither {info.name}.npz nor a complete {info.torchvision_folder}/; {_remedy(info)}"


def read(info: DatasetInfo, root: Path) -> prepared_form.Arrays:
    """Read the set from torchvision's folder under `root`, after unpacking or downloading what is not there.

    Raises:
        InputError: no network, a root that cannot be written, or files that are torn or not the published ones.
    """
    home = _home(info, root)
    folder = home / info.torchvision_folder
    published = _published_class(info)
    if not _is_unpacked(info, home):
        if is_present(info, root):
            _unpack(published, info, home)
        elif os.path.lexists(folder):
            raise InputError(_what_lacks(info, home))
        else:
            _download(published, info, root)
    try:
        train, test = published(home, train=True), published(home, train=False)
    except (OSError, RuntimeError, ValueError, AssertionError, IndexError, EOFError, UnpicklingError) as error:
        raise InputError(_what_is_wrong(published, info, home, error)) from error
    arrays = {
        "train_images": np.ascontiguousarray(train.data),
        "train_labels": np.asarray(train.targets, np.uint8),
        "test_images": np.ascontiguousarray(test.data),
        "test_labels": np.asarray(test.targets, np.uint8),
    }
    prepared_form.check(arrays, info, str(folder), _another(info, home))
    return arrays


def _published_class(info: DatasetInfo) -> Any:
    # Imported late: torchvision takes a second to import, and the embedded set does without it.
    from torchvision import datasets

    assert info.torchvision is not None, f"{info.name} is not one of torchvision's"
    return getattr(datasets, info.torchvision)


def _home(info: DatasetInfo, root: Path) -> Path:
    """The folder that has the set's own folder: the data root, or where an unpacking by hand often puts it instead."""
    archive_stem = (info.torchvision_archive or "").split(".")[0]
    nested = [root / name for name in (info.torchvision_folder, archive_stem) if name]
    above = [root.parent] if root.name == info.torchvision_folder else []  # the data root names the set's own folder
    return next((home for home in (root, *nested, *above) if _is_available(info, home)), root)


def _is_available(info: DatasetInfo, home: Path) -> bool:
    return all(is_file(home / file) or is_file(home / info.archive_of(file)) for file in info.torchvision_files)


def _is_unpacked(info: DatasetInfo, home: Path) -> bool:
    return all(is_file(home / file) for file in info.torchvision_files)


def _remedy(info: DatasetInfo) -> str:
    packed = info.torchvision_archive or f"the .gz files of {Path(info.torchvision_files[0]).parent}/"
    return (
        f"connect to the network, so that torchvision downloads the set, or put one of them, or {packed}, into the "
        "folder, or name a folder that has one in SDD_CLAIMS_DATA"
    )


def _another(info: DatasetInfo, home: Path, file: str | None = None) -> str:
    """What to do about what is not as published: the set, or one file. Nobody is told to delete what may be unique."""
    path = home / (file or info.torchvision_folder)
    archives = [info.archive_of(each) for each in ([file] if file else info.torchvision_files)]
    if all(is_file(home / archive) for archive in archives):
        return f"move {path} away and run again, so that {archives[0]} is unpacked anew"
    return (
        f"put the published one in its place, or move {home / info.torchvision_folder} away and run again with a "
        "network, so that torchvision downloads the set"
    )


def _what_lacks(info: DatasetInfo, home: Path) -> str:
    folder = home / info.torchvision_folder
    lacking = next(file for file in info.torchvision_files if not is_file(home / file))
    path = home / lacking
    if path.is_dir():
        put = f"in its place is a folder, so move {path} away and put the file of that name there"
    elif alike := _named_alike(path):
        put = f"rename {alike} to {alike.with_name(path.name + ('.gz' if alike.suffix.lower() == '.gz' else '')).name}"
    else:
        put = f"put it or {info.archive_of(lacking)} into {home}"
    return (
        f"{folder} holds only a part of {info.name}, without {lacking}; {put}, or move {folder} away and run again "
        "with a network, so that torchvision downloads the set"
    )


def _named_alike(path: Path) -> Path | None:
    """A file whose name differs in dots, dashes or capitals alone, as Windows' programs and other sources write it."""

    def letters(name: str) -> str:
        return re.sub(r"[\W_]", "", name.lower().removesuffix(".gz"))

    try:
        beside = sorted(path.parent.iterdir())
    except OSError:  # no such folder, or one that may not be listed
        return None
    return next((each for each in beside if letters(each.name) == letters(path.name) and each.is_file()), None)


def _what_is_wrong(published: Any, info: DatasetInfo, home: Path, error: Exception) -> str:
    """Which file torchvision stumbled over, and what it is; torchvision itself names none."""
    sums = {name: md5 for name, md5 in _checksums(published).items() if not name.endswith(".gz")}
    for file in info.torchvision_files:
        path = home / file
        if kind := kind_of(path):
            wrong = f"is {kind}, not the published file"
        elif path.name in sums:
            wrong = "" if _md5(path) == sums[path.name] else "is not the published file, but a damaged or altered one"
        else:
            expected, found = _idx_size(info, path.name), path.stat().st_size
            wrong = "" if found == expected else f"holds {found} bytes, expected {expected}"
        if wrong:
            return f"{path} {wrong}; {_another(info, home, file)}"
    folder = home / info.torchvision_folder
    old = folder / "processed"
    if old.exists():
        return (
            f"{old} holds files of an older torchvision that cannot be read; move it away, so that the files of "
            f"{folder / 'raw'} are read"
        )
    return f"{folder} is not {info.name} as torchvision expects it ({error}); {_another(info, home)}"


def _idx_size(info: DatasetInfo, name: str) -> int:
    """Bytes of one of MNIST's files: a header of four bytes and four a dimension, then a byte a pixel or a label."""
    count = info.train_count if name.startswith("train") else info.test_count
    shape = (count, *info.image_shape) if "images" in name else (count,)
    return 4 + 4 * len(shape) + int(np.prod(shape))


def _checksums(published: Any) -> Mapping[str, str]:
    """The MD5 sums that torchvision knows, by the name of the file."""
    if hasattr(published, "resources"):
        return dict(published.resources)
    meta = published.meta
    return {
        published.filename: published.tgz_md5,
        **dict(published.train_list),
        **dict(published.test_list),
        meta["filename"]: meta["md5"],
    }


def _sources(published: Any) -> Mapping[str, str]:
    """Where torchvision fetches each archive, by the name of the file."""
    if hasattr(published, "resources"):
        return {name: f"{published.mirrors[0]}{name}" for name, _ in published.resources}
    return {published.filename: published.url}


def _md5(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _unpack(published: Any, info: DatasetInfo, home: Path) -> None:
    """Unpack what lies packed. Files appear whole, one by one, and nobody reads the set before it has them all."""
    try:
        with locked(home / f".{info.name}.lock", f"the unpacking of {info.name}", OTHER_DATA_ROOT):
            lacking = [file for file in info.torchvision_files if not is_file(home / file)]
            if not lacking:  # another process was faster
                return
            for file, content in _unpacked(published, info, home, lacking):
                write_atomically(home / file, content)
    except (OSError, StoreError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        reason = in_words(cause) if isinstance(cause, OSError) else str(error)
        raise InputError(f"{home} holds {info.name} packed, and it could not be unpacked there: {reason}") from error


def _unpacked(published: Any, info: DatasetInfo, home: Path, lacking: list[str]) -> Iterator[tuple[str, bytes]]:
    """Each lacking file and its content, from archives that are checked first."""
    sums, sources = _checksums(published), _sources(published)
    archives = dict.fromkeys(info.archive_of(file) for file in lacking)
    odd = [archive for archive in archives if _md5(home / archive) != sums[Path(archive).name]]
    if odd and not (info.torchvision_archive is None and _same_when_unpacked(info, home)):
        path = home / odd[0]
        raise InputError(
            f"{path} is {kind_of(path) or 'another file'}, not the published archive, whose MD5 is {sums[path.name]}; "
            f"fetch it anew from {sources[path.name]}"
        )
    if info.torchvision_archive is None:
        for file in lacking:
            yield file, gzip.decompress((home / info.archive_of(file)).read_bytes())
        return
    with tarfile.open(home / info.torchvision_archive) as archive:
        for file in lacking:
            member = archive.extractfile(file)
            assert member is not None, f"{file} is no file in {info.torchvision_archive}"
            yield file, member.read()


def _same_when_unpacked(info: DatasetInfo, home: Path) -> bool:
    """Whether MNIST's files, compressed by whomever, hold the published pixels and labels."""
    digest = hashlib.sha256()
    for file in info.torchvision_files:  # in the order in which the catalogue takes the checksum
        path = home / file
        packed = not is_file(path)
        try:
            content = _content(home / info.archive_of(file) if packed else path)
            content = gzip.decompress(content) if packed else content
        except (OSError, EOFError, zlib.error):
            return False
        digest.update(content[4 + 4 * content[3] if len(content) > 3 else 0 :])
    return digest.hexdigest() == info.sha256


def _download(published: Any, info: DatasetInfo, root: Path) -> None:
    """Download beside the final folder and rename it at the end, so that no reader sees a part of it."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with locked(root / f".{info.name}.lock", f"the download of {info.name}", OTHER_DATA_ROOT):
            if is_present(info, root):  # another process was faster
                return
            with tempfile.TemporaryDirectory(dir=root, prefix=f".{info.name}.") as partial:
                published(partial, download=True)
                os.replace(Path(partial, info.torchvision_folder), root / info.torchvision_folder)
    except (OSError, RuntimeError, HTTPException) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{root} holds neither {info.name}.npz nor {info.torchvision_folder}/, and {info.name} could not be "
            f"downloaded there ({reason}); {_remedy(info)}"
        ) from error
