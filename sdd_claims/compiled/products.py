"""Products whose every sum has one order, whatever the processor: only axes that are not summed are vectorised.

Multiplication and addition stay two operations, each rounded (no fused multiply-add), so that a compiler for another
instruction set finds the same bits.
"""

import numpy as np
from jaxtyping import Float32, Int64

from sdd_claims.compiled.jit import compiled
from sdd_claims.compiled.lanes import LANES, four_lanes_products, lanes_product


@compiled
def add_product(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Add left x right to `total`, term by term in their order."""
    rows, terms = left.shape
    columns = right.shape[1]
    eights = terms - terms % 8
    pairs = rows - rows % 2
    for row in range(0, pairs, 2):
        first, second = total[row], total[row + 1]
        for term in range(0, eights, 8):
            a0, a1, a2, a3 = left[row, term], left[row, term + 1], left[row, term + 2], left[row, term + 3]
            a4, a5, a6, a7 = left[row, term + 4], left[row, term + 5], left[row, term + 6], left[row, term + 7]
            b0, b1, b2, b3 = (
                left[row + 1, term],
                left[row + 1, term + 1],
                left[row + 1, term + 2],
                left[row + 1, term + 3],
            )
            b4, b5, b6, b7 = (
                left[row + 1, term + 4],
                left[row + 1, term + 5],
                left[row + 1, term + 6],
                left[row + 1, term + 7],
            )
            r0, r1, r2, r3 = right[term], right[term + 1], right[term + 2], right[term + 3]
            r4, r5, r6, r7 = right[term + 4], right[term + 5], right[term + 6], right[term + 7]
            for column in range(columns):
                x, y = first[column], second[column]
                x += a0 * r0[column]
                y += b0 * r0[column]
                x += a1 * r1[column]
                y += b1 * r1[column]
                x += a2 * r2[column]
                y += b2 * r2[column]
                x += a3 * r3[column]
                y += b3 * r3[column]
                x += a4 * r4[column]
                y += b4 * r4[column]
                x += a5 * r5[column]
                y += b5 * r5[column]
                x += a6 * r6[column]
                y += b6 * r6[column]
                x += a7 * r7[column]
                y += b7 * r7[column]
                first[column] = x
                second[column] = y
        for term in range(eights, terms):
            a, b, r = left[row, term], left[row + 1, term], right[term]
            for column in range(columns):
                first[column] += a * r[column]
                second[column] += b * r[column]
    for row in range(pairs, rows):
        first = total[row]
        for term in range(terms):
            a, r = left[row, term], right[term]
            for column in range(columns):
                first[column] += a * r[column]


@compiled
def add_rows(
    factors: Float32[np.ndarray, " some"],
    rows: Int64[np.ndarray, " some"],
    matrix: Float32[np.ndarray, "all columns"],
    total: Float32[np.ndarray, " columns"],
) -> None:
    """Add some rows of a matrix, each times a factor, to `total`, in the order in which they are listed."""
    count, columns = rows.shape[0], total.shape[0]
    fours = count - count % 4
    for k in range(0, fours, 4):
        a, b, c, d = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        p, q, r, s = matrix[rows[k]], matrix[rows[k + 1]], matrix[rows[k + 2]], matrix[rows[k + 3]]
        for column in range(columns):
            x = total[column]
            x += a * p[column]
            x += b * q[column]
            x += c * r[column]
            x += d * s[column]
            total[column] = x
    for k in range(fours, count):
        a, p = factors[k], matrix[rows[k]]
        for column in range(columns):
            total[column] += a * p[column]


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
def products_with_rows(
    left: Float32[np.ndarray, " terms"],
    rows: Int64[np.ndarray, " some"],
    right: Float32[np.ndarray, "all terms"],
    found: Float32[np.ndarray, " some"],
) -> None:
    """Write the `dot` of a vector with some rows of a matrix."""
    terms = left.shape[0]
    blocks = terms // LANES
    count = rows.shape[0]
    fours = count - count % 4
    for k in range(0, fours, 4):
        p, q, r, s = right[rows[k]], right[rows[k + 1]], right[rows[k + 2]], right[rows[k + 3]]
        a, b, c, d = four_lanes_products(left, p, q, r, s, blocks)
        for i in range(blocks * LANES, terms):
            a += left[i] * p[i]
            b += left[i] * q[i]
            c += left[i] * r[i]
            d += left[i] * s[i]
        found[k], found[k + 1], found[k + 2], found[k + 3] = a, b, c, d
    for k in range(fours, count):
        found[k] = dot(left, right[rows[k]])
