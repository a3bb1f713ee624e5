"""e-values: evidence that adds up. Those of independent blocks of seeds may be multiplied, however often one looks.

An e-value is a number of at least 0 whose expectation is at most 1 if the hypothesis that it speaks against holds, so
that it exceeds 1 / a with a chance of at most a. They decide nothing here. Of two hypotheses that must both be
established the smaller e-value counts; of two of which one suffices their mean.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.special import betainc, betaln, gammaln

from sdd_claims.stats.hypotheses import All, Hypothesis, Mean, Numbers, strength
from sdd_claims.stats.one_sample import t_statistic

_LARGEST_T = 1e6  # of numbers that are all but equal
_LARGEST_LOG = 690.0  # of some 1e300
_REACH = 12.0  # e-folds of the effect on either side of the estimated one
_NEGLIGIBLE = 45.0  # e-folds below the highest: nothing of sixteen digits
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_PIECES = 40  # of the range that is not negligible, which is as narrow as the numbers make it


def t_e_value(excess: Numbers) -> float:
    """Computes the e-value of "the mean lies beyond the margin", for numbers that scatter normally.

    The likelihood ratio of t, averaged over effects by a half-Cauchy prior of scale 1 on the effect in standard
    deviations, against an effect of 0 (Rouder et al. 2009, one-sided; a test martingale by the right Haar prior on the
    standard deviation, see Wang & Ramdas 2024).
    """
    t = float(t_statistic(excess))
    if np.isnan(t):
        return 1.0
    return _of_t(float(np.clip(t, -_LARGEST_T, _LARGEST_T)), excess.size)


def sign_e_value(excess: Numbers) -> float:
    """Computes the e-value of the same by signs alone: a bet on every seed that it lies beyond the margin.

    The wealth of a gambler who spreads the stake evenly over all chances from 1/2 to 1. It asks only that a seed lies
    beyond the margin with a chance of at most 1/2 where the claim is false.
    """
    return _of_signs(int((excess > 0).sum()), excess.size)


@lru_cache(maxsize=4096)
def _of_signs(beyond: int, seeds: int) -> float:
    a, b = beyond + 1.0, seeds - beyond + 1.0
    return float(np.exp((seeds + 1) * np.log(2) + betaln(a, b)) * (1 - betainc(a, b, 0.5)))


def e_value(hypothesis: Hypothesis, of_mean: Callable[[Numbers], float] = t_e_value) -> float | None:
    """Computes the e-value of a hypothesis from those of its means.

    Args:
        hypothesis: what is to be established.
        of_mean: `t_e_value` or `sign_e_value`; a share of seeds has the latter always.

    Returns:
        None where a seed lacks a number, or nothing is tested.
    """
    if isinstance(hypothesis, Mean):
        of_mean = of_mean if hypothesis.by == "mean" else sign_e_value
        return None if np.isnan(hypothesis.excess).any() else of_mean(hypothesis.excess)
    parts = hypothesis.parts
    if isinstance(hypothesis, All) and of_mean is t_e_value:
        parts = _weakest(parts)
    found = [e_value(part, of_mean) for part in parts]
    known = [each for each in found if each is not None]
    if isinstance(hypothesis, All):
        return min(known) if known and len(known) == len(found) else None
    # A part that is never established has an e-value of 0.
    return sum(known) / len(found) if known else None


def _weakest(parts: tuple[Hypothesis, ...]) -> tuple[Hypothesis, ...]:
    """The same parts with only one of the means, of which there may be hundreds: that of the smallest t and e-value."""
    alone = [part for part in parts if isinstance(part, Mean) and part.by == "mean"]
    if not alone or not all(np.isfinite(mean.excess).all() and mean.excess.any() for mean in alone):
        return parts
    return (*(part for part in parts if part not in alone), min(alone, key=strength))


@lru_cache(maxsize=4096)
def _of_t(t: float, seeds: int) -> float:
    share = t / np.sqrt(seeds - 1 + t * t)
    rest = (seeds - 1) / (seeds - 1 + t * t)  # 1 - share², which rounding would spoil
    constant = (seeds / 2 - 1) * np.log(2) + gammaln(seeds / 2)

    def log_height(log_effect: Float[np.ndarray, " at"]) -> Float[np.ndarray, " at"]:
        """Of the likelihood ratio times the prior, per unit of the logarithm of the effect."""
        effect = np.exp(log_effect)
        ratio = _log_moment(effect * np.sqrt(seeds) * share, seeds) - seeds * effect * effect * rest / 2 - constant
        return ratio + np.log(2 / np.pi) + log_effect - np.log1p(effect * effect)

    centre = np.log(max(abs(t), 1.0) / np.sqrt(seeds))
    coarse = np.linspace(centre - _REACH - 6, centre + _REACH / 2, 200)
    heights = log_height(coarse)
    highest = heights.max()  # of many seeds it is past any double
    (high,) = np.nonzero(heights > highest - _NEGLIGIBLE)
    edges = np.linspace(coarse[max(high[0] - 1, 0)], coarse[min(high[-1] + 1, coarse.size - 1)], _PIECES + 1)
    half = (edges[1] - edges[0]) / 2
    log_effect = (edges[:-1, None] + half * (1 + _NODES[None, :])).ravel()
    found = half * np.tile(_WEIGHTS, _PIECES) @ np.exp(log_height(log_effect) - highest)
    return float(np.exp(min(highest + np.log(found), _LARGEST_LOG)))


_WIDTHS = 12.0  # standard deviations about the peak: beyond lies a millionth of three seeds, nothing of twelve
_MOMENT_NODES, _MOMENT_WEIGHTS = np.polynomial.legendre.leggauss(64)


def _log_moment(along: Float[np.ndarray, " at"], seeds: int) -> Float[np.ndarray, " at"]:
    """The logarithm of the integral of u^(n-1) exp(-(u - along)² / 2) over u > 0: Gauss and Legendre about its peak."""
    power = seeds - 1
    root = np.sqrt(along * along + 4 * power)
    # Where u falls without a difference of like numbers.
    peak = np.where(along > 0, (along + root) / 2, 2 * power / (root - np.minimum(along, 0.0)))
    width = _WIDTHS / np.sqrt(1 + power / peak**2)
    start = np.maximum(peak - width, 0.0)
    half = (peak + width - start) / 2
    u = start[:, None] + half[:, None] * (1 + _MOMENT_NODES)
    heights = power * np.log(u / peak[:, None]) - (u - peak[:, None]) * (u + (peak - 2 * along)[:, None]) / 2
    return power * np.log(peak) - (peak - along) ** 2 / 2 + np.log(half * (np.exp(heights) @ _MOMENT_WEIGHTS))
