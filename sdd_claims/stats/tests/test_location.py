import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats.location import Location
from sdd_claims.stats.window import Window

DENSITY = 0.64 ** np.arange(16)
X = np.log(DENSITY)
BRACKET = Window(0.003, 0.3)


def hill(position: float) -> np.ndarray:
    return np.exp(-0.5 * ((X - position) / 0.9) ** 2)


@given(st.floats(-4.0, -2.5))
def test_a_symmetric_peak_is_found_where_it_is_between_levels_too(position):
    found = Location(Window(0.0012, 1.0), "peak").of(DENSITY, hill(position))
    assert found == pytest.approx(position, abs=0.03)  # a level is 0.45 wide


@given(st.floats(-4.0, -2.5), st.floats(0.01, 100), st.floats(-10, 10))
def test_scaling_and_shifting_the_curve_leave_the_position(position, scale, shift):
    at = Location(BRACKET, "peak")
    assert at.of(DENSITY, scale * hill(position) + shift) == pytest.approx(at.of(DENSITY, hill(position)), abs=1e-6)


def test_a_dip_is_a_peak_upside_down():
    assert Location(BRACKET, "dip").of(DENSITY, -hill(-3.3)) == Location(BRACKET, "peak").of(DENSITY, hill(-3.3))


def test_the_barycentre_of_a_triangle_by_hand():
    """Peak 1 over ends at 0 and 0: half prominence is .5; the region is a symmetric triangle around the level."""
    density = np.exp(-np.arange(5.0))
    assert Location(Window(0.01, 1.0), "peak").of(density, np.array([0, 0, 1.0, 0, 0])) == pytest.approx(-2)


def test_the_higher_end_sets_the_prominence():
    """Ends 0 and .5: the region above .75 is a triangle from -2 - .5 to -2 + .25, its barycentre 1/12 to the sparse."""
    density = np.exp(-np.arange(5.0))
    values = np.array([0.0, 0.0, 1.0, 0.5, 0.5])
    assert Location(Window(0.01, 1.0), "peak").of(density, values) == pytest.approx(-2 + (0.25 - 0.5) / 3)


def test_a_second_hill_apart_from_the_highest_does_not_count():
    values = np.zeros(16)
    values[[5, 9]] = 1.0, 0.9
    assert Location(BRACKET, "peak").of(DENSITY, values) == pytest.approx(X[5])


@pytest.mark.parametrize("values", [X, -X, np.zeros(16), np.where(np.arange(16) == 8, np.nan, 0.0)])
def test_a_curve_without_a_peak_in_the_bracket_has_no_position(values):
    assert np.isnan(Location(BRACKET, "peak").of(DENSITY, values))


def test_seeds_without_a_peak_are_named():
    curve = SparsityCurve((1000, 1001, 1002), DENSITY, np.stack([hill(-3), X, -X]))
    assert Location(BRACKET, "peak").unfound("distance", curve) == [
        "seeds 1001 and 1002 of 'distance' show no peak in the bracket at density 0.003 to 0.3"
    ]


def test_a_batch_gives_what_its_curves_give_alone():
    values = np.random.default_rng(0).normal(hill(-3), 0.3, (4, 12, 16))
    at = Location(BRACKET, "peak")
    alone = [[at.of(DENSITY, row) for row in study] for study in values]
    np.testing.assert_array_equal(at.of(DENSITY, values), alone)


def test_a_bracket_of_two_levels_is_an_error():
    with pytest.raises(InputError, match=r"holds 2 of the curve's levels.*widen it"):
        Location(Window(DENSITY[5], DENSITY[4]), "dip").check(DENSITY)


AFTER = Location(Window(float(DENSITY[-1]), 1.0), "peak after the dip")


@given(st.floats(-4.5, -3.5), st.floats(0.2, 2.0))
def test_a_peak_after_the_dip_is_found_below_a_higher_dense_end(position, dense):
    """Before the dip the curve falls from a height of its own, which does not move the peak."""
    values = np.where(X[4] <= X, dense * (X - X[4]), 0.0) + np.where(X[4] > X, hill(position) - hill(position)[4], 0.0)
    values += values.max() - 2 * values.min()  # nowhere below half of its highest
    after = Location(Window(float(DENSITY[-1]), float(DENSITY[4])), "peak")
    assert AFTER.of(DENSITY, values) == pytest.approx(after.of(DENSITY, values), abs=1e-9)


@given(arrays(float, 16, elements=st.floats(0.5, 1)))
def test_the_dip_is_the_level_furthest_below_the_highest_on_both_sides(values):
    depths = [min(values[:level].max(), values[level + 1 :].max()) - values[level] for level in range(1, 15)]
    dip = 1 + int(np.argmax(depths))
    rest = values[dip:]
    has_peak = max(depths) > 0 and rest.max() > max(rest[0], rest[-1])
    found = AFTER.of(DENSITY, values)
    assert np.isnan(found) == (not has_peak)
    assert (AFTER.clearance(DENSITY, values) > 0) == has_peak
    if has_peak:
        assert X[-1] < found < X[dip]


@given(arrays(float, 16, elements=st.floats(0.5, 1)), st.integers(2, 14), arrays(float, 16, elements=st.floats(0, 0.2)))
def test_what_follows_the_collapse_moves_no_peak(values, end, ripples):
    """The deepest dip of all may lie among the ripples."""
    collapsed, flat = values.copy(), values.copy()
    collapsed[end:] = ripples[end:]
    flat[end:] = ripples[end]
    np.testing.assert_array_equal(AFTER.of(DENSITY, collapsed), AFTER.of(DENSITY, flat))
    assert AFTER.clearance(DENSITY, collapsed) == AFTER.clearance(DENSITY, flat)
    found = AFTER.of(DENSITY, collapsed)
    assert np.isnan(found) or found > X[end]


