"""What the populations of the calibration must be: nulls in which no verdict is true, alternatives as their label says.

Of a claim with several parts that one counts whose mean lies least far beyond its margin, of parts of which one
suffices the one whose mean lies furthest beyond it: at 0 it is just false.
"""

from functools import cache

import numpy as np
import pytest

from sdd_claims.stats import RULES
from sdd_claims.stats.alternatives import alternatives
from sdd_claims.stats.hypotheses import All, Hypotheses, Hypothesis, Mean
from sdd_claims.stats.measured_rules import DIP, MARGIN, RISE, TURNS, WIDTHS
from sdd_claims.stats.nulls import HIDDEN_COLLAPSE, SHAPES, nulls
from sdd_claims.stats.one_sample import skewness
from sdd_claims.stats.population import CHANCE, CRITICAL, DENSITY, SWEET, Case, Noise, Population

NULLS = [case for case in nulls() if case.label != HIDDEN_COLLAPSE]
ALTERNATIVES = list(alternatives())
SEEDS = 4_000


def label(case: Case) -> str:
    return f"{case.name}, {'/'.join(case.verdicts)}, {case.label}"


def spelled_out(case: Case, tables: dict[str, np.ndarray]) -> Hypotheses:
    found = case.rule.hypotheses(case.population.densities(), tables)
    assert found is not None
    return found


def without_noise(case: Case) -> Hypotheses:
    return spelled_out(case, {curve: mean[None] for curve, mean in case.population.mean.items()})


def with_noise(case: Case, seeds: int = SEEDS) -> Hypotheses:
    drawn = case.population.draw(np.random.default_rng(0), 1, seeds)
    return spelled_out(case, {curve: tables[0] for curve, tables in drawn.items()})


def beyond(excess: np.ndarray) -> float:
    """How far the mean lies beyond its margin, over the seeds that have a number."""
    known = excess[~np.isnan(excess)]
    return float(known.mean()) if known.size else -np.inf


def deciding(hypothesis: Hypothesis) -> np.ndarray:
    """The excesses whose mean decides whether it holds."""
    if isinstance(hypothesis, Mean):
        return hypothesis.excess
    found = [deciding(part) for part in hypothesis.parts] or [np.array([-np.inf])]
    return (min if isinstance(hypothesis, All) else max)(found, key=beyond)


def judged(found: Hypotheses, verdict: str) -> Hypothesis:
    return found.claim if verdict == "supported" else found.contrary


FURTHER = {
    # Not at the edge of what is denied, but on the side where it is false, by so much.
    ("dip_then_rise", "flat", "supported"): MARGIN,
    ("dip_then_rise", "monotone", "supported"): MARGIN + 4 * (0.78 - 0.60) / 16,  # four levels of a straight fall
    ("threshold_within", "flat", "supported"): np.inf,  # there is no threshold
    ("threshold_within", "flat", "refuted"): np.inf,
}


