"""Compilation by Numba: the options that keep results the same on every processor, and where compiled code is kept."""

import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding
import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function at its first call, without any freedom in the order or the fusion of its arithmetic.

    No `fastmath`: sums are neither reordered nor fused with products, so vectors of any width find the same bits.
    """
    dispatcher = numba.njit(fastmath=False, error_model="numpy")(function)
    if _FOLDER is not None:
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_FOLDER)
        try:
            dispatcher.enable_caching()
        finally:
            numba.config.CACHE_DIR = before
    return dispatcher


def _folder() -> Path | None:
    """Where compiled code is kept between runs; None, said once, where no folder can be written.

    Numba notices a change of the function itself but not of those that it calls, and processes of two kinds that write
    at once can mix up its files: every state of this room's sources, version of Numba and kind of processor has its own
    folder.
    """
    cpu = (
        numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        numba.config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten(),
    )
    sources = hashlib.sha256(repr((numba.__version__, *cpu)).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        sources.update(path.read_bytes())
    above = numba.config.CACHE_DIR or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        folder = Path(above).expanduser() / "sdd_claims" / f"compiled-{sources.hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} cannot be written")
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        warnings.warn(
            f"compiled code is not kept ({error}), so every process compiles for some seconds; set NUMBA_CACHE_DIR to "
            "a folder that can be written",
            stacklevel=2,
        )
        return None
    return folder


_FOLDER = _folder()
