import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import Location, SamePlace, Shifts, Window
from sdd_claims.stats.population import BRACKET, DENSITY, LEVELS
from sdd_claims.stats.tests.studies import THRESHOLD, dip, peak, study

DIP_AT, PEAK_AT = Location(BRACKET, "dip"), Location(BRACKET, "peak")


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


def test_a_shift_in_the_claimed_direction_that_is_too_small_to_count_refutes_nothing():
    rule = Shifts(("a", "b", "c"), (0.0, 1.0, 2.0), DIP_AT, 1, "log density per doubling of noise", margin=1.0)
    found = rule.evaluate(study(a=dip(-0.5), b=dip(), c=dip(0.5)), THRESHOLD)
    assert min(found.p, found.p_contrary) > 0.5


def test_shifts_takes_the_least_squares_slope():
    rule = Shifts(("a", "b", "c"), (0.0, 1.0, 3.0), DIP_AT, 1, "log density")
    values = {name: table.values for name, table in study(a=dip(-0.3), b=dip(), c=dip(0.2)).items()}
    positions = np.stack([DIP_AT.of(DENSITY, values[name]) for name in "abc"])
    expected = np.polyfit([0.0, 1.0, 3.0], positions, 1)[0]
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
