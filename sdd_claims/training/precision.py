"""The arithmetic in which products are computed (`TrainingSpec.precision`)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Within it, products of float32 tensors on a GPU are in TensorFloat-32 for "tf32", else exactly in float32.

    PyTorch's own default lets convolutions use TensorFloat-32, so "float32" has to be asked for as well.
    """
    kinds: tuple[Any, ...] = (
        torch.backends.cuda.matmul,
        torch.backends.cudnn.conv,  # type: ignore[attr-defined]
        torch.backends.cudnn.rnn,  # one for all of cuDNN, or PyTorch's older flag is at odds
    )
    before = [kind.fp32_precision for kind in kinds]
    try:
        for kind in kinds:
            kind.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        yield
    finally:
        for kind, value in zip(kinds, before, strict=True):
            kind.fp32_precision = value


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Forward passes in bfloat16 for "bfloat16", where PyTorch's list allows it; else as they are.

    Weights stay in float32, and so do losses and updates. Nothing is cached from one pass to the next: weights
    change in place between them.
    """
    return (
        torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if precision == "bfloat16" else nullcontext()
    )
