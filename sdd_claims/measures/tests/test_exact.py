"""Sums that are rounded once: those of `math.fsum`, with and without compiled code."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sdd_claims.measures import exact

finite = st.floats(-1e300, 1e300, allow_nan=False)


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=40), elements=finite))
def test_each_row_has_the_sum_of_fsum(rows):
    assert exact.exact_sums(torch.from_numpy(rows)) == [math.fsum(row) for row in rows]


@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_terms_that_cancel_leave_what_was_small_in_whatever_order(terms, random):
    some = [*terms, *(-term for term in terms), 1e-9]
    random.shuffle(some)
    assert exact.exact_sum(torch.tensor(some, dtype=torch.float64)) == 1e-9


@pytest.mark.parametrize("size", [1, 63, 64, 65, 50_000])
@pytest.mark.parametrize("smallest", [1e-30, 1e-3])
def test_a_row_of_any_length_has_the_sum_of_fsum(size, smallest):
    drawn = np.random.default_rng(size)
    row = np.square(drawn.standard_normal(size) * drawn.uniform(smallest, 1, size))
    assert exact.exact_sums(torch.from_numpy(np.stack([row, row[::-1]]))) == [math.fsum(row)] * 2


@pytest.mark.parametrize("terms", [[5e-324] * 3, [2.0**-1022, 5e-324, -(2.0**-1030)], [1.0, 5e-324, -1.0]])
def test_terms_as_small_as_a_double_can_be_are_summed(terms):
    assert exact.exact_sum(torch.tensor(terms, dtype=torch.float64)) == math.fsum(terms) != 0


def test_a_row_whose_bits_lie_far_apart_has_its_sum_too():
    """Each pair leaves a bit of its own, far from the others."""
    terms = [2.0**-1000]
    for number in range(1, 120):
        place = -1000 + 2 * number
        terms += [2.0 ** (place + 53), -(2.0 ** (place + 53) - 2.0**place)]
    assert exact.exact_sums(torch.tensor([terms, [1.0] * len(terms)], dtype=torch.float64)) == [
        math.fsum(terms),
        len(terms),
    ]


@pytest.mark.parametrize("small", [-(2.0**-60), 2.0**-60])
def test_half_way_between_two_doubles_a_smaller_term_decides(small):
    terms = [1.0, 2.0**-53, small]  # half of the last place of 1
    assert exact.exact_sum(torch.tensor(terms, dtype=torch.float64)) == math.fsum(terms)
    assert math.fsum(terms) == (1.0 if small < 0 else 1.0 + 2.0**-52)


@pytest.mark.parametrize("row", [[1.0, math.inf], [math.inf, -math.inf, 2.0], [math.nan, 1.0], [-math.inf, 1e300]])
def test_what_is_not_finite_makes_the_sum_what_it_makes_any(row):
    (found,) = exact.exact_sums(torch.tensor([row], dtype=torch.float64))
    assert found == sum(row) or (math.isnan(found) and math.isnan(sum(row)))


def test_a_sum_that_no_double_can_hold_is_refused_as_by_fsum():
    with pytest.raises(OverflowError):
        exact.exact_sums(torch.tensor([[1e308, 1e308]], dtype=torch.float64))


def test_where_nothing_can_be_compiled_the_sums_are_the_same(monkeypatch):
    rows = torch.randn(5, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).square()
    compiled = exact.exact_sums(rows)
    monkeypatch.setattr(exact, "why_no_numba", lambda: "Numba is not installed")
    assert exact.exact_sums(rows) == compiled
