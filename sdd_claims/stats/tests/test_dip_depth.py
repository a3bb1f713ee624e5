from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.stats import dip_depth, smallest_without_dip


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_the_depth_is_that_below_the_lower_of_two_shoulders(mean):
    triples = combinations(mean, 3)
    assert dip_depth(np.array(mean)) == max((min(i, k) - j for i, j, k in triples if j < min(i, k)), default=0.0)


def test_a_curve_with_a_diverged_pilot_has_no_depth():
    with pytest.raises(InputError, match="pilot that diverged"):
        dip_depth(np.array([0.8, np.nan, 0.7]))


def test_the_smallest_strength_is_the_first_from_which_on_no_curve_dips():
    # An early strength that dodges the dip by luck, before one that does not, is passed over.
    depths = {0.3: 0.01, 1e-4: 0.05, 1e-3: 0.005, 1e-2: 0.03, 1.0: 0.0}
    assert smallest_without_dip(depths) == 0.3
    assert smallest_without_dip(depths, margin=0.05) == 1e-4
    assert smallest_without_dip(depths, margin=0.005) == 1.0


@pytest.mark.parametrize("depths", [{}, {0.1: 0.02}, {0.1: 0.0, 1.0: 0.02}, {1.0: float("nan")}])
def test_a_dip_at_the_largest_strength_tried_is_an_error(depths):
    with pytest.raises(InputError, match="try larger ones"):
        smallest_without_dip(depths)
