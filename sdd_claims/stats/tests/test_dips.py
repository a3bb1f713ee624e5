from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats.dips import Collapse, DipFree, DipThenRise
from sdd_claims.stats.hypotheses import Some, weigh
from sdd_claims.stats.population import CRITICAL, DENSITY, LEVELS, LIGHT, SWEET, Population, phases
from sdd_claims.stats.tests.by_definition import p_above
from sdd_claims.stats.tests.studies import SEEDS, THRESHOLD
from sdd_claims.stats.window import Window

COLLAPSED = Window(0.001, 0.0013)
DIP = phases(0.78, 0.70, 0.76, 0.50)
FALL = 0.78 - 0.04 * np.arange(LEVELS)
RULE = DipThenRise("noisy", LIGHT, CRITICAL, SWEET)


def curve(mean: np.ndarray, seed: int = 0) -> SparsityCurve:
    drawn = Population({"noisy": mean}).draw(np.random.default_rng(seed), 1, len(SEEDS))
    return SparsityCurve(SEEDS, DENSITY, drawn["noisy"][0])


def train(last: float) -> SparsityCurve:
    return SparsityCurve(SEEDS, DENSITY, np.tile(np.linspace(1, last, LEVELS), (len(SEEDS), 1)))


def test_a_dip_and_rise_is_supported_and_its_smaller_limb_is_the_effect():
    found = RULE.evaluate({"noisy": curve(DIP)}, THRESHOLD)
    assert found.p < THRESHOLD
    assert found.p_contrary == 1
    assert found.open_reason is None
    assert list(found.parts) == ["fall", "rise"]
    assert found.effect == found.parts["rise"].effect
    assert found.effect.low < 0.06 < found.effect.high
    assert f"the rise is {100 * found.effect.value:.1f} points (99.89 % interval" in found.words


def test_the_third_limb_is_judged_where_it_is_claimed():
    flat_end = phases(0.78, 0.70, 0.76, 0.76)
    third = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, COLLAPSED)
    assert RULE.evaluate({"noisy": curve(flat_end)}, THRESHOLD).p < THRESHOLD
    found = third.evaluate({"noisy": curve(flat_end)}, THRESHOLD)
    assert found.p > 0.1
    assert found.effect == found.parts["second fall"].effect
    assert third.evaluate({"noisy": curve(DIP)}, THRESHOLD).p < THRESHOLD


def test_a_curve_without_a_dip_refutes_only_where_the_grid_reaches_collapse():
    rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, train_curve="train")
    falling = curve(FALL)
    whole = rule.evaluate({"noisy": falling, "train": train(0.5)}, THRESHOLD)
    short = rule.evaluate({"noisy": falling, "train": train(0.6)}, THRESHOLD)
    blind = RULE.evaluate({"noisy": falling}, THRESHOLD)
    assert whole.p_contrary < THRESHOLD
    assert short.p_contrary == blind.p_contrary == 1
    assert "grid ends before train accuracy has fallen to half of its dense value (0.60 of 1.00)" in short.words
    assert "no curve of train accuracy" in blind.words


@pytest.mark.parametrize(
    ("classes", "rate", "best", "expected"),
    [
        (2, 0.2, 1.0, 0.65),
        (2, 0.2, 0.75, 0.575),
        (10, 0.2, 1.0, 0.45),
        (10, 0.2, 0.1, 0.1),
        (10, 0.2, 0.9, 0.411),
        (2, 0.4, 1.0, 0.55),
    ],
)
def test_collapse_lies_half_way_from_what_clean_labels_alone_give_to_chance(classes, rate, best, expected):
    test = np.array([[0.1, best, 0.05]] * 3)
    assert Collapse(classes, rate).below(test) == pytest.approx(expected, abs=1e-3)


