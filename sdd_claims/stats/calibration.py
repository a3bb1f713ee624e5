"""The measured size and power of every rule; `python -m benchmarks.calibration` finds those that a report shows."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from sdd_claims.errors import InputError
from sdd_claims.shares import share_interval
from sdd_claims.stats.alternatives import alternatives
from sdd_claims.stats.hypotheses import Evidence, weigh
from sdd_claims.stats.nulls import nulls
from sdd_claims.stats.one_sample import VERSION
from sdd_claims.stats.population import DENSITY, Case, Covariance, Population
from sdd_claims.stats.rules import Rule
from sdd_claims.stats.sequential import nominal_p
from sdd_claims.stats.study import Positions, Values

DESIGNS = ((12,), (18,), (12, 24), (12, 24, 48), (12, 24, 48, 96), (24, 48, 96, 192))
"""The schemes of looks of all registered trials. Each is measured with all of its looks together."""

_BATCH = 500  # studies that are drawn together; keeps memory at some tens of MB
_AT_ONCE = 24_000  # seeds in all studies that are tested together: their pairs of levels take some tens of MB
_REFUTES = {"dip_then_rise": "dip_free", "dip_free": "dip_then_rise"}  # the one's support is the other's refutation
_RIDGE = 1e-6  # of the mean variance
_FLOAT = re.compile(r"-?\d+(?:\.\d+(?:e-?\d+)?|e-?\d+)")


@dataclass(frozen=True, slots=True)
class Rejections:
    """The numbers of studies that came out supported and refuted by one design."""

    supported: int
    refuted: int


def measure(
    rule: Rule,
    population: Population,
    *,
    designs: Sequence[tuple[int, ...]],
    error_rate: float,
    repetitions: int,
    seed: int,
) -> dict[tuple[int, ...], Rejections]:
    """Judges simulated studies by whole designs: a study that stays open at a look is looked at again with more seeds.

    Args:
        rule: the rule.
        population: where the studies come from.
        designs: the schemes of looks, numbers of seeds; all judge the same studies.
        error_rate: the chance of a false verdict that a design allows, from which its threshold at each look follows.
        repetitions: number of studies.
        seed: seed of the simulation.

    Returns:
        For every design, the studies that came out supported, and refuted, at any of its looks.
    """
    rng = np.random.default_rng(seed)
    density = population.densities()
    counts = dict.fromkeys(designs, Rejections(0, 0))
    looks = sorted({seeds for design in designs for seeds in design})
    for start in range(0, repetitions, _BATCH):
        studies = population.draw(rng, min(_BATCH, repetitions - start), max(looks))
        found = {
            seeds: _weighed(rule, density, {name: curves[:, :seeds] for name, curves in studies.items()})
            for seeds in looks
        }
        for design in designs:
            threshold = nominal_p(error_rate, design)
            is_open = np.full(min(_BATCH, repetitions - start), True)
            supported, refuted = (np.zeros_like(is_open) for _ in range(2))
            for seeds in design:
                claim, contrary = found[seeds].support < threshold, found[seeds].contrary < threshold
                supported |= is_open & claim & ~contrary
                refuted |= is_open & contrary & ~claim
                is_open &= claim == contrary
            counts[design] = Rejections(
                counts[design].supported + int(supported.sum()), counts[design].refuted + int(refuted.sum())
            )
    return counts


def _weighed(rule: Rule, position: Positions, studies: Values) -> Evidence:
    """Computes both p of every study, some of them at a time."""
    count, seeds = next(iter(studies.values())).shape[:2]
    at_once = _AT_ONCE // seeds
    found = []
    for start in range(0, count, at_once):
        tested = rule.hypotheses(position, {name: curves[start : start + at_once] for name, curves in studies.items()})
        if tested is None:
            raise InputError(f"the rule {rule.name} does not say what it tests, so that it cannot be measured")
        found.append(weigh(tested))
    return Evidence(np.concatenate([each.support for each in found]), np.concatenate([each.contrary for each in found]))


def pilots_covariance(file: Path) -> Covariance:
    """Reads how pilots vary: the covariance over levels of their test accuracy under label noise.

    Args:
        file: JSON, setting -> densities and a table seed x level of each measure; its setting "noisy" is read.

    Raises:
        InputError: the pilots were not pruned as the simulated studies are.
    """
    noisy = json.loads(file.read_text(encoding="utf-8"))["noisy"]
    density = np.array(noisy["density"])
    if density.shape != DENSITY.shape or not np.allclose(density, DENSITY, rtol=1e-2):
        raise InputError(
            f"the pilots of {file} have {len(density)} levels down to density {density[-1]:.2g}, the simulated studies "
            f"{len(DENSITY)} levels down to {DENSITY[-1]:.2g}; give pilots with the same number of levels and densities"
        )
    found = np.cov(np.array(noisy["test_accuracy"]), rowvar=False)
    # No more seeds than levels leave it singular; a drawn study needs it positive definite.
    return found + _RIDGE * found.trace() / len(found) * np.eye(len(found))


def calibrate(
    repetitions: int,
    error_rate: float,
    pilots: Covariance | None = None,
    mapped: Callable[[Any, Iterable[Any]], Iterable[Any]] = map,
) -> dict[str, Any]:
    """Measures the size of every rule under every null, and the power under the alternatives.

    Args:
        repetitions: studies a null or an alternative.
        error_rate: of a claim: the chance of a false verdict that a design allows.
        pilots: covariance over the levels of pilot curves, for nulls whose seeds vary as they do.
        mapped: `map`, or that of a pool of processes; the numbers are the same.
    """
    size: list[dict[str, Any]] = []
    power: list[dict[str, Any]] = []
    measured = partial(_measured, designs=DESIGNS, error_rate=error_rate, repetitions=repetitions)
    for case, found in mapped(measured, enumerate(nulls(pilots))):
        for design, verdict in product(DESIGNS, case.verdicts):
            size += _rows(case, design[-1], verdict, getattr(found[design], verdict), repetitions)
    for case, found in mapped(measured, enumerate(alternatives())):
        shared = {"rule": case.name, "alternative": case.label, "repetitions": repetitions}
        power += [{**shared, "seeds": design[-1], "rate": found[design].supported / repetitions} for design in DESIGNS]
    return {
        "schema": 2,
        "tests": VERSION,
        "threshold": error_rate,
        "looks": [design[-1] for design in DESIGNS],
        "designs": [{"looks": list(looks), "threshold": nominal_p(error_rate, looks)} for looks in DESIGNS],
        "populations": digest([*nulls(pilots), *alternatives()]),
        "size": size,
        "power": power,
    }


def digest(cases: Iterable[Case]) -> str:
    """The SHA-256 of all rules, labels and populations: what was measured of others is out of date.

    Numbers count up to nine decimals, for libraries round the last digits differently.
    """
    found = hashlib.sha256()
    for case in cases:
        population = case.population
        curves = (population.mean, population.skew_loading, population.densities())
        numbers = [each[name] for each in curves for name in sorted(each)] + [population.noise.covariance]
        noise = (population.noise.skew, population.noise.collapse, population.noise.collapse_from)
        names = [sorted(each) for each in curves]
        rule = _FLOAT.sub(lambda number: f"{float(number[0]):z.9f}", repr(case.rule))
        found.update(repr((rule, case.label, case.verdicts, names, noise)).encode())
        for array in numbers:
            found.update(repr([f"{number:z.9f}" for number in np.ravel(array)]).encode())
    return found.hexdigest()


def _measured(
    numbered: tuple[int, Case], *, designs: Sequence[tuple[int, ...]], error_rate: float, repetitions: int
) -> tuple[Case, dict[tuple[int, ...], Rejections]]:
    """A case, and what `measure` finds of it with its number as the seed."""
    seed, case = numbered
    found = measure(
        case.rule, case.population, designs=designs, error_rate=error_rate, repetitions=repetitions, seed=seed
    )
    print(f"{case.name}, {case.label}, {repetitions} studies: {found}", file=sys.stderr)
    return case, found


def _rows(case: Case, seeds: int, verdict: str, count: int, repetitions: int) -> list[dict[str, Any]]:
    row = {
        "rule": case.name,
        "null": case.label,
        "seeds": seeds,
        "verdict": verdict,
        "rate": count / repetitions,
        "upper": share_interval(count, repetitions)[1],
        "repetitions": repetitions,
    }
    refutes = _REFUTES.get(case.rule.name)
    return [row] if refutes is None else [row, {**row, "rule": refutes, "verdict": "refuted"}]
