"""Paths: runs whose levels are no pruning levels but points along something else."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from sdd_claims.errors import InputError
from sdd_claims.spec.base import Spec

PathOver = Literal["none", "penalty_strength", "epochs", "ridge_refit", "lasso_refit"]

PATHS = {
    "penalty_strength": "penalty strength",
    "epochs": "epoch",
    "ridge_refit": "ridge strength",
    "lasso_refit": "lasso strength",
}
"""The axes that a path may lead along, with their names in the report."""


@dataclass(frozen=True, kw_only=True)
class PathSpec(Spec):
    """A path of points in place of pruning levels: level k of the run is point k.

    Attributes:
        over: "none" for iterative pruning. "penalty_strength": a training at each strength, all from the same
            initialization and in the same batches. "epochs": looks at one training after so many epochs. "ridge_refit"
            and "lasso_refit": one training, then its last layer fitted anew by scikit-learn at each strength.
        values: values of the points, rising; three or more.
    """

    over: PathOver = "none"
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.over == "none":
            self._require("values", not self.values, "() for iterative pruning, whose levels follow from PruningSpec")
            return
        rising = all(low < high for low, high in pairwise(self.values)) and min(self.values, default=0) >= 0
        self._require("values", rising, "rising numbers from 0 on")
        self._require("values", len(self.values) >= 3, "three points or more: fewer show no course")

    @property
    def axis(self) -> str:
        """The axis along which it leads: "density" where levels are pruned."""
        return PATHS.get(self.over, "density")

    def position(self, point: int) -> float:
        """The position of a point along the axis.

        Raises:
            InputError: there is no such point.
        """
        if point >= len(self.values):
            raise InputError(
                f"a path of {len(self.values)} points over {self.axis} has no point {point}; ask for fewer"
            )
        return self.values[point]
