"""The sparsity curve: a table seed x level of one measure. Rules see these arrays and nothing else."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sdd_claims.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class SparsityCurve:
    """One measure of every seed at every pruning level.

    Attributes:
        seeds: the replicas, one a row.
        density: fraction of prunable weights left at each level, falling from 1 (dense).
        values: the measure; accuracies are fractions in [0, 1], losses in nats, distances in weight units.
            A row may hold NaN only where its replica diverged.
    """

    seeds: tuple[int, ...]
    density: Float[np.ndarray, " levels"]
    values: Float[np.ndarray, "seeds levels"]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.seeds), len(self.density)):
            raise InputError(
                f"a sparsity curve of {len(self.seeds)} seeds and {len(self.density)} levels cannot hold "
                f"a table of shape {self.values.shape}; give one row a seed and one column a level"
            )
        if np.any(np.diff(self.density) >= 0):
            raise InputError(f"the densities of a sparsity curve must fall from level to level, got {self.density}")
