from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import skew, ttest_1samp

from sdd_claims.stats.one_sample import SCREEN, above, adverse_skewness, mean_above, mean_below, skewness, within

# Multiples of a thousandth, as accuracies are: flipped sums then tie with the observed one, or differ by far more than
# rounding does.
samples = arrays(int, st.integers(3, 14), elements=st.integers(-1000, 1000)).map(lambda counts: counts / 1000)
margins = st.integers(-500, 500).map(lambda count: count / 1000)


def enumerated(excess: np.ndarray) -> float:
    """The sign-flip p by its definition."""
    signs = np.array(list(product((1, -1), repeat=len(excess))))
    return float(np.mean(signs @ excess >= excess.sum() - 1e-9))


@given(samples, margins)
def test_p_is_the_larger_of_the_t_test_and_the_enumerated_sign_flip_test(values, margin):
    p = mean_above(values, margin).p
    if np.ptp(values) < 1e-6:
        return  # the tests below
    t = ttest_1samp(values, margin, alternative="greater").pvalue
    expected = max(t, min(enumerated(values - margin), SCREEN)) if t < SCREEN else t
    assert p == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("seeds", [13, 16])
def test_meeting_in_the_middle_counts_what_enumeration_counts(seeds):
    values = np.random.default_rng(0).normal(0.9, 1, seeds)
    assert mean_above(values).p == max(enumerated(values), ttest_1samp(values, 0, alternative="greater").pvalue)


def test_flips_drawn_for_many_seeds_agree_with_exact_ones():
    rng = np.random.default_rng(1)
    values = rng.normal(0.5, 1, 24)
    exact = mean_above(values).p
    doubled = mean_above(np.concatenate([values, [1e-6, -1e-6]])).p  # two more seeds that hardly matter
    assert doubled == pytest.approx(exact, rel=0.2)


def test_sums_that_tie_but_for_rounding_count_as_ties():
    """Accuracies are multiples of 1 / 5000, so flipped sums often tie with the observed one."""
    values = np.array([3, 3, 2, 2, 1, 1, 1, -1, 2, 3, 3, 2]) / 5000
    assert mean_above(values).p == enumerated(values)


def test_identical_seeds_at_the_margin_establish_nothing():
    assert mean_above(np.full(12, 0.78) - 0.77, 0.01).p == 1
    assert mean_below(np.full(12, 0.78) - 0.77, 0.01).p == 1


def test_identical_seeds_beyond_the_margin_get_the_sign_flip_p():
    assert mean_above(np.full(12, 0.02), 0.01).p == 0.5**12
    assert mean_below(np.full(12, 0.02), 0.01).p == 1
    assert not mean_above(np.full(12, 0.1) * 3, 0.01).skewed


def test_a_diverged_seed_establishes_nothing():
    values = np.r_[np.full(11, 0.5), np.nan]
    found = mean_above(values)
    assert found.p == 1
    assert not found.skewed


def test_a_tail_to_the_low_side_is_adverse_to_above_and_not_to_below():
    values = np.r_[np.full(11, 0.05) + 1e-3 * np.arange(11), -0.1]
    assert mean_above(values).skewed
    assert not mean_below(values).skewed


def test_skewness_is_bias_corrected():
    values = np.random.default_rng(0).exponential(size=(5, 12))
    np.testing.assert_allclose(skewness(values), skew(values, axis=-1, bias=False))


def test_adverse_skewness_is_two_standard_errors():
    draws = skewness(np.random.default_rng(0).standard_normal((100_000, 12)))
    assert adverse_skewness(12) == pytest.approx(2 * draws.std(), rel=0.01)


def test_within_and_its_contrary_exclude_each_other():
    values = np.random.default_rng(0).normal(0, 0.005, (50, 12))
    near, far = within(values, 0.02), within(values + 0.1, 0.02)
    assert (near.support.p < 0.001).all()
    assert (near.contrary.p > 0.5).all()
    assert (far.contrary.p < 0.001).all()
    assert (far.support.p > 0.5).all()


@given(samples, margins, margins.map(abs))
def test_more_evidence_never_raises_p(values, margin, more):
    assert mean_above(values + more, margin).p <= mean_above(values, margin).p + 1e-9


@given(samples, margins, st.randoms())
def test_the_order_of_seeds_does_not_matter(values, margin, random):
    order = list(range(len(values)))
    random.shuffle(order)
    first, second = above(values, margin), above(values[order], margin)
    assert first.support.p == pytest.approx(second.support.p)
    assert first.contrary.p == pytest.approx(second.contrary.p)
