"""Products of vectors, summed in sixteen lanes: one order on every processor, and as fast as its vectors allow.

A compiler may not reorder a sum, so a plain loop over it stays scalar. Here the order is written down in vectors of
sixteen numbers, which LLVM maps to whatever registers there are.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sdd_claims.compiled.jit import cpu

LANES = 16
WIDE = 2 * LANES if "+avx512f" in cpu()[1] else LANES
"""Columns of the widest tiles: registers of AVX-512 hold twice as many sums, which hides how long one takes."""
EIGHT = 8  # of which as many vectors can be turned in the registers of AVX2
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INDEX = ir.IntType(32)


@intrinsic
def lanes_product(context: Any, left: Any, right: Any, blocks: Any) -> Any:
    """The product of the first LANES x `blocks` numbers of two contiguous float32 vectors.

    Lane i sums every sixteenth product from i on; the lanes are then added in halves: 0 + 8, 1 + 9 ..., 0 + 4 ...
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lines = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:2], arguments[:2], strict=True)
        ]
        blocks = arguments[2]
        total = cgutils.alloca_once(builder, _VECTOR)
        builder.store(ir.Constant(_VECTOR, [0.0] * LANES), total)
        with cgutils.for_range(builder, blocks, intp=blocks.type) as loop:
            offset = builder.mul(loop.index, ir.Constant(blocks.type, LANES))
            product = builder.fmul(*(_loaded(builder, line, offset) for line in lines))
            builder.store(builder.fadd(builder.load(total), product), total)
        lanes = builder.load(total)
        while lanes.type.count > 1:
            lanes = _halves_added(builder, lanes)
        return builder.extract_element(lanes, ir.Constant(_INDEX, 0))

    return types.float32(left, right, types.intp), generate


