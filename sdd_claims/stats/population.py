"""The populations that simulated studies are drawn from: mean curves, and how seeds vary about them.

The geometry is that of the fast tier: seventeen levels, 36 % pruned a level (two of the paper's steps of 20 %), a
dense accuracy of .78, a standard deviation of 1.5 points from seed to seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float

from sdd_claims.stats.location import Kind
from sdd_claims.stats.rules import Rule
from sdd_claims.stats.window import Window

Levels = Float[np.ndarray, " levels"]
Covariance = Float[np.ndarray, "levels levels"]
Verdict = Literal["supported", "refuted"]

LEVELS = 17
DENSITY: Levels = 0.64 ** np.arange(LEVELS)
LIGHT, CRITICAL, SWEET = Window(0.25, 1.0), Window(0.017, 0.045), Window(0.0029, 0.0075)
BRACKET = Window(0.003, 0.3)
DENSE = 0.78  # accuracy
SD = 0.015
CHANCE = 0.1  # accuracy of a collapsed replica
AS_PILOTS_VARY = "as pilots vary"

_CENTRE = -3.35  # log density, near the middle of the bracket and between two levels
_WIDTH, _HEIGHT = 0.9, 0.08


def usual_covariance() -> Covariance:
    """Returns the default covariance over levels: half of the variance is the seed's own, half each level's."""
    return SD**2 * (0.5 + 0.5 * np.eye(LEVELS))


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """The variation between the seeds of a population.

    Attributes:
        covariance: covariance of the levels of one curve.
        skew: shape of the mirrored gamma distribution of a seed's skewed factor (1: exponential); None without one.
        collapse: chance of a replica to fall to chance accuracy.
        collapse_from: the level at which it falls; None for a random one.
    """

    covariance: Covariance = field(default_factory=usual_covariance)
    skew: float | None = None
    collapse: float = 0.0
    collapse_from: int | None = None


def noises(pilots: Covariance | None = None) -> dict[str, Noise]:
    """Returns the ways, beyond the usual one, in which seeds may vary.

    Args:
        pilots: covariance over the levels of pilot curves; that noise is left out without it.
    """
    usual, levels = usual_covariance(), np.arange(LEVELS)
    growing = np.linspace(1, 4, LEVELS)
    quiet = usual / 16  # most of a skewed population's variance is its skewed factor's
    found = {
        "autocorrelated": Noise(SD**2 * 0.8 ** np.abs(levels[:, None] - levels)),
        "unequal variance": Noise(usual * np.outer(growing, growing)),
        "left-skewed, gamma 4": Noise(quiet, skew=4),
        "left-skewed, gamma 1": Noise(quiet, skew=1),
        "collapsed, 1 in 10": Noise(usual, collapse=0.1),
    }
    return found if pilots is None else {**found, AS_PILOTS_VARY: Noise(pilots)}


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """A population of studies.

    Attributes:
        mean: curve name -> mean at each level.
        noise: how seeds vary.
        skew_loading: curve name -> the change at each level for one standard deviation of a seed's skewed factor, where
            the noise is skewed; signed so that skew raises the error rate most.
        density: curve name -> densities, where they are not `DENSITY`.
    """

    mean: Mapping[str, Levels]
    noise: Noise = field(default_factory=Noise)
    skew_loading: Mapping[str, Levels] = field(default_factory=dict)
    density: Mapping[str, Levels] = field(default_factory=dict)

    def densities(self) -> dict[str, Levels]:
        """Returns the densities of every curve."""
        return {name: self.density.get(name, DENSITY) for name in self.mean}

    def draw(
        self, rng: np.random.Generator, repetitions: int, seeds: int
    ) -> dict[str, Float[np.ndarray, "repetitions seeds levels"]]:
        """Draws studies."""
        return {name: self._curve(name, rng, (repetitions, seeds)) for name in self.mean}

    def _curve(
        self, name: str, rng: np.random.Generator, shape: tuple[int, int]
    ) -> Float[np.ndarray, "repetitions seeds levels"]:
        mean, noise = self.mean[name], self.noise
        values = mean + rng.standard_normal((*shape, LEVELS)) @ np.linalg.cholesky(noise.covariance).T
        if noise.skew is not None and name in self.skew_loading:
            mirrored = (noise.skew - rng.standard_gamma(noise.skew, shape)) / np.sqrt(noise.skew)
            values += mirrored[..., None] * self.skew_loading[name]
        if noise.collapse:
            level = rng.integers(0, LEVELS, shape) if noise.collapse_from is None else noise.collapse_from
            start = np.where(rng.random(shape) < noise.collapse, level, LEVELS)
            values[np.arange(LEVELS) >= start[..., None]] = CHANCE
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A rule and a population it is measured on.

    Attributes:
        rule: the rule.
        label: what the population is like.
        population: where the studies come from.
        verdicts: those whose rate is measured: false ones in a null, true ones in an alternative.
        form: what tells the rule apart where it is measured in several forms.
    """

    rule: Rule
    label: str
    population: Population
    verdicts: tuple[Verdict, ...] = ("supported",)
    form: str = ""

    @property
    def name(self) -> str:
        """The rule's name, with its form."""
        return f"{self.rule.name} ({self.form})" if self.form else self.rule.name


def phases(light: float, critical: float, sweet: float, end: float) -> Levels:
    """Returns a curve of four steps, each filling its window and more."""
    return np.repeat([light, critical, sweet, end], [6, 5, 3, 3]).astype(float)


def inside(window: Window) -> Levels:
    """Returns 1 at the levels of a window, 0 elsewhere."""
    return np.isin(np.arange(LEVELS), window.levels(DENSITY)).astype(float)


def whole_curve(kind: Kind, shift: float = 0.0) -> Levels:
    """Returns a curve that ends in collapse, with a dip or peak of 8 points, shifted as that of `bump`.

    The peak comes after a dip of one level, deeper than chance ripples of the sparse end.
    """
    index = np.arange(LEVELS)
    before_peak = np.where(index < 4, DENSE, np.where(index == 4, 0.64, 0.68))
    phase = DENSE - bump(shift) if kind == "deepest dip" else before_peak + bump(shift)
    return np.where(index < LEVELS - 2, phase, 0.3)


def bump(shift: float = 0.0) -> Levels:
    """Returns a peak of 8 points in the bracket, shifted by so much log density towards the dense end."""
    return _HEIGHT * np.exp(-0.5 * ((np.log(DENSITY) - _CENTRE - shift) / _WIDTH) ** 2)
