"""The sparsity curve: a table seed x level of one measure. Rules see these arrays and nothing else."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sdd_claims.errors import InputError

DENSITY = "density"
"""The axis of iterative pruning; the levels of a path lie along another one, see `sdd_claims.spec.PATHS`."""


@dataclass(frozen=True, slots=True, eq=False)
class SparsityCurve:
    """One measure of every seed at every level: every pruning level, or every point of a path.

    Attributes:
        seeds: the replicas, one a row.
        position: where each level lies along the axis: the fraction of prunable weights left, falling from 1 (dense),
            or the value of that point of the path, rising.
        values: the measure; accuracies are fractions in [0, 1], losses in nats, distances in weight units.
            A row may hold NaN only where its replica diverged.
        axis: what the levels lie along: "density", or what a path leads over, such as "penalty strength".
    """

    seeds: tuple[int, ...]
    position: Float[np.ndarray, " levels"]
    values: Float[np.ndarray, "seeds levels"]
    axis: str = DENSITY

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.seeds), len(self.position)):
            raise InputError(
                f"a sparsity curve of {len(self.seeds)} seeds and {len(self.position)} levels cannot hold "
                f"a table of shape {self.values.shape}; give one row a seed and one column a level"
            )
        steps = np.diff(self.position)
        if self.axis == DENSITY and np.any(steps >= 0):
            raise InputError(f"the densities of a sparsity curve must fall from level to level, got {self.position}")
        if self.axis != DENSITY and np.any(steps <= 0):
            raise InputError(f"the points of a curve along {self.axis} must rise, got {self.position}")
