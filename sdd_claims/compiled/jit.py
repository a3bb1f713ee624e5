"""Compilation by Numba: the options that keep results the same on every processor, and where compiled code is kept."""

import glob
import hashlib
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding
import numba
from numba.core.caching import FunctionCache

from sdd_claims.cache import folder

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = {"fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}
"""Nothing is reordered or fused, zeros divide as NumPy's do, and no C calls a function."""


def compiled(function: F) -> F:
    """Compile a function at its first call, without any freedom in the order or the fusion of its arithmetic.

    No `fastmath`: sums are neither reordered nor fused with products, so vectors of any width find the same bits.
    """
    dispatcher = numba.njit(**_OPTIONS)(function)
    if _FOLDER is not None:
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_FOLDER)
        try:
            kept = _KeptCode(function)
            if Path(kept.cache_path).parent != _FOLDER:  # where it cannot be written, Numba looks elsewhere
                raise PermissionError(f"{_FOLDER} cannot be written")
            os.utime(kept.cache_path)
            dispatcher._cache = kept  # as its `enable_caching` does, but for the class
        except (OSError, RuntimeError) as error:  # RuntimeError: Numba has found no place at all
            _say_not_kept(error)
        finally:
            numba.config.CACHE_DIR = before
    return dispatcher


def inlined(function: F) -> F:
    """Compile a function as a part of each compiled one that calls it: a short one by itself takes longer."""
    return numba.njit(**_OPTIONS, inline="always")(function)


def kept_in() -> Path | None:
    """The folder in which compiled code is kept; None where it is not."""
    return _FOLDER


def why_not_kept() -> str:
    """Why some code of this process is not kept; "" where all is."""
    return _not_kept[0] if _not_kept else ""


def cpu() -> tuple[str, str]:
    """Name and features of the processor that code is compiled for."""
    given = numba.config.CPU_FEATURES
    features = llvmlite.binding.get_host_cpu_features().flatten() if given is None else given
    return numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name(), features


class _KeptCode(FunctionCache):  # type: ignore[misc]
    """A function's compiled code on disk. Where it is damaged, or there is no room, the function is compiled in memory.

    Numba writes without a lock, so that two processes can leave an index that names the code of other types.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """As of the class; None where what is kept cannot be read, or is code of other types."""
        try:
            found = super().load_overload(sig, target_context)
            if found is None or tuple(found.signature.args) == tuple(sig):
                return found
            error: Exception = ValueError("it takes other types than its index says")
        except Exception as caught:  # damaged bytes raise whatever they come to when they are unpickled
            error = caught
        _warn_once(f"compiled code in {self.cache_path} is damaged ({_said(error)}); it is compiled and kept anew")
        self._remove()
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """As of the class; without effect where it cannot be kept."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # no room, or an index that is damaged
            _say_not_kept(error)
            self._remove()

    def _remove(self) -> None:
        """Remove everything that is kept of this function, its index first, which must not name the code of another."""
        for path in sorted(Path(self.cache_path).glob(f"{glob.escape(self._impl.filename_base)}.*"), reverse=True):
            with suppress(OSError):
                path.unlink()


def _say_not_kept(error: Exception) -> None:
    said = _said(error)
    _not_kept.append(said)
    _warn_once(
        f"compiled code is not kept ({said}), so every process compiles for some seconds; set NUMBA_CACHE_DIR to a "
        "folder that can be written"
    )


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


_warned, _not_kept = list[str](), list[str]()


def _warn_once(sentence: str) -> None:
    """Warn of the first thing that goes wrong in a process: others follow from it."""
    if not _warned:
        _warned.append(sentence)
        warnings.warn(sentence, stacklevel=3)


def _folder() -> Path | None:
    """Where compiled code is kept between runs; None, said once, where no folder can be written.

    Numba notices a change of the function itself but not of those that it calls, and processes of two kinds that write
    at once can mix up its files: every state of this room's sources, version of Numba and kind of processor has its own
    folder.
    """
    sources = hashlib.sha256(repr((numba.__version__, *cpu())).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        sources.update(path.read_bytes())
    try:
        return folder(f"compiled-{sources.hexdigest()[:16]}", numba.config.CACHE_DIR)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        _say_not_kept(error)
        return None


_FOLDER = _folder()
