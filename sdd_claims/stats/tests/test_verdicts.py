"""Which way each rule decides on clear cases, and what it says."""

from dataclasses import replace

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import (
    AllOf,
    Contrast,
    Correlated,
    DipThenRise,
    Equivalent,
    Greater,
    Location,
    SamePlace,
    Shifts,
    Term,
    ordered,
)
from sdd_claims.stats.population import BRACKET, CRITICAL, DENSITY, LEVELS, LIGHT, SWEET, Population, bump, phases
from sdd_claims.stats.window import Window

THRESHOLD = 0.00057
RISE = Contrast((Term(1.0, "noisy", SWEET), Term(-1.0, "noisy", CRITICAL)))
DIP_AT, PEAK_AT = Location(BRACKET, "dip"), Location(BRACKET, "peak")


def study(**means: np.ndarray) -> dict[str, SparsityCurve]:
    drawn = Population(means).draw(np.random.default_rng(0), 1, 12)
    return {name: SparsityCurve(tuple(range(1000, 1012)), DENSITY, curve[0]) for name, curve in drawn.items()}


def dip(shift: float = 0.0) -> np.ndarray:
    return 0.78 - bump(shift)


def peak(shift: float = 0.0) -> np.ndarray:
    return 1 + bump(shift)


@pytest.mark.parametrize(
    ("rise", "supported", "refuted"), [(0.06, True, False), (0.01, False, False), (-0.05, False, True)]
)
def test_greater(rise, supported, refuted):
    found = Greater(RISE, 0.01).evaluate(study(noisy=phases(0.8, 0.7, 0.7 + rise, 0.6)), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert "[noisy at density 0.0029 to 0.0075 − noisy at density 0.017 to 0.045]" in found.words
    assert "exceeds 1.0 point" in found.words


@pytest.mark.parametrize(
    ("difference", "supported", "refuted"), [(0.0, True, False), (0.03, False, False), (-0.08, False, True)]
)
def test_equivalent(difference, supported, refuted):
    found = Equivalent(RISE, 0.03).evaluate(study(noisy=phases(0.8, 0.7, 0.7 + difference, 0.6)), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)


@pytest.mark.parametrize(
    ("apart", "supported", "refuted"), [(0.0, True, False), (0.67, False, False), (1.4, False, True)]
)
def test_same_place(apart, supported, refuted):
    wide = Window(0.0012, 1.0)
    rule = SamePlace("noisy", Location(wide, "dip"), "distance", Location(wide, "peak"))
    quiet = {
        name: SparsityCurve(curve.seeds, DENSITY, curve.values * 0.3 + 0.7 * mean)
        for (name, curve), mean in zip(
            study(noisy=dip(), distance=peak(apart)).items(), (dip(), peak(apart)), strict=True
        )
    }
    found = rule.evaluate(quiet, THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert found.effect.value == pytest.approx(-apart, abs=0.2)


@pytest.mark.parametrize(("direction", "supported"), [(1, True), (-1, False)])
def test_shifts(direction, supported):
    names = ("a", "b", "c")
    rule = Shifts(names, (0.0, 1.0, 2.0), DIP_AT, direction, "log density per doubling of noise")
    found = rule.evaluate(study(a=dip(-0.5), b=dip(), c=dip(0.5)), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, not supported)
    assert found.effect.value == pytest.approx(0.5, abs=0.15)
    assert found.effect.unit == "log density per doubling of noise"


def test_shifts_takes_the_least_squares_slope():
    rule = Shifts(("a", "b", "c"), (0.0, 1.0, 3.0), DIP_AT, 1, "log density")
    values = {name: table.values for name, table in study(a=dip(-0.3), b=dip(), c=dip(0.2)).items()}
    places = np.stack([DIP_AT.of(DENSITY, values[name]) for name in "abc"])
    expected = np.polyfit([0.0, 1.0, 3.0], places, 1)[0]
    np.testing.assert_allclose(rule.numbers(dict.fromkeys("abc", DENSITY), values), expected)


def test_shifts_with_one_value_of_the_factor_is_an_error():
    with pytest.raises(InputError, match="two different factors"):
        Shifts(("a", "b"), (1.0, 1.0), DIP_AT, 1, "log density")


def test_a_seed_without_a_peak_leaves_the_verdict_open():
    curves = study(noisy=dip(), distance=peak())
    values = curves["distance"].values.copy()
    values[3] = np.arange(LEVELS)
    curves["distance"] = SparsityCurve(curves["distance"].seeds, DENSITY, values)
    found = SamePlace("noisy", DIP_AT, "distance", PEAK_AT).evaluate(curves, THRESHOLD)
    assert (found.p, found.p_contrary) == (1, 1)
    assert found.open_reason == "seed 1003 of 'distance' shows no peak in the bracket at density 0.003 to 0.3"


@pytest.mark.parametrize(("direction", "supported"), [(-1, True), (1, False)])
def test_correlated(direction, supported):
    rule = Correlated("distance", "trend", "noisy", BRACKET, direction)
    found = rule.evaluate(study(distance=peak(), trend=1 + 0.01 * np.arange(LEVELS), noisy=dip()), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, not supported)
    assert "distance correlates with noisy at r = -0.89 and trend with noisy at r = 0.14 (means" in found.words


def test_a_correlation_of_the_wrong_sign_is_not_supported_however_far_from_the_null_pairing():
    rising = np.linspace(0, 1, LEVELS)
    weak = 0.5 * rising + np.where(np.arange(LEVELS) % 2, 0.5, 0.0)  # r of about .5 with `rising`
    rule = Correlated("distance", "trend", "noisy", BRACKET)
    found = rule.evaluate(study(distance=weak, trend=rising, noisy=rising), THRESHOLD)
    assert rule.evaluate(study(distance=-weak, trend=rising, noisy=rising), THRESHOLD).p < THRESHOLD
    assert found.effect.high < 0
    assert found.p > 0.5


def test_correlations_are_pearsons():
    rule = Correlated("x", "null", "y", BRACKET)
    values = {name: curve.values for name, curve in study(x=peak(), null=peak(0.5), y=dip()).items()}
    levels = BRACKET.levels(DENSITY)
    own = [np.corrcoef(values["x"][i, levels], values["y"][i, levels])[0, 1] for i in range(12)]
    null = [np.corrcoef(values["null"][i, levels], values["y"][i, levels])[0, 1] for i in range(12)]
    found = rule.numbers(dict.fromkeys(values, DENSITY), values)
    np.testing.assert_allclose(found, np.arctanh(own) - np.arctanh(null))


def test_a_constant_curve_has_no_correlation_and_leaves_the_verdict_open():
    curves = study(x=peak(), null=peak(), y=dip())
    values = curves["x"].values.copy()
    values[5] = 0.1
    curves["x"] = SparsityCurve(curves["x"].seeds, DENSITY, values)
    found = Correlated("x", "null", "y", BRACKET).evaluate(curves, THRESHOLD)
    assert (found.p, found.p_contrary) == (1, 1)
    assert found.open_reason is not None
    assert found.open_reason.startswith("seed 1005 of 'x' and 'y' have no correlation")


def test_a_correlation_over_three_levels_is_an_error():
    with pytest.raises(InputError, match="at least 4"):
        Correlated("x", "null", "y", CRITICAL).evaluate(study(x=peak(), null=peak(), y=dip()), THRESHOLD)


def test_a_contrast_with_a_diverged_seed_names_it_once():
    curves = study(noisy=phases(0.8, 0.7, 0.76, 0.6))
    values = curves["noisy"].values.copy()
    values[0] = np.nan
    curves["noisy"] = SparsityCurve(curves["noisy"].seeds, DENSITY, values)
    found = Greater(RISE).evaluate(curves, THRESHOLD)
    assert (found.p, found.p_contrary) == (1, 1)
    assert found.open_reason == "seed 1000 of 'noisy' diverged"


def test_a_claim_of_parts_is_as_strong_as_its_weakest_and_refuted_by_one():
    curves = study(noisy=phases(0.8, 0.7, 0.76, 0.6))
    holds, fails = Greater(RISE, 0.01), Greater(Contrast((Term(1.0, "noisy", CRITICAL), Term(-1.0, "noisy", LIGHT))))
    rule = AllOf({"rise": holds, "no fall": fails})
    found = rule.evaluate(curves, THRESHOLD)
    assert found.p == found.parts["no fall"].p > 0.9
    assert found.effect == found.parts["no fall"].effect
    assert found.p_contrary == 2 * found.parts["no fall"].p_contrary < THRESHOLD
    assert set(rule.windows()) == {"0.0029 to 0.0075", "0.017 to 0.045", "0.25 to 1"}


def test_windows_that_parts_do_not_share_are_named_after_their_part():
    elsewhere = DipThenRise("other", Window(0.5, 1.0), Window(0.1, 0.2), Window(0.01, 0.02))
    rule = AllOf({"one": DipThenRise("noisy", LIGHT, CRITICAL, SWEET), "other": elsewhere})
    assert rule.windows()["one: critical"] == CRITICAL
    assert rule.windows()["other: critical"] == Window(0.1, 0.2)
    assert "critical" not in rule.windows()


def test_a_claim_of_parts_joins_the_reasons_to_stay_open():
    curves = study(noisy=dip(), distance=np.arange(LEVELS) * 0.1)
    rule = AllOf({"place": SamePlace("noisy", DIP_AT, "distance", PEAK_AT), "rise": Greater(RISE)})
    reason = rule.evaluate(curves, THRESHOLD).open_reason
    assert reason is not None
    assert reason.startswith("place: seeds 1000, 1001")


@pytest.mark.parametrize(
    ("highest", "supported", "refuted"), [(0.74, True, False), (0.70, False, False), (0.62, False, True)]
)
def test_an_order_is_one_rise_after_the_other(highest, supported, refuted):
    """The first rise is beyond doubt; the order stands and falls with the second."""
    terms = {name: Term(1.0, name, SWEET) for name in ("finetuning", "rewinding", "scratch")}
    curves = study(finetuning=np.full(LEVELS, 0.60), rewinding=np.full(LEVELS, 0.69), scratch=np.full(LEVELS, highest))
    rule = ordered(terms, margin=0.01)
    found = rule.evaluate(curves, THRESHOLD)
    assert list(found.parts) == ["rewinding above finetuning", "scratch above rewinding"]
    assert found.parts["rewinding above finetuning"].effect.value == pytest.approx(0.09, abs=0.02)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert found.p == found.parts["scratch above rewinding"].p


def test_an_order_compares_neighbours_with_the_margin_and_unit_given():
    low, high = Term(1.0, "distance", CRITICAL), Term(1.0, "distance", SWEET)
    (rule,) = ordered({"critical": low, "sweet": high}, 0.5, "weight units").parts.values()
    assert rule == Greater(Contrast((high, replace(low, weight=-1.0))), 0.5, "weight units")


def test_an_order_of_one_is_an_error():
    with pytest.raises(InputError, match="at least two"):
        ordered({"alone": Term(1.0, "noisy", SWEET)})


def test_nothing_is_equivalent_within_no_margin():
    with pytest.raises(InputError, match="above 0"):
        Equivalent(RISE, 0.0)
