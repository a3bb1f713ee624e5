import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import permutation_test, skew, ttest_1samp
from statsmodels.stats.weightstats import DescrStatsW

from sdd_claims.stats.hypotheses import below, p_value, weigh, within
from sdd_claims.stats.one_sample import SCREEN, adverse_skewness, mean_above, skewness
from sdd_claims.stats.tests.by_definition import enumerated, p_above, t_tests

# Multiples of a thousandth, as accuracies are: flipped sums then tie with the observed one, or differ by far more than
# rounding does.
samples = arrays(int, st.integers(3, 14), elements=st.integers(-1000, 1000)).map(lambda counts: counts / 1000)
margins = st.integers(-500, 500).map(lambda count: count / 1000)


def mean_below(values: np.ndarray, margin: float = 0.0) -> np.ndarray:
    return p_value(below(values, margin))


@given(samples, margins)
def test_p_is_the_largest_of_the_t_tests_and_the_enumerated_sign_flip_test(values, margin):
    if np.ptp(values) < 1e-6:
        return  # the tests below
    assert mean_above(values, margin) == pytest.approx(p_above(values, margin), rel=1e-6, abs=1e-15)


def test_without_adverse_skew_the_t_test_is_the_usual_one():
    values = np.r_[np.full(11, 0.01) + 1e-3 * np.arange(11), 0.1]
    usual = ttest_1samp(values, 0.02, alternative="greater").pvalue
    assert mean_above(values, 0.02) == pytest.approx(usual)


@given(samples, margins.map(abs).filter(bool))
def test_within_is_two_one_sided_t_tests_of_statsmodels_with_the_other_tests_near_rejection(values, margin):
    if np.ptp(values) < 1e-6:
        return  # no t-test
    expected = DescrStatsW(values).ttost_mean(-margin, margin)[0]
    found = weigh(within(values, margin)).support
    assert found >= expected * (1 - 1e-9)
    if abs(skewness(values)) < adverse_skewness(len(values)):
        assert found == pytest.approx(expected) if expected >= SCREEN else found <= SCREEN


def test_the_sign_flip_test_is_the_permutation_test_of_scipy():
    values = np.array([0.05, 0.08, 0.1, 0.12, 0.02, 0.06, 0.09, -0.03, 0.11, 0.07])
    flips = permutation_test(
        (values,), np.mean, permutation_type="samples", alternative="greater", n_resamples=2**10
    ).pvalue
    assert t_tests(values) < flips < SCREEN
    assert mean_above(values) == pytest.approx(flips, rel=1e-12)


@pytest.mark.parametrize("seeds", [13, 16])
def test_meeting_in_the_middle_counts_what_enumeration_counts(seeds):
    values = np.random.default_rng(0).normal(0.9, 1, seeds)
    assert mean_above(values) == pytest.approx(max(enumerated(values), t_tests(values)))


def test_flips_drawn_for_many_seeds_agree_with_exact_ones():
    rng = np.random.default_rng(1)
    values = rng.normal(0.5, 1, 24)
    exact = mean_above(values)
    doubled = mean_above(np.concatenate([values, [1e-6, -1e-6]]))  # two more seeds that hardly matter
    assert doubled == pytest.approx(exact, rel=0.2)


def test_sums_that_tie_but_for_rounding_count_as_ties():
    """Accuracies are multiples of 1 / 5000, so flipped sums often tie with the observed one."""
    values = np.array([3, 3, 2, 2, 1, 1, 1, -1, 2, 3, 3, 2]) / 5000
    assert mean_above(values) == enumerated(values)


def test_identical_seeds_at_the_margin_establish_nothing():
    assert mean_above(np.full(12, 0.78) - 0.77, 0.01) == 1
    assert mean_below(np.full(12, 0.78) - 0.77, 0.01) == 1


def test_identical_seeds_beyond_the_margin_get_the_sign_flip_p():
    assert mean_above(np.full(12, 0.02), 0.01) == 0.5**12
    assert mean_below(np.full(12, 0.02), 0.01) == 1
    assert mean_above(np.full(12, 0.1) * 3, 0.01) == 0.5**12


def test_a_diverged_seed_establishes_nothing():
    values = np.r_[np.full(11, 0.5), np.nan]
    found = mean_above(values)
    assert found == 1


def test_a_tail_to_the_low_side_weakens_above_and_not_below():
    values = np.r_[np.full(11, 0.05) + 1e-3 * np.arange(11), -0.01]
    assert mean_above(values) > 2 * ttest_1samp(values, 0, alternative="greater").pvalue
    assert mean_below(-values) == mean_above(values)
    assert mean_above(-values, -0.06) == pytest.approx(
        max(ttest_1samp(-values, -0.06, alternative="greater").pvalue, enumerated(0.06 - values))
    )


def test_an_effect_far_beyond_the_margin_is_established_whatever_the_skew():
    values = 3 + np.r_[np.full(23, 0.1) + 1e-3 * np.arange(23), -1.0]
    assert mean_above(values) < 1e-6


def test_skewed_seeds_that_all_lie_far_below_the_margin_leave_no_doubt():
    """Hall's own transformation is flat here: it gave p = .0017 at t = 10.8, with no seed beyond the margin."""
    assert mean_below(np.r_[np.full(17, 1.0), np.full(4, 2.0), np.full(3, 2.9)], 3) < 1e-5


@given(st.integers(5, 24), st.floats(1.01, 20))
def test_p_keeps_falling_as_a_skewed_sample_moves_away(seeds, factor):
    values = np.r_[np.linspace(1, 1.2, seeds - 1), -2.0]
    assert skewness(values) < -adverse_skewness(seeds)
    near = max(float(mean_above(values + 3)), 0.5**seeds)
    far = max(float(mean_above(values + 3 * factor)), 0.5**seeds)
    assert far < near or near == 0.5**seeds


def test_skewness_is_bias_corrected():
    values = np.random.default_rng(0).exponential(size=(5, 12))
    np.testing.assert_allclose(skewness(values), skew(values, axis=-1, bias=False))


def test_adverse_skewness_is_two_standard_errors():
    draws = skewness(np.random.default_rng(0).standard_normal((100_000, 12)))
    assert adverse_skewness(12) == pytest.approx(2 * draws.std(), rel=0.01)


@given(samples, margins, margins.map(abs))
def test_more_evidence_never_raises_p(values, margin, more):
    assert mean_above(values + more, margin) <= mean_above(values, margin) + 1e-9


@given(samples, margins, st.randoms())
def test_the_order_of_seeds_does_not_matter(values, margin, random):
    order = list(range(len(values)))
    random.shuffle(order)
    assert mean_above(values, margin) == pytest.approx(mean_above(values[order], margin))
    assert mean_below(values, margin) == pytest.approx(mean_below(values[order], margin))
