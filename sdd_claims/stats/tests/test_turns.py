from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as drawn_arrays

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import FewerTurns, Window
from sdd_claims.stats.hypotheses import weigh
from sdd_claims.stats.turns import legs

AXIS = "penalty strength"
STRENGTHS = np.array([0, 0.005, 0.05, 0.5, 5, 50, 500, 5000])
NAMES = ("5", "25", "100")
RULE = FewerTurns(NAMES, (2.3, 4.6, 6.6), Window(0, 5000, AXIS), tolerance=0.36)
ONCE = np.array([0.8, 0.8, 0.8, 0.5, 0.1, 0.1, 0.1, 0.1])
TWICE = np.array([0.8, 0.8, 0.8, 0.5, 0.1, 0.1, 0.8, 0.8])
OFTEN = np.array([0.8, 0.8, 0.3, 0.8, 0.1, 0.1, 0.8, 0.2])

curves = drawn_arrays(float, st.integers(1, 12), elements=st.integers(0, 20).map(lambda steps: steps / 20))


@pytest.mark.parametrize(
    ("curve", "count"),
    [
        ([0.5], 0),
        ([0.5, 0.5, 0.5], 0),
        ([0.1, 0.2, 0.3, 0.9], 1),
        ([0.9, 0.1, 0.9], 2),
        ([0.9, 0.8, 0.7, 0.6], 1),  # an ascent or a descent may take several steps
        ([0.5, 0.58, 0.42, 0.5], 0),  # never more than 0.2 apart
        ([0.5, 0.7, 0.5], 0),  # exactly the tolerance
        ([0.9, 0.1, 0.2, 0.1, 0.2, 0.9], 2),
        ([0.1, 0.9, 0.5, 0.8, 0.1], 4),
        ([0.1, 0.9, 0.8, 0.9, 0.1], 2),
    ],
)
def test_legs_are_ascents_and_descents_beyond_the_tolerance(curve, count):
    assert legs(np.array(curve), 0.2) == count


def longest_zigzag(curve: np.ndarray, tolerance: float) -> int:
    """The largest number of levels, less one, that alternately rise and fall by more than the tolerance."""
    best = np.zeros((2, len(curve)), dtype=int)
    for end in range(len(curve)):
        for start in range(end):
            change = curve[end] - curve[start]
            if abs(change) > tolerance + 1e-12:
                up = int(change > 0)
                best[up, end] = max(best[up, end], best[1 - up, start] + 1)
    return int(best.max())


@given(curve=curves, tolerance=st.sampled_from([0.01, 0.12, 0.3]))
def test_their_number_is_that_of_the_longest_zigzag(curve, tolerance):
    assert legs(curve, tolerance) == longest_zigzag(curve, tolerance)


@given(curve=curves, tolerance=st.sampled_from([0.01, 0.12, 0.3]))
def test_shifts_reversal_and_mirrors_leave_their_number_as_it_is(curve, tolerance):
    count = legs(curve, tolerance)
    for other in (curve + 3, -curve, curve[::-1]):
        assert legs(other, tolerance) == count
    assert legs(2 * curve, 2 * tolerance) == count


@given(curve=curves, tolerance=st.floats(0.01, 0.4), more=st.floats(0, 0.4))
def test_a_larger_tolerance_never_counts_more(curve, tolerance, more):
    assert legs(curve, tolerance + more) <= legs(curve, tolerance)


def test_a_diverged_curve_has_no_number():
    assert np.isnan(legs(np.array([[0.5, np.nan, 0.1], [0.5, 0.1, 0.9]]), 0.1)).tolist() == [True, False]


def study(
    *means: np.ndarray, noise: tuple[float, ...] = (0.02,) * 3, seeds: int = 12, seed: int = 0
) -> dict[str, SparsityCurve]:
    rng = np.random.default_rng(seed)
    tables = [mean + sd * rng.standard_normal((seeds, 8)) for mean, sd in zip(means, noise, strict=True)]
    return {
        name: SparsityCurve(tuple(range(seeds)), STRENGTHS, table, AXIS)
        for name, table in zip(NAMES, tables, strict=True)
    }


def test_the_number_of_a_seed_is_the_slope_of_its_legs():
    some = study(OFTEN, TWICE, ONCE)
    values = {name: curve.values for name, curve in some.items()}
    counts = np.stack([legs(values[name], RULE.tolerance) for name in NAMES])
    found = RULE.numbers(dict.fromkeys(NAMES, STRENGTHS), values, RULE.tolerance)
    np.testing.assert_allclose(found, np.polyfit(RULE.factors, counts, 1)[0])


def test_curves_that_turn_less_often_as_the_factor_grows_support_the_claim():
    found = RULE.evaluate(study(OFTEN, TWICE, ONCE), 0.0006)
    assert found.p < 0.0006
    assert found.p_contrary > 0.5
    assert found.effect.value < -0.5
    assert "by more than 36.0 points there are 5.0 for 5, 2.0 for 25 and 1.0 for 100" in found.words


