"""Products of matrices, block by block in registers: what `products.add_product` adds, for whole vectors of columns.

A compiler's own vectors reload every sum after a few terms and end in a scalar rest, which for matrices as small as
those of `relu_network` takes longer than the arithmetic.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sdd_claims.compiled.jit import compiled, inlined
from sdd_claims.compiled.lanes import EIGHT, LANES, WIDE, everywhere, turn_8_by_8
from sdd_claims.compiled.views import matrix, strided

VECTORS = 4 if WIDE > LANES else 1
"""Vectors of columns of a tile of four rows: registers of AVX-512 hold the sums of four."""
TERMS = 64
"""Terms of a long sum that are taken at a time: a cache keeps so many rows of a large right matrix for all rows."""
_BY_SHARES = ("add", "rectified")
"""Kinds whose sums are taken so. Others have few terms, and are written once: a total can be larger than a cache."""
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_BYTES = 4


def _block(rows: int, vectors: int, kind: str) -> Any:
    """A function that writes so many rows, and vectors of columns, of one of the products below, from a place on.

    It takes the terms from one on, up to another. Kinds `_BY_SHARES` go on from `total` where some were taken before.
    """

    @intrinsic
    def write(
        context: Any, left: Any, right: Any, beside: Any, total: Any, row: Any, column: Any, first: Any, end: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, d, c = _arrays(context, builder, signature, arguments)
            row, column, first, end = arguments[4:]
            zero, index = ir.Constant(_VECTOR, [0.0] * LANES), row.type
            lines, columns, places, sums = _tile(builder, row, column, rows, vectors)
            begins = builder.icmp_signed("==", first, ir.Constant(index, 0))
            for (line, each), kept in zip(places, sums, strict=True):
                start = _vector_at(builder, c, (line, each))
                if kind == "rectified":
                    start = builder.select(begins, _vector_at(builder, d, (each,)), start)
                builder.store(builder.load(start, align=_BYTES) if kind in _BY_SHARES else zero, kept)
            with cgutils.for_range_slice(builder, first, end, ir.Constant(index, 1), intp=index) as (term, _):
                _add_term(builder, (a, lines, term), (b, term, columns), sums)
            ends = builder.icmp_signed("==", end, cgutils.unpack_tuple(builder, a.shape)[1])
            for place, kept in zip(places, sums, strict=True):
                found = builder.load(kept)
                if kind in ("rectified", "where"):
                    decides = found if kind == "rectified" else _loaded(builder, d, place)
                    cut = builder.select(builder.fcmp_ordered("<=", decides, zero), zero, found)
                    found = builder.select(ends, cut, found) if kind == "rectified" else cut
                builder.store(found, _vector_at(builder, c, place), align=_BYTES)
            return context.get_dummy_value()

        return types.void(left, right, beside, total, *[types.intp] * 4), generate

    return write


def _listed_block(rows: int, vectors: int) -> Any:
    """A function that adds listed terms of a product to so many rows, and vectors of columns, of `total`.

    `panel` holds the rows of the right matrix from the term `first` on, and `listed` says which of them, ascending.
    """

    @intrinsic
    def add(
        context: Any, left: Any, panel: Any, listed: Any, total: Any, row: Any, column: Any, first: Any, count: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, chosen, c = _arrays(context, builder, signature, arguments)
            row, column, first, count = arguments[4:]
            lines, columns, places, sums = _tile(builder, row, column, rows, vectors)
            for place, kept in zip(places, sums, strict=True):
                builder.store(_loaded(builder, c, place), kept)
            with cgutils.for_range(builder, count, intp=row.type) as loop:
                term = builder.load(builder.gep(chosen.data, [loop.index]))
                _add_term(builder, (a, lines, builder.add(first, term)), (b, term, columns), sums)
            for place, kept in zip(places, sums, strict=True):
                builder.store(builder.load(kept), _vector_at(builder, c, place), align=_BYTES)
            return context.get_dummy_value()

        return types.void(left, panel, listed, total, *[types.intp] * 4), generate

    return add


def _arrays(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The first four arguments, which are arrays."""
    kinds = [context.make_array(each) for each in signature.args[:4]]
    return [kind(context, builder, value) for kind, value in zip(kinds, arguments[:4], strict=True)]


def _tile(builder: Any, row: Any, column: Any, rows: int, vectors: int) -> tuple[list[Any], ...]:
    """The lines of a block, where its vectors begin, both for each of its sums, and room for these."""
    lines = [builder.add(row, ir.Constant(row.type, i)) for i in range(rows)]
    columns = [builder.add(column, ir.Constant(row.type, LANES * i)) for i in range(vectors)]
    places = [(line, each) for line in lines for each in columns]
    return lines, columns, places, [cgutils.alloca_once(builder, _VECTOR) for _ in places]


def _add_term(builder: Any, left: tuple[Any, ...], right: tuple[Any, ...], sums: Sequence[Any]) -> None:
    """Add one term to the sums of a block: a number of each of its lines times the vectors of a row."""
    (a, lines, term), (b, row, columns) = left, right
    values = [_loaded(builder, b, (row, each)) for each in columns]
    factors = [everywhere(builder, builder.load(_at(builder, a, (line, term))), _VECTOR) for line in lines]
    products = [builder.fmul(factor, value) for factor in factors for value in values]
    for kept, product in zip(sums, products, strict=True):
        builder.store(builder.fadd(builder.load(kept), product), kept)


def _at(builder: Any, array: Any, place: Sequence[Any]) -> Any:
    """A pointer to a number of an array of any strides."""
    pointer = builder.bitcast(array.data, ir.IntType(8).as_pointer())
    for index, stride in zip(place, cgutils.unpack_tuple(builder, array.strides), strict=True):
        pointer = builder.gep(pointer, [builder.mul(index, stride)])
    return builder.bitcast(pointer, ir.FloatType().as_pointer())


