import numpy as np
import pytest

from sdd_claims.errors import InputError
from sdd_claims.stats.window import Window, check_phases

DENSITY = 0.64 ** np.arange(16)


def test_a_window_holds_the_levels_between_its_edges_edges_included():
    assert Window(DENSITY[5], DENSITY[3]).levels(DENSITY).tolist() == [3, 4, 5]


def test_a_level_on_the_edge_is_inside_in_spite_of_rounding():
    assert Window(0.1 * 3, 1.0).levels(np.array([1.0, 0.3])).tolist() == [0, 1]
    assert Window(0.1, 0.3).levels(np.array([0.1 * 3, 0.1])).tolist() == [0, 1]


def test_a_window_averages_its_levels_seed_by_seed():
    values = np.arange(32.0).reshape(2, 16)
    assert Window(DENSITY[3], DENSITY[2]).mean(DENSITY, values).tolist() == [2.5, 18.5]


def test_a_window_off_the_curve_is_an_error_that_says_where_the_curve_lies():
    with pytest.raises(InputError, match=r"0\.0001 to 0\.0002 lies off the curve.*from 1 to 0\.00124"):
        Window(0.0001, 0.0002).levels(DENSITY)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.5), (0.5, 0.4), (0.5, 1.1), (float("nan"), 0.5)])
def test_a_window_that_is_no_range_of_density_is_an_error(low, high):
    with pytest.raises(InputError, match="no range of density"):
        Window(low, high)


@pytest.mark.parametrize("critical", [Window(0.1, 0.6), Window(0.1, 0.5), Window(0.7, 0.8)])
def test_phases_that_overlap_or_stand_in_the_wrong_order_are_an_error(critical):
    with pytest.raises(InputError, match="critical phase"):
        check_phases({"light": Window(0.5, 1.0), "critical": critical})


def test_phases_in_order_pass():
    check_phases({"light": Window(0.5, 1.0), "critical": Window(0.1, 0.2), "sweet": Window(0.01, 0.02)})


@pytest.mark.parametrize(("low", "high"), [(-1.0, 5.0), (5.0, 4.0), (float("nan"), 5.0), (1.0, float("inf"))])
def test_a_window_that_is_no_range_of_another_axis_is_an_error_that_names_it(low, high):
    with pytest.raises(InputError, match="no range of penalty strength"):
        Window(low, high, "penalty strength")


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (Window(0.1, 0.2), "density 0.1 to 0.2"),
        (Window(0, 10, "penalty strength"), "penalty strength 0 to 10"),
        (Window(50_000, 50_000, "epoch"), "epoch 50000"),
        (Window(1e-5, 123_456, "ridge strength"), "ridge strength 1e-05 to 123456"),
    ],
)
def test_a_window_says_where_it_is(window, said):
    assert window.words == said


def test_a_window_holds_the_points_of_a_path_zero_included():
    assert Window(0, 1, "penalty strength").levels(np.array([0, 0.1, 1, 10])).tolist() == [0, 1, 2]


def test_along_other_axes_than_density_later_phases_are_higher():
    low, high = Window(0, 1, "epoch"), Window(2, 3, "epoch")
    check_phases({"light": low, "critical": high})
    with pytest.raises(InputError, match=r"critical phase .* must be higher"):
        check_phases({"light": high, "critical": low})


def test_phases_along_different_axes_are_an_error():
    with pytest.raises(InputError, match=r"critical phase \(epoch 2 to 3\) lies along another axis"):
        check_phases({"light": Window(0.5, 1.0), "critical": Window(2, 3, "epoch")})
