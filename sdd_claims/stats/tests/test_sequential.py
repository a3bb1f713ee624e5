import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtr
from scipy.stats import chi2, norm

from sdd_claims.errors import InputError
from sdd_claims.stats import sequential
from sdd_claims.stats.sequential import nominal_p, sequential_p


def test_one_look_spends_everything():
    assert nominal_p(0.05 / 46, (12,)) == 0.05 / 46


def test_the_register_of_46_claims_asks_for_about_six_in_ten_thousand():
    assert nominal_p(0.05 / 46, (12, 24)) == pytest.approx(0.00057, abs=0.00001)


def test_many_seeds_give_pococks_constant():
    """Pocock 1977, table 1: two looks, two-sided .05 (one-sided .025): c = 2.178."""
    assert nominal_p(0.025, (2000, 4000)) == pytest.approx(norm.sf(2.178), rel=0.01)


@pytest.mark.parametrize("looks", [(12, 24), (5, 8), (6, 20)])
def test_simulated_studies_reject_as_often_as_asked(looks):
    first, second = looks
    studies = 400_000
    p = nominal_p(0.05, looks)
    values = np.random.default_rng(0).standard_normal((studies, second))

    def rejected(seeds: int) -> np.ndarray:
        block = values[:, :seeds]
        return stdtr(seeds - 1, -block.mean(axis=1) / block.std(axis=1, ddof=1) * np.sqrt(seeds)) < p

    rate = np.mean(rejected(first) | rejected(second))
    assert rate == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / studies))


@pytest.mark.parametrize("looks", [(), (6, 12, 24), (24, 12), (12, 13), (1,)])
def test_looks_that_cannot_be_computed_are_an_error(looks):
    with pytest.raises(InputError, match="look"):
        nominal_p(0.05, looks)


def test_an_error_rate_of_zero_is_an_error():
    with pytest.raises(InputError, match="error rate"):
        nominal_p(0.0, (12, 24))


@pytest.mark.parametrize("degrees", [1, 2, 5, 11, 23])
def test_the_density_of_a_chi_square_is_scipys(degrees):
    x = np.concatenate([np.geomspace(1e-300, 1e-3, 1000), np.linspace(1e-3, 10 * degrees + 40, 10000)])
    np.testing.assert_allclose(sequential._chi_square_density(x, degrees), chi2.pdf(x, degrees), rtol=1e-13)


@given(st.floats(1e-8, 0.24))
def test_the_p_of_a_design_is_the_error_rate_at_which_it_would_just_have_rejected(p):
    found = sequential_p(p, (12, 24))
    assert p < found <= 2 * p
    assert nominal_p(found, (12, 24)) == pytest.approx(p, rel=1e-4)
    assert sequential_p(p, (12,)) == p


def test_the_p_of_a_design_rises_with_that_of_a_look_up_to_one():
    p = np.concatenate([[0.0], np.geomspace(1e-9, 1, 60)])
    found = [sequential_p(each, (12, 24)) for each in p]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0.0, 1.0)
