"""Where a hypothesis is just false: the numbers of a study, moved to the edge of the null.

The error rate of a claim's own rule is measured there, with the scatter and the covariance that its seeds have.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from scipy.special import ndtri

from sdd_claims.stats.hypotheses import All, Hypotheses, Hypothesis, Mean, Numbers, Some, strength
from sdd_claims.stats.one_sample import EQUAL

Part: TypeAlias = Callable[[Hypotheses], Hypothesis]
"""Finds one part in any population: parts are told apart by their place, for their numbers change."""


def edges_of_claim(tested: Hypotheses) -> list[Hypotheses]:
    """Moves the numbers to where the claim is just false, once for each of its parts.

    The mean of that part lies at its margin, all others as they were. Where one number is tested twice, as against two
    margins or by the contrary too, it is moved in every test. Of a part that holds where one of several does, all that
    hold are moved, and of each the mean that is nearest to its margin.
    """
    return list(_edges(tested, lambda population: population.claim))


def edges_of_contrary(tested: Hypotheses) -> list[Hypotheses]:
    """Moves the numbers to where the contrary is just false; see `edges_of_claim`. None where it tests nothing."""
    return list(_edges(tested, lambda population: population.contrary))


def _edges(population: Hypotheses, part: Part) -> Iterator[Hypotheses]:
    hypothesis = part(population)
    if isinstance(hypothesis, Mean):
        yield _at_edge(population, part)
        return
    for place in range(len(hypothesis.parts)):
        if isinstance(hypothesis, All):
            yield from _edges(population, _at(part, place))
        else:
            yield _none_holds(population, part, first=place)


def _at_edge(population: Hypotheses, part: Part) -> Hypotheses:
    """The nearest population in which one part is just false."""
    hypothesis = part(population)
    if isinstance(hypothesis, Mean):
        return _moved(population, hypothesis.excess, -_beyond_the_edge(hypothesis))
    if not hypothesis.parts:
        return population
    t = [strength(each) for each in hypothesis.parts]
    if isinstance(hypothesis, All):
        return _at_edge(population, _at(part, int(np.argmin(t))))
    return _none_holds(population, part, first=int(np.argmax(t)))


def _none_holds(population: Hypotheses, part: Part, first: int) -> Hypotheses:
    """The population in which one part of several is just false, and no other holds."""
    population = _at_edge(population, _at(part, first))
    hypothesis = part(population)
    assert isinstance(hypothesis, Some)
    for place in range(len(hypothesis.parts)):
        other = _at(part, place)
        if place != first and _holds(other(population)):
            population = _at_edge(population, other)
    return population


def _at(part: Part, place: int) -> Part:
    def inner(population: Hypotheses) -> Hypothesis:
        found = part(population)
        assert not isinstance(found, Mean)
        return found.parts[place]

    return inner


def _holds(hypothesis: Hypothesis) -> bool:
    if isinstance(hypothesis, Mean):
        return _beyond_the_edge(hypothesis) > EQUAL
    held = map(_holds, hypothesis.parts)
    return all(held) if isinstance(hypothesis, All) else any(held)


def _moved(population: Hypotheses, numbers: Numbers, by: float) -> Hypotheses:
    """The population with one number moved by so much in every test of it."""
    own = _deviations(numbers)
    near = 1e-9 * float(np.nanmax(np.abs(own))) + EQUAL

    def moved(hypothesis: Hypothesis) -> Hypothesis:
        if not isinstance(hypothesis, Mean):
            parts = tuple(map(moved, hypothesis.parts))
            return All(parts) if isinstance(hypothesis, All) else Some(parts)
        excess = hypothesis.excess
        if excess is numbers:
            return Mean(excess + by, hypothesis.by)
        deviations = _deviations(excess)
        for sign in (1, -1):
            # Of numbers that are all equal nothing tells whether they are the same.
            if near > 2 * EQUAL and np.allclose(deviations, sign * own, rtol=0, atol=near, equal_nan=True):
                return Mean(excess + sign * by, hypothesis.by)
        return hypothesis

    return Hypotheses(moved(population.claim), moved(population.contrary), population.clearances)


def _beyond_the_edge(mean: Mean) -> float:
    """By how much the numbers must fall for what they test to be just false.

    By their mean. Where some seeds lack a place, of the others more than half must lie beyond the margin, for half of
    all to do so.
    """
    known = mean.excess[np.isfinite(mean.excess)]
    lacking = np.isneginf(mean.excess).sum() / (known.size + np.isneginf(mean.excess).sum())
    if not lacking:
        return float(known.mean())
    return float(known.mean() - known.std(ddof=1) * ndtri(0.5 / (1 - lacking))) if lacking < 0.5 else 0.0


def _deviations(numbers: Numbers) -> Numbers:
    """Those from the mean of the seeds that have a number; NaN for the others."""
    known = np.where(np.isfinite(numbers), numbers, np.nan)
    return known - np.nanmean(known)
