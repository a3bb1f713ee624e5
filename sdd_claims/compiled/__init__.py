"""Small networks trained by compiled code of our own: one at a time, and with the same bits on every processor.

Everything here sees arrays only. Nothing depends on PyTorch, on a BLAS, or on how wide a processor's vectors are: sums
have one order, multiplications and additions stay apart, and exp, log and normal numbers are computed by formulas that
stand here. Importing a module of this room needs Numba.
"""

from importlib.util import find_spec


def why_missing() -> str:
    """Why nothing can be compiled here; "" where it can."""
    if find_spec("numba") is None:
        return "Numba is not installed"
    try:
        import numba
    except Exception as error:  # it may be there and not fit this Python or NumPy
        return f"Numba cannot be imported ({error})"
    return "NUMBA_DISABLE_JIT is set" if numba.config.DISABLE_JIT else ""
