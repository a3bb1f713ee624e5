"""Products are sums of one order, written down here in plain NumPy: the same bits, whatever fills the vectors."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.compiled.products import add_rows, dot, products_by_lanes

SEEDS = st.integers(0, 10**6)
TERMS = st.integers(1, 140)


def numbers(draw: np.random.Generator, *shape: int) -> np.ndarray:
    return draw.standard_normal(shape).astype(np.float32)


@settings(max_examples=100)
@given(seed=SEEDS, listed=st.integers(0, 9), columns=TERMS)
def test_rows_are_added_one_after_the_other(seed, listed, columns):
    draw = np.random.default_rng(seed)
    matrix, total, factors = numbers(draw, 7, columns), numbers(draw, columns), numbers(draw, listed)
    rows = draw.integers(0, 7, listed)
    expected = total.copy()
    for factor, row in zip(factors, rows, strict=True):
        expected += factor * matrix[row]
    add_rows(factors, rows, matrix, total)
    assert np.array_equal(total, expected)


@settings(max_examples=100)
@given(seed=SEEDS, terms=TERMS)
def test_a_product_of_vectors_sums_sixteen_lanes_and_halves_of_them_and_then_the_rest(seed, terms):
    left, right = numbers(np.random.default_rng(seed), 2, terms)
    whole = terms - terms % 16
    lanes = np.zeros(16, np.float32)
    for block in (left * right)[:whole].reshape(-1, 16):
        lanes += block
    while len(lanes) > 1:
        lanes = lanes[: len(lanes) // 2] + lanes[len(lanes) // 2 :]
    expected = lanes[0]
    for term in range(whole, terms):
        expected += left[term] * right[term]
    assert dot(left, right) == expected


@settings(max_examples=100)
@given(seed=SEEDS, pairs=st.integers(0, 40), units=st.integers(1, 5), terms=TERMS)
def test_products_of_pairs_are_those_of_each_pair_alone(seed, pairs, units, terms):
    draw = np.random.default_rng(seed)
    left, right = numbers(draw, units, terms), numbers(draw, 6, terms)
    lefts, rights = np.sort(draw.integers(0, units, pairs)), draw.integers(0, 6, pairs)
    found = np.full(pairs, np.nan, np.float32)
    products_by_lanes(left, right, lefts, rights, found)
    assert found.tolist() == [dot(left[a], right[b]) for a, b in zip(lefts, rights, strict=True)]
