"""A data set in torchvision's own folder, downloaded where there is a network."""

import os
import tempfile
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np

from sdd_claims.data import prepared_form
from sdd_claims.data.catalogue import DatasetInfo
from sdd_claims.errors import InputError
from sdd_claims.storage.locks import OTHER_DATA_ROOT, locked

_REMEDY = (
    "connect to the network, so that torchvision downloads the set, or put one of them into the folder, or name a "
    "folder that has one in SDD_CLAIMS_DATA"
)


def is_present(info: DatasetInfo, root: Path) -> bool:
    """Whether every file that torchvision reads is under the data root."""
    return all((root / file).is_file() for file in info.torchvision_files)


def why_absent(info: DatasetInfo, root: Path) -> str:
    """The sentence that names the missing files and how to get them."""
    return f"{root} holds neither {info.name}.npz nor a complete {info.torchvision_folder}/; {_REMEDY}"


def read(info: DatasetInfo, root: Path) -> prepared_form.Arrays:
    """Read the set from torchvision's folder under `root`, after downloading it if it is not there.

    Raises:
        InputError: no network, a root that cannot be written, or files that are torn or not the published ones.
    """
    folder = root / info.torchvision_folder
    remedy = f"delete {folder} and run again, so that the set is downloaded anew"
    published = _published_class(info)
    if not is_present(info, root):
        if folder.exists():
            raise InputError(f"{folder} holds only a part of {info.name}, expected all its files; {remedy}")
        _download(published, info, root)
    try:
        train, test = published(root, train=True), published(root, train=False)
    except (OSError, RuntimeError, ValueError, AssertionError, IndexError) as error:
        raise InputError(f"{folder} is not {info.name} as torchvision expects it ({error}); {remedy}") from error
    arrays = {
        "train_images": np.ascontiguousarray(train.data),
        "train_labels": np.asarray(train.targets, np.uint8),
        "test_images": np.ascontiguousarray(test.data),
        "test_labels": np.asarray(test.targets, np.uint8),
    }
    prepared_form.check(arrays, info, str(folder), remedy)
    return arrays


def _published_class(info: DatasetInfo) -> Any:
    # Imported late: torchvision takes a second to import, and the embedded set does without it.
    from torchvision import datasets

    assert info.torchvision is not None, f"{info.name} is not one of torchvision's"
    return getattr(datasets, info.torchvision)


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
            f"downloaded there ({reason}); {_REMEDY}"
        ) from error
