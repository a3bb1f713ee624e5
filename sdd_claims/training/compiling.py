"""PyTorch's compiler, where it is available."""

import logging
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch

_LOG = logging.getLogger(__name__)


def compiled_or(plain: Callable[..., Any], try_out: Callable[[Callable[..., Any]], object]) -> Callable[..., Any]:
    """A function compiled, or where that fails the function itself, with a line in the log.

    Args:
        plain: the function.
        try_out: calls its argument as the function will be called later: the first call compiles it.
    """
    # PyTorch gives up on a piece of code after a few versions, and all that is compiled goes through the same: a copy
    # each.
    assert isinstance(plain, FunctionType)
    own = FunctionType(plain.__code__.replace(), plain.__globals__, plain.__name__, None, plain.__closure__)
    compiled: Callable[..., Any] = torch.compile(own, dynamic=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the compiler, about itself
            try_out(compiled)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a compiler has many ways to fail, and training can do without it
        _LOG.warning("training goes on uncompiled, and more slowly: PyTorch cannot compile it here (%s)", error)
        return plain
    return compiled
