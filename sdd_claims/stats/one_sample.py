"""One-sample tests of a mean: is the mean of per-seed numbers above (or below) a margin?

Both the t-test and the exact sign-flip test must reject (p is the larger of the two), so that nothing is chosen on
the data. What neither controls is skew: see `ADVERSE_SKEWNESS`.
"""

from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr

from sdd_claims.stats.evidence import Evidence, Significance, all_of, any_of

EQUAL = 1e-12
"""Numbers nearer than this are equal: above the rounding of differences of accuracies, below any effect."""

SCREEN = 0.05
"""The sign-flip test is run where the t-test falls below this level; it then raises p to this level at most, so that
p never rises with the evidence. A threshold must lie below it."""

ADVERSE_SKEWNESS = 2.0
"""Sample skewness, in its standard errors under normality, beyond which a test that skew helps must stay open (-1.27 at
12 seeds, -0.94 at 24). Chosen by simulation at p < .0006, as the strictest that costs normal data under 3 % of power:

                                       12 seeds                     24 seeds
                             t-test   both   and skew     t-test   both   and skew
    normal                   .0006   .0003     .0003      .0006   .0005     .0005
    mirrored gamma 4         .0039   .0018     .0018      .0033   .0027     .0023
    mirrored gamma 1         .0164   .0071     .0063      .0117   .0094     .0039
    1 collapse in 10, 40 sd  .28     .28       .28        .080    .080      .078
    power, normal            .975    .912      .894       .991    .990      .964

The last null says what no test can do: 28 % of studies of 12 seeds see no replica collapse, and nothing in them tells
that one could. Under skew the size stays above nominal, since the samples that mislead are those without a tail; one
standard error would lower gamma 1 to .0042 and .0009 only, and cost 13 % of power. A verdict is one on replicas like
those that were run.
"""

_ENUMERATED = 12  # 2^12 sums at once; up to twice as many seeds meet in the middle
_DRAWN_FLIPS = 2**16 - 1


def mean_above(values: Float[np.ndarray, "*batch seeds"], margin: float = 0.0) -> Significance:
    """Tests whether the mean over seeds exceeds a margin, in every study of a batch.

    Args:
        values: one number a seed, at least three seeds. A study with a NaN gets p = 1.
        margin: in the unit of the values.

    Returns:
        The larger p of the one-sided t-test and the exact sign-flip test, and whether the sample is skewed to the low
        (looked for where p is small). Identical values equal to the margin get p = 1; identical values above it the
        sign-flip test's p.
    """
    excess = excess_over(values, margin)
    seeds = excess.shape[-1]
    p = np.asarray(_t_test(excess))
    skewed = np.zeros(p.shape, dtype=bool)
    near = p < SCREEN
    if near.any():
        likely = excess[near].reshape(-1, seeds)
        p[near] = np.maximum(p[near], np.minimum(_sign_flip(likely), SCREEN))
        skewed[near] = skewness(likely) < -adverse_skewness(seeds)
    return Significance(p, skewed)


def mean_below(values: Float[np.ndarray, "*batch seeds"], margin: float = 0.0) -> Significance:
    """Tests whether the mean over seeds is below a margin; the mirror image of `mean_above`."""
    return mean_above(-values, -margin)


def above(values: Float[np.ndarray, "*batch seeds"], margin: float = 0.0) -> Evidence:
    """Weighs "the mean exceeds the margin" against its contrary, "the mean is below the margin"."""
    return Evidence(mean_above(values, margin), mean_below(values, margin))


def within(values: Float[np.ndarray, "*batch seeds"], margin: float) -> Evidence:
    """Weighs "the mean lies within the margin of zero" (two one-sided tests) against "it lies beyond"."""
    return Evidence(
        all_of(mean_above(values, -margin), mean_below(values, margin)),
        any_of(mean_above(values, margin), mean_below(values, -margin)),
    )


def excess_over(values: Float[np.ndarray, "*batch seeds"], margin: float) -> Float[np.ndarray, "*batch seeds"]:
    """Subtracts the margin; what is left of equal numbers by rounding becomes zero."""
    excess = values - margin
    return np.where(np.abs(excess) <= EQUAL, 0.0, excess)


def t_statistic(values: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    """Computes mean / standard error; NaN where all values are zero, infinite where they are equal otherwise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return values.mean(axis=-1) / (values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1]))


def skewness(values: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    """Computes the bias-corrected sample skewness (G1 of Joanes & Gill 1998); 0 where the values are all equal."""
    n = values.shape[-1]
    centred = values - values.mean(axis=-1, keepdims=True)
    squares = centred * centred
    variance = squares.mean(axis=-1)
    third = (squares * centred).mean(axis=-1)
    spread = np.sqrt(variance)
    flat = ~(spread > EQUAL)
    raw = np.where(flat, 0.0, third / np.where(flat, 1.0, spread) ** 3)
    return raw * np.sqrt(n * (n - 1)) / (n - 2)


def adverse_skewness(seeds: int) -> float:
    """Returns the skewness beyond which a test must stay open: `ADVERSE_SKEWNESS` standard errors under normality."""
    n = seeds
    return float(ADVERSE_SKEWNESS * np.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3))))


def _t_test(excess: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    t = t_statistic(excess)
    return np.where(np.isnan(t), 1.0, stdtr(excess.shape[-1] - 1, -t))


def _sign_flip(excess: Float[np.ndarray, "studies seeds"]) -> Float[np.ndarray, " studies"]:
    """Returns the share of sign assignments whose sum is at least the observed one.

    Flipping a subset of the seeds lowers the sum by twice the subset's sum, so the share is that of the subsets whose
    sum is not positive.
    """
    seeds = excess.shape[-1]
    if seeds > 2 * _ENUMERATED:
        return _drawn_flips(excess)
    p = np.full(len(excess), 0.5**seeds)  # only the empty subset, where every seed exceeds the margin
    mixed = ~(excess > 0).all(axis=-1)
    p[mixed] = _counted_flips(excess[mixed])
    return p


def _counted_flips(excess: Float[np.ndarray, "studies seeds"]) -> Float[np.ndarray, " studies"]:
    seeds = excess.shape[-1]
    tie = EQUAL * seeds
    first = excess[:, :_ENUMERATED] @ _subsets(min(seeds, _ENUMERATED))
    if seeds <= _ENUMERATED:
        return (first <= tie).mean(axis=-1)
    second = np.sort(excess[:, _ENUMERATED:] @ _subsets(seeds - _ENUMERATED), axis=-1)
    first.sort(axis=-1)  # sorted questions are answered faster
    pairs = [
        np.searchsorted(others, tie - sums, side="right").sum() for sums, others in zip(first, second, strict=True)
    ]
    return np.array(pairs) * 0.5**seeds


@cache
def _subsets(seeds: int) -> Float[np.ndarray, "seeds subsets"]:
    return (np.arange(2**seeds) >> np.arange(seeds)[:, None] & 1).astype(float)


def _drawn_flips(excess: Float[np.ndarray, "studies seeds"]) -> Float[np.ndarray, " studies"]:
    """Estimates the share from the same drawn subsets for every study, the observed signs counted with them."""
    drawn = np.random.default_rng(0).random((excess.shape[-1], _DRAWN_FLIPS)) < 0.5
    tie = EQUAL * excess.shape[-1]
    counts = np.array([(study @ drawn <= tie).sum() for study in excess])
    return (counts + 1) / (_DRAWN_FLIPS + 1)
