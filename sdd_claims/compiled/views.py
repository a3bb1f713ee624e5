"""Parts of vectors and matrices that share their memory and do not keep it.

Numba counts who holds the memory of a slice, checks its bounds and prepares for its failing: that takes a small network
longer than its arithmetic, and the compiler a third of its time. A view here is an address and a shape. It must not
outlive what it is a view of. So it is never returned to Python, and never taken of an array that the same compiled
function has made, which Numba frees after its last use by name.
"""

from collections.abc import Sequence
from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array


@intrinsic
def part(context: Any, flat: Any, start: Any, count: Any) -> Any:
    """So many numbers of a vector, from one on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole, (first, *shape) = _array(context, builder, signature, arguments), arguments[1:]
        return _view(context, builder, signature, whole, builder.gep(whole.data, [first]), shape)

    return _contiguous(flat, 1)(flat, types.intp, types.intp), generate


@intrinsic
def matrix(context: Any, flat: Any, start: Any, rows: Any, columns: Any) -> Any:
    """A part of a vector, from one number on, as a matrix."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole, (first, *shape) = _array(context, builder, signature, arguments), arguments[1:]
        return _view(context, builder, signature, whole, builder.gep(whole.data, [first]), shape)

    return _contiguous(flat, 2)(flat, types.intp, types.intp, types.intp), generate


@intrinsic
def lines(context: Any, given: Any, start: Any, count: Any) -> Any:
    """So many rows of a contiguous matrix, from one on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole, (first, rows) = _array(context, builder, signature, arguments), arguments[1:]
        columns = cgutils.unpack_tuple(builder, whole.shape)[1]
        data = builder.gep(whole.data, [builder.mul(first, columns)])
        return _view(context, builder, signature, whole, data, [rows, columns])

    return _contiguous(given, 2)(given, types.intp, types.intp), generate


@intrinsic
def strided(context: Any, given: Any) -> Any:
    """The same matrix as one of any strides: a function that takes both is compiled once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = _array(context, builder, signature, arguments)
        return _made(context, builder, signature, whole, whole.data, whole.shape, whole.strides)

    return given.copy(layout="A")(given), generate


def _contiguous(kind: Any, dimensions: int) -> Any:
    """The type of a view of a contiguous array; as little as that can it be written to where that is read-only.

    Raises:
        TypingError: the array is not contiguous, row by row.
    """
    if kind.layout != "C":
        raise TypingError(f"a view is one of a contiguous array, got {kind}; copy it first")
    return kind.copy(ndim=dimensions)


def _array(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The array that is the first argument."""
    return context.make_array(signature.args[0])(context, builder, arguments[0])


def _view(context: Any, builder: Any, signature: Any, given: Any, data: Any, shape: Sequence[Any]) -> Any:
    """A contiguous array of this shape, at this address."""
    size = given.itemsize
    strides = [builder.mul(size, columns) for columns in shape[1:]] + [size]
    return _made(context, builder, signature, given, data, shape, strides)


def _made(context: Any, builder: Any, signature: Any, given: Any, data: Any, shape: Any, strides: Any) -> Any:
    made = context.make_array(signature.return_type)(context, builder)
    populate_array(made, data=data, shape=shape, strides=strides, itemsize=given.itemsize, meminfo=None, parent=None)
    return made._getvalue()
