"""The precision that the compiled code computes in: single, but for tests in double precision (see `in_double`)."""

import numpy as np
import torch

DTYPE: torch.dtype = torch.from_numpy(np.zeros(0, np.float32)).dtype


def rounding(single: float) -> float:
    """A tolerance: the one of single precision that is given; in double precision 1e-10, if that is less."""
    return single if DTYPE is torch.float32 else min(single, 1e-10)
