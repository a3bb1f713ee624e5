"""A pytest plugin: the sources of the compiled code with doubles in place of single-precision numbers.

    NUMBA_CACHE_DIR=$(mktemp -d) python -m pytest -p sdd_claims.compiled.tests.in_double sdd_claims/compiled -k autograd

In single precision rounding hides what differs by less than a few parts in 100,000; in double precision the same
sources must agree with PyTorch to 1e-10. The plugin must be loaded before any of them, so a process takes it from its
command line; what it compiles is no code for other processes, hence a folder of its own. Of the tests only those that
`test_in_double` names are meant for it.
"""

import llvmlite.ir
import numba.core.types
import numpy as np
import torch  # noqa: F401 - before the change, as Numba and NumPy: they read the true types once

np.float32 = np.float64  # type: ignore[assignment]
numba.core.types.float32 = numba.core.types.float64
llvmlite.ir.FloatType = llvmlite.ir.DoubleType

from sdd_claims.compiled import functions  # noqa: E402

functions.exp_single = functions.exp  # type: ignore[assignment]
