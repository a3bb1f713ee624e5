"""exp and log in a fixed order of multiplications and additions: a library's differ from processor to processor."""

from typing import Any

import numpy as np
from jaxtyping import Float64
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sdd_claims.compiled.jit import compiled


def _reinterpreted(source: Any, target: Any, code: Any) -> Any:
    """A function that takes a number's bits for those of another type."""

    @intrinsic
    def reinterpret(context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], code)

        return target(source), generate

    return reinterpret


_float32_of = _reinterpreted(types.int32, types.float32, ir.FloatType())
float64_of = _reinterpreted(types.int64, types.float64, ir.DoubleType())
int64_of = _reinterpreted(types.float64, types.int64, ir.IntType(64))

_F = np.float32
_LOG2E, _ROUND = _F(1.44269504088896341), _F(12582912.0)  # adding and taking off 1.5 x 2^23 rounds to a whole number
_LN2_HIGH, _LN2_LOW = _F(0.693359375), _F(-2.12194440e-4)
_E0, _E1, _E2 = _F(1.9875691500e-4), _F(1.3981999507e-3), _F(8.3334519073e-3)
_E3, _E4, _E5 = _F(4.1665795894e-2), _F(1.6666665459e-1), _F(5.0000001201e-1)
_ONE, _ZERO, _LOWEST, _HIGHEST = _F(1), _F(0), _F(-87.0), _F(88.0)


@compiled
def exp_single(x: np.float32) -> np.float32:
    """E to the power of x, at most 88, in single precision; 0 below -87, NaN for NaN.

    Range reduction by ln 2 in two parts and the polynomial of Cephes (Moshier 1989, expf): within 2 units in the last
    place.
    """
    inside = min(max(x, _LOWEST), _HIGHEST)
    whole = (inside * _LOG2E + _ROUND) - _ROUND
    rest = (inside - whole * _LN2_HIGH) - whole * _LN2_LOW
    polynomial = _E0
    polynomial = polynomial * rest + _E1
    polynomial = polynomial * rest + _E2
    polynomial = polynomial * rest + _E3
    polynomial = polynomial * rest + _E4
    polynomial = polynomial * rest + _E5
    value = (polynomial * (rest * rest) + rest) + _ONE
    power = _float32_of((np.int32(whole) + np.int32(127)) << np.int32(23))
    value = value * power
    value = _ZERO if x < _LOWEST else value
    return x if x != x else value


_LN2_TOP, _LN2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_TO_BASE_2, _ROUND_DOUBLE, _LOWEST_DOUBLE = 1.4426950408889634, 6755399441055744.0, -708.0


@compiled
def exp(x: float) -> float:
    """E to the power of x, at most 709, in double precision; 0 below -708, NaN for NaN.

    Range reduction by ln 2 in two parts (fdlibm) and the Taylor series to the 13th power: within 2 units in the last
    place.
    """
    inside = x if x > _LOWEST_DOUBLE else _LOWEST_DOUBLE
    shifted = inside * _TO_BASE_2 + _ROUND_DOUBLE
    whole = shifted - _ROUND_DOUBLE
    rest = (inside - whole * _LN2_TOP) - whole * _LN2_REST
    series = 1.0
    for power in range(13, 1, -1):
        series = 1.0 + series * rest / power
    value = 1.0 + series * rest
    # The last bits of `shifted` are those of the whole number, for which not every processor has a vector.
    value *= float64_of((int64_of(shifted) + 1023) << 52)
    value = 0.0 if x < _LOWEST_DOUBLE else value  # no branches, so that a loop over it is vectorised
    return x if x != x else value


@compiled
def log(x: float) -> float:
    """The natural logarithm of a positive normal number in double precision.

    x = m 2^e with m from sqrt(1/2) to sqrt(2), and log m = 2 artanh((m - 1) / (m + 1)) by its series to the 21st
    power: within 2 units in the last place. Infinity is its own logarithm, and so is NaN.
    """
    if not x < np.inf:
        return x
    bits = int64_of(x)
    exponent = (bits >> 52) - 1023
    mantissa = float64_of((bits & 0xFFFFFFFFFFFFF) | (np.int64(1023) << 52))
    if mantissa > 1.4142135623730951:
        mantissa *= 0.5
        exponent += 1
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = 1.0 / 21.0
    for power in range(19, 1, -2):
        series = series * square + 1.0 / power
    # log m = 2 r + 2 r^3 (1/3 + r^2/5 + ...), so that the small part is rounded small.
    fine = 2.0 * ratio * square * series
    return exponent * _LN2_TOP + (2.0 * ratio + (fine + exponent * _LN2_REST))


@compiled
def _polar(uniform: Float64[np.ndarray, "pairs 2"], found: Float64[np.ndarray, " numbers"], count: int) -> int:
    for pair in range(uniform.shape[0]):
        u, v = 2.0 * uniform[pair, 0] - 1.0, 2.0 * uniform[pair, 1] - 1.0
        square = u * u + v * v
        if 0.0 < square < 1.0 and count < found.shape[0]:
            factor = np.sqrt(-2.0 * log(square) / square)
            found[count] = u * factor
            if count + 1 < found.shape[0]:
                found[count + 1] = v * factor
            count += 2
    return count


def normals(generator: np.random.Generator, count: int) -> Float64[np.ndarray, " count"]:
    """Standard normal numbers by the polar method (Marsaglia & Bray 1964) from the generator's uniform ones."""
    found = np.empty(count)
    done = 0
    while done < count:
        done = _polar(generator.random((64 + (count - done) * 2 // 3, 2)), found, done)
    return found
