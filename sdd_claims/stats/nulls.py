"""Populations in which a claim (or its contrary) is false, for measuring how often a rule errs.

Each rule has the shapes "flat", "stepped" and "monotone" with the usual noise, and its "stepped" shape with every other
noise, that of the pilots among them where it is given. "Stepped" lies at the boundary of what the rule denies, where
its size is largest.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from sdd_claims.stats.contrasts import Contrast, Equivalent, Greater, Term
from sdd_claims.stats.correlation import Correlated
from sdd_claims.stats.dips import DipFree, DipThenRise
from sdd_claims.stats.location import Location
from sdd_claims.stats.outcome import Rule
from sdd_claims.stats.parts import AllOf
from sdd_claims.stats.places import SamePlace, Shifts
from sdd_claims.stats.population import (
    BRACKET,
    CHANCE,
    CRITICAL,
    DENSE,
    DENSITY,
    LEVELS,
    LIGHT,
    SD,
    SWEET,
    Case,
    Covariance,
    Levels,
    Noise,
    Population,
    Verdict,
    bump,
    inside,
    phases,
    usual_covariance,
)
from sdd_claims.stats.threshold import ThresholdWithin
from sdd_claims.stats.turns import FewerTurns
from sdd_claims.stats.window import Window

SHAPES = ("flat", "stepped", "monotone")
MARGIN = 0.01
WHOLE = Window(float(DENSITY[-1]), 1.0)
AS_PILOTS_VARY = "as pilots vary"
HIDDEN_COLLAPSE = "mean at the margin by 1 collapse in 10"
"""The null that nothing controls at a dozen seeds: nine replicas in ten rise by 8 points, one collapses, so that the
mean rise is the margin; 28 % of studies of 12 seeds see no collapse."""

_EQUIVALENCE = 0.03
_PLACE_MARGIN = 0.67
_LOW = 8  # the level of a dent
_JITTER = 0.15  # standard deviation of a place in a skewed population, in log density
_K = np.arange(LEVELS)
_HALF_LEVEL = float(np.sqrt(DENSITY[1]))

Scene = Callable[[str, Verdict], tuple[Rule, Population]]


def noises(pilots: Covariance | None = None) -> dict[str, Noise]:
    """Returns the ways, beyond the usual one, in which seeds may vary.

    Args:
        pilots: covariance over the levels of pilot curves; that noise is left out without it.
    """
    usual = usual_covariance()
    growing = np.linspace(1, 4, LEVELS)
    quiet = usual / 16  # most of a skewed population's variance is its mishaps'
    found = {
        "autocorrelated": Noise(SD**2 * 0.8 ** np.abs(_K[:, None] - _K)),
        "unequal variance": Noise(usual * np.outer(growing, growing)),
        "left-skewed, gamma 4": Noise(quiet, skew=4),
        "left-skewed, gamma 1": Noise(quiet, skew=1),
        "collapsed, 1 in 10": Noise(usual, collapse=0.1),
    }
    return found if pilots is None else {**found, AS_PILOTS_VARY: Noise(pilots)}


def nulls(pilots: Covariance | None = None) -> Iterator[Case]:
    """Yields every rule with every null, for support and for refutation.

    `DipThenRise` is refuted by `DipFree`'s test and the other way round, so each is measured as support only.

    Args:
        pilots: covariance over the levels of pilot curves; nulls with that noise are left out without it.
    """
    conditions = [(shape, shape, Noise()) for shape in SHAPES]
    conditions += [(label, "stepped", noise) for label, noise in noises(pilots).items()]
    for (scene, verdicts), (label, shape, noise) in product(_SCENES.items(), conditions):
        # Without skew the same population serves both verdicts.
        for judged in [verdicts] if noise.skew is None else [(verdict,) for verdict in verdicts]:
            rule, population = scene(shape, judged[0])
            yield Case(rule, label, replace(population, noise=noise), judged)
    yield _hidden_collapse()


def undipped(shape: str) -> Levels:
    """Returns a curve that does not dip and rise: stepped, it rises from critical to sweet by the margin only."""
    stepped = phases(DENSE, 0.70, 0.70 + MARGIN, 0.60)
    return {"flat": np.full(LEVELS, DENSE), "stepped": stepped, "monotone": np.linspace(DENSE, 0.60, LEVELS)}[shape]


def dented(shape: str) -> Levels:
    """Returns a curve with a dip of the margin at one level.

    Stepped, only that level's neighbours stand above it, so that a single triple decides.
    """
    below = MARGIN * (_K == _LOW)
    falling = DENSE - 0.012 * _K
    return {
        "flat": DENSE - below,
        "stepped": 0.72 - 0.02 * np.maximum(np.abs(_K - _LOW) - 1, 0) - below,
        "monotone": np.where(_K > _LOW, falling + 0.012 + MARGIN, falling),
    }[shape]


def _dip_then_rise(shape: str, _: Verdict) -> tuple[Rule, Population]:
    rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, margin=MARGIN)
    return rule, Population({"noisy": undipped(shape)}, mishap={"noisy": SD * inside(SWEET)})


def _dip_free(shape: str, _: Verdict) -> tuple[Rule, Population]:
    return DipFree("noisy", MARGIN), Population({"noisy": dented(shape)}, mishap={"noisy": SD * (_K == _LOW)})


def rise_of(curve: str) -> tuple[Term, Term]:
    """Returns the terms of a curve's rise from the critical to the sweet window."""
    return Term(1.0, curve, SWEET), Term(-1.0, curve, CRITICAL)


