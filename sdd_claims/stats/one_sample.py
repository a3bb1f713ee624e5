"""One-sample tests: is the mean of per-seed numbers above (or below) a margin? Are most of the numbers?

Two tests must both reject, so that nothing is chosen on the data: the t-test and the exact sign-flip test. Where the
sample is skewed the way that flatters the t-test, by more than `ADVERSE_SKEWNESS`, the t-test corrected for skew must
reject too (Hall 1992, "On the removal of skewness by transformation", J. R. Stat. Soc. B 54). p is the largest.
"""

from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import bdtrc, stdtr

VERSION = 4
"""Raised by hand when some rule would judge the same numbers otherwise; part of every protocol and of the calibration.

2: an adversely skewed sample is judged by Hall's test, where 1 left it open. 3: `Correlated` asks for the sign of the
correlation too, not only for its difference from the null pairing's. 4: Hall's test goes on along its tangent, where it
flattened before and p stopped falling with the evidence; the contrary of a direction is tested at zero, not at its
margin; any number of looks.
"""

EQUAL = 1e-12
"""Numbers nearer than this are equal: above the rounding of differences of accuracies, below any effect."""

SCREEN = 0.05
"""The sign-flip test is run where the t-test falls below this level; it then raises p to this level at most, so that
p never rises with the evidence. A threshold must lie below it."""

ADVERSE_SKEWNESS = 2.0
"""Sample skewness, in its standard errors under normality, beyond which Hall's correction joins in (-1.27 at 12 seeds,
-0.94 at 24). By simulation at p < .0006, 200,000 studies for a size, 20,000 for a power:

                                     12 seeds                  24 seeds
                               t      + Hall  + flips    t      + Hall  + flips
    size: normal              .0007   .0007   .0003     .0005   .0005   .0005
          mirrored gamma 4    .0038   .0036   .0018     .0033   .0028   .0023
          mirrored gamma 1    .017    .013    .0069     .012    .0052   .0043
          mirrored gamma 1/2  .038    .023    .014      .025    .0062   .0058
          mirrored lognormal  .041    .032    .018      .034    .013    .012
          t, 3 degrees        .0003   .0003   .0002     .0003   .0003   .0003
          collapse, see below .28     .28     .28       .080    .080    .080
    power, normal, d 1.9, 1.05 .96            .86       .90             .88
    power, gamma 1, d 5       1.00            .99      1.00            1.00
    power, gamma 1, d 2        .88            .62      1.00             .92

Under skew the size stays above nominal, since the samples that mislead are those without a tail. The collapse (one
replica in ten falls by 40 standard deviations) says what no test can do: 28 % of studies of 12 seeds see none, and
nothing in them tells that one could be. A verdict is one on replicas like those that were run.
"""

_LEAST_SLOPE = 0.5
"""Hall's transformation goes on along its tangent once its slope has fallen to this. Its own slope falls to zero, at
t = 3 sqrt(n) / |skewness|: p would stop falling, however strong the evidence."""

_ENUMERATED = 12  # 2^12 sums at once; up to twice as many seeds meet in the middle
_DRAWN_FLIPS = 2**16 - 1
_LEAST_DRAWN = 1 / (_DRAWN_FLIPS + 1)  # p of the sign-flip test of more seeds than are enumerated
_AT_ONCE = 32  # studies; their sums over all drawn subsets take 16 MB


def mean_above(values: Float[np.ndarray, "*batch seeds"], margin: float = 0.0) -> Float[np.ndarray, "*batch"]:
    """Tests whether the mean over seeds exceeds a margin, in every study of a batch.

    Args:
        values: one number a seed, at least three seeds. A study with a NaN gets p = 1.
        margin: in the unit of the values.

    Returns:
        The largest p of the one-sided t-test, its correction for adverse skew and the exact sign-flip test. Identical
        values equal to the margin get p = 1; identical values above it the sign-flip test's p.
    """
    excess = excess_over(values, margin)
    return raised_by_sign_flips(t_tests(excess), excess)


