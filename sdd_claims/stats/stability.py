"""The stability of a verdict: the chance that a fresh block of seeds comes to the same one.

A parametric bootstrap through the whole design. The numbers that the tests read of fresh seeds, those of the claim and
of its control together, are drawn from a normal population with the mean and the covariance of the judged seeds'; every
simulated study is then judged as the trial was: all parts, all tests, all looks. The mean of so few seeds is itself
uncertain, and so is their scatter: each study draws its own (the predictive distribution of a normal sample under a
flat prior). Without that a promise of .97 would be kept in .93 of cases, by simulation over effects of all sizes:
samples that reach a verdict tend to lie on its side of the truth.

A seed without a number leaves a verdict open, whatever the others say, and twelve seeds that all have one do not prove
that the thirteenth will. Their count alone says too little: by Laplace's rule of succession every claim on twelve seeds
would be repeated in half of all cases. How near they came to lacking it says more. So how far a dip stands out is drawn
as the other numbers are, together with them; a fresh seed for which it comes out at or below zero has no location.
Divergence has no such measure: it is drawn as often as it occurred.

Where the share of seeds beyond a margin is tested, by signs alone, that share is drawn: twelve seeds of twelve do not
prove that it is 1, however far from the margin they lie, for such numbers may be few whole ones, and far from normal.
Several shares rise and fall together, and apart from the other numbers. `power` takes the given seeds as they are, and
draws signs with all other numbers.

A study in which half of all seeds lack a place ends there for a trial, and goes on here: that is far from any that was
judged. What no judged seed has shown, such as a leap of a loss in one seed of a hundred, is in no such chance.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import betaincinv

from sdd_claims.stats.hypotheses import All, Hypotheses, Hypothesis, Mean, Some, means, strength
from sdd_claims.stats.one_sample import EQUAL, is_above, more_than_half

STUDIES = 2000
"""The number of simulated studies: a standard error of .005 at .95."""

Ruling = Literal["supported", "refuted", "contrary on a proxy", "open"]
"""A verdict as it counts here: an established contrary is one, though a proxy's does not refute the paper."""

_RULINGS: tuple[Ruling, ...] = ("open", "supported", "refuted", "contrary on a proxy")
_OPEN, _SUPPORTED, _REFUTED, _CONTRARY = range(4)

Weights = Float[np.ndarray, "studies fresh seeds"]

Population = Callable[[np.random.Generator, int, int, int], Iterator[tuple[slice, Weights]]]
"""Draws the weights of so many studies of so many fresh seeds, from so many given ones: some studies at a time."""

_AT_ONCE = 5_000_000  # weights, which take 40 MB


@dataclass(frozen=True, slots=True)
class _Draws:
    """What is drawn of the fresh seeds of some studies.

    Attributes:
        weights: those with which the given seeds' deviations add up to a fresh seed's.
        uniform: between 0 and 1, for each fresh seed: by which it lies beyond a margin of which only signs count.
        quantile: between 0 and 1, for each study: that of the share of seeds beyond such a margin. None where they are
            the signs of the normal numbers.
    """

    weights: Weights
    uniform: Float[np.ndarray, "studies fresh"]
    quantile: Float[np.ndarray, " studies"] | None

    def of(self, studies: Bool[np.ndarray, " studies"] | slice | np.ndarray, seeds: int | None = None) -> "_Draws":
        """Those of some studies, and of their first seeds."""
        quantile = None if self.quantile is None else self.quantile[studies]
        return _Draws(self.weights[studies, :seeds], self.uniform[studies, :seeds], quantile)

    def for_contrary(self) -> "_Draws":
        """Those by which seeds that lie beyond a margin of a claim do not lie beyond that of its contrary."""
        if self.quantile is None:
            return self
        return replace(self, uniform=1 - self.uniform, quantile=1 - self.quantile)


@dataclass(frozen=True, slots=True)
class Design:
    """The way a study is judged.

    Attributes:
        looks: all numbers of seeds at which the data would be looked at.
        threshold: the p below which a hypothesis counts as established, at each look.
        proxy: the contrary, established, refutes nothing.
    """

    looks: tuple[int, ...]
    threshold: float
    proxy: bool


def chance_of_repeat(
    design: Design, tested: Hypotheses, control: Hypotheses, ruling: Ruling, name: str, studies: int = STUDIES
) -> float:
    """Computes the share of simulated studies that come to the same ruling, with two digits.

    Args:
        design: the design of the trial.
        tested: the claim and its contrary, on the judged numbers; their seeds are paired by position.
        control: the same of the control, likewise.
        ruling: what the judged seeds came to.
        name: of the trial; it seeds the simulation.
        studies: their number.
    """
    found = _rulings(design, tested, control, name, studies, _predictive)
    return round(float((found == _RULINGS.index(ruling)).mean()), 2)


