import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import ThresholdWithin, Window
from sdd_claims.stats.tests.studies import SEEDS, THRESHOLD

DENSITY = np.exp(-np.arange(6.0))
WINDOW = Window(math.exp(-3), math.exp(-2))
RULE = ThresholdWithin("train", WINDOW, drop=0.1)


def threshold(*values: float) -> float:
    """Log density of the threshold of one curve."""
    return float(RULE.numbers({"train": DENSITY}, {"train": np.array(values)})) - 2.5


def study(position: float, spread: float = 0.1) -> SparsityCurve:
    """Curves that fall by 1 per unit of log density and cross the threshold around a position."""
    positions = position + spread * np.linspace(-1, 1, len(SEEDS))
    steady = 0.9 + np.log(DENSITY[1:]) - positions[:, None]
    return SparsityCurve(SEEDS, DENSITY, np.c_[np.ones(len(SEEDS)), steady])


@pytest.mark.parametrize(
    ("values", "position"),
    [
        ((1.0, 1.0, 1.0, 0.8, 0.5, 0.2), -2.5),  # .9 lies halfway from 1.0 to .8
        ((1.0, 1.0, 0.92, 0.84, 0.5, 0.2), -2.25),
        ((0.9, 0.95, 0.9, 0.7, 0.5, 0.2), -2.5),  # the dense value is the first, not the highest
        ((1.0, 0.8, 1.0, 0.8, 0.5, 0.2), -2.5),  # kept again after a slip: the last crossing counts
        ((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), -0.1),
    ],
)
def test_the_threshold_by_hand(values, position):
    assert threshold(*values) == pytest.approx(position)


@pytest.mark.parametrize("values", [(1.0,) * 6, (1.0, 0.5, 0.5, 0.5, 0.5, 0.95), (1.0, 1.0, math.nan, 0.8, 0.5, 0.2)])
def test_a_curve_that_is_kept_to_its_end_or_diverged_has_no_threshold(values):
    assert math.isnan(threshold(*values))


@given(st.floats(-4.9, -1.1), st.floats(0.3, 5), st.floats(-1, 1))
def test_the_threshold_is_found_between_levels_too_whatever_the_height_of_the_curve(position, slope, height):
    """A fall that is steady in log density is drawn as it is, so nothing is lost between levels."""
    steady = height + slope * (np.log(DENSITY[1:]) - position)
    assert threshold(height + 0.1, *steady) == pytest.approx(position, abs=1e-6)


@pytest.mark.parametrize(
    ("position", "supported", "refuted"),
    [(-2.5, True, False), (-2.0, False, False), (-1.3, False, True), (-3.0, False, False), (-3.7, False, True)],
)
def test_the_window_holds_the_mean_threshold_or_it_is_established_beyond_an_end(position, supported, refuted):
    found = RULE.evaluate({"train": study(position)}, THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert found.effect.value == pytest.approx(position + 2.5, abs=0.01)
    assert found.effect.unit == "log density"
    assert found.open_reason is None


def test_the_words_give_the_threshold_as_a_density():
    found = RULE.evaluate({"train": study(math.log(0.08))}, THRESHOLD)
    assert "train falls 10.0 points below its dense value at density 0.08 (geometric mean; 99.89 % " in found.words
    assert "the middle of the window 0.0498 to 0.135" in found.words


def test_the_margin_is_half_the_window():
    assert RULE.margin == pytest.approx(0.5)
    assert RULE.windows() == {"interpolation threshold": WINDOW}


def test_seeds_without_a_threshold_are_named_and_leave_the_verdict_open():
    values = study(-2.5).values.copy()
    values[2], values[4], values[5, 3] = 1.0, 1.0, np.nan
    found = RULE.evaluate({"train": SparsityCurve(SEEDS, DENSITY, values)}, THRESHOLD)
    assert (found.p, found.p_contrary) == (1, 1)
    assert found.open_reason == (
        "seed 1005 of 'train' diverged; "
        "seeds 1002 and 1004 of 'train' keep the dense value to within 10.0 points to the last level"
    )


def test_a_study_without_any_threshold_is_said_in_words():
    found = RULE.evaluate({"train": SparsityCurve(SEEDS, DENSITY, np.ones((12, 6)))}, THRESHOLD)
    assert "at an unknown density" in found.words


def test_settings_that_can_establish_nothing_are_an_error():
    with pytest.raises(InputError, match="drop above 0"):
        ThresholdWithin("train", WINDOW, drop=0.0)
    with pytest.raises(InputError, match="low edge below the high one"):
        ThresholdWithin("train", Window(0.1, 0.1))
