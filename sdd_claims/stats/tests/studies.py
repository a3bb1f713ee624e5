"""Simulated studies, shared by the tests."""

from collections.abc import Mapping

import numpy as np

from sdd_claims.curves import DENSITY, SparsityCurve
from sdd_claims.stats import population
from sdd_claims.stats.population import Noise, Population, bump, usual_covariance

THRESHOLD = 0.00057
"""The p asked for at each of two looks, 12 and 24 seeds, with 46 registered claims."""

SEEDS = tuple(range(1000, 1012))
QUIET = Noise(usual_covariance() / 100)
"""A tenth of the usual standard deviation: 0.15 points of accuracy."""


def drawn(
    means: Mapping[str, np.ndarray], studies: int, *, seed: int = 0, seeds: int = len(SEEDS), noise: Noise | None = None
) -> dict[str, np.ndarray]:
    """Tables study x seed x level of every curve."""
    return Population(means, noise or Noise()).draw(np.random.default_rng(seed), studies, seeds)


def as_curves(
    tables: Mapping[str, np.ndarray], position: np.ndarray = population.DENSITY, axis: str = DENSITY
) -> dict[str, SparsityCurve]:
    """Sparsity curves of tables seed x level."""
    return {
        name: SparsityCurve(tuple(range(SEEDS[0], SEEDS[0] + len(table))), position, table, axis)
        for name, table in tables.items()
    }


def study(**means: np.ndarray) -> dict[str, SparsityCurve]:
    """One study of twelve seeds along density."""
    return as_curves({name: tables[0] for name, tables in drawn(means, 1).items()})


def dip(shift: float = 0.0) -> np.ndarray:
    return 0.78 - bump(shift)


def peak(shift: float = 0.0) -> np.ndarray:
    return 1 + bump(shift)
