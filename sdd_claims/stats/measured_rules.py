"""The rules whose error rates are measured, on the curves and windows of the simulated studies."""

from dataclasses import replace

import numpy as np

from sdd_claims.stats.contrasts import Contrast, Equivalent, Greater, MostSeeds, MostSeedsWithin, Term
from sdd_claims.stats.correlation import Correlated, PartiallyCorrelated
from sdd_claims.stats.dips import DipThenRise
from sdd_claims.stats.extremum_positions import Shifts
from sdd_claims.stats.location import Kind, Located, Location
from sdd_claims.stats.parts import AllOf
from sdd_claims.stats.population import BRACKET, CRITICAL, DENSITY, LIGHT, SD, SWEET
from sdd_claims.stats.threshold import ThresholdWithin
from sdd_claims.stats.turns import FewerTurns
from sdd_claims.stats.window import Window

MARGIN = 0.01
NOISE_RATES = ("10 % noise", "20 % noise", "40 % noise")
WIDTHS = ("narrow", "middle", "wide")
RISES = ("first", "second")

_HALF_LEVEL = float(np.sqrt(DENSITY[1]))


def rise_of(curve: str) -> tuple[Term, Term]:
    """Returns the terms of a curve's rise from the critical to the sweet window."""
    return Term(1.0, curve, SWEET), Term(-1.0, curve, CRITICAL)


def light_difference(margin: float) -> Equivalent:
    """Returns the claim that noisy and clean accuracy are equivalent in the light window."""
    return Equivalent(Contrast((Term(1.0, "noisy", LIGHT), Term(-1.0, "clean", LIGHT))), margin)


DIP = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, margin=MARGIN)

RISE = Greater(Contrast(rise_of("noisy")), MARGIN)

RISE_BECAUSE_OF_NOISE = Greater(
    Contrast((*rise_of("noisy"), *(replace(term, weight=-term.weight) for term in rise_of("clean")))), MARGIN
)
"""The noisy curve rises more than the clean one."""

TWO_RISES = AllOf({curve: Greater(Contrast(rise_of(curve)), MARGIN) for curve in RISES})

SHIFT = Shifts(NOISE_RATES, (0.0, 1.0, 2.0), Location(BRACKET, "dip"), 1, "log density per doubling of noise")

WHOLE = Window(float(DENSITY[-1]), 1.0)
TWO_NETWORKS = ("ticket", "reinitialized")
WHOLE_SHIFTS: dict[Kind, Shifts] = {
    kind: Shifts(TWO_NETWORKS, (0.0, 1.0), Location(WHOLE, kind), 1, "log density")
    for kind in ("deepest dip", "peak after the dip")
}
"""A phase of one network lies denser than that of another, both looked for along the whole curve."""

MIRRORED = Correlated("distance", "distance without noise", "noisy", BRACKET, -1)
"""The learning distance mirrors accuracy."""

MOSTLY_RISING = MostSeeds(Contrast(tuple(replace(term, weight=-term.weight) for term in rise_of("noisy"))), -MARGIN)
"""Most seeds rise by more than the margin."""


def mostly_at_one_place(second_at: Location, margin: float) -> MostSeedsWithin:
    """Returns the claim that in most seeds the dip of accuracy lies where an extremum of the distance does."""
    apart = Contrast((Located(1, "noisy", Location(BRACKET, "dip")), Located(-1, "distance", second_at)))
    return MostSeedsWithin(apart, -margin, margin, "log density")


BESIDE_DENSITY = PartiallyCorrelated("distance", "distance without noise", "noisy", BRACKET, -1)
"""The learning distance mirrors accuracy at equal density."""

TURNS = FewerTurns(WIDTHS, (0.0, 1.0, 2.0), WHOLE, tolerance=4 * SD)
"""Wider networks turn less often; legs count from four standard deviations of the noise on."""

THRESHOLD = ThresholdWithin("train", Window(float(DENSITY[6] * _HALF_LEVEL), float(DENSITY[6] / _HALF_LEVEL)), 0.2)
"""The threshold lies within half a level of level 6; the drop is far above the noise."""