def raised_by_sign_flips(
    p: Float[np.ndarray, "*batch"], excess: Float[np.ndarray, "*batch seeds"]
) -> Float[np.ndarray, "*batch"]:
    """Raises the p of the t-tests to that of the sign-flip test, below `SCREEN` and to it at most.

    Args:
        p: as `t_tests` gives it.
        excess: over the margin, as `excess_over` gives it.
    """
    p = np.array(p)
    near = p < SCREEN
    if near.any():
        p[near] = np.maximum(p[near], np.minimum(_sign_flip(excess[near].reshape(-1, excess.shape[-1])), SCREEN))
    return p


def is_above(excess: Float[np.ndarray, "studies seeds"], level: float) -> Bool[np.ndarray, " studies"]:
    """Says whether `mean_above` of these excesses over the margin falls below a level, at a part of its cost.

    Args:
        excess: as `excess_over` gives it.
        level: at most `SCREEN`.
    """
    found = np.asarray(t_tests(excess) < level)
    if excess.shape[-1] > 2 * _ENUMERATED and level <= _LEAST_DRAWN:
        return np.zeros_like(found)
    lowest = 0.5 ** excess.shape[-1]
    total, squares = excess.sum(axis=-1), (excess * excess).sum(axis=-1)
    # Every subset of the seeds that do not exceed the margin counts: so p is at least this.
    least = lowest * 2.0 ** (~(excess > 0)).sum(axis=-1)
    unanimous = least == lowest
    # Hoeffding's bound on the share of sign assignments whose sum is at least the observed one.
    bounded = (total > 0) & (total**2 > -2 * np.log(level) * squares)
    found &= least < level
    counted = found & ~unanimous & ~bounded
    if counted.any():
        found[counted] = _sign_flip(excess[counted]) < level
    return found


def more_than_half(excess: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    """Tests whether more than half of all seeds exceed a margin: the exact sign test.

    Args:
        excess: of every seed over the margin, as `excess_over` gives it. A study with a NaN gets p = 1.

    Returns:
        The chance that so many of these seeds or more would, if each did with a chance of 1/2.
    """
    seeds = excess.shape[-1]
    p = bdtrc((excess > 0).sum(axis=-1) - 1, seeds, 0.5)
    return np.where(np.isnan(excess).any(axis=-1), 1.0, np.where((excess > 0).any(axis=-1), p, 1.0))


def opposite(margin: float) -> float:
    """Returns what the mean must be below for a direction to be refuted: zero, or a margin that lies below zero.

    An effect of the claimed direction that is smaller than the margin refutes nothing.
    """
    return min(margin, 0.0)


def excess_over(values: Float[np.ndarray, "*batch seeds"], margin: float) -> Float[np.ndarray, "*batch seeds"]:
    """Subtracts the margin; what is left of equal numbers by rounding becomes zero."""
    excess = values - margin
    return np.where(np.abs(excess) <= EQUAL, 0.0, excess)


def t_statistic(values: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    """Computes mean / standard error; NaN where all values are zero, infinite where they are equal otherwise."""
    mean, _, squares = _deviations(values)
    return _t(mean, squares)


def skewness(values: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    """Computes the bias-corrected sample skewness (G1 of Joanes & Gill 1998); 0 where the values are all equal."""
    _, centred, squares = _deviations(values)
    return _skewness(centred, squares)


def adverse_skewness(seeds: int) -> float:
    """Returns the skewness beyond which Hall's correction joins in: `ADVERSE_SKEWNESS` standard errors."""
    n = seeds
    return float(ADVERSE_SKEWNESS * np.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3))))


