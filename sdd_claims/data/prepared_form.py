"""The project's own form of a data set: one .npz of four uint8 arrays, checked against the catalogue."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import UInt8

from sdd_claims.data.catalogue import DatasetInfo
from sdd_claims.data.file_kinds import ZIP, kind_of
from sdd_claims.errors import InputError

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")

Arrays: TypeAlias = Mapping[str, UInt8[np.ndarray, "..."]]


def read(path: Path, info: DatasetInfo, remedy: str) -> Arrays:
    """Read `<name>.npz` and check it.

    Args:
        path: the file.
        info: the published data set.
        remedy: advice to the user if it does not match: the end of the error's sentence.

    Raises:
        InputError: the file is missing, unreadable or not the published data.
    """
    try:
        # Opened here, because np.load leaves the handle of a torn archive open.
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            present = [name for name in ARRAYS if f"{name}.npy" in archive.namelist()]
            arrays = {name: _member(archive, name) for name in present}
    except FileNotFoundError:
        raise InputError(f"{path} is missing, expected the data set {info.name} there; {remedy}") from None
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        kind = kind_of(path)
        what = f"is {kind}" if kind not in (None, ZIP) else f"is no readable .npz ({error})"
        raise InputError(f"{path} {what}, expected the arrays {', '.join(ARRAYS)}; {remedy}") from error
    check(arrays, info, str(path), remedy)
    return arrays


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    # Read whole, so that the archive's own checksum fails before NumPy parses a damaged header.
    member = archive.read(f"{name}.npy")
    return np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)


def check(arrays: Arrays, info: DatasetInfo, source: str, remedy: str) -> None:
    """Check names, types, shapes, labels and content against the catalogue, in this order.

    Args:
        arrays: the four arrays of a set.
        info: the published data set.
        source: the file or folder they came from, for the error.
        remedy: the end of the error's sentence.

    Raises:
        InputError: at the first thing that differs.
    """
    for name in ARRAYS:
        count = info.train_count if name.startswith("train") else info.test_count
        expected = (count, *info.image_shape) if name.endswith("images") else (count,)
        if name not in arrays:
            raise InputError(f"{source} lacks the array {name}, expected uint8 of shape {expected}; {remedy}")
        array = arrays[name]
        if array.dtype != np.uint8 or array.shape != expected:
            raise InputError(
                f"{source} holds {name} as {array.dtype} of shape {array.shape}, "
                f"expected uint8 of shape {expected}; {remedy}"
            )
        if name.endswith("labels") and array.max() >= info.classes:
            raise InputError(
                f"{source} holds the label {array.max()} in {name}, "
                f"expected labels 0 to {info.classes - 1} of {info.name}; {remedy}"
            )
    if info.sha256 is not None and (found := content_sha256(arrays)) != info.sha256:
        raise InputError(
            f"{source} is not the published {info.name} in its original order: "
            f"its arrays have SHA-256 {found}, expected {info.sha256}; {remedy}"
        )


def content_sha256(arrays: Arrays) -> str:
    """SHA-256 of the bytes of the four arrays in the order of ARRAYS, whatever the compression of the file."""
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()