def test_curves_that_turn_more_often_refute_it():
    found = RULE.evaluate(study(ONCE, TWICE, OFTEN, noise=(0.001,) * 3), 0.0006)
    assert found.p > 0.5
    assert found.p_contrary < 0.0006


def test_the_effect_of_a_refutation_is_the_slope_that_refutes():
    """Large legs come more often in wide networks; all legs that matter are equally many."""
    ripple = np.array([0.5, 0.6] * 4)
    some = study(ripple, ripple, np.where(np.arange(8) == 4, 0.0, ripple), noise=(0.001,) * 3)
    found = replace(RULE, smallest=0.2).evaluate(some, 0.0006)
    assert found.p_contrary < 0.0006
    assert found.effect.value == pytest.approx(0)
    assert "the slope is 0.45" in found.words
    assert "there are 7.0 for 5, 7.0 for 25 and 7.0 for 100; the slope is" in found.words


@pytest.mark.parametrize(("smallest", "supported", "refuted"), [(0.1, True, False), (3.0, False, True)])
def test_a_trend_smaller_than_what_matters_refutes(smallest, supported, refuted):
    rule = replace(RULE, margin=RULE.tolerance, smallest=smallest)
    found = rule.evaluate(study(OFTEN, TWICE, ONCE), 0.0006)
    assert (found.p < 0.0006, found.p_contrary < 0.0006) == (supported, refuted)
    assert f"That it is below -{smallest:.2g}" in found.words.replace("−", "-")


def test_a_diverged_seed_leaves_it_open_by_name():
    some = study(OFTEN, TWICE, ONCE)
    some["25"].values[3, 2] = np.nan
    found = RULE.evaluate(some, 0.0006)
    assert found.open_reason == "seed 3 of '25' diverged"
    assert found.p == 1


def test_a_seed_that_diverges_at_a_level_that_is_not_followed_changes_nothing():
    rule = replace(RULE, between=Window(0, 500, AXIS))
    before = rule.evaluate(study(OFTEN, TWICE, ONCE), 0.0006)
    some = study(OFTEN, TWICE, ONCE)
    some["25"].values[3, -1] = np.nan
    assert rule.evaluate(some, 0.0006) == before
    assert before.open_reason is None


@pytest.mark.parametrize("mean", [np.full(8, 0.5), ONCE, TWICE], ids=["flat", "once", "twice"])
@pytest.mark.parametrize("noise", [(0.09, 0.09, 0.09), (0.09, 0.03, 0.01)], ids=["equal", "narrow is noisier"])
def test_noise_alone_neither_supports_nor_refutes(mean, noise):
    """Of 4,000 studies at 12 seeds as of 24 fewer than at twice the threshold in use; four standard errors beside."""
    rng, studies, threshold = np.random.default_rng(0), 4000, 0.0006
    values = {name: mean + sd * rng.standard_normal((studies, 24, 8)) for name, sd in zip(NAMES, noise, strict=True)}
    position = dict.fromkeys(NAMES, STRENGTHS)
    for seeds in (12, 24):
        found = weigh(RULE.hypotheses(position, {name: table[:, :seeds] for name, table in values.items()}))
        most = studies * threshold + 4 * np.sqrt(studies * threshold)
        assert (found.support < threshold).sum() <= most
        assert (found.contrary < threshold).sum() <= most


def test_flat_noise_of_a_quarter_of_the_tolerance_has_hardly_a_leg():
    noise = RULE.tolerance / 4 * np.random.default_rng(0).standard_normal((20_000, 8))
    assert legs(noise, RULE.tolerance).mean() < 0.12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": (1.0, 2.0)}, "got 3 curves and the factors"),
        ({"factors": (1.0, 1.0, 1.0)}, "two different factors"),
        ({"margin": 0.5}, "give 0 < margin <= tolerance"),
        ({"margin": 0.0}, "give 0 < margin <= tolerance"),
        ({"smallest": -0.2}, "give 0 or more"),
    ],
)
def test_what_gives_no_slope_or_no_legs_is_refused(changes, message):
    settings = {"factored": NAMES, "factors": (1.0, 2.0, 3.0), "between": Window(0, 1, AXIS), "tolerance": 0.1}
    with pytest.raises(InputError, match=message):
        FewerTurns(**(settings | changes))


def test_a_window_of_one_level_is_refused():
    with pytest.raises(InputError, match="holds one level of '5', an ascent needs two; widen it"):
        FewerTurns(NAMES, (1.0, 2.0, 3.0), Window(5, 6, AXIS), 0.1).check(dict.fromkeys(NAMES, STRENGTHS))
