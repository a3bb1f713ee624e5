"""Adjusting for the number of registered claims."""

from collections.abc import Sequence

import numpy as np

from sdd_claims.errors import InputError


def holm(p: Sequence[float], registered: int) -> list[float]:
    """Computes Holm-adjusted p of the observed claims.

    Args:
        p: p of the observed claims.
        registered: number of claims in the register; those not observed count as p = 1.

    Returns:
        The adjusted p, in the order given.

    Raises:
        InputError: more claims than registered, or a p outside 0..1.
    """
    if len(p) > registered:
        raise InputError(f"{len(p)} claims were observed but only {registered} are registered; register them all")
    if not all(0 <= value <= 1 for value in p):
        raise InputError(f"p must lie between 0 and 1, got {list(p)}; give 1 for a claim without evidence")
    if not p:
        return []
    # As statsmodels does it, which tests compare it with: its import takes longer than a run that trains nothing.
    every = np.concatenate([np.asarray(p, dtype=float), np.ones(registered - len(p))])
    order = np.argsort(every)
    adjusted = np.empty_like(every)
    adjusted[order] = np.minimum(np.maximum.accumulate(every[order] * np.arange(len(every), 0, -1)), 1.0)
    return [float(value) for value in adjusted[: len(p)]]
