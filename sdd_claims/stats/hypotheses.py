"""What a rule tests: per-seed numbers whose mean, or most of which, must lie beyond a margin, and how they combine.

A rule says it once, for one study or for a whole batch of them. p of the claim and of its contrary, the stability of a
verdict, its t and its e-value all follow from that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from sdd_claims.stats.one_sample import (
    SCREEN,
    excess_over,
    mean_above,
    more_than_half,
    raised_by_sign_flips,
    t_statistic,
    t_tests,
)

Numbers: TypeAlias = Float[np.ndarray, "*batch seeds"]
PValues: TypeAlias = Float[np.ndarray, "*batch"]
Studies: TypeAlias = Bool[np.ndarray, "*batch"]

_FEW = 8
"""So many means are tested one by one; more of them, side by side in memory, which is faster. The two sum over seeds in
another order, and so round otherwise. Taking one for both would change the last digit of published p."""

_AT_ONCE = 2**17  # numbers, 1 MB: what is tested at once then stays in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """The mean over seeds lies beyond a margin, or most seeds do.

    Attributes:
        excess: by how much each seed does, in the direction that is tested; NaN for a seed without a number; minus
            infinity, in a sign test, for one that counts as not beyond without having one. Of one study, or of a
            batch of them.
        by: "mean" for the tests of a mean, "signs" for the sign test, of which only signs count.
    """

    excess: Numbers
    by: Literal["mean", "signs"] = "mean"


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold, by intersection-union: every one must be established at full level."""

    parts: tuple["Hypothesis", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds, by Bonferroni. Without parts it is never established."""

    parts: tuple["Hypothesis", ...] = ()


Hypothesis: TypeAlias = Mean | All | Some


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """A claim and its contrary, on the numbers of one study or of a batch of them.

    Attributes:
        claim: what is claimed.
        contrary: what would refute it.
        clearances: how far each seed is from having no number, one for everything that a number needs, such as a dip
            that stands out: it has one where all are above zero. Empty for a rule whose numbers need nothing.
    """

    claim: Hypothesis
    contrary: Hypothesis
    clearances: tuple[Numbers, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The p of a claim and of its contrary in each study of a batch.

    Attributes:
        support: p of the claim: the probability, if it is false, of data that speak for it as strongly; 1 where a
            study lacks the numbers.
        contrary: p of its contrary.
    """

    support: PValues
    contrary: PValues


def above(numbers: Numbers, margin: float = 0.0) -> Mean:
    """States that the mean exceeds the margin."""
    return Mean(excess_over(numbers, margin))


def below(numbers: Numbers, margin: float = 0.0) -> Mean:
    """States that the mean is below the margin."""
    return Mean(excess_over(-numbers, -margin))


def within(numbers: Numbers, margin: float, clearances: tuple[Numbers, ...] = ()) -> Hypotheses:
    """States that the mean lies within the margin of zero (two one-sided tests); the contrary, that it lies beyond."""
    return Hypotheses(
        All((above(numbers, -margin), below(numbers, margin))),
        Some((above(numbers, margin), below(numbers, -margin))),
        clearances,
    )


def weigh(tested: Hypotheses) -> Evidence:
    """Computes p of a claim and of its contrary, in every study of a batch."""
    return Evidence(*np.broadcast_arrays(p_value(tested.claim), p_value(tested.contrary)))


def means(hypothesis: Hypothesis) -> Iterator[Mean]:
    """Yields every mean that is tested."""
    if isinstance(hypothesis, Mean):
        yield hypothesis
    else:
        for part in hypothesis.parts:
            yield from means(part)


def mapped(hypothesis: Hypothesis, change: Callable[[Numbers], Numbers]) -> Hypothesis:
    """Puts other numbers in place of those that are tested."""
    if isinstance(hypothesis, Mean):
        return Mean(change(hypothesis.excess), hypothesis.by)
    parts = tuple(mapped(part, change) for part in hypothesis.parts)
    return All(parts) if isinstance(hypothesis, All) else Some(parts)


def p_value(hypothesis: Hypothesis) -> PValues:
    """Computes its p in every study of a batch; one number, 1, where nothing is tested.

    The sign-flip test is slow, so it is left out wherever the p that it gives a mean could not change that of the whole
    hypothesis.
    """
    least = _by_t_tests(list(means(hypothesis)))
    most = {mean: np.maximum(p, SCREEN) if mean.by == "mean" else p for mean, p in least.items()}
    p = _combined(hypothesis, least)
    undecided = p < _combined(hypothesis, most)
    if not undecided.any():
        return p
    return _combined(hypothesis, least | _raised(least, dict(_that_matter(hypothesis, least, most, undecided))))


def smallest_p(hypothesis: Hypothesis, seeds: int) -> float:
    """Computes the smallest p that so many seeds can give, where every one is beyond its margin.

    Args:
        hypothesis: its parts count, not its numbers.
        seeds: their number.
    """
    return float(_combined(hypothesis, {mean: _smallest_p(mean.by, seeds) for mean in means(hypothesis)}))


@cache
def _smallest_p(by: Literal["mean", "signs"], seeds: int) -> PValues:
    unanimous = np.ones(seeds)
    return mean_above(unanimous) if by == "mean" else more_than_half(unanimous)


def strength(hypothesis: Hypothesis) -> float:
    """The t that its p follows from in one study, but for the number of parts.

    Of all parts the smallest t, of some the largest.
    """
    if isinstance(hypothesis, Mean):
        known = hypothesis.excess[~np.isneginf(hypothesis.excess)]
        t = float(t_statistic(known)) if known.size > 1 else np.nan
        return -np.inf if np.isnan(t) else t
    found = [strength(part) for part in hypothesis.parts]
    return (min if isinstance(hypothesis, All) else max)(found, default=-np.inf)


def deciding(hypothesis: Hypothesis) -> Mean | None:
    """Finds the mean that decides in one study: of all parts the weakest, of some the strongest.

    None where nothing is tested.
    """
    if isinstance(hypothesis, Mean):
        return hypothesis
    p = _by_t_tests(list(means(hypothesis)))
    p |= _raised(p, {mean: np.array(True) for mean in p if mean.by == "mean"})
    # Ranked by p and, where several share it, by t.
    ranked = [
        ((float(_combined(part, p)), -strength(mean)), mean)
        for part in hypothesis.parts
        if (mean := deciding(part)) is not None
    ]
    choose = max if isinstance(hypothesis, All) else min
    return choose(ranked, key=lambda each: each[0])[1] if ranked else None


def _combined(hypothesis: Hypothesis, p: Mapping[Mean, PValues]) -> PValues:
    """Combines the p of all means into that of the hypothesis."""
    if isinstance(hypothesis, Mean):
        return p[hypothesis]
    found = [_combined(part, p) for part in hypothesis.parts]
    if isinstance(hypothesis, All):
        return reduce(np.maximum, found)
    return np.minimum(1.0, len(found) * reduce(np.minimum, found)) if found else np.ones(())


def _by_t_tests(tested: Sequence[Mean]) -> dict[Mean, PValues]:
    """The p of every mean before the sign-flip test, which may raise it to `SCREEN` at most."""
    if len(tested) <= _FEW or any(mean.by == "signs" for mean in tested):
        return {mean: (t_tests if mean.by == "mean" else more_than_half)(mean.excess) for mean in tested}
    groups = min(1 + sum(mean.excess.size for mean in tested) // _AT_ONCE, len(tested) // 2)
    found: dict[Mean, PValues] = {}
    for start, stop in pairwise(np.linspace(0, len(tested), groups + 1).astype(int)):
        side_by_side = np.stack([mean.excess for mean in tested[start:stop]], axis=-1)
        found |= zip(tested[start:stop], t_tests(np.moveaxis(side_by_side, -1, 0)), strict=True)
    return found


def _that_matter(
    hypothesis: Hypothesis, least: Mapping[Mean, PValues], most: Mapping[Mean, PValues], studies: Studies
) -> Iterator[tuple[Mean, Studies]]:
    """Yields every mean with those of the studies in which p of the whole may depend on its own p.

    Args:
        hypothesis: the whole, or a part of it.
        least: p of every mean without the sign-flip test.
        most: the largest that this test could make of it.
        studies: those in which p of the whole may depend on that of this part.
    """
    if isinstance(hypothesis, Mean):
        yield hypothesis, studies & (least[hypothesis] < most[hypothesis])
        return
    low, high = ([_combined(part, bound) for part in hypothesis.parts] for bound in (least, most))
    if isinstance(hypothesis, All):  # the largest p counts
        found = reduce(np.maximum, low, np.zeros(()))
        matter = [studies & (highest > found) for highest in high]
    else:  # the smallest
        found = reduce(np.minimum, high, np.ones(()))
        matter = [studies & (lowest < found) for lowest in low]
    for part, some in zip(hypothesis.parts, matter, strict=True):
        yield from _that_matter(part, least, most, some)


def _raised(p: Mapping[Mean, PValues], studies: Mapping[Mean, Studies]) -> dict[Mean, PValues]:
    """The p of means, raised by the sign-flip test in some studies of each."""
    if not studies:
        return {}
    found = {mean: np.array(p[mean]) for mean in studies}
    rows = [mean.excess[some] for mean, some in studies.items()]
    raised = raised_by_sign_flips(
        np.concatenate([p[mean][some] for mean, some in studies.items()]), np.concatenate(rows)
    )
    ends = np.cumsum([len(row) for row in rows])
    for (mean, some), own in zip(studies.items(), np.split(raised, ends[:-1]), strict=True):
        found[mean][some] = own
    return found
