"""Labels by human annotators: CIFAR-10N and CIFAR-100N (Wei et al. 2022), from the files that their authors publish."""

import hashlib
import io
import pickletools
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from sdd_claims.data.datasets import load, resolve_root
from sdd_claims.data.file_kinds import ZIP, is_file, kind_of
from sdd_claims.errors import InputError, MissingDataError
from sdd_claims.spec import STAND_IN

FOLDER = "cifar-n"
"""The folder of the files under the data root."""

# What pickles of arrays and tensors import, whatever NumPy wrote them.
_OF_ARRAYS = frozenset(
    {
        *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
        *("numpy.ndarray", "numpy.dtype", "numpy.dtypes.Int64DType", "_codecs.encode", "collections.OrderedDict"),
        *("torch._utils._rebuild_tensor_v2", "torch.LongStorage", "torch.IntStorage"),
    }
)


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
    try:
        path = resolve_root(data_root) / FOLDER / annotations.file
        return None if is_file(path) else f"{path} is missing; {_remedy(annotations)}"
    except InputError as error:  # folders that may not be searched
        return str(error)


def _annotations_of(name: str) -> Annotations:
    if name not in ANNOTATIONS:
        raise InputError(
            f"human annotators labelled {' and '.join(ANNOTATIONS)}, not {name}; choose one of them, or another kind "
            "of label noise"
        )
    return ANNOTATIONS[name]


def _remedy(annotations: Annotations) -> str:
    return f"put the {annotations.file} of github.com/UCSC-REAL/cifar-10-100n (in its folder data/) there"


@cache
def _read(name: str, annotations: Annotations, path: Path, data_root: Path | None) -> UInt8[np.ndarray, " n"]:
    remedy = _remedy(annotations)
    if not is_file(path):
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
        with torch.serialization.safe_globals(harmless), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on a newer pickle protocol, which is refused below in our own words
            found = torch.load(path, weights_only=True)
    except Exception as error:  # a damaged pickle makes its reader stumble in many ways
        raise InputError(f"{path} {_what_is_wrong(path, error)}; {remedy}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__}, expected a dictionary of arrays; {remedy}")
    return found


def _what_is_wrong(path: Path, error: Exception) -> str:
    """Why a file was refused, in our words: PyTorch's own advise to read it in a way that executes what it holds."""
    kind = kind_of(path)
    calls = _foreign_calls(path)
    if calls:
        shown = calls[0][:80].encode("unicode_escape").decode()  # a hostile file may hold a terminal's colour codes
        more = f" and {len(calls) - 1} more" if calls[1:] else ""
        return f"is a pickle that wants to run code ({shown}{more}), which was not run; expected arrays alone"
    if kind not in (None, ZIP):
        return f"is {kind}, expected a PyTorch file of arrays"
    return f"is no readable PyTorch file of arrays ({type(error).__name__})"


def _foreign_calls(path: Path) -> list[str]:
    """What a pickle, bare or in PyTorch's archive, would import beyond what arrays need; nothing is executed."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                pickles = [archive.read(name) for name in archive.namelist() if name.endswith("data.pkl")]
        else:
            pickles = [path.read_bytes()]
    except (OSError, RuntimeError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return []
    return sorted({name for each in pickles for name in _imports(io.BytesIO(each))} - _OF_ARRAYS)


def _imports(stream: io.BytesIO) -> Iterator[str]:
    """The dotted names that the pickles of a stream import; older PyTorch files are several pickles in a row."""
    while stream.tell() < len(stream.getbuffer()):
        words: list[str] = []
        kept: dict[object, str] = {}  # words that a pickle puts aside to use them again
        names: list[str] = []
        try:
            for code, argument, _ in pickletools.genops(stream):
                if code.name in ("GLOBAL", "INST"):
                    names.append(str(argument).replace(" ", "."))
                elif code.name == "STACK_GLOBAL":  # its two names are the last that were put on the stack
                    names.append(".".join(words[-2:]))
                elif isinstance(argument, str):
                    words.append(argument)
                elif code.name == "MEMOIZE":
                    kept[len(kept)] = words[-1] if words else ""
                elif code.name in ("BINGET", "LONG_BINGET") and argument in kept:
                    words.append(kept[argument])
        except Exception:  # what is no pickle, or a torn one, makes its reader stumble in many ways
            return
        yield from names  # not before its end: other files can begin like a pickle
