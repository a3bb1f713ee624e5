"""The fixed formula that sets windows from pilot seeds, so that nobody chooses them."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sdd_claims.curves import DENSITY, SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats.dip_depth import below_both
from sdd_claims.stats.window import Window

FORMULA = 2
"""Version of `find_phases`: part of the protocol of trials whose windows it sets. Raise it with every change."""

_STEADY = 0.01
"""Pilots whose standard deviation is no more than this, the margin of a dip, are never scattered too widely.

Formula 1 had no such floor. Pilots of LeNet-300-100 on all of MNIST scatter by 0.3 points where they are dense and by
0.7 on their second rise, which is steep: it stopped there, and took a point of the rise for the top of the sweet phase.
Where the dense standard deviation is above half of this, both formulas set the same windows.
"""

_SLACK = 1.08
"""A window reaches this factor beyond its outermost levels: less than half a level at 20 % a level.

The first or the last level of a window is looked for within its square: one level, where 8 % or more go at each.
"""


@dataclass(frozen=True, slots=True)
class Phases:
    """The windows of the phases of He et al. 2022, 2.3, and the brackets in which dips and peaks are located.

    Attributes:
        light: around the highest test accuracy before the dip.
        critical: around the lowest.
        sweet: around the highest after it.
        collapsed: the sparsest levels that may be looked at; None where these are still on the second rise.
        memorizing: the sparsest level at which the dense network's train accuracy is kept, and its denser neighbour.
        to_sweet: the curve from the dense network to the top of the sweet phase.
        rise: from the start of the critical phase to the top of the sweet phase.
        whole: the whole curve.
    """

    light: Window
    critical: Window
    sweet: Window
    collapsed: Window | None
    memorizing: Window
    to_sweet: Window
    rise: Window
    whole: Window

    @property
    def critical_start(self) -> Window:
        """The densest level of the critical phase."""
        return Window(self.critical.high / _SLACK**2, self.critical.high)

    @property
    def sweet_start(self) -> Window:
        """The densest level of the sweet phase."""
        return Window(self.sweet.high / _SLACK**2, self.sweet.high)

    @property
    def sweet_top(self) -> Window:
        """The level at the top of the sweet phase."""
        return Window(self.to_sweet.low, self.to_sweet.low * _SLACK**2)

    @property
    def falling(self) -> Window:
        """After the light window, to the sparse end of the critical one: where test accuracy falls to its lowest."""
        return Window(self.critical.low, self.light.low)

    @property
    def light_end(self) -> Window | None:
        """The sparsest level of the light phase; None where that is the dense network."""
        if self.light.low > 0.999 / _SLACK:  # windows are written down to three digits
            return None
        return Window(self.light.low, min(1.0, self.light.low * _SLACK**2))

    def last_fall(self) -> Window:
        """The collapsed phase, for a claim that cannot do without it.

        Raises:
            InputError: the pilots showed none.
        """
        if self.collapsed is None:
            raise InputError(
                "the pilots' mean test accuracy still rises at the sparsest level that may be looked at (the last one, "
                "or the last before the pilots scatter too widely), so there is no collapsed phase to set a window by"
            )
        return self.collapsed


def find_phases(test: SparsityCurve, train: SparsityCurve) -> Phases:
    """The phases of a chain with label noise, from its pilots' mean curves.

    The critical phase is the level that lies deepest below both an earlier and a later one, light and sweet phase the
    highest level before and after it; each window is that level and its neighbours. No window lies where the pilots'
    standard deviation exceeds both twice that of the dense level and a point, nor beyond the first such level.

    Along a path the points lie so far apart that each window is one point, without its neighbours; and the pilots vary
    where the path leads, not where it begins, so that their standard deviation bars no window. Of its phases those
    that are found by train accuracy do not exist (`memorizing` is `light`), and neither does `collapsed`.

    Args:
        test: test accuracy of the pilots.
        train: their train accuracy, on the labels trained on.

    Raises:
        InputError: the pilots' mean curve shows no dip, so there are no phases to look at; or a dense network diverged.
    """
    if test.axis != DENSITY:
        return _along_path(test)
    mean, deviation = test.values.mean(axis=0), test.values.std(axis=0, ddof=1)
    steady = deviation <= np.maximum(2 * deviation[0], _STEADY)  # False where a pilot diverged
    if not steady[0]:
        raise InputError(
            f"{int(np.isnan(test.values[:, 0]).sum())} of {len(test.values)} pilots diverged in dense training, so "
            "there is no curve to set windows by; lower the learning rate"
        )
    last = len(steady) - 1 if steady.all() else int(steady.argmin()) - 1
    light, critical, sweet = _extrema(mean[: last + 1], diverged_pilots(test))
    kept = train.values.mean(axis=0)
    memorizing = int(np.flatnonzero((kept >= kept[0] - 0.005) & (np.arange(len(kept)) <= critical)).max())

    def window(first: int, final: int) -> Window:
        return Window(_rounded(test.position[final] / _SLACK), min(1.0, _rounded(test.position[first] * _SLACK)))

    def around(level: int, low: int, high: int) -> Window:
        return window(max(level - 1, low), min(level + 1, high))

    # Neighbouring windows share no level: the critical phase has first claim, then the sweet phase.
    critical_start, critical_end = max(critical - 1, light + 1), min(critical + 1, sweet - 1)
    sweet_start, sweet_end = max(sweet - 1, critical_end + 1), max(min(sweet + 1, last - 1), sweet)
    return Phases(
        light=around(light, 0, critical_start - 1),
        critical=window(critical_start, critical_end),
        sweet=window(sweet_start, sweet_end),
        collapsed=window(max(last - 1, sweet_end + 1), last) if sweet < last else None,
        memorizing=window(max(memorizing - 1, 0), memorizing),
        to_sweet=window(0, sweet),
        rise=window(critical_start, sweet),
        whole=window(0, len(mean) - 1),
    )


def diverged_pilots(test: SparsityCurve) -> str:
    """How many pilots diverged, at whatever level; empty where none did."""
    lost = int(np.isnan(test.values).any(axis=1).sum())
    return f"{lost} of {len(test.values)} pilots diverged" if lost else ""


def _along_path(test: SparsityCurve) -> Phases:
    at = test.position
    light, critical, sweet = _extrema(test.values.mean(axis=0), diverged_pilots(test))
    # Positions are compared in logarithms, so 0 is none.
    start = int(at[0] == 0)

    def window(first: int, final: int) -> Window:
        return Window(float(at[first]), float(at[final]), test.axis)

    return Phases(
        light=window(light, light),
        critical=window(critical, critical),
        sweet=window(sweet, sweet),
        collapsed=None,
        memorizing=window(light, light),
        to_sweet=window(start, sweet),
        rise=window(critical, sweet),
        whole=window(start, len(at) - 1),
    )


def _extrema(mean: Float[np.ndarray, " levels"], diverged: str) -> tuple[int, int, int]:
    """Finds the level that lies deepest below both an earlier and a later one, and the highest before and after it.

    Raises:
        InputError: there is none; `diverged` says how many pilots did.
    """
    depth = below_both(mean)
    critical = int(depth.argmax())
    if not depth[critical] > 0:  # False for NaN too
        raise InputError(
            "the pilots' mean test accuracy shows no dip, so there are no phases to set windows by"
            + (f"; since {diverged}, lower the learning rate" if diverged else "")
        )
    return int(mean[:critical].argmax()), critical, critical + 1 + int(mean[critical + 1 :].argmax())


def _rounded(density: float) -> float:
    """To three significant digits."""
    return round(density, 2 - math.floor(math.log10(density)))
