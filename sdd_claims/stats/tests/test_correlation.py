import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import Correlated, PartiallyCorrelated, Window
from sdd_claims.stats.population import BRACKET, CRITICAL, DENSITY, LEVELS
from sdd_claims.stats.tests.studies import THRESHOLD, dip, peak, study


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


def test_a_correlation_that_its_null_pairing_has_as_well_is_not_supported():
    rising = np.linspace(0, 1, LEVELS)
    curves = study(distance=-rising, trend=-rising, noisy=rising)
    assert Correlated("distance", "trend", "noisy", BRACKET).evaluate(curves, THRESHOLD).p > THRESHOLD
    curves = study(distance=-rising, trend=peak(), noisy=rising)
    assert Correlated("distance", "trend", "noisy", BRACKET).evaluate(curves, THRESHOLD).p < THRESHOLD


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


BESIDE = PartiallyCorrelated("x", "null", "y", BRACKET)


def test_a_partial_correlation_is_that_of_what_regression_on_log_density_leaves():
    values = {name: curve.values for name, curve in study(x=peak(0.5), null=peak(-0.5), y=dip()).items()}
    levels = BRACKET.levels(DENSITY)
    design = np.column_stack([np.ones(len(levels)), np.log(DENSITY[levels])])
    left = {name: OLS(table[:, levels].T, design).fit().resid for name, table in values.items()}
    for name, found in zip(("x", "null"), BESIDE.correlations(dict.fromkeys(values, DENSITY), values), strict=True):
        expected = [np.corrcoef(left[name][:, seed], left["y"][:, seed])[0, 1] for seed in range(12)]
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(("moved", "supported", "refuted"), [(1, True, False), (-1, False, True)])
def test_measures_are_compared_without_their_straight_trends(moved, supported, refuted):
    """Both trends go the other way, far more steeply."""
    trend = moved * 0.5 * np.log(DENSITY)
    curves = study(x=moved * peak() + trend, null=1 - trend, y=dip() + moved * trend)
    found = BESIDE.evaluate(curves, THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert "once straight trends in log density are taken out, x correlates with y at" in found.words


def test_a_partial_correlation_that_its_null_pairing_has_as_well_is_not_supported():
    curves = study(x=peak(), null=peak(), y=dip())
    assert BESIDE.evaluate(curves, THRESHOLD).p > THRESHOLD


def test_a_diverged_curve_has_no_partial_correlation():
    curves = study(x=peak(), null=peak(0.5), y=dip())
    curves["x"].values[5] = np.nan
    found = BESIDE.evaluate(curves, THRESHOLD)
    assert found.open_reason is not None
    assert found.open_reason.startswith("seed 1005 of 'x' and 'y' have no correlation at density")


def test_four_levels_are_too_few_for_a_partial_correlation():
    four = Window(float(DENSITY[8]), float(DENSITY[5]))
    with pytest.raises(InputError, match="holds 4 levels of 'y', this correlation needs at least 5; widen it"):
        PartiallyCorrelated("x", "null", "y", four).evaluate(study(x=peak(), null=peak(), y=dip()), THRESHOLD)
    with pytest.raises(InputError, match="holds 0, which has no logarithm"):
        PartiallyCorrelated("x", "null", "y", Window(0, 5, "penalty strength"))
