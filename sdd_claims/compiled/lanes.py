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


def _loaded(builder: Any, pointer: Any, offset: Any) -> Any:
    block = builder.bitcast(builder.gep(pointer, [offset]), _VECTOR.as_pointer())
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
