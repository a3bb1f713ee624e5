"""How deep a mean curve dips, and the smallest strength at which it no longer does.

A setting that a claim calls "optimally tuned" is found by this formula on pilot seeds and validation images, so that
nobody chooses it (Quetu & Milovanovic 2023, sec. 4: at lambda_opt the phenomenon is dodged).
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from sdd_claims.errors import InputError


def below_both(mean: Float[np.ndarray, " levels"]) -> Float[np.ndarray, " levels"]:
    """Computes how far each level lies below the lower of the highest before and the highest after it, itself counted.

    At least 0, and 0 where no earlier or no later level is higher.
    """
    shoulder = np.minimum(np.maximum.accumulate(mean), np.maximum.accumulate(mean[::-1])[::-1])
    return shoulder - mean


def dip_depth(mean_curve: Float[np.ndarray, " levels"]) -> float:
    """Computes how far the deepest level lies below both an earlier and a later one; 0 for a curve without a dip.

    Args:
        mean_curve: mean over pilots, as a fraction of accuracy.

    Raises:
        InputError: a level is NaN, since a pilot diverged.
    """
    if np.isnan(mean_curve).any():
        raise InputError(
            "a mean curve with NaN, from a pilot that diverged, has no deepest dip; leave that setting out or end the "
            "curve before the level"
        )
    return float(below_both(mean_curve).max())


def smallest_without_dip(depths: Mapping[float, float], margin: float = 0.01) -> float:
    """Finds the smallest strength from which on no curve dips by more than the margin.

    Args:
        depths: strength -> `dip_depth` of the pilots' mean curve of validation accuracy.
        margin: the depth that counts, as a fraction of accuracy.

    Raises:
        InputError: the curve dips at the largest strength, or none is given.
    """
    found = None
    for strength in sorted(depths, reverse=True):
        if not depths[strength] <= margin:
            break
        found = strength
    if found is None:
        tried = ", ".join(f"{strength:g}" for strength in sorted(depths)) or "none"
        raise InputError(
            f"the pilots' mean curve still dips by more than {100 * margin:g} points at the largest strength tried "
            f"({tried}); try larger ones, or register that none dodges the dip"
        )
    return found
