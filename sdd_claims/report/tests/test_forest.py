"""The forest plot shows how far a mean lies beyond its margin, and on which side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sdd_claims.report import forest

DECISIVE = {"of": "claim", "p": 0.0001, "level": 0.001, "t": 7.0, "beyond": 12, "seeds": 12}


def claim(document, **changes):
    return document["claims"][0] | {"threshold": 0.001, "decisive": DECISIVE | changes}


def test_a_distance_is_t_over_the_root_of_the_seeds_and_the_interval_that_of_the_threshold(document):
    found = forest.distance(claim(document))
    assert found is not None
    assert found.value == pytest.approx(7 / 12**0.5)
    half = stats.t.ppf(0.999, 11) / 12**0.5
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))


def test_an_established_contrary_lies_on_the_other_side(document):
    found = forest.distance(claim(document, of="contrary"))
    assert found is not None
    assert found.value == pytest.approx(-7 / 12**0.5)


@pytest.mark.parametrize("lacking", [{"decisive": None}, {"threshold": None}, {"decisive": DECISIVE | {"t": None}}])
def test_where_nothing_was_measured_there_is_a_dash(document, lacking):
    unmeasured = claim(document) | lacking
    assert forest.distance(unmeasured) is None
    assert forest.row(unmeasured) == "–"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_axis_rises_and_holds_everything(one, other):
    assert 0 <= forest.across(one) <= 100
    if one < other:
        assert forest.across(one) <= forest.across(other)


@pytest.mark.parametrize(
    ("verdict", "openness", "shape", "mark"),
    [
        ("supported", None, "disc", "<circle"),
        ("refuted", None, "square", "<rect"),
        ("inconclusive", "contrary on a proxy", "square", "<rect"),
        ("inconclusive", "undecided", "ring", "<circle"),
    ],
)
def test_the_shape_of_the_mark_says_the_verdict(document, verdict, openness, shape, mark):
    drawn = forest.row(claim(document) | {"verdict": verdict, "openness": openness})
    assert f'class="forest {shape}"' in drawn
    assert mark in drawn
