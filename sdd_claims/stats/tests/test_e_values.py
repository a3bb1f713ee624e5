"""e-values: at most 1 on average where the claim is false, and growing with the evidence."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom, nct
from scipy.stats import t as student

from sdd_claims.stats.e_values import e_value, sign_e_value, t_e_value
from sdd_claims.stats.hypotheses import All, Mean, Some


def of_t(t: float, seeds: int) -> np.ndarray:
    """Numbers with exactly this t."""
    numbers = np.linspace(-1, 1, seeds)
    return np.asarray(numbers / numbers.std(ddof=1) + t / np.sqrt(seeds))


@pytest.mark.parametrize(
    ("t", "seeds"), [(-4.0, 24), (-1.0, 12), (0.5, 12), (2.0, 12), (7.1, 12), (10.0, 24), (0.5, 192), (6.0, 192)]
)
def test_it_is_the_likelihood_ratio_of_t_averaged_by_a_half_cauchy_prior(t, seeds):
    def weighted(effect: float) -> float:
        ratio = nct.pdf(t, seeds - 1, effect * np.sqrt(seeds)) / student.pdf(t, seeds - 1)
        return float(ratio * 2 / np.pi / (1 + effect**2))

    expected = quad(weighted, 0, 50, limit=400, points=[0.1, 1, 3])[0]
    assert t_e_value(of_t(t, seeds)) == pytest.approx(expected, rel=1e-6)


@cache
def on_a_grid(seeds: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.concatenate([np.linspace(-30, 9.9, 400), np.geomspace(10, 10_000, 400)])
    return t, np.array([t_e_value(of_t(each, seeds)) for each in t])


@pytest.mark.parametrize("seeds", [12, 24])
@pytest.mark.parametrize("effect", [0.0, -0.3])
def test_its_mean_is_at_most_one_at_the_margin_and_below(seeds, effect):
    """By simulation; of large t, which are too rare to meet, the integral says the same below."""
    numbers = np.random.default_rng(seeds).normal(effect, 1, (200_000, seeds))
    t = numbers.mean(axis=1) / numbers.std(axis=1, ddof=1) * np.sqrt(seeds)
    found = np.interp(t, *on_a_grid(seeds))
    assert found.mean() < 1 + 4 * found.std() / np.sqrt(len(found))


@pytest.mark.parametrize("seeds", [12, 24])
def test_its_expectation_at_the_margin_is_one(seeds):
    grid, values = on_a_grid(seeds)
    assert np.trapezoid(values * student.pdf(grid, seeds - 1), grid) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("seeds", [1, 7, 12, 24])
def test_the_expectation_of_a_bet_on_signs_is_one_at_the_margin(seeds):
    signs = [np.repeat([1.0, -1.0], [beyond, seeds - beyond]) for beyond in range(seeds + 1)]
    mean = sum(
        sign_e_value(each) * binom.pmf(beyond, seeds, 0.5) for beyond, each in zip(range(seeds + 1), signs, strict=True)
    )
    assert mean == pytest.approx(1)


@settings(max_examples=40)
@given(st.floats(-20, 60), st.floats(0.1, 30), st.sampled_from([3, 12, 24, 48, 96, 192]))
def test_it_grows_with_the_evidence(t, more, seeds):
    assert 0 < t_e_value(of_t(t, seeds)) < t_e_value(of_t(t + more, seeds))


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=24), st.floats(0.01, 5))
def test_a_bet_on_signs_never_loses_by_evidence(numbers, more):
    assert 0 < sign_e_value(np.array(numbers)) <= sign_e_value(np.array(numbers) + more)


@pytest.mark.parametrize("seeds", [96, 192, 1000])
def test_of_many_seeds_it_is_a_number_whatever_they_show(seeds):
    found = [t_e_value(of_t(t, seeds)) for t in (-1e4, -20.0, 0.0, 20.0, 1e4)]
    assert found == sorted(found)
    assert 0 < found[0] < 1 < found[-1] < float("inf")


def test_numbers_that_are_equal_give_a_finite_number_and_none_at_the_margin():
    assert 1e20 < t_e_value(np.full(12, 0.5)) < float("inf")
    assert t_e_value(np.zeros(12)) == 1.0


def test_of_all_parts_the_smallest_counts_and_of_some_the_mean():
    weak, strong = Mean(of_t(2, 12)), Mean(of_t(9, 12))
    low, high = t_e_value(weak.excess), t_e_value(strong.excess)
    assert e_value(All((strong, weak))) == e_value(All((All((strong,)), All((weak,))))) == low
    assert e_value(All((strong, weak)), sign_e_value) == sign_e_value(weak.excess) < sign_e_value(strong.excess)
    assert e_value(Some((strong, weak))) == pytest.approx((low + high) / 2)
    assert e_value(Some((strong, Some()))) == pytest.approx(high / 2)
    assert e_value(Some()) is None
    contrary, nothing = Mean(-np.linspace(0.5, 1.5, 12)), Mean(np.zeros(12))
    assert e_value(All((contrary, nothing))) == e_value(All((nothing, contrary))) == t_e_value(contrary.excess) < 1
    lacking = Mean(np.array([np.nan, *[1.0] * 11]))
    assert e_value(All((strong, lacking))) is None
