"""What a rule tests, spelled out: the per-seed numbers whose mean, or most of which, must lie beyond a margin, and how
they combine.

`Rule.test` gives p alone. The stability of a verdict, its t and its e-value need the numbers behind it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, singledispatch
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float

from sdd_claims.stats.contrasts import Equivalent, Greater, MostSeeds
from sdd_claims.stats.correlation import Correlated, PartiallyCorrelated
from sdd_claims.stats.dips import DipFree, DipThenRise
from sdd_claims.stats.extremum_positions import SamePlace, Shifts
from sdd_claims.stats.one_sample import excess_over, mean_above, more_than_half, opposite, t_statistic
from sdd_claims.stats.parts import AllOf
from sdd_claims.stats.study import Positions, Values
from sdd_claims.stats.threshold import ThresholdWithin
from sdd_claims.stats.turns import FewerTurns

Numbers: TypeAlias = Float[np.ndarray, " seeds"]


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """The mean over seeds lies beyond a margin, or most seeds do.

    Attributes:
        excess: by how much each seed does, in the direction that is tested; NaN for a seed without a number.
        by: "mean" for the tests of a mean, "signs" for the sign test, of which only signs count.
    """

    excess: Numbers
    by: Literal["mean", "signs"] = "mean"


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold, by intersection-union."""

    parts: tuple["Hypothesis", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds, by Bonferroni. Without parts it is never established."""

    parts: tuple["Hypothesis", ...] = ()


Hypothesis: TypeAlias = Mean | All | Some


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """A claim and its contrary, on the numbers of one study.

    Attributes:
        claim: what is claimed.
        contrary: what would refute it.
        clearances: how far each seed is from having no number, one for everything that a number needs, such as a dip
            that stands out: it has one where all are above zero. Empty for a rule whose numbers need nothing.
    """

    claim: Hypothesis
    contrary: Hypothesis
    clearances: tuple[Numbers, ...] = ()


def means(hypothesis: Hypothesis) -> Iterator[Mean]:
    """Yields every mean that is tested."""
    if isinstance(hypothesis, Mean):
        yield hypothesis
    else:
        for part in hypothesis.parts:
            yield from means(part)


def strength(hypothesis: Hypothesis) -> float:
    """The t that its p follows from, but for how many parts there are: of all the smallest, of some the largest."""
    if isinstance(hypothesis, Mean):
        t = float(t_statistic(hypothesis.excess))
        return -np.inf if np.isnan(t) else t
    found = [strength(part) for part in hypothesis.parts]
    return (min if isinstance(hypothesis, All) else max)(found, default=-np.inf)


def p_value(hypothesis: Hypothesis) -> float:
    """Computes its p, as the rule does."""
    if isinstance(hypothesis, Mean):
        return float(_test_of(hypothesis)(hypothesis.excess))
    found = _p_values(hypothesis.parts)
    if isinstance(hypothesis, All):
        return max(found)
    return min(1.0, len(found) * min(found)) if found else 1.0


def smallest_p(hypothesis: Hypothesis, seeds: int) -> float:
    """Computes the smallest p that so many seeds can give, where every one is beyond its margin.

    Args:
        hypothesis: its parts count, not its numbers.
        seeds: their number.
    """
    if isinstance(hypothesis, Mean):
        return _smallest_p(hypothesis.by, seeds)
    found = [smallest_p(part, seeds) for part in hypothesis.parts]
    if isinstance(hypothesis, All):
        return max(found)
    return min(1.0, len(found) * min(found)) if found else 1.0


@cache
def _smallest_p(by: Literal["mean", "signs"], seeds: int) -> float:
    unanimous = Mean(np.ones(seeds), by)
    return float(_test_of(unanimous)(unanimous.excess))


def deciding(hypothesis: Hypothesis) -> Mean | None:
    """Finds the mean that decides: of all parts the weakest, of some the strongest; None where nothing is tested."""
    if isinstance(hypothesis, Mean):
        return hypothesis
    found = [(part, mean) for part in hypothesis.parts if (mean := deciding(part)) is not None]
    if not found:
        return None
    # Ranked by p and, where several share it, by t.
    p_values = _p_values([part for part, _ in found])
    ranked = [(p, -strength(mean)) for p, (_, mean) in zip(p_values, found, strict=True)]
    return found[ranked.index((max if isinstance(hypothesis, All) else min)(ranked))][1]


def _p_values(parts: Sequence[Hypothesis]) -> list[float]:
    """The p of each part; those of means, of which there may be hundreds, in one go."""
    alone = [part for part in parts if isinstance(part, Mean) and part.by == "mean"]
    tested = iter(mean_above(np.stack([mean.excess for mean in alone])).tolist() if alone else [])
    return [next(tested) if isinstance(part, Mean) and part.by == "mean" else p_value(part) for part in parts]


def _test_of(mean: Mean) -> Callable[[Numbers], Float[np.ndarray, ""]]:
    return mean_above if mean.by == "mean" else more_than_half


@singledispatch
def hypotheses(rule: Any, position: Positions, values: Values) -> Hypotheses | None:
    """Spells out what a rule tests in one study; None for a rule that is not one of this package.

    Args:
        rule: the rule.
        position: position of each curve's levels.
        values: curve -> table seed x level.
    """
    return None


def _above(numbers: Numbers, margin: float = 0.0) -> Mean:
    return Mean(excess_over(numbers, margin))


def _below(numbers: Numbers, margin: float = 0.0) -> Mean:
    return Mean(excess_over(-numbers, -margin))


def _within(numbers: Numbers, margin: float, clearances: tuple[Numbers, ...] = ()) -> Hypotheses:
    return Hypotheses(
        All((_above(numbers, -margin), _below(numbers, margin))),
        Some((_above(numbers, margin), _below(numbers, -margin))),
        clearances,
    )


@hypotheses.register
def _(rule: Greater, position: Positions, values: Values) -> Hypotheses:
    numbers = rule.contrast.numbers(position, values)
    clearances = rule.contrast.clearances(position, values)
    return Hypotheses(_above(numbers, rule.margin), _below(numbers, opposite(rule.margin)), clearances)


@hypotheses.register
def _(rule: Equivalent, position: Positions, values: Values) -> Hypotheses:
    return _within(rule.contrast.numbers(position, values), rule.margin, rule.contrast.clearances(position, values))


@hypotheses.register
def _(rule: MostSeeds, position: Positions, values: Values) -> Hypotheses:
    below = rule.excess(position, values)
    return Hypotheses(Mean(below, "signs"), Mean(-below, "signs"), rule.contrast.clearances(position, values))


@hypotheses.register
def _(rule: SamePlace, position: Positions, values: Values) -> Hypotheses:
    return _within(rule.numbers(position, values), rule.margin, rule.clearances(position, values))


@hypotheses.register
def _(rule: ThresholdWithin, position: Positions, values: Values) -> Hypotheses:
    return _within(rule.numbers(position, values), rule.margin, rule.clearances(values))


@hypotheses.register
def _(rule: Shifts, position: Positions, values: Values) -> Hypotheses:
    claimed = rule.direction * rule.numbers(position, values)
    return Hypotheses(_above(claimed, rule.margin), _below(claimed), rule.clearances(position, values))


@hypotheses.register
def _(rule: FewerTurns, position: Positions, values: Values) -> Hypotheses:
    return Hypotheses(
        _below(rule.numbers(position, values, rule.tolerance), -rule.smallest),
        _above(rule.numbers(position, values, rule.margin), -rule.smallest),
    )


@hypotheses.register(Correlated)
@hypotheses.register(PartiallyCorrelated)
def _(rule: Correlated | PartiallyCorrelated, position: Positions, values: Values) -> Hypotheses:
    own, null = rule.correlations(position, values)
    tested = [rule.direction * np.arctanh(own), rule.direction * (np.arctanh(own) - np.arctanh(null))]
    return Hypotheses(All(tuple(map(_above, tested))), Some(tuple(map(_below, tested))))


@hypotheses.register
def _(rule: DipThenRise, position: Positions, values: Values) -> Hypotheses:
    limbs = rule.limbs(position[rule.curve], values[rule.curve]).values()
    claim = All(tuple(_above(limb, rule.margin) for limb in limbs))
    if rule.train_curve is None or not rule.reaches_collapse(values):
        return Hypotheses(claim, Some())
    return Hypotheses(claim, _no_dip(values[rule.curve], rule.margin))


@hypotheses.register
def _(rule: DipFree, position: Positions, values: Values) -> Hypotheses:
    claim = _no_dip(values[rule.curve], rule.margin)
    if rule.light is None or rule.critical is None or rule.sweet is None:
        return Hypotheses(claim, Some())
    dip = DipThenRise(rule.curve, rule.light, rule.critical, rule.sweet, margin=rule.margin)
    found = hypotheses(dip, position, values)
    return Hypotheses(claim, found.claim if found else Some())


@hypotheses.register
def _(rule: AllOf, position: Positions, values: Values) -> Hypotheses | None:
    parts = [hypotheses(part, position, values) for part in rule.parts.values()]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return Hypotheses(
        All(tuple(part.claim for part in known)),
        Some(tuple(part.contrary for part in known)),
        tuple(clearance for part in known for clearance in part.clearances),
    )


def _no_dip(values: Float[np.ndarray, "seeds levels"], margin: float) -> All:
    """No level lies the margin below both a denser and a sparser one: of every level, one whole side does not."""
    short = [[_above(low - other, -margin) for other in values.T] for low in values.T]
    inner = range(1, values.shape[-1] - 1)
    return All(tuple(Some((All(tuple(short[low][:low])), All(tuple(short[low][low + 1 :])))) for low in inner))