def rise_because_of_noise() -> Contrast:
    """Returns the rise of the noisy curve minus that of the clean one."""
    sweet, critical = rise_of("clean")
    return Contrast((*rise_of("noisy"), replace(sweet, weight=-1.0), replace(critical, weight=1.0)))


def _greater(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    clean = _clean(shape)
    return Greater(rise_because_of_noise(), MARGIN), Population(
        {"noisy": clean + MARGIN * inside(SWEET), "clean": clean},
        mishap={"noisy": _sign(verdict) * SD * inside(SWEET)},
    )


def _clean(shape: str) -> Levels:
    """Returns a clean curve of a shape."""
    return undipped(shape) - MARGIN * inside(SWEET) * (shape == "stepped")


def light_difference() -> Contrast:
    """Returns the noisy minus the clean accuracy in the light window."""
    return Contrast((Term(1.0, "noisy", LIGHT), Term(-1.0, "clean", LIGHT)))


def _equivalent(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    clean = undipped(shape)
    return Equivalent(light_difference(), _EQUIVALENCE), Population(
        {"noisy": clean + _EQUIVALENCE * inside(LIGHT), "clean": clean},
        mishap={"noisy": -_sign(verdict) * SD * inside(LIGHT)},
    )


def _ground(shape: str) -> Levels:
    """Returns what a dip is dug into: the step and the slope are slighter than the dip, which stays a dip."""
    return {
        "flat": np.full(LEVELS, DENSE),
        "stepped": np.where(_K < 11, DENSE, DENSE - 0.02),
        "monotone": DENSE - 0.002 * _K,
    }[shape]


def _jitter(sign: float) -> Levels:
    """Returns what moves a dip by `_JITTER` towards the dense end."""
    return -sign * _JITTER * (bump(0.01) - bump(-0.01)) / 0.02


def _same_place(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    """Gives the second curve the densities of the first, all sparser by the margin; so its dip lies the margin away."""
    apart = np.exp(-_PLACE_MARGIN)
    moved = Location(Window(BRACKET.low * apart, BRACKET.high * apart), "peak")
    rule = SamePlace("noisy", Location(BRACKET, "dip"), "distance", moved, _PLACE_MARGIN)
    dip = _ground(shape) - bump()
    return rule, Population(
        {"noisy": dip, "distance": 2 - dip},
        mishap={"noisy": _jitter(-_sign(verdict))},
        density={"distance": DENSITY * apart},
    )


def _shifts(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    names = ("10 % noise", "20 % noise", "40 % noise")
    rule = Shifts(names, (0.0, 1.0, 2.0), Location(BRACKET, "dip"), 1, "log density per doubling of noise")
    dip = _ground(shape) - bump()
    return rule, Population(dict.fromkeys(names, dip), mishap={names[-1]: _jitter(_sign(verdict))})


def _correlated(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    """Draws both distances alike, so that neither follows accuracy better and refutation errs as support does."""
    rule = Correlated("distance", "distance without noise", "noisy", BRACKET, -1)
    mishap = SD * inside(CRITICAL)
    return rule, Population(
        {"distance": 1 + bump(), "distance without noise": 1 + bump(), "noisy": _ground(shape) - bump()},
        mishap={"distance": mishap, "distance without noise": mishap},
    )


WIDTHS = ("narrow", "middle", "wide")


def turns_rule() -> FewerTurns:
    """Returns the claim of fewer turns of wider networks; legs count from four standard deviations of the noise on."""
    return FewerTurns(WIDTHS, (0.0, 1.0, 2.0), WHOLE, tolerance=4 * SD)


def _fewer_turns(shape: str, _: Verdict) -> tuple[Rule, Population]:
    """Draws every width alike; stepped, the curve falls and rises by the tolerance, so that a leg is a coin's toss."""
    rule = turns_rule()
    curve = {
        "flat": np.full(LEVELS, DENSE),
        "stepped": phases(DENSE, DENSE - rule.tolerance, DENSE, DENSE - rule.tolerance),
        "monotone": np.linspace(DENSE, 0.60, LEVELS),
    }[shape]
    return rule, Population(dict.fromkeys(WIDTHS, curve), mishap=dict.fromkeys(WIDTHS, SD * inside(CRITICAL)))


def threshold_rule() -> ThresholdWithin:
    """Returns the claim of a threshold within half a level of level 6; the drop stands clear of the noise."""
    return ThresholdWithin("train", Window(float(DENSITY[6] * _HALF_LEVEL), float(DENSITY[6] / _HALF_LEVEL)), 0.2)


def _threshold_within(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    """Puts the threshold halfway between levels 5 and 6, on the window's dense edge; flat, train accuracy never falls.

    The two levels lie as far above the drop as below it, so that noise moves the threshold no more to one side than to
    the other and its mean stays on the edge.
    """
    rule = threshold_rule()
    train = {
        "flat": np.ones(LEVELS),
        "stepped": np.where(_K < 6, 1.0, 1 - 2 * rule.drop),
        "monotone": np.where(_K < 6, 1 - 0.005 * _K, 1 - 2 * rule.drop + 0.025 - 0.02 * (_K - 6)),
    }[shape]
    return rule, Population({"train": train}, mishap={"train": _sign(verdict) * SD * np.isin(_K, (5, 6))})


def _one_part_false(shape: str, _: Verdict) -> tuple[Rule, Population]:
    return _two_rises(shape, 0.20, 1.0)


def _no_part_refutable(shape: str, _: Verdict) -> tuple[Rule, Population]:
    return _two_rises(shape, MARGIN, -1.0)


def _two_rises(shape: str, second: float, sign: float) -> tuple[Rule, Population]:
    """Returns a claim of two rises, the first of which is the margin."""
    rule = AllOf({curve: Greater(Contrast(rise_of(curve)), MARGIN) for curve in ("first", "second")})
    clean = _clean(shape)
    lag = clean[inside(CRITICAL) > 0].mean() - clean[inside(SWEET) > 0].mean()
    return rule, Population(
        {curve: clean + (lag + rise) * inside(SWEET) for curve, rise in (("first", MARGIN), ("second", second))},
        mishap={curve: sign * SD * inside(SWEET) for curve in ("first", "second")},
    )


def _hidden_collapse() -> Case:
    """Lets nine replicas in ten rise and one collapse, so that the mean rise is the margin."""
    critical, chance = 0.70, 0.1
    sweet = (critical + MARGIN - chance * CHANCE) / (1 - chance)
    first = int(SWEET.levels(DENSITY)[0])
    noise = Noise(collapse=chance, collapse_from=first)
    population = Population({"noisy": phases(DENSE, critical, sweet, 0.60)}, noise)
    return Case(Greater(Contrast(rise_of("noisy")), MARGIN), HIDDEN_COLLAPSE, population)


def _sign(verdict: Verdict) -> float:
    return 1.0 if verdict == "supported" else -1.0


_BOTH: tuple[Verdict, ...] = ("supported", "refuted")
_SCENES: dict[Scene, tuple[Verdict, ...]] = {
    _dip_then_rise: ("supported",),
    _dip_free: ("supported",),
    _greater: _BOTH,
    _equivalent: _BOTH,
    _same_place: _BOTH,
    _shifts: _BOTH,
    _correlated: _BOTH,
    _threshold_within: _BOTH,
    _one_part_false: ("supported",),
    _no_part_refutable: ("refuted",),
    _fewer_turns: _BOTH,
}
