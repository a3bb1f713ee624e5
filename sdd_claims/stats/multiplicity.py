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
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.array(p)[order] * (registered - np.arange(len(p)))))
    return [float(value) for value in adjusted]
