"""Compilation by Numba: the options that keep results the same on every processor, and where compiled code is kept."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function at its first call, without any freedom in the order or the fusion of its arithmetic.

    No `fastmath`: sums are neither reordered nor fused with products, so vectors of any width find the same bits.
    """
    return numba.njit(cache=True, fastmath=False, error_model="numpy")(function)  # type: ignore[no-any-return]
