import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ttest_1samp
from statsmodels.stats.weightstats import DescrStatsW

from sdd_claims.stats import Effect
from sdd_claims.stats.outcome import mean_effect

samples = arrays(float, st.integers(2, 24), elements=st.integers(-1000, 1000).map(lambda count: count / 1000))


@given(samples, st.sampled_from([0.025, 0.00057]))
def test_the_interval_is_the_t_interval_of_statsmodels_and_of_scipy(numbers, threshold):
    found = mean_effect(numbers, threshold, "accuracy")
    if np.ptp(numbers) < 1e-6:
        assert found.high - found.low < 1e-6
        return
    expected = DescrStatsW(numbers).tconfint_mean(alpha=2 * threshold)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    again = ttest_1samp(numbers, 0).confidence_interval(1 - 2 * threshold)
    assert (found.low, found.high) == pytest.approx((again.low, again.high), rel=1e-9, abs=1e-12)
    assert found.value == pytest.approx(numbers.mean())


def test_seeds_without_a_number_are_left_out():
    assert mean_effect(np.array([1.0, math.nan, 3.0]), 0.025, "nats") == mean_effect(
        np.array([1.0, 3.0]), 0.025, "nats"
    )


@pytest.mark.parametrize("numbers", [[], [0.5], [0.5, math.nan]])
def test_an_effect_of_fewer_than_two_numbers_is_unknown(numbers):
    found = mean_effect(np.array(numbers), 0.025, "accuracy")
    assert math.isnan(found.value)
    assert found.words(0.025) == "an unknown amount"


def test_an_effect_is_said_with_its_interval():
    assert Effect(0.083, 0.071, 0.0951, "accuracy").words(0.0006) == "8.3 points (99.88 % interval 7.1 to 9.5)"
    assert Effect(0.5, -0.2, 1.2, "Fisher z").words(0.025) == "0.5 Fisher z (95 % interval -0.2 to 1.2)"
