"""Results of long computations, kept in the user's cache: a run whose networks are all trained then has its page soon.

A result is found again by the bytes of everything that it depends on: what was computed from what, the sources of this
package, and the versions of the libraries that compute and draw. Results are used in `results_kept` only: whoever
judges a published run again computes all of it.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import sdd_claims
from sdd_claims.cache import folder
from sdd_claims.errors import StoreError
from sdd_claims.machine import provenance
from sdd_claims.storage.files import write_atomically

T = TypeVar("T")

_LIBRARIES = ("numpy", "scipy", "matplotlib")
_PACKAGE = Path(sdd_claims.__file__).parent
_MOST = 3
"""Folders of results that stay: each state of the sources has one."""
_folder: Path | None = None


@contextmanager
def results_kept() -> Iterator[None]:
    """Keep results meanwhile, and take up those that are kept; nothing is kept where no folder can be written.

    Nor is it once the sources are others than those that this process has imported.
    """
    global _folder
    before = _folder
    try:
        _folder = before or (folder(f"results-{_STATE}", most=_MOST) if _STATE and _times() == _TIMES else None)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        _folder = None
    try:
        yield
    finally:
        _folder = before


def result_of(compute: Callable[..., T], *given: Any) -> T:
    """What a function returns for some arguments, computed now or read.

    Args:
        compute: a function whose result depends on these arguments alone, and comes back equal from JSON.
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


def _sources(package: Path) -> list[Path]:
    """The modules of a package, without its tests."""
    return sorted(path for path in package.rglob("*.py") if "tests" not in path.relative_to(package).parts)


def _times() -> list[tuple[Path, int]]:
    """When each source was changed last."""
    return [(path, path.stat().st_mtime_ns) for path in _sources(_PACKAGE)]


def _state(package: Path) -> str:
    """A digest of a package's sources, of what else computes and draws, and of the processor; "" without sources."""
    content = hashlib.sha256(repr([version(each) for each in _LIBRARIES]).encode())
    content.update(repr((platform.python_version(), provenance.hardware())).encode())
    sources = _sources(package)
    for path in sources:
        content.update(f"{path.relative_to(package)}:{path.stat().st_size}:".encode() + path.read_bytes())
    return content.hexdigest()[:16] if sources else ""


def _is_source(module: str) -> bool:
    first, *others = module.split(".")
    return first == "sdd_claims" and "tests" not in others


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
        case _ if is_dataclass(value) and _is_source(type(value).__module__):
            for each in fields(value):
                _add(content, getattr(value, each.name))
        case _:
            raise TypeError(f"{type(value).__qualname__} has no bytes of its own")


# Now: whoever edits sources while a process trains gives it no other code.
try:
    _STATE, _TIMES = _state(_PACKAGE), _times()
except (OSError, PackageNotFoundError):
    _STATE, _TIMES = "", []
