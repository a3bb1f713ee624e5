from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import (
    Contrast,
    Equivalent,
    Greater,
    Located,
    Location,
    Lowest,
    MostSeeds,
    MostSeedsWithin,
    Term,
    Window,
)
from sdd_claims.stats.hypotheses import Evidence, weigh
from sdd_claims.stats.one_sample import SCREEN
from sdd_claims.stats.population import BRACKET, CRITICAL, DENSITY, LEVELS, SWEET, bump, phases
from sdd_claims.stats.tests.studies import THRESHOLD, study

RISE = Contrast((Term(1.0, "noisy", SWEET), Term(-1.0, "noisy", CRITICAL)))


@pytest.mark.parametrize(
    ("rise", "supported", "refuted"), [(0.06, True, False), (0.01, False, False), (-0.05, False, True)]
)
def test_greater(rise, supported, refuted):
    found = Greater(RISE, 0.01).evaluate(study(noisy=phases(0.8, 0.7, 0.7 + rise, 0.6)), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert "[noisy at density 0.0029 to 0.0075 − noisy at density 0.017 to 0.045]" in found.words
    assert "exceeds 1.0 point" in found.words


def weighed(margin: float, *of_seeds: float) -> Evidence:
    """What these numbers, one a seed, say of "more than the margin"."""
    rule = Greater(Contrast((Term(1, "number", Window(1, 1)),)), margin)
    return weigh(rule.hypotheses({"number": np.ones(1)}, {"number": np.array(of_seeds)[:, None]}))


def test_a_small_effect_of_the_claimed_direction_refutes_nothing():
    """Half of the margin, in every seed alike: neither established nor refuted."""
    found = weighed(0.01, *(0.005 + 1e-4 * np.arange(12)))
    assert found.support > 0.99
    assert found.contrary > 0.99
    assert weighed(0.01, *(-0.005 - 1e-4 * np.arange(12))).contrary == 0.5**12


def test_the_contrary_of_no_more_than_a_margin_is_more():
    """A negative margin asks for "not lower by more than that": an effect beyond it is the contrary."""
    assert weighed(-0.01, *(-0.02 - 1e-4 * np.arange(12))).contrary == 0.5**12
    assert weighed(-0.01, *(-0.005 - 1e-4 * np.arange(12))).contrary > 0.99


@pytest.mark.parametrize(
    ("difference", "supported", "refuted"), [(0.0, True, False), (0.03, False, False), (-0.08, False, True)]
)
def test_equivalent(difference, supported, refuted):
    found = Equivalent(RISE, 0.03).evaluate(study(noisy=phases(0.8, 0.7, 0.7 + difference, 0.6)), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)


def test_equivalent_is_the_paired_test_of_statsmodels_where_nothing_joins_the_t_tests():
    curves = study(noisy=np.full(LEVELS, 0.78), clean=np.full(LEVELS, 0.77))
    noisy, clean = (SWEET.mean(DENSITY, curves[name].values) for name in ("noisy", "clean"))
    rule = Equivalent(Contrast((Term(1.0, "noisy", SWEET), Term(-1.0, "clean", SWEET))), 0.02)
    found = rule.evaluate(curves, THRESHOLD)
    expected = ttost_paired(noisy, clean, -0.02, 0.02)[0]
    assert SCREEN < expected < 0.5
    assert found.p == pytest.approx(expected)


def test_nothing_is_equivalent_within_no_margin():
    with pytest.raises(InputError, match="above 0"):
        Equivalent(RISE, 0.0)


def test_a_contrast_with_a_diverged_seed_names_it_once():
    curves = study(noisy=phases(0.8, 0.7, 0.76, 0.6))
    values = curves["noisy"].values.copy()
    values[0] = np.nan
    curves["noisy"] = SparsityCurve(curves["noisy"].seeds, DENSITY, values)
    found = Greater(RISE).evaluate(curves, THRESHOLD)
    assert (found.p, found.p_contrary) == (1, 1)
    assert found.open_reason == "seed 1000 of 'noisy' diverged"


def ranks(*of_seeds: float) -> dict[str, SparsityCurve]:
    """One curve with one level, a rank."""
    return {"rank": SparsityCurve(tuple(range(len(of_seeds))), np.ones(1), np.array(of_seeds)[:, None])}


MOSTLY_LOW = MostSeeds(Contrast((Term(1, "rank", Window(1, 1)),)), below=2.5, unit="ranks")


@given(low=st.integers(0, 24), equal=st.integers(0, 5), high=st.integers(12, 24))
def test_most_seeds_is_the_exact_binomial_test_and_a_number_at_the_bound_is_on_neither_side(low, equal, high):
    of_seeds = [1.0] * low + [2.5] * equal + [16.0] * high
    found = MOSTLY_LOW.evaluate(ranks(*of_seeds), THRESHOLD)
    for p, count in ((found.p, low), (found.p_contrary, high)):
        assert p == pytest.approx(binomtest(count, len(of_seeds), alternative="greater").pvalue)
    interval = proportion_confint(low, len(of_seeds), 2 * THRESHOLD, method="beta")
    assert (found.effect.low, found.effect.high) == pytest.approx(np.nan_to_num(interval, nan=0.0))
    assert found.effect.value == low / len(of_seeds)


@given(st.floats(3, 1e6))
def test_a_few_seeds_far_off_are_a_few_however_far(far):
    """Where a test of the mean sees less and less."""
    of_seeds = [1.0] * 22 + [far] * 2
    found = MOSTLY_LOW.evaluate(ranks(*of_seeds), THRESHOLD)
    assert found.p == pytest.approx(binomtest(22, 24, alternative="greater").pvalue)
    assert found.p < THRESHOLD
    assert "[rank at density 1] is below 2.5 ranks in 22 of 24 seeds, 0.92 of all seeds" in found.words


def test_a_seed_without_a_rank_leaves_it_open():
    found = MOSTLY_LOW.evaluate(ranks(*[1.0] * 23, np.nan), THRESHOLD)
    assert found.open_reason == "seed 23 of 'rank' diverged"
    assert found.p == found.p_contrary == 1


def placed(*apart: float | None) -> dict[str, SparsityCurve]:
    """A dip of each seed so far from a peak in log density; None for a seed without a dip."""
    accuracy = np.array([np.linspace(0.8, 0.7, LEVELS) if each is None else 0.8 - bump(each) for each in apart])
    distance = np.tile(1 + bump(), (len(apart), 1))
    seeds = tuple(range(len(apart)))
    return {name: SparsityCurve(seeds, DENSITY, each) for name, each in (("noisy", accuracy), ("distance", distance))}


TOGETHER = MostSeedsWithin(
    Contrast((Located(1, "noisy", Location(BRACKET, "dip")), Located(-1, "distance", Location(BRACKET, "peak")))),
    -0.4,
    0.4,
    "log density",
)


@given(same=st.integers(0, 24), apart=st.integers(0, 24), without=st.integers(0, 24))
def test_a_seed_without_a_place_counts_against_the_claim_and_against_its_contrary(same, apart, without):
    assume(same + apart + without >= 12)
    seeds = same + apart + without
    found = TOGETHER.evaluate(placed(*[0.1] * same, *[0.8] * apart, *[None] * without), THRESHOLD)
    if 2 * without >= seeds:
        assert (found.p, found.p_contrary) == (1, 1)
        assert found.open_reason == f"{without} of {seeds} seeds have no such place"
        return
    for p, count in ((found.p, same), (found.p_contrary, apart)):
        assert p == pytest.approx(binomtest(count, seeds, alternative="greater").pvalue)
    assert found.open_reason is None
    assert found.effect.value == same / seeds
    assert ("no such place" in found.words) == (without > 0)


def test_a_diverged_seed_leaves_places_open_where_one_without_a_place_does_not():
    curves = placed(*[0.1] * 22, None, 0.1)
    assert TOGETHER.evaluate(curves, THRESHOLD).p < THRESHOLD
    curves["noisy"].values[23] = np.nan
    found = TOGETHER.evaluate(curves, THRESHOLD)
    assert (found.p, found.p_contrary) == (1, 1)
    assert found.open_reason == "seed 23 of 'noisy' diverged"


@pytest.mark.parametrize(
    ("low", "high", "claimed", "contrary"),
    [
        (None, 0.5, "lies below 0.5 log density", "lies above 0.5 log density"),
        (-0.5, None, "lies above -0.5 log density", "lies below -0.5 log density"),
        (-0.5, 0.5, "lies within 0.5 log density of zero", "lies more than 0.5 log density from zero"),
        (
            -0.5,
            1,
            "lies between -0.5 log density and 1 log density",
            "lies below -0.5 log density or above 1 log density",
        ),
    ],
)
def test_bounds_are_said_as_they_are(low, high, claimed, contrary):
    rule = replace(TOGETHER, low=low, high=high)
    found = rule.evaluate(placed(*[0.1] * 11, None), THRESHOLD)
    assert found.words.startswith(f"[{rule.contrast}] {claimed} in 11 of 12 seeds, 0.92 of all seeds")
    assert f"(1 of 12 has no such place). That it {claimed} in more than half of all" in found.words
    assert f"that it {contrary} in more than half" in found.words
    assert found.p == pytest.approx(binomtest(11, 12, alternative="greater").pvalue)
    assert found.p_contrary == 1


@pytest.mark.parametrize("bounds", [(None, None), (1.0, 1.0), (1.0, 0.0)])
def test_bounds_that_hold_everything_or_nothing_are_refused(bounds):
    with pytest.raises(InputError, match=r"give (a lower or an upper one|the lower bound first)"):
        replace(TOGETHER, low=bounds[0], high=bounds[1])


SPARSE_PEAK = Greater(Contrast((Located(-1, "noisy", Location(BRACKET, "peak"), origin=0.06),)), unit="log density")


@pytest.mark.parametrize(("moved", "supported", "refuted"), [(0.0, True, False), (1.0, False, True)])
def test_where_a_peak_lies_is_a_number_of_a_contrast(moved, supported, refuted):
    found = SPARSE_PEAK.evaluate(study(noisy=0.6 + bump(moved)), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert found.effect.value == pytest.approx(3.35 + np.log(0.06) - moved, abs=0.1)
    assert "The mean of [−log density over 0.06 of the peak of noisy]" in found.words


def test_a_place_is_not_measured_from_zero():
    with pytest.raises(InputError, match="the origin 0 has no logarithm; give a position above 0"):
        Located(1, "noisy", Location(BRACKET, "peak"), origin=0.0)


def test_a_seed_without_the_peak_is_named():
    curves = study(noisy=0.6 + bump())
    curves["noisy"].values[2] = np.linspace(1, 0, LEVELS)
    found = SPARSE_PEAK.evaluate(curves, THRESHOLD)
    assert found.open_reason == "seed 1002 of 'noisy' shows no peak in the bracket at density 0.003 to 0.3"


@given(st.integers(0, 3), st.floats(1, 1e6))
def test_the_lowest_level_of_a_window_does_not_hear_of_a_leap_beside_it(level, leap):
    curves = study(loss=np.full(LEVELS, 0.01))
    window = Window(float(DENSITY[3]), 1.0)
    values = curves["loss"].values.copy()
    lowest = Contrast((Lowest(-2.0, "loss", window),))
    before = lowest.numbers({"loss": DENSITY}, {"loss": values})
    np.testing.assert_array_equal(before, -2 * values[:, :4].min(axis=1))
    values[:, level] += leap
    after = lowest.numbers({"loss": DENSITY}, {"loss": values})
    np.testing.assert_array_equal(after, -2 * np.delete(values[:, :4], level, axis=1).min(axis=1))
    assert str(lowest) == f"−2 × the lowest loss at {window.words}"


def test_the_lowest_level_of_a_batch_of_studies_is_that_of_each():
    studies = np.random.default_rng(0).random((4, 12, LEVELS))
    lowest = Contrast((Lowest(1.0, "loss", Window(float(DENSITY[3]), 1.0)),))
    found = lowest.numbers({"loss": DENSITY}, {"loss": studies})
    assert found.shape == studies.shape[:2]
    for each, numbers in zip(studies, found, strict=True):
        np.testing.assert_array_equal(numbers, lowest.numbers({"loss": DENSITY}, {"loss": each}))


def test_the_lowest_level_is_unknown_where_a_replica_diverged_in_the_window():
    curves = study(loss=np.full(LEVELS, 0.01))
    values = curves["loss"].values.copy()
    values[0, 0] = np.nan
    curves["loss"] = SparsityCurve(curves["loss"].seeds, DENSITY, values)
    found = Greater(Contrast((Lowest(1, "loss", Window(float(DENSITY[3]), 1.0)),)), unit="nats").evaluate(
        curves, THRESHOLD
    )
    assert found.open_reason == "seed 1000 of 'loss' diverged"
