import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import DipThenRise, Window, find_phases
from sdd_claims.stats import phases as phases_module

MEAN = np.array([0.76, 0.76, 0.75, 0.74, 0.73, 0.72, 0.70, 0.69, 0.68, 0.70, 0.73, 0.75, 0.76, 0.75, 0.72, 0.65])
TRAIN = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.999, 0.998, 0.99, 0.94, 0.86, 0.79, 0.75, 0.72, 0.69, 0.64, 0.45])
DENSITY = 0.64 ** np.arange(len(MEAN))


def curve(mean: np.ndarray, deviation: np.ndarray | float = 0.01) -> SparsityCurve:
    """Four seeds whose mean and standard deviation at each level are known exactly."""
    offsets = np.sqrt(0.75) * np.array([-1.0, -1.0, 1.0, 1.0])[:, None] * deviation
    return SparsityCurve((0, 1, 2, 3), DENSITY[: len(mean)], mean + offsets)


def levels(window) -> list[int]:
    return list(window.levels(DENSITY))


def test_each_phase_is_its_extremum_and_the_neighbouring_levels():
    phases = find_phases(curve(MEAN), curve(TRAIN))
    assert levels(phases.light) == [0, 1]
    assert levels(phases.critical) == [7, 8, 9]
    assert levels(phases.sweet) == [11, 12, 13]
    assert levels(phases.last_fall()) == [14, 15]
    assert levels(phases.memorizing) == [5, 6]
    assert levels(phases.rise) == list(range(7, 13))
    assert levels(phases.to_sweet) == list(range(13))
    assert levels(phases.whole) == list(range(16))


def test_accuracy_falls_from_the_light_phase_to_the_sparse_end_of_the_critical_one():
    phases = find_phases(curve(MEAN), curve(TRAIN))
    assert levels(phases.falling) == list(range(levels(phases.light)[-1] + 1, levels(phases.critical)[-1] + 1))


def test_the_top_of_the_sweet_phase_is_its_highest_level():
    phases = find_phases(curve(MEAN), curve(TRAIN))
    assert levels(phases.sweet_top) == [max(levels(phases.sweet), key=lambda level: MEAN[level])]


def test_a_phase_starts_at_its_densest_level():
    phases = find_phases(curve(MEAN), curve(TRAIN))
    assert levels(phases.critical_start) == [7]
    assert levels(phases.sweet_start) == [11]


def test_a_window_of_one_level_is_narrower_than_two_where_a_fifth_is_pruned_at_each():
    phases = find_phases(curve(MEAN), curve(TRAIN))
    for window in (phases.sweet_top, phases.sweet_start, phases.critical_start):
        assert window.high / window.low < 1 / 0.8


def test_no_window_lies_where_pilots_scatter_twice_as_much_as_the_dense_level():
    deviation = np.full(len(MEAN), 0.01)
    deviation[15] = 0.021
    assert levels(find_phases(curve(MEAN, deviation), curve(TRAIN)).last_fall()) == [14]


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_what_lies_beyond_the_first_such_level_moves_no_window(beyond):
    deviation = np.full(len(MEAN), 0.01)
    deviation[13] = 0.021
    other = np.r_[MEAN[:13], beyond]
    assert find_phases(curve(other, deviation), curve(TRAIN)) == find_phases(curve(MEAN, deviation), curve(TRAIN))


def test_pilots_that_scatter_from_the_second_level_on_leave_no_dip_and_none_has_diverged():
    deviation = np.full(len(MEAN), 0.01)
    deviation[1] = 0.021
    with pytest.raises(InputError, match="shows no dip"):
        find_phases(curve(MEAN, deviation), curve(TRAIN))


@pytest.mark.parametrize(("widest", "collapsed"), [(0.0099, [14, 15]), (0.0101, [14])])
def test_pilots_that_scatter_by_less_than_a_point_bar_no_window(widest, collapsed):
    deviation = np.full(len(MEAN), 0.001)
    deviation[[10, 15]] = 0.0099, widest
    assert levels(find_phases(curve(MEAN, deviation), curve(TRAIN)).last_fall()) == collapsed


