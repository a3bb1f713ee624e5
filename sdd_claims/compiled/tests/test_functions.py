"""exp, log and normal numbers: as exact as their docstrings say, and as random as their generator."""

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sdd_claims.compiled.functions import exp, exp_single, log, normals

mpmath.mp.prec = 120
INF, NAN = math.inf, math.nan


def units_off(found: float, exact: mpmath.mpf, spacing: Callable[[float], float]) -> float:
    """Distance from the exact value, in units in the last place of its neighbour."""
    return float(abs(mpmath.mpf(found) - exact) / mpmath.mpf(float(spacing(float(exact)))))


def single_spacing(value: float) -> float:
    return float(np.spacing(np.float32(value)))


def double_spacing(value: float) -> float:
    return float(np.spacing(value))


@settings(max_examples=500)
@given(x=st.floats(-87, 88, width=32))
def test_exp_in_single_precision_is_within_two_units_in_the_last_place(x):
    found = float(exp_single(np.float32(x)))
    assert found == float(np.float32(found))
    assert units_off(found, mpmath.exp(mpmath.mpf(x)), single_spacing) <= 2


@settings(max_examples=500)
@given(x=st.floats(-708, 709))
def test_exp_in_double_precision_is_within_two_units_in_the_last_place(x):
    assert units_off(exp(x), mpmath.exp(mpmath.mpf(x)), double_spacing) <= 2


@settings(max_examples=500)
@given(
    x=st.floats(float(np.finfo(np.float64).tiny), allow_infinity=False)
    | st.floats(0.5, 2)
    | st.integers(1, 10**6).map(lambda n: 1 + n * 2.0**-52)
    | st.integers(1, 10**6).map(lambda n: 1 - n * 2.0**-53)
)
def test_log_is_within_two_units_in_the_last_place(x):
    """Near 1 as well, where it is small."""
    exact = mpmath.log(mpmath.mpf(x))
    assert log(x) == 0 if exact == 0 else units_off(log(x), exact, double_spacing) <= 2


@settings(max_examples=300)
@given(one=st.floats(-750, 709), other=st.floats(-750, 709))
def test_exp_does_not_fall_by_more_than_its_error(one, other):
    low, high = sorted((one, other))
    assert exp(high) >= exp(low) * (1 - 4 * np.finfo(np.float64).eps)
    assert exp_single(np.float32(min(high, 88))) >= exp_single(np.float32(min(low, 88))) * (1 - 2.5e-7)


@settings(max_examples=300)
@given(one=st.floats(1e-300, 1e300), other=st.floats(1e-300, 1e300))
def test_log_does_not_fall_by_more_than_its_error(one, other):
    low, high = sorted((one, other))
    slack = 4 * np.finfo(np.float64).eps
    assert log(high) >= log(low) - slack * max(1.0, abs(log(low)))


def test_exp_is_one_at_zero_and_log_is_zero_at_one_to_the_last_bit():
    assert exp(0.0) == exp(-0.0) == exp_single(np.float32(0)) == exp_single(np.float32(-0.0)) == 1
    assert math.copysign(1, log(1.0)) == 1
    assert log(1.0) == 0


def test_far_below_zero_exp_is_exactly_zero():
    assert exp_single(np.float32(-87.1)) == exp_single(np.float32(-INF)) == 0
    assert exp(-708.1) == exp(-INF) == 0
    assert exp_single(np.float32(-87)) > 0
    assert exp(-708.0) > 0


def test_nan_stays_nan_and_infinity_has_an_infinite_logarithm():
    assert math.isnan(exp_single(np.float32(NAN)))
    assert math.isnan(exp(NAN))
    assert math.isnan(log(NAN))
    assert log(INF) == INF


@pytest.mark.parametrize("count", [0, 1, 2, 3, 63, 64, 65, 1001])
def test_as_many_normals_are_drawn_as_are_asked_for(count):
    found = normals(np.random.default_rng(0), count)
    assert found.shape == (count,)
    assert found.dtype == np.float64
    assert np.isfinite(found).all()
    assert len(np.unique(found)) == count


def test_none_are_drawn_without_touching_the_generator():
    generator = np.random.default_rng(0)
    normals(generator, 0)
    assert generator.random() == np.random.default_rng(0).random()


def test_normals_are_those_of_the_polar_method():
    """Pair by pair from the uniform numbers, those outside the circle left out."""
    uniform = np.random.default_rng(3).random((64 + 50 * 2 // 3, 2)) * 2 - 1
    expected = []
    for u, v in uniform:
        if 0 < (square := u * u + v * v) < 1:
            factor = math.sqrt(-2 * math.log(square) / square)
            expected += [u * factor, v * factor]
    assert normals(np.random.default_rng(3), 50) == pytest.approx(expected[:50], rel=1e-14)


def test_normals_have_the_moments_and_the_distribution_of_normal_numbers():
    count = 200_001
    found = normals(np.random.default_rng(1), count)
    assert abs(found.mean()) < 5 / math.sqrt(count)
    assert abs(found.var() - 1) < 5 * math.sqrt(2 / count)
    assert abs(stats.skew(found)) < 5 * math.sqrt(6 / count)
    assert abs(stats.kurtosis(found)) < 5 * math.sqrt(24 / count)
    assert stats.kstest(found, "norm").pvalue > 1e-3
    assert np.abs(found).max() > 4


def test_the_two_normals_of_a_pair_are_independent():
    found = normals(np.random.default_rng(2), 100_000).reshape(-1, 2)
    for transformed in (found, np.abs(found), found**2):
        assert abs(np.corrcoef(transformed.T)[0, 1]) < 5 / math.sqrt(len(found))
    assert stats.kstest(found.sum(1) / math.sqrt(2), "norm").pvalue > 1e-3