DEEPEST = Location(Window(float(DENSITY[-1]), 1.0), "deepest dip")


@given(st.floats(-4.5, -3.5), st.floats(0, 2.0))
def test_the_deepest_dip_is_found_above_a_lower_sparse_end(position, fall):
    """Beyond the dip's edge the curve falls, to half of its height at most, which does not move the dip."""
    values = 3.0 - hill(position)
    values[0] = values[-2] = 3.0
    before = DEEPEST.of(DENSITY, values)
    values[-1] = max(3.0 - fall, 1.5)
    assert DEEPEST.of(DENSITY, values) == pytest.approx(before, abs=1e-9)
    whole = Location(Window(float(DENSITY[-2]), 1.0), "dip").of(DENSITY, values)
    assert DEEPEST.of(DENSITY, values) == pytest.approx(whole, abs=1e-9)


@given(arrays(float, 16, elements=st.floats(0.5, 1)))
def test_the_deepest_dip_lies_where_the_curve_is_furthest_below_both_sides(values):
    depths = [min(values[:level].max(), values[level + 1 :].max()) - values[level] for level in range(1, 15)]
    found = DEEPEST.of(DENSITY, values)
    assert np.isnan(found) == (max(depths) <= 0)
    assert DEEPEST.clearance(DENSITY, values) == pytest.approx(max(0.0, *depths))
    if max(depths) > 0:
        dip = 1 + int(np.argmax(depths))
        half = [level for level in range(1, 15) if depths[level - 1] > max(depths) / 2]
        assert dip in half
        assert X[-1] < found < X[0]
        if len(half) == 1:
            assert X[dip + 1] < found < X[dip - 1]


@given(arrays(float, 16, elements=st.floats(0.5, 1)), st.integers(2, 14), arrays(float, 16, elements=st.floats(0, 0.2)))
def test_what_follows_the_collapse_moves_no_dip(values, end, ripples):
    collapsed, flat = values.copy(), values.copy()
    collapsed[end:] = ripples[end:]
    flat[end:] = ripples[end]
    np.testing.assert_array_equal(DEEPEST.of(DENSITY, collapsed), DEEPEST.of(DENSITY, flat))
    found = DEEPEST.of(DENSITY, collapsed)
    assert np.isnan(found) or found > X[end]


@given(st.floats(1.0, 1.15))
def test_a_hill_beside_the_dip_moves_it_no_more_once_it_is_as_high_as_the_other_side(hill):
    values = np.array([1.0, 0.75, 0.6, 0.75, 1.0, *[0.7] * 11])
    higher = values.copy()
    higher[4] = hill
    assert DEEPEST.of(DENSITY, higher) == DEEPEST.of(DENSITY, values)


@pytest.mark.parametrize("level", [0, 7, 15])
def test_a_curve_with_a_nan_has_no_deepest_dip(level):
    values = 3.0 - hill(-4.0)
    values[level] = np.nan
    assert np.isnan(DEEPEST.of(DENSITY, values))
    assert np.isnan(DEEPEST.clearance(DENSITY, values))


def test_a_level_at_half_of_the_highest_has_not_collapsed_yet():
    values = np.array([1.0, 0.5, 0.75, 0.5, 0.75, 0.49, 0.75, 0.2, 0.9, *[0.1] * 7])
    assert X[5] < AFTER.of(DENSITY, values) < X[1]


def test_a_ripple_that_comes_back_above_half_of_the_highest_is_no_phase():
    """A seed of block 15000, reinitialized: its last two networks here have collapsed."""
    values = np.array(
        [0.777, 0.769, 0.757, 0.749, 0.717, 0.744, 0.766, 0.781, 0.797, 0.777, 0.758, 0.739, 0.663, 0.641, 0.34, 0.409]
    )
    assert X[7] < DEEPEST.of(DENSITY, values) < X[1]
    assert X[14] < AFTER.of(DENSITY, values) < X[4]


def test_a_level_below_half_of_the_highest_has_collapsed_though_the_dense_one_is_lower():
    values = np.array([0.6, 0.55, 0.9, 0.44, 0.31, 0.43, *[0.1] * 10])
    assert X[3] < AFTER.of(DENSITY, values) < X[1]


def test_a_dip_deeper_than_half_of_the_highest_is_a_dip_where_the_curve_rises_again():
    values = np.array([0.6, 0.3, 0.9, 0.8, 0.7, *[0.1] * 11])
    assert X[2] < DEEPEST.of(DENSITY, values) < X[0]
    assert X[4] < AFTER.of(DENSITY, values) < X[1]


@pytest.mark.parametrize(
    "values", [X + 20, 20 - X, X - X[-1], X[0] - X, np.zeros(16), np.where(np.arange(16) == 8, np.nan, hill(-3))]
)
def test_a_curve_without_a_dip_has_no_peak_after_it(values):
    assert np.isnan(AFTER.of(DENSITY, values))


def test_an_unknown_kind_is_an_error():
    with pytest.raises(InputError, match="'dip', a 'peak', the 'deepest dip' or the 'peak after the dip'"):
        Location(BRACKET, "trough")  # type: ignore[arg-type]
