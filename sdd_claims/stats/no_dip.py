"""The test that a curve has no dip, over all triples of its levels."""

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr

from sdd_claims.stats.one_sample import SCREEN, excess_over, mean_above, t_statistic


def no_dip(values: Float[np.ndarray, "*batch seeds levels"], margin: float) -> Float[np.ndarray, "*batch"]:
    """Tests that no level lies the margin below both a denser and a sparser level.

    The largest over triples i < j < k of min(p_ij, p_kj) is max_j min(max_i p_ij, max_k p_kj), so no loop over triples
    is needed. As everywhere, the other tests join in where the t-tests alone would come near rejecting.
    """
    seeds, levels = values.shape[-2:]
    studies = values.reshape(-1, seeds, levels)
    p = np.minimum(1.0, 2 * stdtr(seeds - 1, -_deciding_t(studies, margin)))
    near = p < SCREEN
    if near.any():
        p[near] = np.maximum(p[near], np.minimum(_largest_p(studies[near], margin), SCREEN))
    return np.asarray(p.reshape(values.shape[:-2]))


def _shortfall(
    studies: Float[np.ndarray, "studies seeds levels"], low: int, margin: float
) -> Float[np.ndarray, "studies levels seeds"]:
    """Returns by how much level `low` falls short of lying the margin below each level."""
    return excess_over(np.swapaxes(studies[..., low, None] - studies, -2, -1), -margin)


def _deciding_t(studies: Float[np.ndarray, "studies seeds levels"], margin: float) -> Float[np.ndarray, " studies"]:
    """Finds t of the pair that decides: the worst pair of the better side of the worst level."""
    worst = np.full(len(studies), np.inf)
    for low in range(1, studies.shape[-1] - 1):
        t = t_statistic(_shortfall(studies, low, margin))
        t[np.isnan(t)] = -np.inf  # identical values at the margin, or a diverged seed: nothing is established
        worst = np.minimum(worst, np.maximum(t[:, :low].min(axis=-1), t[:, low + 1 :].min(axis=-1)))
    return worst


def _largest_p(studies: Float[np.ndarray, "studies seeds levels"], margin: float) -> Float[np.ndarray, " studies"]:
    """Returns the largest over triples of 2 min(p_ij, p_kj), with the sign-flip test in every pair."""
    largest = np.zeros(len(studies))
    for low in range(1, studies.shape[-1] - 1):
        p = mean_above(_shortfall(studies, low, margin))
        largest = np.maximum(largest, np.minimum(p[:, :low].max(axis=-1), p[:, low + 1 :].max(axis=-1)))
    return np.minimum(1.0, 2 * largest)
