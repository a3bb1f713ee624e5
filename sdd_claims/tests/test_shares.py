"""The interval of a share is that of others who compute it, with both of its ends inside 0 and 1."""

import pytest
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from sdd_claims.shares import share_interval


@pytest.mark.parametrize(("count", "of"), [(0, 12), (3, 1_000), (5, 5), (23, 24)])
@pytest.mark.parametrize("beyond", [0.025, 0.05 / 57])
def test_the_interval_is_clopper_pearsons(count, of, beyond):
    found = share_interval(count, of, beyond)
    assert found == pytest.approx(tuple(binomtest(count, of).proportion_ci(1 - 2 * beyond, method="exact")))
    assert found == pytest.approx(proportion_confint(count, of, 2 * beyond, method="beta"))


def test_95_percent_are_inside_if_nothing_else_is_asked_for():
    assert share_interval(3, 1_000) == share_interval(3, 1_000, 0.025)


def test_no_end_is_outside_where_it_holds_of_none_or_of_all():
    assert share_interval(0, 5)[0] == 0
    assert share_interval(5, 5)[1] == 1
