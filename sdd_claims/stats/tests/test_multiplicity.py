import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from sdd_claims.errors import InputError
from sdd_claims.stats.multiplicity import holm


def test_claims_that_were_not_observed_count_as_p_one():
    assert holm([0.001, 0.01], registered=46) == pytest.approx([0.046, 0.45])


@settings(max_examples=20)  # statsmodels collects garbage at every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=46))
def test_adjusted_p_are_holms_by_their_definition(p):
    """As statsmodels has them, to the bit, those that were not observed counted as 1."""
    adjusted = multipletests([*p, *[1.0] * (46 - len(p))], method="holm")[1]
    assert holm(p, registered=46) == list(adjusted[: len(p)])


def test_without_claims_nothing_is_adjusted():
    assert holm([], registered=46) == []


def test_more_claims_than_registered_are_an_error():
    with pytest.raises(InputError, match="3 claims were observed but only 2"):
        holm([0.1, 0.2, 0.3], registered=2)


def test_a_p_that_is_none_is_an_error():
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([float("nan")], registered=2)