def power(
    design: Design, tested: Hypotheses, control: Hypotheses, name: str, studies: int = STUDIES
) -> dict[Ruling, float]:
    """Computes the chance of each ruling if mean and scatter are exactly those of the given seeds.

    Args:
        design: the design of the trial.
        tested: the claim and its contrary, on the given numbers; their seeds are paired by position.
        control: the same of the control, likewise.
        name: of the trial; it seeds the simulation.
        studies: their number.
    """
    found = _rulings(design, tested, control, name, studies, _as_given)
    return {ruling: float((found == place).mean()) for place, ruling in enumerate(_RULINGS)}


def _rulings(
    design: Design, tested: Hypotheses, control: Hypotheses, name: str, studies: int, population: Population
) -> np.ndarray:
    """Judges every study, some at a time.

    Where a seed may lack a number, their weights are drawn twice: those of all would take much memory.
    """
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest())
    rng, again = np.random.default_rng(seed), np.random.default_rng(seed)
    tested, control = both = tuple(
        replace(each, claim=_doubtful_first(each.claim), contrary=_doubtful_first(each.contrary))
        for each in (tested, control)
    )
    fresh, seeds = max(design.looks), next(means(tested.claim)).excess.size
    unclear = np.zeros((2, studies, fresh), bool)
    may_lack = any(each.clearances or np.isnan([m.excess for m in means(each.claim)]).any() for each in both)
    for some, weights in population(rng, studies, fresh, seeds) if may_lack else ():
        for hypotheses, found in zip(both, unclear, strict=True):
            for clearance in hypotheses.clearances:
                found[some] |= _drawn(clearance, weights) <= 0
    lacking = [
        _lacking(hypotheses, found, rng.random((studies, fresh)))
        for hypotheses, found in zip(both, unclear, strict=True)
    ]
    found = np.full(studies, _OPEN)
    of_signs = np.random.default_rng([seed, 1])  # apart, so that no other number depends on whether there are any
    uniform, quantile = of_signs.random((studies, fresh)), of_signs.random(studies)
    for some, weights in population(again, studies, fresh, seeds):
        draws = _Draws(weights, uniform[some], quantile[some] if population is _predictive else None)
        found[some] = _judged(design, tested, control, draws, [each[some] for each in lacking])
    return found


def _judged(
    design: Design,
    tested: Hypotheses,
    control: Hypotheses,
    draws: _Draws,
    lacking: Sequence[Bool[np.ndarray, "studies fresh"]],
) -> np.ndarray:
    """Judges studies at one look after the other, as long as they stay open."""
    found = np.full(len(draws.weights), _OPEN)
    waiting = np.arange(len(draws.weights))
    for look in design.looks:
        lacks, control_lacks = (each[waiting, :look].any(axis=1) for each in lacking)
        drawn = draws.of(waiting, look)
        supported, refuted = (each & ~lacks for each in _decided(tested, drawn, design.threshold))
        discredited = supported & control_lacks
        asked = supported & ~control_lacks
        discredited[asked] = _decided(control, drawn.of(asked), design.threshold)[0]
        found[waiting[supported & ~discredited]] = _SUPPORTED
        found[waiting[refuted]] = _CONTRARY if design.proxy else _REFUTED
        waiting = waiting[~(supported | refuted | lacks)]
    return found


def _doubtful_first(hypothesis: Hypothesis) -> Hypothesis:
    """The same hypothesis with its parts in the order that decides most studies soonest."""
    if isinstance(hypothesis, Mean):
        return hypothesis
    parts = sorted(map(_doubtful_first, hypothesis.parts), key=strength)
    return All(tuple(parts)) if isinstance(hypothesis, All) else Some(tuple(reversed(parts)))


def _as_given(rng: np.random.Generator, studies: int, fresh: int, seeds: int) -> Iterator[tuple[slice, Weights]]:
    """Draws the weights with which the given seeds' deviations add up to those of every fresh seed.

    Normal weights give the deviations' own covariance, however many numbers a seed has.
    """
    for some, own in _normal(rng, studies, fresh, seeds):
        own /= np.sqrt(seeds - 1)
        yield some, own


