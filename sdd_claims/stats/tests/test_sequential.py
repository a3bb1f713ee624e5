import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtr
from scipy.stats import multivariate_normal, norm, qmc

from sdd_claims.errors import InputError
from sdd_claims.stats.sequential import _beyond, _mean_below, nominal_p, sequential_p


def test_one_look_spends_everything():
    assert nominal_p(0.05 / 46, (12,)) == 0.05 / 46


def test_the_register_of_46_claims_asks_for_about_six_in_ten_thousand():
    assert nominal_p(0.05 / 46, (12, 24)) == pytest.approx(0.00057, abs=0.00001)


def test_many_seeds_give_pococks_constant():
    """Pocock 1977, table 1: two looks, two-sided .05 (one-sided .025): c = 2.178."""
    assert nominal_p(0.025, (2000, 4000)) == pytest.approx(norm.sf(2.178), rel=0.01)


def test_two_looks_at_many_seeds_ask_for_the_deviate_of_two_correlated_normals():
    c = norm.isf(nominal_p(0.05 / 46, (20000, 40000)))
    both_below = multivariate_normal([0, 0], [[1, np.sqrt(0.5)], [np.sqrt(0.5), 1]]).cdf([c, c])
    assert c == pytest.approx(3.2452, abs=0.0001)
    assert 1 - both_below == pytest.approx(0.05 / 46, rel=1e-3)


@pytest.mark.parametrize(
    ("alpha", "p"),
    [(0.05 / 46, 0.00057030134738), (0.05, 0.029863414251905), (0.001, 0.00052394588679)],
)
def test_two_looks_ask_for_what_a_quadrature_over_both_blocks_gives(alpha, p):
    """Those numbers were computed by another way, over mean, difference and both chi-squares of the two blocks."""
    assert nominal_p(alpha, (12, 24)) == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("looks", [(12, 24), (5, 8), (6, 20), (6, 12, 24), (4, 8, 12, 16)])
def test_simulated_studies_reject_as_often_as_asked(looks):
    studies = 400_000
    p = nominal_p(0.05, looks)
    values = np.random.default_rng(0).standard_normal((studies, looks[-1]))

    def rejected(seeds: int) -> np.ndarray:
        block = values[:, :seeds]
        return stdtr(seeds - 1, -block.mean(axis=1) / block.std(axis=1, ddof=1) * np.sqrt(seeds)) < p

    rate = np.mean(np.any([rejected(seeds) for seeds in looks], axis=0))
    assert rate == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / studies))


def test_where_a_look_at_few_seeds_asks_for_more_than_the_next_evenly_spread_studies_cross_as_often():
    """At a large p and few seeds a study just short of the first edge is beyond the second whatever comes.

    The studies fill the space of four normal numbers more evenly than drawn ones would: the error is a tenth as large.
    """
    values = qmc.MultivariateNormalQMC(np.zeros(4), rng=0, inv_transform=False).random(2**18)
    p = [stdtr(n - 1, -values[:, :n].mean(axis=1) / values[:, :n].std(axis=1, ddof=1) * np.sqrt(n)) for n in (2, 4)]
    for level in (0.1, 0.24):
        assert sequential_p(level, (2, 4)) == pytest.approx(np.mean(np.min(p, axis=0) < level), abs=3e-4)


@given(st.integers(2, 48), st.floats(-1.5, 1.5))
def test_a_cosine_lies_below_an_edge_or_beyond_it(seeds, edge):
    """Also below an edge under zero, which a study of a third look meets."""
    at = np.array([edge])
    below = _mean_below(seeds, at, np.ones_like)
    assert below + _beyond(seeds, np.clip(at, -1, 1)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("looks", [(), (24, 12), (12, 13), (1,), (6, 12, 13)])
def test_looks_that_cannot_be_computed_are_an_error(looks):
    with pytest.raises(InputError, match="look"):
        nominal_p(0.05, looks)


def test_an_error_rate_of_zero_is_an_error():
    with pytest.raises(InputError, match="error rate"):
        nominal_p(0.0, (12, 24))


@given(st.floats(1e-8, 0.24))
def test_the_p_of_a_design_is_the_error_rate_at_which_it_would_just_have_rejected(p):
    found = sequential_p(p, (12, 24))
    assert p < found <= 2 * p
    assert nominal_p(found, (12, 24)) == pytest.approx(p, rel=1e-4)
    assert sequential_p(p, (12,)) == p
    assert found < sequential_p(p, (12, 24, 48)) <= 3 * p


def test_the_p_of_a_design_rises_with_that_of_a_look_up_to_one():
    p = np.concatenate([[0.0], np.geomspace(1e-9, 1, 60)])
    found = [sequential_p(each, (12, 24)) for each in p]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0.0, 1.0)