def test_a_rule_can_say_where_collapse_is():
    falling = curve(np.linspace(1, 0.55, LEVELS))
    rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, train_curve="train", collapse=Collapse(2, 0.2))
    assert rule.evaluate({"noisy": falling, "train": train(0.62)}, THRESHOLD).p_contrary < THRESHOLD
    short = rule.evaluate({"noisy": falling, "train": train(0.7)}, THRESHOLD)
    assert short.p_contrary == 1
    assert (
        "has fallen to 0.65, half way between that of a network that knows no wrong label by heart and chance (it is "
        "1.00 dense, 0.70 at the end)"
    ) in short.words


def test_a_seed_that_diverged_on_test_images_is_named_where_collapse_is_measured_by_them():
    values = curve(np.linspace(1, 0.55, LEVELS)).values.copy()
    values[3, 5] = np.nan
    rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, train_curve="train", collapse=Collapse(2, 0.2))
    found = rule.evaluate({"noisy": SparsityCurve(SEEDS, DENSITY, values), "train": train(0.3)}, THRESHOLD)
    assert found.p_contrary == 1
    assert "nan" not in found.words
    assert f"could not refute here: seed {SEEDS[3]}" in found.words


def test_a_network_that_never_fitted_the_labels_has_not_collapsed():
    """Of a hundred classes 38 % of the training labels are known at first and 35 % in the end."""
    test = curve(np.linspace(0.45, 0.36, LEVELS))
    underfit = SparsityCurve(SEEDS, DENSITY, np.tile(np.linspace(0.38, 0.35, LEVELS), (len(SEEDS), 1)))
    rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, train_curve="train", collapse=Collapse(100, 0.2))
    assert rule.evaluate({"noisy": test, "train": underfit}, THRESHOLD).p_contrary == 1


@pytest.mark.parametrize(("best", "refuted"), [(0.1, False), (0.19, False), (0.8, True)])
def test_a_network_that_has_hardly_learned_refutes_nothing(best, refuted):
    """At a guess from the dense level on it would count as collapsed."""
    rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, train_curve="train", collapse=Collapse(10, 0.2))
    nothing = SparsityCurve(SEEDS, DENSITY, np.full((len(SEEDS), LEVELS), 0.1))
    noise = np.random.default_rng(0).normal(0, 1e-3, (len(SEEDS), LEVELS))
    falling = SparsityCurve(SEEDS, DENSITY, np.linspace(best, 0.1, LEVELS) + noise)
    found = rule.evaluate({"noisy": falling, "train": nothing}, THRESHOLD)
    assert (found.p_contrary < THRESHOLD) == refuted
    assert ("the networks have hardly learned, since at their best level" in found.words) != refuted


def test_a_failed_limb_does_not_refute():
    rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, train_curve="train")
    sparser = np.r_[np.full(11, 0.70), np.full(3, 0.60), 0.72, 0.40, 0.40]  # dips, but not in the windows
    found = rule.evaluate({"noisy": curve(sparser), "train": train(0.3)}, THRESHOLD)
    assert found.p > 0.5
    assert found.p_contrary > 0.5


def test_each_rule_refutes_by_the_support_of_the_other():
    rng = np.random.default_rng(0)
    density = {"noisy": DENSITY, "train": DENSITY}
    for mean in (DIP, FALL):
        values = Population({"noisy": mean}).draw(rng, 20, 12) | {"train": np.tile(train(0.3).values, (20, 1, 1))}
        dip = weigh(DipThenRise("noisy", LIGHT, CRITICAL, SWEET, train_curve="train").hypotheses(density, values))
        free = weigh(DipFree("noisy", 0.01, LIGHT, CRITICAL, SWEET).hypotheses(density, values))
        np.testing.assert_array_equal(dip.contrary, free.support)
        np.testing.assert_array_equal(free.contrary, dip.support)


