"""What differs between a published verdict and the same one judged again."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdd_claims.judging.verdict import Verdict
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.report import claims_json, evidence
from sdd_claims.report.claims_json import ClaimEntry, RunEntry
from sdd_claims.report.evidence import Evidence

_TOLERANCE = 1e-9
"""Relative: sums are rounded by the processor's vector width. A changed observation shows in far earlier digits."""

_ZERO = 1e-12
"""An effect below this is none: a difference of equal numbers, up to rounding. For a p every digit counts."""

_TWO_DIGITS = 0.011
"""Of a simulated share: a study at the threshold may fall to either side of it on another processor."""

_FOUR_DIGITS = 1.1e-3
"""Relative, of a number that is rounded to four digits."""

OF_PROTOCOL = ("protocol", "looks", "threshold")
"""Fields that other rules than the published ones change by themselves, whatever the evidence says."""

_OF_E_VALUES = tuple(claims_json.EValuesEntry.__annotations__)
BESIDE = ("margin", *sorted(claims_json.BesideVerdict.__annotations__))
"""Fields that a version may show otherwise. A margin that decides is part of the protocol."""
_COMPARED = ("p_holm", "expected", "proxy", "exploratory", *sorted(claims_json.JudgedClaim.__annotations__))
_OF_CONTROL = tuple(sorted(claims_json.JudgedControl.__annotations__))
"""Of these an older version has written some only."""


def differences(
    claim: ClaimEntry, again: ClaimEntry | None, curves: Evidence, ignored: Sequence[str]
) -> tuple[str, ...]:
    """What differs, a phrase each: in the numbers of a claim's curves, and in what they come to.

    Args:
        claim: as published.
        again: judged again; None where it could not be.
        curves: the evidence of the run.
        ignored: fields that are not compared.
    """
    read = {(run["digest"], run["measure"]) for run in evidence.curves_of(claim)}
    found = [
        f"the evidence of {measure} of run {digest[:12]} was changed after it was written"
        for digest, measure in sorted(read)
        if (digest, measure) in curves.runs and not curves.runs[digest, measure].sound
    ]
    if again is not None:
        if claim["verdict"] == "supported" and again.get("openness") == "control not measured":
            found.append("by a rule that is newer, a control that cannot be measured leaves nothing supported")
        of_control = [name for name in _OF_CONTROL if name in claim["control"]]
        published, now = (_comparable(each, ignored, of_control) for each in (claim, again))
        if (shown := claim.get("decisive")) and "part" not in shown and now.get("decisive"):
            now["decisive"] = {name: value for name, value in now["decisive"].items() if name != "part"}
        found += _within(published, now, "")
    return tuple(found)


def misnamed(claim: ClaimEntry, verdict: Verdict) -> tuple[str, ...]:
    """The curves that the page would draw, where they are others than those that were judged."""
    trial, seeds = verdict.trial, verdict.seeds
    expected: dict[str, tuple[Mapping[str, CurveOf], Mapping[str, RunEntry]]]
    if isinstance(trial.rule, FromPilots):
        expected = {"curves": (trial.rule.pilot_curves(), claim["runs"])}
    else:
        expected = {
            "curves": (trial.curves, claim["runs"]),
            "curves of the control": (trial.control_curves, claim["control"]["runs"]),
        }
    return tuple(
        f"the {what} that it names are not those of the trial"
        for what, (curves, runs) in expected.items()
        if {name: _run(curve, seeds) for name, curve in curves.items()} != {n: _named(run) for n, run in runs.items()}
    )


def _run(curve: CurveOf, seeds: tuple[int, ...]) -> tuple[object, ...]:
    return curve.spec.digest, curve.measure, list(curve.seeds(seeds)), curve.levels


def _named(run: RunEntry) -> tuple[object, ...]:
    return run["digest"], run["measure"], run["seeds"], run["levels"]


def _comparable(claim: ClaimEntry, ignored: Sequence[str], of_control: Sequence[str]) -> dict[str, Any]:
    """The fields that judging decides, and those that the register does; of the control some."""
    whole: Mapping[str, Any] = claim
    control: Mapping[str, Any] = claim["control"]
    found = {name: whole.get(name) for name in _COMPARED if name not in ignored}
    return found | {"control": {name: control.get(name) for name in of_control}}


def _within(published: Any, again: Any, where: str) -> Iterator[str]:
    """A phrase for everything below `where` that is not the same."""
    if isinstance(published, dict) and isinstance(again, dict):
        for name in published | again:
            place = f"{where}, {name}" if where else str(name)
            yield from _within(published.get(name), again.get(name), place)
    elif isinstance(published, list) and isinstance(again, list) and len(published) == len(again):
        for index, pair in enumerate(zip(published, again, strict=True)):
            named = pair[0].get("name", index) if isinstance(pair[0], dict) else index
            yield from _within(*pair, f"{where} [{named}]")
    elif not _same(published, again, where.rpartition(", ")[2]):
        yield f"{where}: published {published}, judged again {again}"


def _same(one: Any, other: Any, name: str) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float | int) and isinstance(other, float | int):
        relative = _FOUR_DIGITS if name in _OF_E_VALUES else _TOLERANCE
        nothing = _TWO_DIGITS if name == "stability" else 0.0 if name.startswith("p") else _ZERO
        return math.isclose(one, other, rel_tol=relative, abs_tol=nothing)
    if name in ("words", "reason") and isinstance(one, str) and isinstance(other, str):
        return _same_words(one, other)
    return bool(one == other)


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _same_words(one: str, other: str) -> bool:
    """The same sentence, in which a number may be rounded up here and down there."""
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return False
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    return all(
        abs(float(left) - float(right)) <= 1.01 * 10.0 ** -min(len(each.partition(".")[2]) for each in (left, right))
        for left, right in pairs
        if left != right
    )