@given(
    dense=st.floats(0.0051, 0.02),
    factors=st.lists(st.floats(0.1, 2.2), min_size=len(MEAN) - 1, max_size=len(MEAN) - 1),
)
def test_the_floor_moves_no_window_where_dense_networks_scatter_by_half_a_point(dense, factors):
    test, train = curve(MEAN, dense * np.array([1.0, *factors])), curve(TRAIN)

    def found(floor: float) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(phases_module, "_STEADY", floor)
            try:
                return find_phases(test, train)
            except InputError as error:  # barred before any dip
                return str(error)

    assert found(0.01) == found(0.0)


@given(noise=st.lists(st.floats(-0.02, 0.02), min_size=len(MEAN), max_size=len(MEAN)))
def test_the_windows_always_make_a_valid_rule(noise):
    phases = find_phases(curve(MEAN + np.array(noise)), curve(TRAIN))
    rule = DipThenRise("accuracy", phases.light, phases.critical, phases.sweet, phases.last_fall())
    rule.check({"accuracy": DENSITY})


def test_a_curve_that_only_falls_has_no_phases():
    with pytest.raises(InputError, match="no dip"):
        find_phases(curve(np.linspace(0.9, 0.6, 16)), curve(TRAIN))


def test_where_one_level_follows_the_sweet_top_it_is_the_collapsed_phase():
    phases = find_phases(curve(MEAN[:14]), curve(TRAIN[:14]))
    assert phases.collapsed is not None
    assert list(phases.sweet.levels(DENSITY[:14])) == [11, 12]
    assert list(phases.collapsed.levels(DENSITY[:14])) == [13]


def test_a_curve_that_ends_on_its_second_rise_has_no_collapsed_phase():
    phases = find_phases(curve(MEAN[:13]), curve(TRAIN[:13]))
    assert phases.collapsed is None
    assert list(phases.sweet.levels(DENSITY[:13])) == [11, 12]
    with pytest.raises(InputError, match="no collapsed phase to set a window by"):
        phases.last_fall()


def test_a_dense_network_that_diverged_sets_no_windows():
    mean = MEAN.copy()
    mean[0] = np.nan
    with pytest.raises(InputError, match=r"(\d+) of \1 pilots diverged in dense training, so .*; lower the learning"):
        find_phases(curve(mean), curve(TRAIN))


def test_where_there_is_no_dip_before_pilots_diverged_it_is_said_how_many_did():
    test = curve(np.linspace(0.9, 0.1, len(MEAN)))
    test.values[1, 9:] = np.nan
    with pytest.raises(InputError, match=r"shows no dip, .*; since 1 of \d+ pilots diverged, lower the learning rate$"):
        find_phases(test, curve(TRAIN))


PATH = np.array([0, 0.01, 0.1, 1, 10, 100])
AXIS = "penalty strength"


def along_path(mean: list[float], deviation: float = 0.3) -> SparsityCurve:
    offsets = deviation * np.array([[0, 0, 0, -1, -1, -1], [0, 0, 0, 1, 1, 1]])
    return SparsityCurve((0, 1), PATH, np.array(mean) + offsets, AXIS)


def test_along_a_path_each_phase_is_one_point_however_the_pilots_vary():
    path = along_path([0.8, 0.9, 0.7, 0.2, 0.6, 0.5])
    phases = find_phases(path, path)
    points = (phases.light, phases.critical, phases.sweet)
    assert points == tuple(Window(strength, strength, AXIS) for strength in (0.01, 1, 10))
    assert phases.to_sweet == Window(0.01, 10, AXIS)  # 0 has no logarithm
    assert phases.rise == Window(1, 10, AXIS)
    assert phases.whole == Window(0.01, 100, AXIS)
    DipThenRise("accuracy", *points).check({"accuracy": PATH})


def test_a_path_that_only_falls_has_no_phases():
    path = along_path([0.9, 0.8, 0.7, 0.4, 0.3, 0.1])
    with pytest.raises(InputError, match="shows no dip"):
        find_phases(path, path)