def _tile(rows: int, lanes: int) -> Any:
    """A function that adds to a tile of `total`, or to zero, from a row and a column on, its share of left x right.

    Every number of the tile takes its terms in their order; the tile stays in registers meanwhile. All three are
    matrices of float32, and the columns of the last two are contiguous.
    """
    vector = ir.VectorType(ir.FloatType(), lanes)

    @intrinsic
    def add_tile(context: Any, left: Any, right: Any, total: Any, from_zero: Any, row: Any, column: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pairs = zip(signature.args[:3], arguments[:3], strict=True)
            first, second, sums = [_Matrix(context, builder, *pair) for pair in pairs]
            from_zero, row, column = arguments[3:]
            zero = ir.Constant(vector, [0.0] * lanes)
            chosen = [builder.add(row, ir.Constant(row.type, number)) for number in range(rows)]
            places = [builder.bitcast(sums.at(each, column), vector.as_pointer()) for each in chosen]
            totals = [cgutils.alloca_once(builder, vector) for _ in chosen]
            for each, place in zip(totals, places, strict=True):
                builder.store(builder.select(from_zero, zero, builder.load(place, align=4)), each)
            with cgutils.for_range(builder, first.shape[1], intp=row.type) as loop:
                block = builder.bitcast(second.at(loop.index, column), vector.as_pointer())
                columns = builder.load(block, align=4)
                for each, number in zip(totals, chosen, strict=True):
                    factor = everywhere(builder, builder.load(first.at(number, loop.index)), vector)
                    builder.store(builder.fadd(builder.load(each), builder.fmul(factor, columns)), each)
            for each, place in zip(totals, places, strict=True):
                builder.store(builder.load(each), place, align=4)
            return context.get_dummy_value()

        return types.void(left, right, total, types.boolean, types.intp, types.intp), generate

    return add_tile


# A tile of four rows of sixteen leaves AVX2 enough registers; the others are for what is left of a matrix.
add_4_by_wide, add_4_by_16, add_4_by_8, add_4_by_4 = (_tile(4, lanes) for lanes in (WIDE, 16, 8, 4))
add_1_by_wide, add_1_by_16, add_1_by_8, add_1_by_4 = (_tile(1, lanes) for lanes in (WIDE, 16, 8, 4))


def _listed(vectors: int, lanes: int) -> Any:
    """A function that adds listed rows of a matrix, each times a factor, to so many columns of `total`, from one on.

    Every number takes its terms in their order; the columns stay in registers meanwhile. The factors, the row numbers,
    the columns of the matrix and `total` are contiguous.
    """
    vector = ir.VectorType(ir.FloatType(), lanes)

    @intrinsic
    def add_listed(context: Any, factors: Any, rows: Any, matrix: Any, total: Any, column: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            factors, rows, total = (
                context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 1, 3)
            )
            given, column = _Matrix(context, builder, signature.args[2], arguments[2]), arguments[4]
            (count,) = cgutils.unpack_tuple(builder, rows.shape)
            offsets = [ir.Constant(column.type, lanes * number) for number in range(vectors)]
            places = [builder.add(column, offset) for offset in offsets]
            totals = [cgutils.alloca_once(builder, vector) for _ in places]
            for each, place in zip(totals, places, strict=True):
                builder.store(_loaded(builder, total.data, place, vector), each)
            with cgutils.for_range(builder, count, intp=count.type) as loop:
                factor = everywhere(builder, builder.load(builder.gep(factors.data, [loop.index])), vector)
                line = given.at(builder.load(builder.gep(rows.data, [loop.index])), column)
                for each, offset in zip(totals, offsets, strict=True):
                    product = builder.fmul(factor, _loaded(builder, line, offset, vector))
                    builder.store(builder.fadd(builder.load(each), product), each)
            for each, place in zip(totals, places, strict=True):
                pointer = builder.bitcast(builder.gep(total.data, [place]), vector.as_pointer())
                builder.store(builder.load(each), pointer, align=4)
            return context.get_dummy_value()

        return types.void(factors, rows, matrix, total, types.intp), generate

    return add_listed


# Four vectors at once hide how long an addition takes.
add_listed_64, add_listed_16, add_listed_8 = _listed(4, 16), _listed(1, 16), _listed(1, 8)


def _in_order(groups: int) -> Any:
    """A function that writes products of rows of two matrices for so many times EIGHT pairs of rows, from a pair on.

    Each product takes its terms in their order, which are EIGHT x `blocks`: a vector holds one term of EIGHT products.
    Those are found by vectors of EIGHT terms of one product, and turned in registers.
    """
    vector = ir.VectorType(ir.FloatType(), EIGHT)

    @intrinsic
    def write(context: Any, left: Any, right: Any, lefts: Any, rights: Any, found: Any, pair: Any, blocks: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            blocks = arguments[6]
            pairs = _Pairs(context, builder, signature, arguments, EIGHT * groups)
            totals = [cgutils.alloca_once(builder, vector) for _ in range(groups)]
            for total in totals:
                builder.store(ir.Constant(vector, [0.0] * EIGHT), total)
            with cgutils.for_range(builder, blocks, intp=blocks.type) as loop:
                offset = builder.mul(loop.index, ir.Constant(blocks.type, EIGHT))
                for group, total in enumerate(totals):
                    products = [pairs.products(EIGHT * group + i, offset, vector) for i in range(EIGHT)]
                    so_far = builder.load(total)
                    for term in _turned(builder, products):
                        so_far = builder.fadd(so_far, term)
                    builder.store(so_far, total)
            for group, total in enumerate(totals):
                pairs.write(EIGHT * group, builder.load(total))
            return context.get_dummy_value()

        return types.void(left, right, lefts, rights, found, types.intp, types.intp), generate

    return write


write_16_in_order, write_8_in_order = _in_order(2), _in_order(1)  # two at once hide how long an addition takes


def _by_lanes(*, of_one: bool) -> Any:
    """A function that writes products of rows of two matrices for EIGHT pairs of rows, from a pair on.

    Each is the `lanes_product` of the first LANES x `blocks` terms, to which EIGHT x `eights` more are added in their
    order. `of_one` is for pairs that share their first row, and its loads.
    """
    eight = ir.VectorType(ir.FloatType(), EIGHT)

    @intrinsic
    def write(
        context: Any, left: Any, right: Any, lefts: Any, rights: Any, found: Any, pair: Any, blocks: Any, eights: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            blocks, eights = arguments[6:]
            pairs = _Pairs(context, builder, signature, arguments, EIGHT, of_one=of_one)
            totals = [cgutils.alloca_once(builder, _VECTOR) for _ in range(EIGHT)]
            for total in totals:
                builder.store(ir.Constant(_VECTOR, [0.0] * LANES), total)
            for some in (range(EIGHT // 2), range(EIGHT // 2, EIGHT)):  # AVX2 has registers for four
                with cgutils.for_range(builder, blocks, intp=blocks.type) as loop:
                    offset = builder.mul(loop.index, ir.Constant(blocks.type, LANES))
                    for number in some:
                        so_far = builder.load(totals[number])
                        builder.store(builder.fadd(so_far, pairs.products(number, offset, _VECTOR)), totals[number])
            # Turned, a vector holds one lane of all pairs, and halves are added without moving lanes.
            lanes = _turned(builder, [_halves_added(builder, builder.load(total)) for total in totals])
            while len(lanes) > 1:
                half = len(lanes) // 2
                lanes = [builder.fadd(*both) for both in zip(lanes[:half], lanes[half:], strict=True)]
            found = cgutils.alloca_once(builder, eight)
            builder.store(lanes[0], found)
            with cgutils.for_range(builder, eights, intp=eights.type) as loop:
                offset = builder.add(
                    builder.mul(blocks, ir.Constant(blocks.type, LANES)),
                    builder.mul(loop.index, ir.Constant(blocks.type, EIGHT)),
                )
                for term in _turned(builder, [pairs.products(number, offset, eight) for number in range(EIGHT)]):
                    builder.store(builder.fadd(builder.load(found), term), found)
            pairs.write(0, builder.load(found))
            return context.get_dummy_value()

        return types.void(left, right, lefts, rights, found, types.intp, types.intp, types.intp), generate

    return write


write_8_by_lanes, write_8_of_one_by_lanes = _by_lanes(of_one=False), _by_lanes(of_one=True)


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


class _Pairs:
    """Listed pairs of rows of two matrices in the code that is generated, and the numbers that are found for them.

    Its arguments are those of the function: two matrices, two lists of rows, the numbers, and the first pair.
    """

    def __init__(
        self, context: Any, builder: Any, signature: Any, arguments: Any, count: int, *, of_one: bool = False
    ) -> None:
        matrices = [_Matrix(context, builder, *each) for each in zip(signature.args[:2], arguments[:2], strict=True)]
        *lists, self._found = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[2:5], arguments[2:5], strict=True)
        ]
        first = arguments[5]
        self._numbers = [builder.add(first, ir.Constant(first.type, number)) for number in range(count)]
        self._lines = [
            [matrix.at(builder.load(builder.gep(rows, [each])), ir.Constant(first.type, 0)) for each in self._numbers]
            for matrix, rows in zip(matrices, lists, strict=True)
        ]
        if of_one:
            self._lines[0] = self._lines[0][:1] * count
        self._builder = builder

    def products(self, number: int, offset: Any, vector: Any) -> Any:
        """Products of a vector of terms of one pair."""
        return self._builder.fmul(*(_loaded(self._builder, lines[number], offset, vector) for lines in self._lines))

    def write(self, number: int, values: Any) -> None:
        """Write the numbers of some pairs, from one on."""
        place = self._builder.gep(self._found, [self._numbers[number]])
        self._builder.store(values, self._builder.bitcast(place, values.type.as_pointer()), align=4)


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


def _loaded(builder: Any, pointer: Any, offset: Any, vector: Any = _VECTOR) -> Any:
    block = builder.bitcast(builder.gep(pointer, [offset]), vector.as_pointer())
    return builder.load(block, align=4)


def _halves_added(builder: Any, lanes: Any) -> Any:
    """The first half of a vector plus its second."""
    width = lanes.type.count // 2
    undefined = ir.Constant(lanes.type, ir.Undefined)
    halves = [
        builder.shuffle_vector(
            lanes, undefined, ir.Constant(ir.VectorType(_INDEX, width), [start + i for i in range(width)])
        )
        for start in (0, width)
    ]
    return builder.fadd(*halves)
