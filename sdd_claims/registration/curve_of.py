"""A request for a sparsity curve: which measure, of which run, over how many levels."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import TypeAlias

import numpy as np

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.record import MEASURES, no_measure, unrecorded
from sdd_claims.spec import RunSpec
from sdd_claims.stats import Window


@dataclass(frozen=True)
class CurveOf:
    """A sparsity curve that a trial needs: one measure of a spec's first levels.

    Attributes:
        spec: the setting.
        measure: a field of `LevelRecord`.
        levels: their number, dense level included.
        offset: added to the judged seeds, for an independent repetition of the same setting.
    """

    spec: RunSpec
    measure: str
    levels: int
    offset: int = 0

    def __post_init__(self) -> None:
        """Check now what would otherwise come out only after training.

        Raises:
            InputError: no such measure, one that the spec does not record, or numbers that are no counts.
        """
        if self.measure not in MEASURES:
            raise InputError(no_measure(self.measure))
        if why := unrecorded(self.spec, self.measure):
            raise InputError(why)
        for name, least in (("levels", 1), ("offset", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
                raise InputError(f"CurveOf.{name} must be a whole number of at least {least}, got {value!r}")
            object.__setattr__(self, name, int(value))  # NumPy's have no text for a protocol to be a digest of

    @property
    def axis(self) -> str:
        """The axis along which the levels lie, see `SparsityCurve`."""
        return self.spec.axis

    def position(self) -> np.ndarray:
        """The position of every level along the axis: its scheduled density, or the value of that point of the path.

        Raises:
            InputError: the path has fewer points.
        """
        return np.array([self.spec.position(level) for level in range(self.levels)])

    @property
    def whole(self) -> Window:
        """A window that holds every level of a curve over density.

        Raises:
            InputError: the path has fewer points.
        """
        position = self.position()
        return Window(float(position[-1]) / 1.01, float(position[0]))

    def seeds(self, judged: tuple[int, ...]) -> tuple[int, ...]:
        """The seeds to train for these judged seeds."""
        return tuple(seed + self.offset for seed in judged)


Reader: TypeAlias = Callable[[CurveOf, tuple[int, ...]], SparsityCurve]
"""Reads a curve for some judged seeds."""