def t_tests(excess: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    """Returns the larger p of the t-test and, under adverse skew, of Hall's; 1 for a study with a NaN.

    His transformation rises with t, by `_LEAST_SLOPE` at least, and a shift leaves the skewness alone: so p falls with
    the evidence, however far that goes.
    """
    seeds = excess.shape[-1]
    mean, centred, squares = _deviations(excess)
    t, skew = _t(mean, squares), _skewness(centred, squares)
    adverse = np.where(skew < -adverse_skewness(seeds), skew, 0.0) / np.sqrt(seeds)
    with np.errstate(divide="ignore", invalid="ignore"):  # an infinite t is that of equal values, which have no skew
        bend = np.where(adverse < 0, 3 * (1 - np.sqrt(_LEAST_SLOPE)) / -adverse, np.inf)
        low = np.minimum(t, bend)
        corrected = low + adverse * low**2 / 3 + adverse**2 * low**3 / 27 + adverse / 6 + _LEAST_SLOPE * (t - low)
    smaller = np.where(adverse < 0, np.minimum(t, corrected), t)
    return np.asarray(np.where(np.isnan(t), 1.0, stdtr(seeds - 1, -smaller)))


def _deviations(
    values: Float[np.ndarray, "*batch seeds"],
) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch seeds"], Float[np.ndarray, "*batch seeds"]]:
    """Returns the mean, the deviations from it and their squares, which t and the skewness share."""
    mean = values.mean(axis=-1, keepdims=True)
    centred = values - mean
    return mean[..., 0], centred, centred * centred


def _t(mean: Float[np.ndarray, "*batch"], squares: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    n = squares.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean / (np.sqrt(squares.sum(axis=-1) / (n - 1)) / np.sqrt(n))


def _skewness(
    centred: Float[np.ndarray, "*batch seeds"], squares: Float[np.ndarray, "*batch seeds"]
) -> Float[np.ndarray, "*batch"]:
    n = centred.shape[-1]
    third = (squares * centred).mean(axis=-1)
    spread = np.sqrt(squares.mean(axis=-1))
    flat = ~(spread > EQUAL)
    raw = np.where(flat, 0.0, third / np.where(flat, 1.0, spread) ** 3)
    return raw * np.sqrt(n * (n - 1)) / (n - 2)


def _sign_flip(excess: Float[np.ndarray, "studies seeds"]) -> Float[np.ndarray, " studies"]:
    """Returns the share of sign assignments whose sum is at least the observed one.

    Flipping a subset of the seeds lowers the sum by twice the subset's sum, so the share is that of the subsets whose
    sum is not positive.
    """
    seeds = excess.shape[-1]
    if seeds > 2 * _ENUMERATED:
        return _drawn_flips(excess)
    p = np.full(len(excess), 0.5**seeds)  # only the empty subset, where every seed exceeds the margin
    (mixed,) = np.nonzero(~(excess > 0).all(axis=-1))
    for some in np.split(mixed, range(_AT_ONCE, mixed.size, _AT_ONCE)):
        p[some] = _counted_flips(excess[some])
    return p


def _counted_flips(excess: Float[np.ndarray, "studies seeds"]) -> Float[np.ndarray, " studies"]:
    seeds = excess.shape[-1]
    tie = EQUAL * seeds
    first = excess[:, :_ENUMERATED] @ _subsets(min(seeds, _ENUMERATED))
    if seeds <= _ENUMERATED:
        return (first <= tie).mean(axis=-1)
    second = excess[:, _ENUMERATED:] @ _subsets(seeds - _ENUMERATED)
    return np.array([_pairs(tie - sums, others) for sums, others in zip(first, second, strict=True)]) * 0.5**seeds


def _pairs(limits: Float[np.ndarray, " subsets"], others: Float[np.ndarray, " subsets"]) -> int:
    """Counts the pairs of a limit and a sum that is not above it; few have a partner where the numbers speak."""
    limits = limits[limits >= others.min()]
    if not limits.size:
        return 0
    others = np.sort(others[others <= limits.max()])
    return int(np.searchsorted(others, np.sort(limits), side="right").sum())


@cache
def _subsets(seeds: int) -> Float[np.ndarray, "seeds subsets"]:
    return (np.arange(2**seeds) >> np.arange(seeds)[:, None] & 1).astype(float)


def _drawn_flips(excess: Float[np.ndarray, "studies seeds"]) -> Float[np.ndarray, " studies"]:
    """Estimates the share from the same drawn subsets for every study, the observed signs counted with them."""
    seeds = excess.shape[-1]
    subsets, tie = _drawn_subsets(seeds), EQUAL * seeds
    counts = np.full(len(excess), (~subsets.any(axis=0)).sum())  # where no seed lowers a sum, only the empty subset's
    (mixed,) = np.nonzero(~(excess > tie).all(axis=-1))
    for some in np.split(mixed, range(_AT_ONCE, mixed.size, _AT_ONCE)):
        counts[some] = (excess[some] @ subsets <= tie).sum(axis=-1)
    return (counts + 1) * _LEAST_DRAWN


@cache
def _drawn_subsets(seeds: int) -> Float[np.ndarray, "seeds subsets"]:
    return (np.random.default_rng(0).random((seeds, _DRAWN_FLIPS)) < 0.5).astype(float)
