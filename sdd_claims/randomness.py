"""The random streams of a replica: each purpose draws from a stream of its own.

The draws depend on the seed, the purpose and its counters alone: never on the setting, on the order in which
things happen, or on which other seeds are trained beside it. Two settings of one seed are therefore paired.
"""

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Stream(IntEnum):
    """Purposes. The numbers are part of every stored result: append, never renumber."""

    SUBSET = 0
    LABEL_NOISE = 1
    INITIALIZATION = 2
    BATCH_ORDER = 3
    PRUNING_SCORES = 4
    DIRECTIONS = 5
    VALIDATION = 6
    TARGETS = 7
    DROPOUT = 8
    AUGMENTATION = 9


def _sequence(seed: int, stream: Stream, counters: tuple[int, ...]) -> np.random.SeedSequence:
    # The same as SeedSequence(seed).spawn(...)[stream].spawn(...)[counter]..., without making the siblings.
    return np.random.SeedSequence(seed, spawn_key=(int(stream), *counters))


def numpy_stream(seed: int, stream: Stream, *counters: int) -> np.random.Generator:
    """The numpy generator of a seed's stream; counters such as (level, epoch) branch it further."""
    # By its name: which one is NumPy's default may change.
    return np.random.Generator(np.random.PCG64(_sequence(seed, stream, counters)))


def torch_stream(seed: int, stream: Stream, *counters: int) -> torch.Generator:
    """The same stream as a CPU torch generator, for drawing weights."""
    state = _sequence(seed, stream, counters).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


class Draws(Protocol):
    """A source of random tensors on the CPU."""

    def normal(self, shape: Sequence[int], std: float = 1.0, dtype: torch.dtype = torch.float32) -> Tensor:
        """Normal numbers of mean zero."""

    def uniform(self, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers from `low` on, below `high`."""

    def whole(self) -> int:
        """A number from 0 to 2^63 - 2, to seed another generator with."""


class TorchDraws(Draws):
    """Draws by PyTorch's generator, which turns its bits into normal numbers as the processor's vectors suit it."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def normal(self, shape: Sequence[int], std: float = 1.0, dtype: torch.dtype = torch.float32) -> Tensor:
        """As of the class."""
        return torch.empty(*shape, dtype=dtype).normal_(0, std, generator=self._generator)

    def uniform(self, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        """As of the class."""
        return torch.empty(*shape).uniform_(low, high, generator=self._generator)

    def whole(self) -> int:
        """As of the class."""
        return int(torch.randint(2**63 - 1, (), generator=self._generator))


class PortableDraws(Draws):
    """Draws by NumPy's generator and formulas of our own, the same on every processor."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def normal(self, shape: Sequence[int], std: float = 1.0, dtype: torch.dtype = torch.float32) -> Tensor:
        """As of the class."""
        from sdd_claims.compiled.functions import normals  # late: it needs Numba

        return torch.from_numpy(normals(self._generator, math.prod(shape)) * std).to(dtype).view(*shape)

    def uniform(self, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        """As of the class."""
        drawn = torch.from_numpy(self._generator.random(math.prod(shape)) * (high - low) + low).float()
        return drawn.view(*shape)

    def whole(self) -> int:
        """As of the class."""
        return int(self._generator.integers(2**63 - 1))


def draws(seed: int, stream: Stream, *counters: int, portable: bool = False) -> Draws:
    """A seed's stream as a source of tensors, of the same bits on every processor where it is `portable`."""
    if portable:
        return PortableDraws(numpy_stream(seed, stream, *counters))
    return TorchDraws(torch_stream(seed, stream, *counters))
