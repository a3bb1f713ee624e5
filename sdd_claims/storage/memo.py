"""Results of long computations, kept in the user's cache: a run whose networks are all trained then has its page soon.

A result is found again by the bytes of everything that it depends on: what was computed from what, the sources of this
package, and the versions of the libraries that compute and draw. Results are used in `results_kept` only: whoever
judges a published run again computes all of it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import sdd_claims
from sdd_claims.cache import folder
from sdd_claims.errors import StoreError
from sdd_claims.storage.files import write_atomically

T = TypeVar("T")

_LIBRARIES = ("numpy", "scipy", "matplotlib")
_folder: Path | None = None


@contextmanager
def results_kept() -> Iterator[None]:
    """Keep results meanwhile, and take up those that are kept; as before where no folder can be written."""
    global _folder
    before = _folder
    try:
        _folder = before or folder(f"results-{_state()}")
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        _folder = None
    try:
        yield
    finally:
        _folder = before


def result_of(compute: Callable[..., T], *given: Any) -> T:
    """What a function returns for some arguments, computed now or read.

    Args:
        compute: a function whose result depends on these arguments alone, and is plain JSON.
        given: numbers, text, arrays, and dataclasses and containers of them; of anything else no result is kept.
    """
    if _folder is None:
        return compute(*given)
    content = hashlib.sha256(f"{compute.__module__}.{compute.__qualname__}".encode())
    try:
        for each in given:
            _add(content, each)
    except TypeError:
        return compute(*given)
    path = _folder / f"{content.hexdigest()}.json"
    try:
        found: T = json.loads(path.read_bytes())
    except (OSError, ValueError):  # not kept yet, or damaged
        found = compute(*given)
        with suppress(StoreError):  # the next run computes it again
            write_atomically(path, json.dumps(found).encode(), durable=False)
    return found


@cache
def _state() -> str:
    """A digest of the sources of this package, and of the versions of what computes and draws."""
    top = Path(sdd_claims.__file__).parent
    content = hashlib.sha256(repr([version(each) for each in _LIBRARIES]).encode())
    for path in sorted(top.rglob("*.py")):
        if "tests" not in path.parts:
            content.update(path.read_bytes())
    return content.hexdigest()[:16]


def _add(content: Any, value: Any) -> None:
    """Add a value to a digest, so that different values add different bytes. Those of classes elsewhere are not known.

    Raises:
        TypeError: of this type nobody knows what it depends on.
    """
    content.update(f"{type(value).__module__}.{type(value).__qualname__}:".encode())
    match value:
        case None | bool() | int() | float() | str():
            text = repr(value).encode()
            content.update(f"{len(text)}:".encode() + text)
        case np.ndarray() if value.dtype.kind in "biuf":
            content.update(f"{value.dtype.str}{value.shape}:".encode() + np.ascontiguousarray(value).tobytes())
        case Mapping():
            _add(content, [part for pair in value.items() for part in pair])
        case Set():
            _add(content, sorted(value))
        case Sequence():
            content.update(f"{len(value)}:".encode())
            for each in value:
                _add(content, each)
        case _ if is_dataclass(value) and type(value).__module__.startswith("sdd_claims."):
            for each in fields(value):
                _add(content, getattr(value, each.name))
        case _:
            raise TypeError(f"{type(value).__qualname__} has no bytes of its own")
