"""The depth of a mean curve's dip, and the best strength at which the curve has none.

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


def best_without_dip(curves: Mapping[float, Float[np.ndarray, " levels"]], margin: float = 0.01) -> float:
    """Finds the strength whose curve reaches highest, of those whose curve does not dip by the margin.

    Args:
        curves: strength -> the pilots' mean curve of validation accuracy.
        margin: the depth that counts, as a fraction of accuracy.

    Raises:
        InputError: every curve dips, or none is given.
    """
    free = {strength: float(mean.max()) for strength, mean in curves.items() if dip_depth(mean) < margin}
    if not free:
        tried = ", ".join(f"{strength:g}" for strength in sorted(curves)) or "none"
        raise InputError(
            f"the pilots' mean curve dips by {100 * margin:g} points or more at every strength tried ({tried}); try "
            "others, or register that none dodges the dip"
        )
    return max(free, key=lambda strength: free[strength])
