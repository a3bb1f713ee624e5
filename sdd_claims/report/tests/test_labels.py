import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.report.labels import Box, Bundle, place

PANEL = Box(0.0, 0.0, 1.0, 1.0)
X = np.linspace(0.05, 0.95, 10)


def level(height: float) -> Bundle:
    mean = np.full(10, height)
    return Bundle(X, mean, mean - 0.01, mean + 0.01)


@given(st.lists(st.floats(0.2, 0.8), min_size=1, max_size=3), st.floats(0.05, 0.6))
def test_names_stay_in_the_panel(heights, width):
    for box in place([level(height) for height in heights], [(width, 0.06)] * len(heights), []):
        assert box.overlap(PANEL) == pytest.approx(box.overlap(box))


@given(st.lists(st.sampled_from([0.2, 0.4, 0.6, 0.8]), min_size=2, max_size=4, unique=True))
def test_a_name_is_nearest_to_its_own_curve_and_covers_none(heights):
    boxes = place([level(height) for height in heights], [(0.3, 0.06)] * len(heights), [])
    for own, box in zip(heights, boxes, strict=True):
        middle = (box.bottom + box.top) / 2
        assert min(heights, key=lambda height: abs(height - middle)) == own
        assert not any(box.bottom < height < box.top for height in heights)


def test_names_of_curves_that_coincide_do_not_coincide():
    first, second = place([level(0.5), level(0.5)], [(0.3, 0.06)] * 2, [])
    assert first.overlap(second) == 0


def test_a_name_keeps_off_what_is_taken():
    (free,) = place([level(0.5)], [(0.3, 0.06)], [])
    (moved,) = place([level(0.5)], [(0.3, 0.06)], [free])
    assert moved.overlap(free) == 0


def test_a_name_finds_the_dip_of_the_lower_of_two_curves():
    upper = level(0.7)
    dipped = 0.68 - 0.4 * np.exp(-(((X - 0.5) / 0.15) ** 2))
    lower = Bundle(X, dipped, dipped - 0.01, dipped + 0.01)
    _, box = place([upper, lower], [(0.2, 0.06)] * 2, [])
    assert box.top < 0.68


@pytest.mark.parametrize("size", [(0.0, 0.06), (0.0, 0.0)])
def test_an_empty_name_has_a_place_too(size):
    (box,) = place([level(0.5)], [size], [])
    assert 0 <= box.left <= box.right <= 1
    assert 0 <= box.bottom <= box.top <= 1
