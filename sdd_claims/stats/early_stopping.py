"""The traditional early-stopping criterion of iterative pruning: stop when validation accuracy has dropped for good.

Quetu & Milovanovic 2023 stop by it in Tables 1 and 2 without saying what it is (they call it "difficult to define",
sec. 3). Here pruning stops at the first sustained drop and hands back the best network trained so far.
"""

import numpy as np
from jaxtyping import Float, Int

from sdd_claims.errors import InputError
from sdd_claims.stats.one_sample import EQUAL

DROP = 0.01
"""A level has dropped if it lies further than this below the best so far, a fraction of accuracy: the margin of a dip.

This and `PATIENCE` are part of what a rule judges by: a change takes a new `sdd_claims.stats.VERSION`.
"""

PATIENCE = 2
"""The number of levels in a row that must have dropped."""


def chosen(
    validation: Float[np.ndarray, "*batch levels"], drop: float = DROP, patience: int = PATIENCE
) -> Int[np.ndarray, "*batch"]:
    """Finds the level that early stopping hands back: the densest best one of those trained.

    Args:
        validation: validation accuracy from dense to sparse; NaN where the network diverged, which counts as a drop and
            is never chosen.
        drop: as a fraction of accuracy; a level more than that below the best so far has dropped.
        patience: levels in a row that must have dropped.

    Returns:
        The level; -1 where every level trained diverged.
    """
    paid = np.arange(validation.shape[-1]) < trained(validation, drop, patience)[..., None]
    return densest_best(np.where(paid, validation, np.nan))


def trained(
    validation: Float[np.ndarray, "*batch levels"], drop: float = DROP, patience: int = PATIENCE
) -> Int[np.ndarray, "*batch"]:
    """Counts the levels trained until it stops: up to and including the last of the drop that stops it, else all.

    Args:
        validation: as in `chosen`.
        drop: as in `chosen`.
        patience: as in `chosen`.

    Raises:
        InputError: a negative drop, or no patience.
    """
    if not (drop >= 0 and patience >= 1):
        raise InputError(
            f"early stopping waits for a drop of {drop:g} over {patience} levels; give a drop of 0 or more (a fraction "
            "of accuracy) and 1 level or more"
        )
    levels = validation.shape[-1]
    best = np.fmax.accumulate(validation, axis=-1)  # NaN only before the first number
    low = ~(validation >= best - drop - EQUAL)  # True for NaN
    sustained = low.copy()
    for lag in range(1, patience):
        sustained[..., lag:] &= low[..., :-lag]
        sustained[..., :lag] = False
    return np.where(sustained.any(axis=-1), sustained.argmax(axis=-1) + 1, levels)


def densest_best(validation: Float[np.ndarray, "*batch levels"]) -> Int[np.ndarray, "*batch"]:
    """Finds the level of the highest validation accuracy, the densest of several; -1 where all are NaN."""
    known = np.where(np.isnan(validation), -np.inf, validation)
    return np.where(np.isnan(validation).all(axis=-1), -1, known.argmax(axis=-1))
