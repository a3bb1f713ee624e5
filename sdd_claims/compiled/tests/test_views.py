import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.errors import TypingError

from sdd_claims.compiled.views import lines, matrix, part, strided


@numba.njit
def double_part(given, start, count):
    view = part(given, start, count)
    for i in range(view.shape[0]):
        view[i] *= 2
    return view.shape[0]


@numba.njit
def double_matrix(given, start, rows, columns):
    view = matrix(given, start, rows, columns)
    for row in range(view.shape[0]):
        line = view[row]
        for column in range(line.shape[0]):
            line[column] *= 2 + row
    return view.shape


@numba.njit
def double_lines(given, start, count):
    view = lines(given, start, count)
    for row in range(view.shape[0]):
        for column in range(view.shape[1]):
            view[row, column] *= 2
    return view.shape


@numba.njit
def double_column(given, column):
    view = strided(given.T)
    for i in range(view.shape[1]):
        view[column, i] *= 2
    return view.shape


@settings(max_examples=50)
@given(st.data(), st.integers(0, 20))
def test_a_part_of_a_vector_is_written_in_place_and_nothing_else(data, length):
    start = data.draw(st.integers(0, length))
    count = data.draw(st.integers(0, length - start))
    for kind in (np.float32, np.int64):
        given_vector = np.arange(1, length + 1, dtype=kind)
        expected = given_vector.copy()
        expected[start : start + count] *= 2
        assert double_part(given_vector, start, count) == count
        np.testing.assert_array_equal(given_vector, expected)


@settings(max_examples=50)
@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_a_part_of_a_vector_is_a_matrix_row_by_row(before, rows, columns, after):
    given_vector = np.arange(1, before + rows * columns + after + 1, dtype=np.float32)
    expected = given_vector.copy()
    expected[before : before + rows * columns].reshape(rows, columns)[:] *= 2 + np.arange(rows)[:, None]
    assert double_matrix(given_vector, before, rows, columns) == (rows, columns)
    np.testing.assert_array_equal(given_vector, expected)


@settings(max_examples=50)
@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(1, 5))
def test_rows_of_a_matrix_are_a_matrix(before, count, after, columns):
    given_matrix = np.arange((before + count + after) * columns, dtype=np.float32).reshape(-1, columns)
    expected = given_matrix.copy()
    expected[before : before + count] *= 2
    assert double_lines(given_matrix, before, count) == (count, columns)
    np.testing.assert_array_equal(given_matrix, expected)


def test_a_matrix_keeps_its_strides():
    given_matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    expected = given_matrix.copy()
    expected[:, 1] *= 2
    assert double_column(given_matrix, 1) == (4, 3)
    np.testing.assert_array_equal(given_matrix, expected)


@pytest.mark.parametrize("given_matrix", [np.ones((3, 4), np.float32).T, np.ones((6, 4), np.float32)[::2]])
def test_rows_of_a_matrix_that_does_not_lie_row_by_row_are_refused(given_matrix):
    with pytest.raises(TypingError, match="a view is one of a contiguous array"):
        double_lines(given_matrix, 0, 1)


def test_a_part_of_a_vector_that_does_not_lie_in_one_piece_is_refused():
    with pytest.raises(TypingError, match="a view is one of a contiguous array"):
        double_part(np.ones(6, np.float32)[::2], 0, 1)


def test_a_view_of_what_cannot_be_written_to_cannot_either():
    given_vector = np.ones(3, np.float32)
    given_vector.flags.writeable = False
    with pytest.raises(TypingError, match="readonly"):
        double_part(given_vector, 0, 1)
