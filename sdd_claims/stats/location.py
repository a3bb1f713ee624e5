"""The position of a peak or a dip along the curve, one number a seed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Shaped

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import words
from sdd_claims.stats.study import Positions, Values, named_seeds
from sdd_claims.stats.window import Window

Kind = Literal["dip", "peak", "deepest dip", "peak after the dip"]


@dataclass(frozen=True, slots=True)
class Location:
    """The barycentre, in log position, of the region around an extremum inside a registered bracket.

    The region is the contiguous stretch around the extremum above half its prominence over the higher bracket end
    (for a dip, below half its depth under the lower end), the curve drawn straight from level to level. For the deepest
    dip it is that of a curve of depths: how far each level lies below the highest ones on both sides.

    Attributes:
        bracket: where the extremum is looked for; its outermost levels are the bracket's ends.
        kind: "peak"; "dip"; "deepest dip", the level furthest below the highest ones on both sides of it; or "peak
            after the dip", the peak at the levels after the deepest dip. With the last two a whole curve can be looked
            at: its dense end may be higher than any peak, and its sparse end lower than any dip. Such a curve ends
            where it has collapsed, with the first level below half of its highest that comes after this highest: what
            follows are ripples of networks that have learned next to nothing. They are meant for measures that are
            never below 0, such as accuracy, on curves that begin with the dense network; a dip may be deeper than half
            of the highest level only where this lies beyond it.
    """

    bracket: Window
    kind: Kind

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(
                f"a location is that of a 'dip', a 'peak', the 'deepest dip' or the 'peak after the dip', got "
                f"{self.kind!r}; give one of these"
            )
        if not self.bracket.low > 0:
            raise InputError(
                f"the bracket {self.bracket.words} holds 0, which has no logarithm; give one that starts above it"
            )

    @property
    def unit(self) -> str:
        """The unit of the position found: "log density" (natural), or the log of another axis."""
        return f"log {self.bracket.axis}"

    def check(self, position: Float[np.ndarray, " levels"]) -> None:
        """Checks that the bracket holds at least three levels.

        Raises:
            InputError: it holds fewer than three levels.
        """
        inside = self.bracket.levels(position).size
        if inside < 3:
            raise InputError(
                f"the bracket at {self.bracket.words} holds {inside} of the curve's levels, a {self.kind} needs at "
                "least three; widen it"
            )

    def of(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch"]:
        """Locates the extremum of every curve.

        Returns:
            Natural log of position; NaN where the extremum lies at an end of the bracket or the curve has a NaN inside.
        """
        levels = self.bracket.levels(position)
        return _barycentre(np.log(position[levels]), self._heights(values[..., levels]))

    def clearance(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch"]:
        """Computes how far the extremum stands out: the highest level between the bracket's ends over the higher end.

        Returns:
            In the unit of the values; above zero for a curve that has a location and for no other. NaN where the curve
            has a NaN inside. For a peak after the dip, the depth of that dip if this is less.
        """
        heights = self._heights(values[..., self.bracket.levels(position)])
        clear = heights[..., 1:-1].max(axis=-1) - np.maximum(heights[..., 0], heights[..., -1])
        if self.kind == "peak after the dip":
            whole = _until_collapse(values[..., self.bracket.levels(position)])
            return np.minimum(clear, _depths(whole).max(axis=-1))
        return clear

    def unfound(self, name: str, curve: SparsityCurve) -> list[str]:
        """Names the seeds without a location, as sentences; an empty list where all have one."""
        lacking = np.isnan(self.of(curve.position, curve.values))
        if not lacking.any():
            return []
        verb = "shows" if lacking.sum() == 1 else "show"
        seeds = named_seeds(curve, lacking)
        return [f"{seeds} of {name!r} {verb} no {self.kind} in the bracket at {self.bracket.words}"]

    def _heights(self, values: Float[np.ndarray, "*batch levels"]) -> Float[np.ndarray, "*batch levels"]:
        if self.kind == "deepest dip":
            return _water(_until_collapse(values))
        if self.kind == "peak after the dip":
            return _from_dip(_until_collapse(values))
        return values if self.kind == "peak" else -values


@dataclass(frozen=True, slots=True)
class Located:
    """A term of a contrast: the weight times how far an extremum lies from a position, in log position.

    Attributes:
        weight: such as -1, for how far it lies below a density.
        curve: name of the curve.
        at: where the extremum is looked for.
        origin: the position that it is measured from.
    """

    weight: float
    curve: str
    at: Location
    origin: float = 1.0

    def __post_init__(self) -> None:
        if not self.origin > 0:
            raise InputError(f"the origin {self.origin:g} has no logarithm; give a position above 0")

    def __str__(self) -> str:
        beside = "" if self.origin == 1 else f" over {words.position(self.origin)}"
        return f"{words.factor(self.weight)}{self.at.unit}{beside} of the {self.at.kind} of {self.curve}"

    def curves(self) -> tuple[str, ...]:
        """Returns the curve."""
        return (self.curve,)

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the bracket with its curve."""
        return [(self.curve, self.at.bracket)]

    def check(self, position: Positions) -> None:
        """Checks that the bracket holds at least three levels.

        Raises:
            InputError: it does not.
        """
        self.at.check(position[self.curve])

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes every seed's weighted distance; NaN where it has no such extremum."""
        return self.weight * (self.at.of(position[self.curve], values[self.curve]) - math.log(self.origin))

    def clearances(self, position: Positions, values: Values) -> tuple[Float[np.ndarray, "*batch seeds"], ...]:
        """Computes how far every seed's extremum stands out."""
        return (self.at.clearance(position[self.curve], values[self.curve]),)

    def diverged(self, curves: Mapping[str, SparsityCurve]) -> list[str]:
        """Names the seeds that have no such extremum."""
        return self.at.unfound(self.curve, curves[self.curve])


