"""Products whose every sum has one order, whatever the processor: only axes that are not summed are vectorised.

And the turning of matrices, so that the axis that is summed lies across.

Multiplication and addition stay two operations, each rounded (no fused multiply-add), so that a compiler for another
instruction set finds the same bits.
"""

import numpy as np
from jaxtyping import Float32, Int64

from sdd_claims.compiled import lanes
from sdd_claims.compiled.jit import compiled, inlined
from sdd_claims.compiled.lanes import EIGHT, LANES, WIDE, lanes_product, turn_8_by_8
from sdd_claims.compiled.views import matrix

FROM_ZERO, FROM_TOTAL = np.True_, np.False_
"""NumPy's: for each of Python's constants Numba compiles a function of its own."""


@compiled
def add_product(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    total: Float32[np.ndarray, "rows columns"],
    from_zero: np.bool_,
) -> None:
    """Add left x right to `total`, term by term in their order.

    Args:
        left: the left matrix; `strided`, so that this is compiled once.
        right: the right one; its columns are contiguous.
        total: what is added to; its columns are contiguous.
        from_zero: FROM_ZERO where what it held counts as zero, else FROM_TOTAL.
    """
    rows, terms = left.shape
    columns = right.shape[1]
    fours = rows - rows % 4
    column = 0
    while column < columns:
        left_over = columns - column
        width = 16 if left_over >= 16 else (8 if left_over >= 8 else (4 if left_over >= 4 else 1))
        if left_over >= WIDE:
            width = WIDE
            for row in range(0, fours, 4):
                lanes.add_4_by_wide(left, right, total, from_zero, row, column)
            for row in range(fours, rows):
                lanes.add_1_by_wide(left, right, total, from_zero, row, column)
        elif width == 16:
            for row in range(0, fours, 4):
                lanes.add_4_by_16(left, right, total, from_zero, row, column)
            for row in range(fours, rows):
                lanes.add_1_by_16(left, right, total, from_zero, row, column)
        elif width == 8:
            for row in range(0, fours, 4):
                lanes.add_4_by_8(left, right, total, from_zero, row, column)
            for row in range(fours, rows):
                lanes.add_1_by_8(left, right, total, from_zero, row, column)
        elif width == 4:
            for row in range(0, fours, 4):
                lanes.add_4_by_4(left, right, total, from_zero, row, column)
            for row in range(fours, rows):
                lanes.add_1_by_4(left, right, total, from_zero, row, column)
        else:
            for row in range(rows):
                number = np.float32(0) if from_zero else total[row, column]
                for term in range(terms):
                    number += left[row, term] * right[term, column]
                total[row, column] = number
        column += width


@compiled
def add_rows(
    factors: Float32[np.ndarray, " some"],
    rows: Int64[np.ndarray, " some"],
    matrix: Float32[np.ndarray, "all columns"],
    total: Float32[np.ndarray, " columns"],
) -> None:
    """Add some rows of a matrix, each times a factor, to `total`, in the order in which they are listed."""
    columns = total.shape[0]
    column = 0
    while column + 64 <= columns:
        lanes.add_listed_64(factors, rows, matrix, total, column)
        column += 64
    while column + 16 <= columns:
        lanes.add_listed_16(factors, rows, matrix, total, column)
        column += 16
    if column + 8 <= columns:
        lanes.add_listed_8(factors, rows, matrix, total, column)
        column += 8
    while column < columns:
        for k in range(rows.shape[0]):
            total[column] += factors[k] * matrix[rows[k], column]
        column += 1


@compiled
def dot(left: Float32[np.ndarray, " terms"], right: Float32[np.ndarray, " terms"]) -> np.float32:
    """The product of two vectors: of all whole lanes, then of the terms left over, in their order."""
    terms = left.shape[0]
    blocks = terms // LANES
    total = lanes_product(left, right, blocks)
    for i in range(blocks * LANES, terms):
        total += left[i] * right[i]
    return total


