"""Labels by human annotators: CIFAR-10N and CIFAR-100N (Wei et al. 2022), from the files that their authors publish."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from sdd_claims.data.datasets import load, resolve_root
from sdd_claims.errors import InputError, MissingDataError
from sdd_claims.spec import STAND_IN

FOLDER = "cifar-n"
"""The folder of the files under the data root."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """Where one data set's annotations are.

    Attributes:
        file: name of the file.
        labels: key of the annotators' labels in it; the data set's own have the key "clean_label".
        sha256: SHA-256 of these labels as one byte each, in the order of the training images.
    """

    file: str
    labels: str
    sha256: str


ANNOTATIONS: Mapping[str, Annotations] = MappingProxyType(
    {
        # Three annotators, and a wrong label where any of them gave one: 40.21 % are wrong.
        "cifar10": Annotations(
            "CIFAR-10_human.pt", "worse_label", "11a306ed336e3bc81aaac36322ddf12de379d0df1883aa43e10ba562a98f6b2a"
        ),
        # One annotator: 40.20 % are wrong.
        "cifar100": Annotations(
            "CIFAR-100_human.pt", "noisy_label", "54050bc3f9441adc78f204c68915d49a7f86bfa72b8fba04751b961d5be4aa62"
        ),
    }
)


def human_labels(name: str, data_root: Path | None = None) -> UInt8[np.ndarray, " n"]:
    """The annotators' labels of a data set's training images, in the order of the data set.

    Args:
        name: name of the data set; the labels of a stand-in are its own, each moved to the next image.
        data_root: the folder of data sets; None for the default.

    Raises:
        MissingDataError: the authors' file is not there.
        InputError: a data set that was not annotated, or another file than the authors'.
    """
    annotations = _annotations_of(name.removeprefix(STAND_IN))
    if name.startswith(STAND_IN):
        return np.roll(load(name).train_labels, 1)
    return _read(name, annotations, resolve_root(data_root) / FOLDER / annotations.file, data_root)


def why_unavailable(name: str, data_root: Path | None = None) -> str | None:
    """Say why `human_labels` would find no file, and what to fetch; None if it is there (it is not opened).

    Raises:
        InputError: a data set that was not annotated.
    """
    annotations = _annotations_of(name)
    path = resolve_root(data_root) / FOLDER / annotations.file
    return None if path.is_file() else f"{path} is missing; {_remedy(annotations)}"


def _annotations_of(name: str) -> Annotations:
    if name not in ANNOTATIONS:
        raise InputError(
            f"human annotators labelled {' and '.join(ANNOTATIONS)}, not {name}; choose one of them, or another kind "
            "of label noise"
        )
    return ANNOTATIONS[name]


def _remedy(annotations: Annotations) -> str:
    return f"put the {annotations.file} of github.com/UCSC-REAL/cifar-10-100n there"


@cache
def _read(name: str, annotations: Annotations, path: Path, data_root: Path | None) -> UInt8[np.ndarray, " n"]:
    remedy = _remedy(annotations)
    if not path.is_file():
        raise MissingDataError(f"{path} is missing, expected the human annotators' labels of {name} there; {remedy}")
    found = _arrays(path, remedy)
    clean = load(name, data_root).train_labels
    for part in ("clean_label", annotations.labels):
        labels = found.get(part)
        if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise InputError(f"{path} lacks {part}, expected {len(clean)} whole numbers; {remedy}")
        if len(labels) != len(clean):
            raise InputError(
                f"{path} holds {len(labels)} numbers as {part}, expected one for each of the {len(clean)} training "
                f"images of {name}; {remedy}"
            )
    if not np.array_equal(found["clean_label"], clean):
        raise InputError(
            f"{path} was made for other images than those of {name}, or for another order of them: its clean labels "
            f"are not those of the training images; {remedy}"
        )
    labels = found[annotations.labels].astype(np.uint8)
    if (digest := hashlib.sha256(labels.tobytes()).hexdigest()) != annotations.sha256:
        raise InputError(
            f"{path} holds other labels than its authors': SHA-256 {digest}, not {annotations.sha256}; {remedy}"
        )
    labels.setflags(write=False)  # every replica of the process shares them
    return labels


def _arrays(path: Path, remedy: str) -> Mapping[str, Any]:
    """The file's dictionary. Only constructors of NumPy arrays may be called: nothing else in the file is executed."""
    rebuild = np.empty(0).__reduce__()[0]
    # The authors' NumPy had it in another module.
    harmless: list[Any] = [
        rebuild,
        (rebuild, "numpy.core.multiarray._reconstruct"),
        np.ndarray,
        np.dtype,
        np.dtypes.Int64DType,
    ]
    try:
        with torch.serialization.safe_globals(harmless):
            found = torch.load(path, weights_only=True)
    except Exception as error:  # a damaged pickle makes its reader stumble in many ways
        raise InputError(f"{path} is no readable file of arrays ({_first_line(error)}); {remedy}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__}, expected a dictionary of arrays; {remedy}")
    return found


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
