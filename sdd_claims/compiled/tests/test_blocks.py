import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.compiled.blocks import (
    TERMS,
    add_blocks,
    add_turned_blocks,
    write_blocks,
    write_rectified,
    write_where_positive,
)
from sdd_claims.compiled.lanes import EIGHT, LANES
from sdd_claims.compiled.products import products_in_order, turn


def term_by_term(start, left, right):
    """The product in the order that is promised, each operation rounded by NumPy."""
    total = start.copy()
    for term in range(left.shape[1]):
        total = total + left[:, term, None] * right[term]
    return total


terms = st.integers(0, 20) | st.integers(TERMS - 1, 2 * TERMS + 2)
shapes = st.tuples(st.integers(1, 9), terms, st.integers(1, 6).map(lambda vectors: vectors * LANES))


@settings(max_examples=60)
@given(shapes, st.booleans(), st.integers(0, 99))
def test_every_sum_takes_its_terms_in_their_order_to_the_last_bit(shape, turned, seed):
    rows, terms, columns = shape
    rng = np.random.default_rng(seed)
    left, right, start, active = (
        rng.standard_normal(size).astype(np.float32)
        for size in ((rows, terms), (terms, columns), (rows, columns), (rows, columns))
    )
    given_left = np.asfortranarray(left) if turned else left
    line = start[0].copy()
    added, written, rectified, where = start.copy(), *(np.full_like(start, np.nan) for _ in range(3))
    add_blocks(given_left, right, added)
    write_blocks(given_left, right, written)
    write_rectified(given_left, right, line, rectified)
    write_where_positive(given_left, right, active, where)
    np.testing.assert_array_equal(added, term_by_term(start, left, right))
    np.testing.assert_array_equal(rectified, np.maximum(term_by_term(np.tile(line, (rows, 1)), left, right), 0))
    product = term_by_term(np.zeros_like(start), left, right)
    np.testing.assert_array_equal(written, product)
    np.testing.assert_array_equal(where, np.where(active > 0, product, 0))


@settings(max_examples=60)
@given(shapes, st.sampled_from([0.0, 0.5, 0.95, 1.0]), st.integers(0, 99))
def test_terms_that_are_zero_in_a_whole_block_are_left_out_and_every_sum_keeps_its_bits(shape, zeros, seed):
    rows, terms, columns = shape
    terms += -terms % EIGHT
    rng = np.random.default_rng(seed)
    left, right, start = (
        rng.standard_normal(size).astype(np.float32) for size in ((rows, terms), (columns, terms), (rows, columns))
    )
    left[rng.random(left.shape) < zeros] = 0
    total, memory = start.copy(), np.full(TERMS * columns, np.nan, np.float32)
    add_turned_blocks(left, right, total, memory, np.arange(columns), np.full(TERMS, -1))
    np.testing.assert_array_equal(total, term_by_term(start, left, right.T))


@settings(max_examples=60)
@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 99))
def test_products_of_pairs_of_rows_take_their_terms_in_their_order(pairs, terms, seed):
    rng = np.random.default_rng(seed)
    left, right = (rng.standard_normal((rows, terms)).astype(np.float32) for rows in (5, 7))
    lefts, rights = rng.integers(0, 5, pairs), rng.integers(0, 7, pairs)
    found, expected = np.full(pairs, np.nan, np.float32), np.zeros(pairs, np.float32)
    products_in_order(left, right, lefts, rights, found)
    for term in range(terms):
        expected = expected + left[lefts, term] * right[rights, term]
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=100)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 20), st.integers(0, 99))
def test_chosen_columns_of_listed_rows_are_turned(lines, columns, count, seed):
    """Rows may come twice, and both matrices be parts of others."""
    rng = np.random.default_rng(seed)
    given_matrix = rng.standard_normal((lines, columns + 3)).astype(np.float32)[:, :columns]
    rows = rng.integers(0, lines, 2 * count)[::2]
    chosen = np.flatnonzero(rng.random(columns) < rng.choice([0.1, 0.9, 1.0]))
    found = np.full((len(chosen) + 1, count + 1), np.nan, np.float32)
    memory = np.full(EIGHT * count + 50, np.nan, np.float32)
    turn(given_matrix, rows, chosen, found[: len(chosen), :count], memory[: EIGHT * count])
    assert np.isnan(memory[EIGHT * count :]).all()
    np.testing.assert_array_equal(found[:-1, :-1], given_matrix[rows][:, chosen].T)
    assert np.isnan(found[-1]).all()
    assert np.isnan(found[:, -1]).all()


def test_a_part_of_a_matrix_is_written_and_the_rest_is_not():
    whole = np.zeros((5, 3 * LANES), np.float32)
    add_blocks(np.ones((5, 2), np.float32), np.ones((2, LANES), np.float32), whole[:, LANES : 2 * LANES])
    assert (whole[:, LANES : 2 * LANES] == 2).all()
    assert whole.sum() == 2 * 5 * LANES


def test_what_is_not_a_number_stays_so():
    lost = np.full((1, 1), np.nan, np.float32)
    found = np.zeros((1, LANES), np.float32)
    write_rectified(lost, np.ones((1, LANES), np.float32), np.zeros(LANES, np.float32), found)
    assert np.isnan(found).all()