@compiled
def products_by_lanes(
    left: Float32[np.ndarray, "some terms"],
    right: Float32[np.ndarray, "others terms"],
    lefts: Int64[np.ndarray, " pairs"],
    rights: Int64[np.ndarray, " pairs"],
    found: Float32[np.ndarray, " pairs"],
) -> None:
    """Write the `dot` of listed rows of two matrices; the first ones are ascending."""
    pairs, terms = lefts.shape[0], left.shape[1]
    if pairs < EIGHT:
        for pair in range(pairs):
            found[pair] = dot(left[lefts[pair]], right[rights[pair]])
        return
    blocks = terms // LANES
    eights = (terms - blocks * LANES) // EIGHT
    for start in range(0, pairs, EIGHT):
        # The last ones together with some that are written already: they are written again, as they are.
        pair = min(start, pairs - EIGHT)
        if lefts[pair] == lefts[pair + EIGHT - 1]:
            lanes.write_8_of_one_by_lanes(left, right, lefts, rights, found, pair, blocks, eights)
        else:
            lanes.write_8_by_lanes(left, right, lefts, rights, found, pair, blocks, eights)
    for pair in range(pairs):
        p, q = left[lefts[pair]], right[rights[pair]]
        for term in range(blocks * LANES + eights * EIGHT, terms):
            found[pair] += p[term] * q[term]


@compiled
def products_in_order(
    left: Float32[np.ndarray, "some terms"],
    right: Float32[np.ndarray, "others terms"],
    lefts: Int64[np.ndarray, " pairs"],
    rights: Int64[np.ndarray, " pairs"],
    found: Float32[np.ndarray, " pairs"],
) -> None:
    """Write the products of listed rows of two matrices, as `add_product` adds them to zero: terms in their order."""
    pairs, terms = lefts.shape[0], left.shape[1]
    blocks = terms // EIGHT
    pair = 0
    while pairs >= EIGHT and pair < pairs:
        if pairs - pair >= 2 * EIGHT:
            lanes.write_16_in_order(left, right, lefts, rights, found, pair, blocks)
            pair += 2 * EIGHT
        else:
            # The last ones together with some that are written already: they are written again, as they are.
            lanes.write_8_in_order(left, right, lefts, rights, found, min(pair, pairs - EIGHT), blocks)
            pair += EIGHT
    done = blocks * EIGHT if pairs >= EIGHT else 0
    for pair in range(pairs):
        p, q = left[lefts[pair]], right[rights[pair]]
        total = found[pair] if done else np.float32(0)
        for term in range(done, terms):
            total += p[term] * q[term]
        found[pair] = total


@inlined
def copy(given: Float32[np.ndarray, " some"], taken: Float32[np.ndarray, " at_least_some"]) -> None:
    """Write the numbers of one vector into another: to assign them takes Numba two seconds longer to compile."""
    for i in range(given.shape[0]):
        taken[i] = given[i]


@inlined
def clear(vector: Float32[np.ndarray, " some"]) -> None:
    """Write zeros: to assign them to a slice takes Numba longer to compile, too."""
    for i in range(vector.shape[0]):
        vector[i] = np.float32(0)


@compiled
def turn(
    given: Float32[np.ndarray, "all columns"],
    rows: Int64[np.ndarray, " some"],
    chosen: Int64[np.ndarray, " few"],
    turned: Float32[np.ndarray, "few some"],
    memory: Float32[np.ndarray, " eight_times_some"],
) -> None:
    """Write some rows of a matrix as columns of another.

    A loop over single numbers would write each into another line of the cache, and lines a power of two apart into few
    places of it: it takes seven times as long.

    Args:
        given: the matrix; its columns are contiguous.
        rows: which rows, in the order of the columns that are written.
        chosen: which of their numbers, ascending.
        turned: the other matrix.
        memory: room for EIGHT columns of the other one; what it held is lost.
    """
    count, columns = rows.shape[0], given.shape[1]
    whole = count - count % EIGHT if columns >= EIGHT else 0
    beside = matrix(memory, 0, EIGHT, whole)
    done = 0
    while whole and done < chosen.shape[0]:
        column = min(chosen[done], columns - EIGHT)
        if done + EIGHT <= chosen.shape[0] and chosen[done + EIGHT - 1] == column + EIGHT - 1:
            for place in range(0, whole, EIGHT):
                turn_8_by_8(given, rows, place, column, turned, done, place)
            done += EIGHT
            continue
        for place in range(0, whole, EIGHT):
            turn_8_by_8(given, rows, place, column, beside, 0, place)
        while done < chosen.shape[0] and chosen[done] < column + EIGHT:
            copy(beside[chosen[done] - column], turned[done])
            done += 1
    for place in range(whole, count):
        line = given[rows[place]]
        for each in range(chosen.shape[0]):
            turned[each, place] = line[chosen[each]]
