"""Regression problems: a few fixed inputs and targets that every seed draws; nothing to fetch, no test set."""

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np
from jaxtyping import Float

from sdd_claims.errors import InputError

Inputs = Float[np.ndarray, "n inputs"]


def _grid() -> Inputs:
    """The 81 points of the grid {0, 0.5, 1}^4 (Parhi et al. 2021, 3)."""
    return np.array(list(product((0.0, 0.5, 1.0), repeat=4)), np.float32)


PROBLEMS: Mapping[str, Callable[[], Inputs]] = {"grid": _grid}
"""By name, the inputs of every problem."""


def inputs(name: str) -> Inputs:
    """The inputs of a problem.

    Raises:
        InputError: no such problem.
    """
    if name not in PROBLEMS:
        raise InputError(
            f"{name!r} is no regression problem: a path over epochs trains on {', '.join(PROBLEMS)} alone; set "
            "DataSpec.name to it, or prune a network on images instead"
        )
    return PROBLEMS[name]()


def targets(count: int, rng: np.random.Generator) -> Float[np.ndarray, "n outputs"]:
    """Uniform on [-1, 1], one an input: their mean square is 1/3 on average (Parhi et al. 2021 drew 0.313)."""
    return rng.uniform(-1, 1, (count, 1)).astype(np.float32)