def _until_collapse(values: Float[np.ndarray, "*batch levels"]) -> Float[np.ndarray, "*batch levels"]:
    """The curve that stays at its first level below half of its highest and after it, if any; it is nowhere below 0."""
    index = np.arange(values.shape[-1])
    low = values < values.max(axis=-1, keepdims=True) / 2  # False for NaN
    collapsed = low & (index > values.argmax(axis=-1)[..., None])
    first = np.where(collapsed, index, index[-1]).min(axis=-1)[..., None]
    return np.where(index > first, np.take_along_axis(values, first, axis=-1), values)


def _depths(values: Float[np.ndarray, "*batch levels"]) -> Float[np.ndarray, "*batch inner"]:
    """Computes how deep every inner level lies below the lower of the highest levels before and after it."""
    before = np.maximum.accumulate(values, axis=-1)[..., :-2]
    after = np.maximum.accumulate(values[..., ::-1], axis=-1)[..., ::-1][..., 2:]
    return np.minimum(before, after) - values[..., 1:-1]


def _water(values: Float[np.ndarray, "*batch levels"]) -> Float[np.ndarray, "*batch levels"]:
    """How deep water would stand on every level of a curve: zero at its ends. A curve with a NaN has one."""
    ends = np.zeros_like(values[..., :1])
    return np.concatenate((ends, np.maximum(_depths(values), 0), ends), axis=-1)


def _from_dip(values: Float[np.ndarray, "*batch levels"]) -> Float[np.ndarray, "*batch levels"]:
    """The curve with all levels before its deepest dip brought down to it; flat, so without a peak, where it has none.

    A curve with a NaN stays one.
    """
    depths = _depths(values)
    dip = 1 + depths.argmax(axis=-1)[..., None]
    lowest = np.take_along_axis(values, dip, axis=-1)
    after = np.where(np.arange(values.shape[-1]) < dip, lowest, values)
    found = np.where(depths.max(axis=-1)[..., None] > 0, after, lowest)
    return np.where(np.isnan(values).any(axis=-1)[..., None], np.nan, found)


def _barycentre(
    x: Float[np.ndarray, " levels"], heights: Float[np.ndarray, "*batch levels"]
) -> Float[np.ndarray, "*batch"]:
    """Computes the barycentre of the excess over half prominence, exactly for the piecewise linear curve."""
    top = heights.max(axis=-1)
    end = np.maximum(heights[..., 0], heights[..., -1])
    excess = heights - (end + (top - end) / 2)[..., None]
    region = _region(heights, excess)

    (xa, xb), (ea, eb), (in_a, in_b) = _sides(x), _sides(excess), _sides(region)
    edge = in_a != in_b  # the excess changes sign in this segment, so ea differs from eb
    crossing = xa + (xb - xa) * ea / np.where(edge, ea - eb, 1.0)
    left, right = np.where(in_a, xa, crossing), np.where(in_b, xb, crossing)
    width = np.where(in_a | in_b, right - left, 0.0)
    ea, eb = np.where(in_a, ea, 0.0), np.where(in_b, eb, 0.0)
    mass = (width * (ea + eb) / 2).sum(axis=-1)
    moment = (width * (left * (2 * ea + eb) + right * (ea + 2 * eb)) / 6).sum(axis=-1)
    found = top > end  # False for NaN too
    return np.where(found, moment, np.nan) / np.where(found, mass, 1.0)


def _region(
    heights: Float[np.ndarray, "*batch levels"], excess: Float[np.ndarray, "*batch levels"]
) -> Bool[np.ndarray, "*batch levels"]:
    """Says which levels belong to the contiguous stretch of positive excess around the highest level."""
    index = np.arange(heights.shape[-1])
    peak = heights.argmax(axis=-1)[..., None]
    low = ~(excess > 0)
    before = np.where(low & (index < peak), index, -1).max(axis=-1)[..., None]
    after = np.where(low & (index > peak), index, index.size).min(axis=-1)[..., None]
    return (index > before) & (index < after) & ~low


def _sides(levels: Shaped[np.ndarray, "*batch levels"]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the left and the right end of every segment between neighbouring levels."""
    return levels[..., :-1], levels[..., 1:]
