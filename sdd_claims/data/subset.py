"""The part of the training set that a replica trains on."""

import numpy as np
from jaxtyping import Int64

from sdd_claims.errors import InputError


def subset(n: int, size: int, rng: np.random.Generator) -> Int64[np.ndarray, " size"]:
    """Draw `size` of `n` training images without replacement, every subset equally likely.

    Args:
        n: images in the training set.
        size: images to draw.
        rng: the replica's stream for its data subset.

    Returns:
        Indices, ascending: the subset keeps the order of the data set.

    Raises:
        InputError: `size` is not 1 to `n`.
    """
    if not 1 <= size <= n:
        raise InputError(f"a training subset of {size} images was asked of {n}; give a size from 1 to {n}")
    return np.sort(rng.choice(n, size, replace=False))
