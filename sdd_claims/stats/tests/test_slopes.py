import numpy as np
import pytest
from scipy.stats import linregress

from sdd_claims.errors import InputError
from sdd_claims.stats.slopes import check_factors, slopes

FACTORS = (0.0, 1.0, 3.0, 7.5)


def test_a_slope_is_that_of_the_least_squares_line():
    numbers = np.random.default_rng(0).normal(size=(5, 12, len(FACTORS)))
    expected = [[linregress(FACTORS, seed).slope for seed in study] for study in numbers]
    np.testing.assert_allclose(slopes(numbers, FACTORS), expected)


def test_a_seed_that_lacks_one_number_has_no_slope():
    assert np.isnan(slopes(np.array([[1, 2, np.nan, 4], [1, 2, 3, 4.0]]), FACTORS)).tolist() == [True, False]


@pytest.mark.parametrize("factors", [(1.0,), (1.0, 1.0), (1.0, 2.0, 3.0)])
def test_factors_that_give_no_slope_are_refused(factors):
    with pytest.raises(InputError, match=r"two different factors, got 2 curves and the factors"):
        check_factors(("a", "b"), factors)