def _vector_at(builder: Any, array: Any, place: Sequence[Any]) -> Any:
    return builder.bitcast(_at(builder, array, place), _VECTOR.as_pointer())


def _loaded(builder: Any, array: Any, place: Sequence[Any]) -> Any:
    return builder.load(_vector_at(builder, array, place), align=_BYTES)


def _product(kind: str) -> Any:
    """The product of whole matrices: in tiles of four rows of some vectors or of one; rows left over one by one."""
    wide_rows, four_rows = _block(4, VECTORS, kind), _block(4, 1, kind)
    one_row, one_vector = _block(1, 4, kind), _block(1, 1, kind)
    by_shares = kind in _BY_SHARES

    @compiled
    def write(left: Any, right: Any, beside: Any, total: Any) -> None:
        rows, columns = total.shape
        fours, widest, wide = rows - rows % 4, columns - columns % (VECTORS * LANES), columns - columns % (4 * LANES)
        terms = right.shape[0]
        share = TERMS if by_shares else max(terms, 1)
        for first in range(0, max(terms, 1), share):
            end = min(first + share, terms)
            for row in range(0, fours, 4):
                for column in range(0, widest, VECTORS * LANES):
                    wide_rows(left, right, beside, total, row, column, first, end)
                for column in range(widest, columns, LANES):
                    four_rows(left, right, beside, total, row, column, first, end)
            for row in range(fours, rows):
                for column in range(0, wide, 4 * LANES):
                    one_row(left, right, beside, total, row, column, first, end)
                for column in range(wide, columns, LANES):
                    one_vector(left, right, beside, total, row, column, first, end)

    return write


_add, _write, _rectified, _where = (_product(kind) for kind in ("add", "write", "rectified", "where"))

# In all of them the columns are a multiple of LANES, and lie one after the other in all matrices but `left`. What
# they call is compiled once: they pass matrices on as `strided`.


@inlined
def add_blocks(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Add left x right to `total`, term by term in their order."""
    whole = strided(total)
    _add(strided(left), strided(right), whole, whole)


@compiled
def add_turned_blocks(
    left: Float32[np.ndarray, "rows terms"],
    given: Float32[np.ndarray, "columns terms"],
    total: Float32[np.ndarray, "rows columns"],
    memory: Float32[np.ndarray, " TERMS_times_columns"],
    order: Int64[np.ndarray, " at_least_columns"],
    listed: Int64[np.ndarray, " TERMS"],
) -> None:
    """Add left x given.T to `total`, term by term in their order, but for those that are zero in a whole block of rows.

    A rectified `left` has many where its rows are of neighbouring points. `given` is turned in panels that fit a cache.

    Args:
        left: the left matrix; its terms are a multiple of EIGHT, and lie one after the other.
        given: the right one, turned; finite, since zero times infinity is left out. Its rows are a multiple of LANES.
        total: what is added to; no sum of it is -0.
        memory: room for a panel; what it held is lost.
        order: 0, 1, 2 ...
        listed: room for the terms of a block; what it held is lost.
    """
    rows, columns = total.shape
    terms = left.shape[1]
    fours, widest, wide = rows - rows % 4, columns - columns % (VECTORS * LANES), columns - columns % (4 * LANES)
    panel = matrix(memory, 0, TERMS, columns)
    for first in range(0, terms, TERMS):
        end = min(first + TERMS, terms)
        for place in range(0, columns, EIGHT):
            for term in range(first, end, EIGHT):
                turn_8_by_8(given, order, place, term, panel, term - first, place)
        for row in range(0, fours, 4):
            count = _list_terms(left, row, row + 4, first, end, listed)
            for column in range(0, widest, VECTORS * LANES):
                _add_listed_wide(left, panel, listed, total, row, column, first, count)
            for column in range(widest, columns, LANES):
                _add_listed_to_four(left, panel, listed, total, row, column, first, count)
        for row in range(fours, rows):
            count = _list_terms(left, row, row + 1, first, end, listed)
            for column in range(0, wide, 4 * LANES):
                _add_listed_to_one(left, panel, listed, total, row, column, first, count)
            for column in range(wide, columns, LANES):
                _add_listed_vector(left, panel, listed, total, row, column, first, count)


_add_listed_wide, _add_listed_to_four = _listed_block(4, VECTORS), _listed_block(4, 1)
_add_listed_to_one, _add_listed_vector = _listed_block(1, 4), _listed_block(1, 1)


@compiled
def _list_terms(
    left: Float32[np.ndarray, "rows terms"],
    row: int,
    last: int,
    first: int,
    end: int,
    listed: Int64[np.ndarray, " TERMS"],
) -> int:
    """How many terms, from one on, are not zero in all of some rows; which ones is written, counted from the first."""
    count = 0
    for term in range(first, end):
        felt = False
        for line in range(row, last):
            felt |= left[line, term] != np.float32(0)
        listed[count] = term - first
        count += felt
    return count


@inlined
def write_blocks(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Write left x right."""
    whole = strided(total)
    _write(strided(left), strided(right), whole, whole)


@inlined
def write_rectified(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    start: Float32[np.ndarray, " columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Write `start` + left x right, or zero where that is below."""
    _rectified(strided(left), strided(right), start, strided(total))


@inlined
def write_where_positive(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    active: Float32[np.ndarray, "rows columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Write left x right where `active` is above zero, and zero elsewhere."""
    _where(strided(left), strided(right), strided(active), strided(total))
