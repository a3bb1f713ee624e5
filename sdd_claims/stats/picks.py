"""A term of a contrast at the level that validation accuracy picks for each seed, or a cost summed up to that pick.

Picking by validation accuracy and judging by what was measured on other images chooses nothing on the judged data: a
pick never sees the curve that it is read from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import words
from sdd_claims.stats.early_stopping import chosen, densest_best, trained
from sdd_claims.stats.study import Positions, Values, diverged
from sdd_claims.stats.window import Window

How = Literal["early_stop", "best", "last"]
Over = Literal["at", "paid", "up_to"]


@dataclass(frozen=True, slots=True)
class Picked:
    """The weight times a curve at the level picked for a seed, or times its sum over the levels trained for the pick.

    Attributes:
        weight: such as 1e-9, for operations counted in GFLOP.
        curve: name of the curve that is read.
        by: name of the curve of validation accuracy, of the same runs.
        how: "early_stop" picks by `early_stopping.chosen`, "best" the densest level of the highest validation accuracy
            on the whole curve, "last" the last level. No pick is a level that diverged.
        over: "at" reads the curve at the level picked; "paid" sums it, a cost, over the levels trained until the pick
            is known: those of `early_stopping.trained`, for the other picks all; "up_to" over the levels up to the
            picked one, as if the pick had been known.
    """

    weight: float
    curve: str
    by: str
    how: How
    over: Over = "at"

    def __post_init__(self) -> None:
        for field, value, known in (("how", self.how, get_args(How)), ("over", self.over, get_args(Over))):
            if value not in known:
                raise InputError(f"a pick has no {field}={value!r}; use one of {', '.join(known)}")
        if self.by == self.curve:
            raise InputError(
                f"the curve {self.curve!r} cannot pick the level at which it is judged itself; pick by validation "
                "accuracy, on other images"
            )

    def __str__(self) -> str:
        if self.over == "paid":
            until = f"the levels trained until early stopping on {self.by}"
            what = f"{self.curve} summed over {until if self.how == 'early_stop' else 'all levels'}"
        else:
            reads = "summed up to" if self.over == "up_to" else "at"
            level = {
                "early_stop": f"the level that early stopping on {self.by} picks",
                "best": f"the level that is best on {self.by}",
                "last": "the last level",
            }[self.how]
            what = f"{self.curve} {reads} {level}"
        return words.factor(self.weight) + what

    def curves(self) -> tuple[str, ...]:
        """Returns the curve read and the one that picks."""
        return self.curve, self.by

    def placed(self) -> list[tuple[str, Window]]:
        """Returns no windows: where a seed's curve is read, its validation accuracy says."""
        return []

    def check(self, position: Positions) -> None:
        """Checks that both curves have the same levels.

        Raises:
            InputError: they have not.
        """
        read, by = position[self.curve], position[self.by]
        if len(read) != len(by) or not np.allclose(read, by, atol=0):
            raise InputError(
                f"{self.by!r} picks levels of {self.curve!r}, but they are not the same levels ({len(by)} and "
                f"{len(read)}); give both curves of the same runs"
            )

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes every seed's number; NaN where nothing could be picked or what is read diverged."""
        read, validation = values[self.curve], values[self.by]
        pick = self._pick(validation)
        if self.over == "at":
            number = np.take_along_axis(read, np.maximum(pick, 0)[..., None], axis=-1)[..., 0]
        else:
            levels = pick + 1
            if self.over == "paid":
                levels = trained(validation) if self.how == "early_stop" else np.full(pick.shape, validation.shape[-1])
            number = np.where(np.arange(read.shape[-1]) < levels[..., None], read, 0.0).sum(axis=-1)
        return self.weight * np.where(pick < 0, np.nan, number)

    def clearances(self, position: Positions, values: Values) -> tuple[Float[np.ndarray, "*batch seeds"], ...]:
        """Returns nothing: there is always a pick, but where the network diverged."""
        return ()

    def diverged(self, curves: Mapping[str, SparsityCurve]) -> list[str]:
        """Names the seeds that have no number.

        Raises:
            InputError: the two curves are of different seeds, so that one would pick for another.
        """
        read, by = curves[self.curve], curves[self.by]
        if read.seeds != by.seeds:
            raise InputError(
                f"{self.by!r} picks levels of {self.curve!r}, but their seeds differ; give both curves of the same runs"
            )
        return diverged(self.curve, read, self.numbers({}, {self.curve: read.values, self.by: by.values}))

    def _pick(self, validation: Float[np.ndarray, "*batch levels"]) -> Int[np.ndarray, "*batch"]:
        """Returns the level; -1 where the network diverged there or, before, everywhere."""
        if self.how == "early_stop":
            return chosen(validation)
        if self.how == "best":
            return densest_best(validation)
        return np.where(np.isnan(validation[..., -1]), -1, validation.shape[-1] - 1)
