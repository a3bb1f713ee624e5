"""Populations in which a claim (or its contrary) is false, for measuring how often a rule errs.

Each rule has the shapes "flat", "stepped" and "monotone" with the usual noise, and its "stepped" shape with every other
noise, that of the pilots among them where it is given. "Stepped" lies at the boundary of what the rule denies, where
its size is largest. The contrary of `greater` and `all_of` is tested at zero, not at their margin, so in the
populations of their false refutation nothing differs.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from sdd_claims.stats.dips import DipFree
from sdd_claims.stats.extremum_positions import SamePlace
from sdd_claims.stats.location import Kind, Location
from sdd_claims.stats.measured_rules import (
    BESIDE_DENSITY,
    DIP,
    MARGIN,
    MIRRORED,
    MOSTLY_RISING,
    NOISE_RATES,
    RISE,
    RISE_BECAUSE_OF_NOISE,
    RISES,
    SHIFT,
    THRESHOLD,
    TURNS,
    TWO_NETWORKS,
    TWO_RISES,
    WHOLE_SHIFTS,
    WIDTHS,
    light_difference,
    mostly_at_one_place,
)
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
    noises,
    phases,
    whole_curve,
)
from sdd_claims.stats.rules import Rule
from sdd_claims.stats.window import Window

SHAPES = ("flat", "stepped", "monotone")
HIDDEN_COLLAPSE = "mean at the margin by 1 collapse in 10"
"""The null under which no test keeps its size at 12 seeds: nine replicas in ten rise by 8 points, one collapses, so
that the mean rise is the margin; 28 % of studies of 12 seeds see no collapse."""

_EQUIVALENCE = 0.03
_APART = 0.67
_LOW = 8  # the level of a dent
_JITTER = 0.15  # standard deviation of a dip's position in a skewed population, in log density
_K = np.arange(LEVELS)

Null = Callable[[str, Verdict], tuple[Rule, Population]]


def nulls(pilots: Covariance | None = None) -> Iterator[Case]:
    """Yields every rule with every null, for support and for refutation.

    `DipThenRise` is refuted by `DipFree`'s test and the other way round, so each is measured as support only.

    Args:
        pilots: covariance over the levels of pilot curves; nulls with that noise are left out without it.
    """
    conditions = [(shape, shape, Noise()) for shape in SHAPES]
    conditions += [(label, "stepped", noise) for label, noise in noises(pilots).items()]
    for (null, verdicts), (label, shape, noise) in product(_NULLS.items(), conditions):
        # Without skew the same population serves both verdicts.
        for judged in [verdicts] if noise.skew is None else [(verdict,) for verdict in verdicts]:
            rule, population = null(shape, judged[0])
            yield Case(rule, label, replace(population, noise=noise), judged, _FORMS.get(null, ""))
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
    return DIP, Population({"noisy": undipped(shape)}, skew_loading={"noisy": SD * inside(SWEET)})


def _dip_free(shape: str, _: Verdict) -> tuple[Rule, Population]:
    return DipFree("noisy", MARGIN), Population({"noisy": dented(shape)}, skew_loading={"noisy": SD * (_K == _LOW)})


def _greater_by_the_margin(shape: str, _: Verdict) -> tuple[Rule, Population]:
    return _greater(shape, MARGIN, 1.0)


def _no_greater(shape: str, _: Verdict) -> tuple[Rule, Population]:
    return _greater(shape, 0.0, -1.0)


def _greater(shape: str, by: float, sign: float) -> tuple[Rule, Population]:
    clean = _clean(shape)
    return RISE_BECAUSE_OF_NOISE, Population(
        {"noisy": clean + by * inside(SWEET), "clean": clean}, skew_loading={"noisy": sign * SD * inside(SWEET)}
    )


def _clean(shape: str) -> Levels:
    """Returns a clean curve of a shape."""
    return undipped(shape) - MARGIN * inside(SWEET) * (shape == "stepped")


def _equivalent(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    clean = undipped(shape)
    return light_difference(_EQUIVALENCE), Population(
        {"noisy": clean + _EQUIVALENCE * inside(LIGHT), "clean": clean},
        skew_loading={"noisy": -_sign(verdict) * SD * inside(LIGHT)},
    )


def _ground(shape: str) -> Levels:
    """Returns the curve that a dip is subtracted from: its step and its slope are smaller than the dip."""
    return {
        "flat": np.full(LEVELS, DENSE),
        "stepped": np.where(_K < 11, DENSE, DENSE - 0.02),
        "monotone": DENSE - 0.002 * _K,
    }[shape]


def _jitter(sign: float) -> Levels:
    """Returns the change of a curve that moves its dip by `_JITTER` towards the dense end."""
    return -sign * _JITTER * (bump(0.01) - bump(-0.01)) / 0.02


def _same_place(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    moved, population = _apart(shape)
    rule = SamePlace("noisy", Location(BRACKET, "dip"), "distance", moved, _APART)
    return rule, replace(population, skew_loading={"noisy": _jitter(-_sign(verdict))})


def _mostly_same_place(shape: str, _: Verdict) -> tuple[Rule, Population]:
    """Puts half of all seeds beyond the margin. Skew has no place here: it would leave another share there."""
    moved, population = _apart(shape)
    return mostly_at_one_place(moved, _APART), population


def _apart(shape: str) -> tuple[Location, Population]:
    """Moves the densities of the second curve, so that its peak lies the margin sparser than the dip of the first."""
    apart = np.exp(-_APART)
    moved = Location(Window(BRACKET.low * apart, BRACKET.high * apart), "peak")
    dip = _ground(shape) - bump()
    return moved, Population({"noisy": dip, "distance": 2 - dip}, density={"distance": DENSITY * apart})


def _shifts(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    dip = _ground(shape) - bump()
    return SHIFT, Population(dict.fromkeys(NOISE_RATES, dip), skew_loading={NOISE_RATES[-1]: _jitter(_sign(verdict))})


def _deepest_dip_shifts(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    return _whole_shifts("deepest dip", shape, verdict)


def _peak_after_dip_shifts(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    return _whole_shifts("peak after the dip", shape, verdict)


def _whole_shifts(kind: Kind, shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    """Draws both networks alike; noise of any level can be taken for a phase, but for those that have collapsed."""
    curve = _ground(shape) - DENSE + whole_curve(kind)
    jitter = _sign(verdict) * _JITTER * (whole_curve(kind, 0.01) - whole_curve(kind, -0.01)) / 0.02
    return WHOLE_SHIFTS[kind], Population(dict.fromkeys(TWO_NETWORKS, curve), skew_loading={TWO_NETWORKS[-1]: jitter})


def _correlated(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    """Draws both distances alike, so that neither follows accuracy better and refutation errs as support does."""
    skewed = SD * inside(CRITICAL)
    return MIRRORED, Population(
        {"distance": 1 + bump(), "distance without noise": 1 + bump(), "noisy": _ground(shape) - bump()},
        skew_loading={"distance": skewed, "distance without noise": skewed},
    )


def _partially_correlated(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    """The same curves, each on a straight trend in log density that says nothing of accuracy."""
    _, population = _correlated(shape, verdict)
    trends = {"distance": 0.01 * _K, "distance without noise": -0.01 * _K}
    mean = {name: levels + trends.get(name, 0.0) for name, levels in population.mean.items()}
    return BESIDE_DENSITY, replace(population, mean=mean)


def _most_seeds(shape: str, _: Verdict) -> tuple[Rule, Population]:
    """Draws half of all seeds above the margin. Skew has no place here: it would leave another share there."""
    clean = _clean(shape)
    lag = clean[inside(CRITICAL) > 0].mean() - clean[inside(SWEET) > 0].mean()
    return MOSTLY_RISING, Population({"noisy": clean + (lag + MARGIN) * inside(SWEET)})


def _fewer_turns(shape: str, _: Verdict) -> tuple[Rule, Population]:
    """Draws every width alike; stepped, the curve falls and rises by the tolerance, so noise decides what counts."""
    curve = {
        "flat": np.full(LEVELS, DENSE),
        "stepped": phases(DENSE, DENSE - TURNS.tolerance, DENSE, DENSE - TURNS.tolerance),
        "monotone": np.linspace(DENSE, 0.60, LEVELS),
    }[shape]
    return TURNS, Population(dict.fromkeys(WIDTHS, curve), skew_loading=dict.fromkeys(WIDTHS, SD * inside(CRITICAL)))


def _threshold_within(shape: str, verdict: Verdict) -> tuple[Rule, Population]:
    """Puts the threshold halfway between levels 5 and 6, on the window's dense edge; flat, train accuracy never falls.

    The two levels lie as far above the drop as below it, so that noise moves the threshold no more to one side than to
    the other and its mean stays on the edge.
    """
    train = {
        "flat": np.ones(LEVELS),
        "stepped": np.where(_K < 6, 1.0, 1 - 2 * THRESHOLD.drop),
        "monotone": np.where(_K < 6, 1 - 0.005 * _K, 1 - 2 * THRESHOLD.drop + 0.025 - 0.02 * (_K - 6)),
    }[shape]
    return THRESHOLD, Population({"train": train}, skew_loading={"train": _sign(verdict) * SD * np.isin(_K, (5, 6))})


def _one_part_false(shape: str, _: Verdict) -> tuple[Rule, Population]:
    return _two_rises(shape, (MARGIN, 0.20), 1.0)


def _no_part_refutable(shape: str, _: Verdict) -> tuple[Rule, Population]:
    return _two_rises(shape, (0.0, 0.0), -1.0)


def _two_rises(shape: str, rises: tuple[float, float], sign: float) -> tuple[Rule, Population]:
    clean = _clean(shape)
    lag = clean[inside(CRITICAL) > 0].mean() - clean[inside(SWEET) > 0].mean()
    return TWO_RISES, Population(
        {curve: clean + (lag + rise) * inside(SWEET) for curve, rise in zip(RISES, rises, strict=True)},
        skew_loading={curve: sign * SD * inside(SWEET) for curve in RISES},
    )


def _hidden_collapse() -> Case:
    """Draws nine replicas in ten that rise and one that collapses, so that the mean rise is the margin."""
    critical, chance = 0.70, 0.1
    sweet = (critical + MARGIN - chance * CHANCE) / (1 - chance)
    first = int(SWEET.levels(DENSITY)[0])
    noise = Noise(collapse=chance, collapse_from=first)
    population = Population({"noisy": phases(DENSE, critical, sweet, 0.60)}, noise)
    return Case(RISE, HIDDEN_COLLAPSE, population)


def _sign(verdict: Verdict) -> float:
    return 1.0 if verdict == "supported" else -1.0


_BOTH: tuple[Verdict, ...] = ("supported", "refuted")
_NULLS: dict[Null, tuple[Verdict, ...]] = {
    _dip_then_rise: ("supported",),
    _dip_free: ("supported",),
    _greater_by_the_margin: ("supported",),
    _no_greater: ("refuted",),
    _equivalent: _BOTH,
    _same_place: _BOTH,
    _shifts: _BOTH,
    _deepest_dip_shifts: _BOTH,
    _peak_after_dip_shifts: _BOTH,
    _correlated: _BOTH,
    _partially_correlated: _BOTH,
    _most_seeds: _BOTH,
    _threshold_within: _BOTH,
    _one_part_false: ("supported",),
    _no_part_refutable: ("refuted",),
    _fewer_turns: _BOTH,
    _mostly_same_place: _BOTH,
}
_FORMS: dict[Null, Kind] = {
    _deepest_dip_shifts: "deepest dip",
    _peak_after_dip_shifts: "peak after the dip",
}
