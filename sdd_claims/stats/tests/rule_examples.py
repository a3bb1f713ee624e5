"""A small example of every rule: an instance, curves in which its claim holds, and curves in which its contrary does.

`test_every_rule.py` holds every rule to the same checks on its example. A new rule takes an entry in `EXAMPLES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sdd_claims.curves import DENSITY
from sdd_claims.stats import (
    AllOf,
    Contrast,
    Correlated,
    DipFree,
    DipThenRise,
    Equivalent,
    FewerTurns,
    Greater,
    Located,
    Location,
    MostSeeds,
    MostSeedsWithin,
    PartiallyCorrelated,
    Rule,
    SamePlace,
    Shifts,
    Term,
    ThresholdWithin,
    Window,
)
from sdd_claims.stats import population as simulated
from sdd_claims.stats.population import BRACKET, CRITICAL, LEVELS, LIGHT, SWEET, Levels, bump, phases


@dataclass(frozen=True)
class Axis:
    """The axis that the curves of an example lie along, at the same levels on each.

    Attributes:
        name: "density", or that of a path.
        position: of each level.
        earlier: the sign of a change of log position towards the first level.
    """

    name: str
    position: Levels
    earlier: Literal[1, -1]

    def window(self, densities: Window) -> Window:
        """The window that holds the levels of these densities."""
        if self.name == DENSITY:
            return densities
        return Window(1 / densities.high, 1 / densities.low, self.name)

    def at(self, kind: Literal["dip", "peak"], densities: Window = BRACKET) -> Location:
        """The extremum at these densities."""
        return Location(self.window(densities), kind)


PRUNING = Axis(DENSITY, simulated.DENSITY, earlier=1)
PATH = Axis("penalty strength", 1 / simulated.DENSITY, earlier=-1)
"""The mirror image of `PRUNING`: log position is the same but for its sign."""


@dataclass(frozen=True)
class Example:
    """A rule with evidence for it and against it.

    Attributes:
        rule: makes the rule from the axis of its curves and a factor by which curves and margins are scaled.
        claimed: curve -> mean at each level, clearly as claimed.
        contrary: clearly the contrary.
        only_density: whether the rule has no meaning along another axis.
        bars_refutation: curves that only decide whether the rule may refute; a NaN there bars refutation.
    """

    rule: Callable[[Axis, float], Rule]
    claimed: Mapping[str, Levels]
    contrary: Mapping[str, Levels]
    only_density: bool = False
    bars_refutation: tuple[str, ...] = ()


K = np.arange(LEVELS)
FLAT = np.full(LEVELS, 0.78)
FALL = 0.78 - 0.03 * K
DIP = phases(0.78, 0.70, 0.76, 0.50)
TRAIN = np.linspace(1, 0.3, LEVELS)
WIDE = Window(0.0012, 1.0)


def dip_then_rise(axis: Axis, scale: float) -> Rule:
    light, critical, sweet = (axis.window(each) for each in (LIGHT, CRITICAL, SWEET))
    return DipThenRise("accuracy", light, critical, sweet, margin=0.01 * scale, train_curve="train")


def dip_free(axis: Axis, scale: float) -> Rule:
    return DipFree("accuracy", 0.01 * scale, *(axis.window(each) for each in (LIGHT, CRITICAL, SWEET)))


def rise(axis: Axis, scale: float, curve: str) -> Greater:
    terms = (Term(1.0, curve, axis.window(SWEET)), Term(-1.0, curve, axis.window(CRITICAL)))
    return Greater(Contrast(terms), 0.01 * scale)


def equivalent(axis: Axis, scale: float) -> Rule:
    window = axis.window(SWEET)
    return Equivalent(Contrast((Term(1.0, "noisy", window), Term(-1.0, "clean", window))), 0.02 * scale)


def fewer_turns(axis: Axis, scale: float) -> Rule:
    followed = axis.window(Window(float(simulated.DENSITY[-1]), 0.12))
    widths = ("narrow", "middle", "wide")
    return FewerTurns(widths, (0.0, 1.0, 2.0), followed, tolerance=0.06 * scale, margin=0.01 * scale)


def most_seeds(axis: Axis, scale: float) -> Rule:
    terms = (Term(1.0, "accuracy", axis.window(CRITICAL)), Term(-1.0, "accuracy", axis.window(SWEET)))
    return MostSeeds(Contrast(terms), -0.01 * scale)


def most_seeds_within(axis: Axis, _: float) -> Rule:
    places = (Located(1, "accuracy", axis.at("dip", WIDE)), Located(-1, "distance", axis.at("peak", WIDE)))
    return MostSeedsWithin(Contrast(places), -0.67, 0.67, f"log {axis.name}")


EXAMPLES = {
    "greater": Example(
        lambda axis, scale: rise(axis, scale, "accuracy"),
        claimed={"accuracy": DIP},
        contrary={"accuracy": FALL},
    ),
    "equivalent": Example(
        equivalent,
        claimed={"noisy": DIP, "clean": DIP},
        contrary={"noisy": FALL, "clean": FLAT},
    ),
    "most_seeds": Example(
        most_seeds,
        claimed={"accuracy": DIP},
        contrary={"accuracy": FALL},
    ),
    "most_seeds_within": Example(
        most_seeds_within,
        claimed={"accuracy": FLAT - bump(), "distance": 1 + bump()},
        contrary={"accuracy": FLAT - bump(0.7), "distance": 1 + bump(-0.7)},
    ),
    "dip_then_rise": Example(
        dip_then_rise,
        claimed={"accuracy": DIP, "train": TRAIN},
        contrary={"accuracy": FALL, "train": TRAIN},
        bars_refutation=("train",),
    ),
    "dip_free": Example(dip_free, claimed={"accuracy": FALL}, contrary={"accuracy": DIP}),
    "same_place": Example(
        lambda axis, _: SamePlace("accuracy", axis.at("dip", WIDE), "distance", axis.at("peak", WIDE)),
        claimed={"accuracy": FLAT - bump(), "distance": 1 + bump()},
        contrary={"accuracy": FLAT - bump(0.7), "distance": 1 + bump(-0.7)},
    ),
    "shifts": Example(
        lambda axis, _: Shifts(
            ("10 % noise", "20 % noise"), (0.0, 1.0), axis.at("dip"), axis.earlier, f"log {axis.name} per doubling"
        ),
        claimed={"10 % noise": FLAT - bump(-0.3), "20 % noise": FLAT - bump(0.3)},
        contrary={"10 % noise": FLAT - bump(0.3), "20 % noise": FLAT - bump(-0.3)},
    ),
    "correlated": Example(
        lambda axis, _: Correlated("distance", "trend", "accuracy", axis.window(BRACKET), -1),
        claimed={"distance": 1 + bump(), "trend": 1 + 0.01 * K, "accuracy": FLAT - bump()},
        contrary={"distance": 1 - bump(), "trend": 1 + 0.01 * K, "accuracy": FLAT - bump()},
    ),
    "partially_correlated": Example(
        lambda axis, _: PartiallyCorrelated("distance", "trend", "accuracy", axis.window(BRACKET), -1),
        claimed={"distance": 1 + bump(), "trend": 1 + bump(0.5), "accuracy": FLAT - bump()},
        contrary={"distance": 1 - bump(), "trend": 1 + bump(0.5), "accuracy": FLAT - bump()},
    ),
    "threshold_within": Example(
        lambda axis, scale: ThresholdWithin("train", axis.window(CRITICAL), 0.3 * scale),
        claimed={"train": 1 - 0.1 * np.maximum(K - 5, 0)},
        contrary={"train": 1 - 0.1 * np.maximum(K - 1, 0)},
        only_density=True,
    ),
    "fewer_turns": Example(
        fewer_turns,
        claimed={"narrow": phases(0.78, 0.62, 0.78, 0.60), "middle": phases(0.78, 0.62, 0.62, 0.60), "wide": FLAT},
        contrary={"narrow": FLAT, "middle": phases(0.78, 0.62, 0.62, 0.60), "wide": phases(0.78, 0.62, 0.78, 0.60)},
    ),
    "all_of": Example(
        lambda axis, scale: AllOf({curve: rise(axis, scale, curve) for curve in ("first", "second")}),
        claimed={"first": DIP, "second": DIP},
        contrary={"first": DIP, "second": FALL},
    ),
}