@pytest.mark.parametrize("case", NULLS, ids=label)
def test_what_a_null_denies_is_just_false_there(case):
    found = without_noise(case)
    shape = case.label if case.label in SHAPES else "stepped"
    for verdict in case.verdicts:
        expected = -FURTHER.get((case.rule.name, shape, verdict), 0.0)
        assert beyond(deciding(judged(found, verdict))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("case", [case for case in NULLS if case.rule.name == "dip_free"], ids=label)
def test_a_dent_reaches_the_margin_at_one_level_and_stepped_below_its_neighbours_alone(case):
    curve = case.population.mean["noisy"]
    (low,) = [
        low
        for low in range(1, len(curve) - 1)
        if min(curve[:low].max(), curve[low + 1 :].max()) - curve[low] > MARGIN - 1e-9
    ]
    higher = np.flatnonzero(curve - curve[low] > MARGIN - 1e-9)
    if case.label not in ("flat", "monotone"):
        assert higher.tolist() == [low - 1, low + 1]


# Skew moves none of these at its margin: both distances are skewed alike, and signs and legs have no tail.
UNSKEWED = {"correlated", "partially_correlated", "most_seeds", "most_seeds_within", "fewer_turns"}
SKEWED = [case for case in NULLS if case.population.noise.skew is not None and case.rule.name not in UNSKEWED]


@cache
def usual_scatter(name: str, verdict: str) -> float:
    """The standard deviation of what decides in the stepped null with the usual noise."""
    (case,) = [case for case in NULLS if case.name == name and case.label == "stepped" and verdict in case.verdicts]
    return float(np.nanstd(deciding(judged(with_noise(case), verdict))))


@pytest.mark.parametrize("case", SKEWED, ids=label)
def test_skew_flatters_the_false_verdict_and_changes_neither_mean_nor_scale(case):
    """The tail lies on the side of the truth, so that most studies do not see it."""
    (verdict,) = case.verdicts
    excess = deciding(judged(with_noise(case), verdict))
    assert np.isnan(excess).mean() < 0.001
    excess = excess[~np.isnan(excess)]
    assert -3 < skewness(excess) < -0.3
    at_edge = FURTHER.get((case.rule.name, "stepped", verdict), 0.0)
    assert excess.mean() + at_edge == pytest.approx(0, abs=0.1 * excess.std())
    assert 0.5 < excess.std() / usual_scatter(case.name, verdict) < 2


def test_of_the_hidden_collapse_the_mean_rise_is_the_margin_and_28_percent_of_twelve_seeds_do_not_show_it():
    (case,) = [case for case in nulls() if case.label == HIDDEN_COLLAPSE]
    mean, chance = case.population.mean["noisy"], case.population.noise.collapse
    rise = SWEET.mean(DENSITY, mean) - CRITICAL.mean(DENSITY, mean)
    fall = CRITICAL.mean(DENSITY, mean) - CHANCE
    assert (1 - chance) * rise - chance * fall == pytest.approx(MARGIN, abs=1e-12)
    assert rise == pytest.approx(0.08, abs=0.005)
    assert (1 - chance) ** 12 == pytest.approx(0.28, abs=0.005)
    assert case.rule == RISE
    excess = deciding(with_noise(case).claim)
    assert abs(excess.mean()) < 5 * excess.std() / np.sqrt(SEEDS)
    assert (excess < 0).mean() == pytest.approx(chance, abs=5 * np.sqrt(chance * (1 - chance) / SEEDS))


@pytest.mark.parametrize("name", RULES)
def test_size_and_power_are_measured_at_the_same_margins(name):
    sizes, powers = ({case.rule.margin for case in cases if case.rule.name == name} for cases in (NULLS, ALTERNATIVES))
    assert sizes <= powers


HALF_WINDOW = np.log(1 / 0.64) / 2
SAID = {
    # How far beyond its margin the claim holds, by the label.
    "dip of 3 points": 0.03 - MARGIN,
    "dip of 5 points": 0.05 - MARGIN,
    "dip of 8 points": 0.08 - MARGIN,
    "falls by 3 points a level": 0.03 + MARGIN,  # from each level to the next; none may lie the margin below both sides
    "falls by 4 points a level": 0.04 + MARGIN,
    "level for six levels, then falls by 6 points a level": MARGIN,
    "difference of 3 points": 0.03 - MARGIN,
    "difference of 5 points": 0.05 - MARGIN,
    "no difference, margin 2 points": 0.02,
    "no difference, margin 3 points": 0.03,
    "0 apart in log density": 0.67,
    "0.2 apart in log density": 0.67 - 0.2,
    "0 apart in log density, in most seeds": 0.67,
    "0.2 apart in log density, in most seeds": 0.67 - 0.2,
    "0.2 log density per doubling": 0.2,
    "0.4 log density per doubling": 0.4,
    "deepest dip moves by 0.5 log density": 0.5,
    "peak after the dip moves by 0.45 log density": 0.45,
    "rise of 3 points": 0.03 - MARGIN,
    "rise of 5 points": 0.05 - MARGIN,
    "threshold in the middle of the window": HALF_WINDOW,
    "threshold a quarter of the window from its edge": HALF_WINDOW / 2,
    "both parts rise by 5 points": 0.05 - MARGIN,
    "three legs, one and none": 1.5,
}


@pytest.mark.parametrize("said", SAID)
def test_an_alternative_lies_where_its_label_says(said):
    (case,) = [case for case in ALTERNATIVES if case.label == said]
    located = case.rule.name in (
        "same_place",
        "shifts",
        "most_seeds_within",
    )  # the curve drawn straight between levels moves a barycentre
    found = beyond(deciding(without_noise(case).claim))
    assert found == pytest.approx(SAID[said], abs=0.002 if located else 1e-9)


@pytest.mark.parametrize("case", ALTERNATIVES, ids=label)
def test_in_an_alternative_the_claim_holds_and_its_contrary_does_not(case):
    found = with_noise(case, 500)
    holds, fails = deciding(found.claim), deciding(found.contrary)
    assert np.nanmean(holds) > 5 * np.nanstd(holds) / np.sqrt(500)
    if case.rule.name == "fewer_turns":
        # Refutation counts every leg that matters, and noise of this size makes most of them where a curve is flat.
        fails = deciding(without_noise(case).contrary)
    assert beyond(fails) < 0


def test_the_widths_turn_as_often_as_the_alternative_says():
    (case,) = [case for case in ALTERNATIVES if case.label == "three legs, one and none"]
    assert case.rule == TURNS
    means = {width: case.population.mean[width][None] for width in WIDTHS}
    for tolerance in (TURNS.margin, TURNS.tolerance):
        assert TURNS.counts(case.population.densities(), means, tolerance).tolist() == [[3, 1, 0]]


@pytest.mark.parametrize("make", [Noise, lambda: Population({}), lambda: Case(DIP, "", Population({}))])
def test_what_holds_arrays_is_told_apart_by_identity(make):
    """Compared by its fields, `in` would raise: an array of several numbers is neither true nor false."""
    one, other = make(), make()
    assert one in [other, one]
    assert one not in [other]
