from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.stats import best_without_dip, dip_depth


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_the_depth_is_that_below_the_lower_of_two_shoulders(mean):
    triples = combinations(mean, 3)
    assert dip_depth(np.array(mean)) == max((min(i, k) - j for i, j, k in triples if j < min(i, k)), default=0.0)


def test_a_curve_with_a_diverged_pilot_has_no_depth():
    with pytest.raises(InputError, match="pilot that diverged"):
        dip_depth(np.array([0.8, np.nan, 0.7]))


def test_the_best_strength_is_the_highest_curve_that_does_not_dip():
    curves = {
        1e-4: np.array([0.9, 0.8, 0.9]),
        0.01: np.array([0.7, 0.695, 0.7]),
        0.1: np.array([0.8, 0.75, 0.5]),
        1.0: np.array([0.4, 0.4, 0.4]),
    }
    assert best_without_dip(curves) == 0.1
    assert best_without_dip(curves, margin=0.004) == 0.1
    assert best_without_dip(curves, margin=0.2) == 1e-4


@pytest.mark.parametrize("curves", [{}, {0.1: np.array([0.9, 0.8, 0.9])}])
def test_where_every_curve_dips_there_is_no_best(curves):
    with pytest.raises(InputError, match="try others"):
        best_without_dip(curves)
