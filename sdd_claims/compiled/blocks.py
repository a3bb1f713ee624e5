"""Products of matrices, block by block in registers: what `products.add_product` adds, for whole vectors of columns.

A compiler's own vectors reload every sum after a few terms and end in a scalar rest, which for matrices as small as
those of `relu_network` takes longer than the arithmetic.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sdd_claims.compiled.jit import compiled
from sdd_claims.compiled.lanes import LANES, WIDE, everywhere

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_BYTES = 4


def _block(rows: int, vectors: int, kind: str) -> Any:
    """A function that writes so many rows, and vectors of columns, of one of the products below, from a place on."""

    @intrinsic
    def write(context: Any, left: Any, right: Any, beside: Any, total: Any, row: Any, column: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, d, c = (
                context.make_array(each)(context, builder, value)
                for each, value in zip(signature.args[:4], arguments[:4], strict=True)
            )
            zero = ir.Constant(_VECTOR, [0.0] * LANES)
            lines = [builder.add(arguments[4], ir.Constant(arguments[4].type, i)) for i in range(rows)]
            columns = [builder.add(arguments[5], ir.Constant(arguments[5].type, LANES * i)) for i in range(vectors)]
            places = [(line, each) for line in lines for each in columns]
            sums = [cgutils.alloca_once(builder, _VECTOR) for _ in places]
            for (line, each), kept in zip(places, sums, strict=True):
                if kind == "add":
                    start = _loaded(builder, c, (line, each))
                else:
                    start = _loaded(builder, d, (each,)) if kind == "rectified" else zero
                builder.store(start, kept)
            terms = cgutils.unpack_tuple(builder, a.shape)[1]
            with cgutils.for_range(builder, terms, intp=terms.type) as loop:
                values = [_loaded(builder, b, (loop.index, each)) for each in columns]
                factors = [
                    everywhere(builder, builder.load(_at(builder, a, (line, loop.index))), _VECTOR) for line in lines
                ]
                products = [builder.fmul(factor, value) for factor in factors for value in values]
                for kept, product in zip(sums, products, strict=True):
                    builder.store(builder.fadd(builder.load(kept), product), kept)
            for place, kept in zip(places, sums, strict=True):
                found = builder.load(kept)
                if kind in ("rectified", "where"):
                    decides = found if kind == "rectified" else _loaded(builder, d, place)
                    found = builder.select(builder.fcmp_ordered("<=", decides, zero), zero, found)
                builder.store(found, _vector_at(builder, c, place), align=_BYTES)
            return context.get_dummy_value()

        return types.void(left, right, beside, total, types.intp, types.intp), generate

    return write


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
    """The product of whole matrices: four rows at a time, of one vector or, with AVX-512, two; or one row."""
    wide_rows, four_rows = _block(4, WIDE // LANES, kind), _block(4, 1, kind)
    one_row, one_vector = _block(1, 4, kind), _block(1, 1, kind)

    @compiled
    def write(left: Any, right: Any, beside: Any, total: Any) -> None:
        # Columns outside: those of a large `right` are then read from a cache, and not for every four rows anew.
        rows, columns = total.shape
        fours, widest = rows - rows % 4, columns - columns % WIDE
        for column in range(0, widest, WIDE):
            for row in range(0, fours, 4):
                wide_rows(left, right, beside, total, row, column)
        for column in range(widest, columns, LANES):
            for row in range(0, fours, 4):
                four_rows(left, right, beside, total, row, column)
        for row in range(fours, rows):
            wide = columns - columns % (4 * LANES)
            for column in range(0, wide, 4 * LANES):
                one_row(left, right, beside, total, row, column)
            for column in range(wide, columns, LANES):
                one_vector(left, right, beside, total, row, column)

    return write


_add, _write, _rectified, _where = (_product(kind) for kind in ("add", "write", "rectified", "where"))

# In all of them the columns are a multiple of LANES, and lie one after the other in all matrices but `left`.


@compiled
def add_blocks(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Add left x right to `total`, term by term in their order."""
    _add(left, right, total, total)


@compiled
def write_blocks(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Write left x right."""
    _write(left, right, total, total)


@compiled
def write_rectified(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    start: Float32[np.ndarray, " columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Write `start` + left x right, or zero where that is below."""
    _rectified(left, right, start, total)


@compiled
def write_where_positive(
    left: Float32[np.ndarray, "rows terms"],
    right: Float32[np.ndarray, "terms columns"],
    active: Float32[np.ndarray, "rows columns"],
    total: Float32[np.ndarray, "rows columns"],
) -> None:
    """Write left x right where `active` is above zero, and zero elsewhere."""
    _where(left, right, active, total)
