"""One number from a series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.series import fall, largest_climb, last, last_drift, late_drift

SERIES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)
ACCURACIES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("losses", "climb", "drop"),
    [
        ((3.0, 2.0, 1.0), 0, 2),
        ((1.0, 3.0), 2, -2),
        ((2.0, 1.0, 4.0, 0.5, 3.0), 3, -1),  # the higher of two barriers
        ((5.0, 1.0, 3.0, 2.0, 4.0, 0.0), 3, 5),  # over a small valley on the way up
        ((1.0,), 0, 0),
    ],
)
def test_climb_and_fall_by_hand(losses, climb, drop):
    assert largest_climb(losses) == climb
    assert fall(losses) == drop


@given(SERIES)
def test_the_largest_climb_is_that_of_all_pairs(losses):
    pairs = [later - earlier for i, earlier in enumerate(losses) for later in losses[i:]]
    assert largest_climb(losses) == max(pairs)


@given(SERIES)
def test_a_curve_that_never_rises_has_no_climb(losses):
    assert largest_climb(sorted(losses, reverse=True)) == 0


@given(SERIES)
def test_there_and_back_the_climbs_make_up_for_the_fall(losses):
    assert fall(losses) == -fall(losses[::-1])
    assert largest_climb(losses) >= -fall(losses)


@given(SERIES)
def test_the_last_is_the_last(numbers):
    assert last([0.0, *numbers]) == numbers[-1]


@pytest.mark.parametrize(
    ("accuracies", "drift"),
    [
        ([0.7], 0),
        ([0.5, 0.75], 0.25),
        ([0.0, 1.0, 0.5, 0.75], 0.25),  # a fifth of fewer than ten epochs is one
        ([9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 1.0, 2.0, 5.0, 8.0], 5),
        ([9.0] * 9 + [1.0, 2.0, 3.0, 5.0, 6.0, 7.0], 4),
    ],
)
def test_the_late_drift_by_hand(accuracies, drift):
    assert late_drift(accuracies) == pytest.approx(drift)


@given(st.floats(0, 1), st.integers(1, 300))
def test_what_has_settled_does_not_drift(accuracy, epochs):
    assert late_drift([accuracy] * epochs) == 0


@given(ACCURACIES, st.floats(-1, 1))
def test_the_drift_does_not_depend_on_where_it_happens(accuracies, shift):
    assert late_drift([accuracy + shift for accuracy in accuracies]) == pytest.approx(late_drift(accuracies), abs=1e-9)


@given(ACCURACIES, st.floats(-10, 10))
def test_the_drift_is_in_the_units_of_the_series(accuracies, scale):
    assert late_drift([scale * accuracy for accuracy in accuracies]) == pytest.approx(
        scale * late_drift(accuracies), abs=1e-9
    )


@given(st.integers(2, 300), st.floats(0, 0.01))
def test_a_steady_climb_drifts_by_a_fifth_of_the_epochs(epochs, slope):
    assert late_drift([slope * epoch for epoch in range(epochs)]) == pytest.approx(max(1, epochs // 5) * slope)


def test_a_step_three_quarters_through_shows_in_the_late_drift_and_not_in_the_last():
    stepped = [0.5] * 120 + [0.6] * 40
    assert late_drift(stepped) == pytest.approx(0.075)
    assert last_drift(stepped) == 0


@given(st.integers(2, 300), st.floats(0, 0.01))
def test_a_steady_climb_has_a_last_drift_of_a_tenth_of_the_epochs(epochs, slope):
    assert last_drift([slope * epoch for epoch in range(epochs)]) == pytest.approx(max(1, epochs // 10) * slope)


@given(ACCURACIES, ACCURACIES.filter(lambda series: len(series) >= 2))
def test_the_first_three_fifths_do_not_matter(early, late):
    before = [*early, *late][: 3 * len(late) // 2]
    series = [*before, *late]
    fifth = max(1, len(series) // 5)
    if 2 * fifth <= len(late):
        assert late_drift(series) == late_drift([*([0.0] * len(before)), *late])
