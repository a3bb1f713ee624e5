"""The random streams of a replica: each purpose draws from a stream of its own.

The draws depend on the seed, the purpose and its counters alone: never on the setting, on the order in which
things happen, or on which other seeds are trained beside it. Two settings of one seed are therefore paired.
"""

from enum import IntEnum

import numpy as np
import torch


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
    return np.random.default_rng(_sequence(seed, stream, counters))


def torch_stream(seed: int, stream: Stream, *counters: int) -> torch.Generator:
    """The same stream as a CPU torch generator, for drawing weights."""
    state = _sequence(seed, stream, counters).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)