def _predictive(rng: np.random.Generator, studies: int, fresh: int, seeds: int) -> Iterator[tuple[slice, Weights]]:
    """Draws the like where mean and scatter of the population are themselves uncertain."""
    degrees = seeds - 1
    scatter = np.sqrt(degrees / rng.chisquare(degrees, (studies, 1, 1)))
    shift = rng.standard_normal((studies, 1, seeds)) / np.sqrt(seeds)
    for some, own in _normal(rng, studies, fresh, seeds):
        own += shift[some]
        own *= scatter[some]
        own /= np.sqrt(degrees)
        yield some, own


def _normal(rng: np.random.Generator, studies: int, fresh: int, seeds: int) -> Iterator[tuple[slice, Weights]]:
    """Draws normal numbers for some studies at a time: the same ones, however many those are."""
    at_once = max(1, _AT_ONCE // (fresh * seeds))
    for start in range(0, studies, at_once):
        some = slice(start, min(start + at_once, studies))
        yield some, rng.standard_normal((some.stop - start, fresh, seeds))


def _lacking(
    tested: Hypotheses, unclear: Bool[np.ndarray, "studies fresh"], uniform: Float[np.ndarray, "studies fresh"]
) -> Bool[np.ndarray, "studies fresh"]:
    """Says which fresh seeds lack a number: of all on average no fewer than of the judged seeds.

    Args:
        tested: its clearances and its judged seeds say how many lack one, and how many for another reason.
        unclear: the fresh seeds of which a clearance is not above zero.
        uniform: random numbers between 0 and 1, by which seeds lack one for another reason.
    """
    lost = np.isnan([mean.excess for mean in means(tested.claim)]).any(axis=0)
    diverged = lost.copy()
    for clearance in tested.clearances:
        diverged &= ~(clearance <= 0)
    missed = 1 - (1 - lost.mean()) / max(1 - unclear.mean(), EQUAL)  # of those that have one by their clearance
    return unclear | (uniform < max(diverged.mean(), missed))


def _decided(
    tested: Hypotheses, draws: _Draws, threshold: float
) -> tuple[Bool[np.ndarray, " studies"], Bool[np.ndarray, " studies"]]:
    """Says which studies come out supported, and which refuted."""
    claim = _established(tested.claim, draws, threshold)
    contrary = _established(tested.contrary, draws.for_contrary(), threshold)
    return claim & ~contrary, contrary & ~claim


def _established(hypothesis: Hypothesis, draws: _Draws, level: float) -> Bool[np.ndarray, " studies"]:
    """Says in which studies a hypothesis is established: its p would be below the level."""
    if isinstance(hypothesis, Mean):
        if hypothesis.by == "signs":
            return more_than_half(_signs(hypothesis.excess, draws)) < level
        return is_above(_drawn(hypothesis.excess, draws.weights), level)
    wanted = isinstance(hypothesis, All)  # Of all parts one that fails settles a study, of some one that holds.
    found = np.full(len(draws.weights), wanted)
    unsettled = np.arange(len(draws.weights))
    for part in hypothesis.parts:
        holds = _established(part, draws, level if wanted else level / len(hypothesis.parts))
        if (settled := holds != wanted).any():
            found[unsettled[settled]] = not wanted
            unsettled, draws = unsettled[~settled], draws.of(~settled)
        if not unsettled.size:
            break
    return found


def _signs(excess: Float[np.ndarray, " seeds"], draws: _Draws) -> Float[np.ndarray, "studies fresh"]:
    """Above zero for fresh seeds that lie beyond the margin: of each study a share, drawn by Jeffreys' prior.

    Of the given seeds as they are, as many on average lack a place as there, and the others scatter as those do.
    """
    known = excess[~np.isnan(excess)]
    if draws.quantile is None:
        lacking = np.isneginf(known).sum() / max(1, known.size)
        return np.where(draws.uniform < lacking, -1.0, _drawn(excess, draws.weights))
    beyond = int((known > 0).sum())
    share = betaincinv(beyond + 0.5, known.size - beyond + 0.5, draws.quantile)
    return np.where(draws.uniform < share[:, None], 1.0, -1.0)


def _drawn(excess: Float[np.ndarray, " seeds"], weights: Weights) -> Float[np.ndarray, "studies fresh"]:
    """The excesses of fresh seeds, of the mean and the scatter of those that have a number."""
    known = np.isfinite(excess)
    count = known.sum()
    if count < 3:
        return np.full(weights.shape[:2], np.nan)
    mean = excess[known].mean()
    scale = np.sqrt((excess.size - 1) / (count - 1))
    found = mean + weights @ (scale * np.where(known, excess - mean, 0.0))
    return np.where(np.abs(found) <= EQUAL, 0.0, found)