def test_dip_free_tests_every_triple():
    """Against the definition: the largest over i < j < k of 2 min(p_ij, p_kj)."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = 0.01 * rng.standard_normal((12, 6)) - 0.02 * np.arange(6)
        p = {(i, j): p_above(values[:, j] - values[:, i], -0.01) for i in range(6) for j in range(6) if i != j}
        expected = max(min(1.0, 2 * min(p[i, j], p[k, j])) for i, j, k in combinations(range(6), 3))
        found = weigh(DipFree("noisy", 0.01).hypotheses({"noisy": DENSITY[:6]}, {"noisy": values}))
        assert found.support == pytest.approx(expected, rel=1e-6)
        assert found.contrary == 1


def test_of_a_batch_only_the_studies_that_reach_collapse_can_refute():
    rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, train_curve="train")
    position = {"noisy": DENSITY, "train": DENSITY}
    noisy = Population({"noisy": FALL}).draw(np.random.default_rng(0), 2, 12)["noisy"]
    reaches, ends_before = train(0.3).values, train(0.9).values
    found = weigh(rule.hypotheses(position, {"noisy": noisy, "train": np.stack([reaches, ends_before])}))
    assert found.contrary[0] < THRESHOLD
    assert found.contrary[1] == 1
    neither = rule.hypotheses(position, {"noisy": noisy, "train": np.stack([ends_before, ends_before])})
    assert neither.contrary == Some()
    np.testing.assert_array_equal(weigh(neither).contrary, [1, 1])


def test_a_curve_that_rises_and_then_falls_is_dip_free():
    hill = 0.7 - 0.05 * np.abs(np.arange(LEVELS) - 6)
    found = DipFree("noisy").evaluate({"noisy": curve(hill)}, THRESHOLD)
    assert found.p < THRESHOLD


def test_the_effect_of_dip_free_is_the_deepest_dip_of_the_mean_curve():
    found = DipFree("noisy", 0.01, LIGHT, CRITICAL, SWEET).evaluate({"noisy": curve(DIP)}, THRESHOLD)
    mean = curve(DIP).values.mean(axis=0)
    deepest = max(min(mean[i], mean[k]) - mean[j] for i, j, k in combinations(range(LEVELS), 3))
    assert found.effect.value == pytest.approx(deepest)
    assert found.p == 1
    assert found.p_contrary < THRESHOLD


def test_a_diverged_seed_is_named_and_establishes_nothing():
    values = curve(DIP).values.copy()
    values[3, 8] = np.nan
    for rule in (RULE, DipFree("noisy")):
        found = rule.evaluate({"noisy": SparsityCurve(SEEDS, DENSITY, values)}, THRESHOLD)
        assert (found.p, found.p_contrary) == (1, 1)
        assert found.open_reason == "seed 1003 of 'noisy' diverged"
        assert np.isfinite(found.effect.value)


def test_a_seed_that_diverged_outside_the_windows_is_judged():
    values = curve(DIP).values.copy()
    values[3, 15] = np.nan
    found = RULE.evaluate({"noisy": SparsityCurve(SEEDS, DENSITY, values)}, THRESHOLD)
    assert found.open_reason is None
    assert found.p < THRESHOLD


def test_overlapping_windows_are_an_error():
    with pytest.raises(InputError, match="sweet phase"):
        DipThenRise("noisy", LIGHT, CRITICAL, Window(0.003, 0.02))


def test_dip_free_with_some_of_the_windows_is_an_error():
    with pytest.raises(InputError, match="only the windows light"):
        DipFree("noisy", light=LIGHT)


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "curves given are none"),
        (
            {"noisy": SparsityCurve((1, 2), DENSITY, np.zeros((2, LEVELS)))},
            "at least 12 seeds to reach a verdict, got 2",
        ),
        ({"noisy": SparsityCurve(SEEDS, DENSITY[:9], np.zeros((12, 9)))}, "lies off the curve"),
    ],
)
def test_curves_that_cannot_be_judged_are_an_error(curves, message):
    with pytest.raises(InputError, match=message):
        RULE.evaluate(curves, THRESHOLD)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0, 0.1), st.floats(0, 0.05))
def test_a_bigger_dip_never_raises_p(seed, depth, more):
    noise = curve(np.zeros(LEVELS), seed).values
    at = {"noisy": DENSITY}
    small, large = (
        weigh(RULE.hypotheses(at, {"noisy": noise + phases(0.7, 0.7 - deep, 0.7, 0.5)})).support
        for deep in (depth, depth + more)
    )
    assert large <= small + 1e-9
