"""Products of vectors, summed in sixteen lanes: one order on every processor, and as fast as its vectors allow.

A compiler may not reorder a sum, so a plain loop over it stays scalar. Here the order is written down in vectors of
sixteen numbers, which LLVM maps to whatever registers there are.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
EIGHT = 8  # of which as many vectors can be turned in the registers of AVX2
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INDEX = ir.IntType(32)


@intrinsic
def lanes_product(context: Any, left: Any, right: Any, blocks: Any) -> Any:
    """The product of the first LANES x `blocks` numbers of two contiguous float32 vectors.

    Lane i sums every sixteenth product from i on; the lanes are then added in halves: 0 + 8, 1 + 9 ..., 0 + 4 ...
    """
    signature = types.float32(left, right, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _products(context, builder, signature, arguments)[0]

    return signature, generate


@intrinsic
def four_lanes_products(context: Any, left: Any, a: Any, b: Any, c: Any, d: Any, blocks: Any) -> Any:
    """The same product of one vector with each of four, which shares its loads."""
    signature = types.UniTuple(types.float32, 4)(left, a, b, c, d, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_tuple(builder, signature.return_type, _products(context, builder, signature, arguments))

    return signature, generate


def _tile(rows: int, lanes: int) -> Any:
    """A function that adds to a tile of `total`, from a row and a column on, its share of left x right.

    Every number of the tile takes its terms in their order; the tile stays in registers meanwhile. All three are
    matrices of float32, and the columns of the last two are contiguous.
    """
    vector = ir.VectorType(ir.FloatType(), lanes)

    @intrinsic
    def add_tile(context: Any, left: Any, right: Any, total: Any, row: Any, column: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pairs = zip(signature.args[:3], arguments[:3], strict=True)
            first, second, sums = [_Matrix(context, builder, *pair) for pair in pairs]
            row, column = arguments[3:]
            chosen = [builder.add(row, ir.Constant(row.type, number)) for number in range(rows)]
            places = [builder.bitcast(sums.at(each, column), vector.as_pointer()) for each in chosen]
            totals = [cgutils.alloca_once(builder, vector) for _ in chosen]
            for each, place in zip(totals, places, strict=True):
                builder.store(builder.load(place, align=4), each)
            with cgutils.for_range(builder, first.shape[1], intp=row.type) as loop:
                block = builder.bitcast(second.at(loop.index, column), vector.as_pointer())
                columns = builder.load(block, align=4)
                for each, number in zip(totals, chosen, strict=True):
                    factor = everywhere(builder, builder.load(first.at(number, loop.index)), vector)
                    builder.store(builder.fadd(builder.load(each), builder.fmul(factor, columns)), each)
            for each, place in zip(totals, places, strict=True):
                builder.store(builder.load(each), place, align=4)
            return context.get_dummy_value()

        return types.void(left, right, total, types.intp, types.intp), generate

    return add_tile


# A tile of four rows of sixteen leaves AVX2 enough registers; the others are for what is left of a matrix.
add_4_by_16, add_4_by_8, add_4_by_4 = (_tile(4, lanes) for lanes in (16, 8, 4))
add_1_by_16, add_1_by_8, add_1_by_4 = (_tile(1, lanes) for lanes in (16, 8, 4))


def _in_order(groups: int) -> Any:
    """A function that writes products of rows of two matrices for so many times EIGHT pairs of rows, from a pair on.

    Each product takes its terms in their order, which are EIGHT x `blocks`: a vector holds one term of EIGHT products.
    Those are found by vectors of EIGHT terms of one product, and turned in registers.
    """
    vector = ir.VectorType(ir.FloatType(), EIGHT)

    @intrinsic
    def write(context: Any, left: Any, right: Any, lefts: Any, rights: Any, found: Any, pair: Any, blocks: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pair, blocks = arguments[5:]
            matrices = [
                _Matrix(context, builder, *each) for each in zip(signature.args[:2], arguments[:2], strict=True)
            ]
            lists = [
                context.make_array(kind)(context, builder, value).data
                for kind, value in zip(signature.args[2:5], arguments[2:5], strict=True)
            ]
            zero = ir.Constant(blocks.type, 0)
            pairs = [builder.add(pair, ir.Constant(pair.type, number)) for number in range(EIGHT * groups)]
            lines = [
                [matrix.at(builder.load(builder.gep(rows, [each])), zero) for each in pairs]
                for matrix, rows in zip(matrices, lists[:2], strict=True)
            ]
            totals = [cgutils.alloca_once(builder, vector) for _ in range(groups)]
            for total in totals:
                builder.store(ir.Constant(vector, [0.0] * EIGHT), total)
            with cgutils.for_range(builder, blocks, intp=blocks.type) as loop:
                offset = builder.mul(loop.index, ir.Constant(blocks.type, EIGHT))
                for group, total in enumerate(totals):
                    mine = slice(EIGHT * group, EIGHT * (group + 1))
                    products = [
                        builder.fmul(*(_loaded(builder, line, offset, vector) for line in both))
                        for both in zip(lines[0][mine], lines[1][mine], strict=True)
                    ]
                    so_far = builder.load(total)
                    for term in _turned(builder, products):
                        so_far = builder.fadd(so_far, term)
                    builder.store(so_far, total)
            for group, total in enumerate(totals):
                place = builder.gep(lists[2], [pairs[EIGHT * group]])
                builder.store(builder.load(total), builder.bitcast(place, vector.as_pointer()), align=4)
            return context.get_dummy_value()

        return types.void(left, right, lefts, rights, found, types.intp, types.intp), generate

    return write


write_16_in_order, write_8_in_order = _in_order(2), _in_order(1)  # two at once hide how long an addition takes


@intrinsic
def turn_8_by_8(context: Any, source: Any, rows: Any, first: Any, column: Any, turned: Any, row: Any, at: Any) -> Any:
    """Write EIGHT columns, from one on, of EIGHT listed rows of a matrix as rows, from one on, of another.

    In compiled code: the matrix; row numbers, and from where on they count; the first column; the other matrix, and the
    row and the column of it where the first number goes. The columns of both are contiguous.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.FloatType(), EIGHT)
        given, written = (_Matrix(context, builder, signature.args[i], arguments[i]) for i in (0, 4))
        listed = context.make_array(signature.args[1])(context, builder, arguments[1])
        (stride,) = cgutils.unpack_tuple(builder, listed.strides)
        start = builder.ptrtoint(listed.data, stride.type)
        _, _, first, column, _, row, at = arguments
        numbers = [ir.Constant(first.type, number) for number in range(EIGHT)]
        places = [builder.add(start, builder.mul(builder.add(first, number), stride)) for number in numbers]
        chosen = [builder.load(builder.inttoptr(place, listed.data.type)) for place in places]
        lines = [builder.load(builder.bitcast(given.at(each, column), vector.as_pointer()), align=4) for each in chosen]
        for number, line in zip(numbers, _turned(builder, lines), strict=True):
            target = written.at(builder.add(row, number), at)
            builder.store(line, builder.bitcast(target, vector.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(source, rows, types.intp, types.intp, turned, types.intp, types.intp), generate


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """The columns of EIGHT vectors of EIGHT, in three rounds: of single numbers, of pairs and of fours."""
    width = 1
    while width < EIGHT:
        swapped = list(rows)
        for low in range(EIGHT):
            if low & width:
                continue
            high = low + width
            # Number i of the first comes from where bit `width` of i is 0 in `low`, and from `high` where it is 1.
            first = [i if not i & width else EIGHT + i - width for i in range(EIGHT)]
            second = [i + width if not i & width else EIGHT + i for i in range(EIGHT)]
            swapped[low], swapped[high] = (
                builder.shuffle_vector(rows[low], rows[high], ir.Constant(ir.VectorType(_INDEX, EIGHT), chosen))
                for chosen in (first, second)
            )
        rows, width = swapped, 2 * width
    return rows


class _Matrix:
    """A matrix in the code that is generated: its shape, and the address of an entry."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        array = context.make_array(kind)(context, builder, value)
        self.shape = cgutils.unpack_tuple(builder, array.shape)
        self._strides = cgutils.unpack_tuple(builder, array.strides)
        self._start = builder.ptrtoint(array.data, self.shape[0].type)
        self._builder = builder

    def at(self, row: Any, column: Any) -> Any:
        """The address of an entry."""
        builder = self._builder
        offsets = [builder.mul(*pair) for pair in zip((row, column), self._strides, strict=True)]
        return builder.inttoptr(builder.add(self._start, builder.add(*offsets)), ir.FloatType().as_pointer())


def everywhere(builder: Any, number: Any, vector: Any) -> Any:
    """A vector whose every entry is one number."""
    undefined = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(undefined, number, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(
        single, undefined, ir.Constant(ir.VectorType(_INDEX, vector.count), [0] * vector.count)
    )


def _products(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The code of the products of the first argument with each other one; the last is the number of blocks."""
    first, *others = [
        context.make_array(kind)(context, builder, value).data
        for kind, value in zip(signature.args[:-1], arguments[:-1], strict=True)
    ]
    blocks = arguments[-1]
    zero = ir.Constant(_VECTOR, [0.0] * LANES)
    totals = [cgutils.alloca_once_value(builder, zero) for _ in others]
    for total in totals:  # an `alloca_once` is initialised once a function, and this may be inside a loop
        builder.store(zero, total)
    with cgutils.for_range(builder, blocks, intp=blocks.type) as loop:
        offset = builder.mul(loop.index, ir.Constant(blocks.type, LANES))
        common = _loaded(builder, first, offset)
        for other, total in zip(others, totals, strict=True):
            product = builder.fmul(common, _loaded(builder, other, offset))
            builder.store(builder.fadd(builder.load(total), product), total)
    return [_sum(builder, builder.load(total)) for total in totals]


def _loaded(builder: Any, pointer: Any, offset: Any, vector: Any = _VECTOR) -> Any:
    block = builder.bitcast(builder.gep(pointer, [offset]), vector.as_pointer())
    return builder.load(block, align=4)


def _sum(builder: Any, lanes: Any) -> Any:
    width = LANES
    while width > 1:
        width //= 2
        halves = [
            builder.shuffle_vector(
                lanes,
                ir.Constant(lanes.type, ir.Undefined),
                ir.Constant(ir.VectorType(_INDEX, width), [start + i for i in range(width)]),
            )
            for start in (0, width)
        ]
        lanes = builder.fadd(*halves)
    return builder.extract_element(lanes, ir.Constant(_INDEX, 0))
