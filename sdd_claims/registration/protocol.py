"""The protocol of a trial, as one digest: everything that must not change once a block of seeds has judged."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.spec import canonical_json
from sdd_claims.stats import FORMULA, VERSION, Rule


def protocol_digest(
    curves: Mapping[str, CurveOf],
    control_curves: Mapping[str, CurveOf],
    rule: Rule | FromPilots,
    looks: tuple[tuple[int, ...], ...],
    proxy: bool,
) -> str:
    """SHA-256 of a protocol.

    Where windows follow from pilots, it says how they follow: on another machine the same pilots are rounded otherwise,
    and the windows may come out a level beside.

    Args:
        curves: the trial's curves.
        control_curves: its control's curves.
        rule: with its windows, or how they follow from pilots.
        looks: the judged seeds of each look.
        proxy: whether the trial may not refute.
    """
    content = {
        "curves": _runs(curves),
        "control": _runs(control_curves),
        "rule": described_pilots(rule) if isinstance(rule, FromPilots) else _described(rule),
        "looks": looks,
        "proxy": proxy,
        "tests": VERSION,
    }
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def described_pilots(rule: FromPilots) -> dict[str, Any]:
    """Windows that follow from pilots, as JSON: the rule that they are for, curves, seeds, and the formula."""
    return {
        "type": "FromPilots",
        "rule": _described(rule.with_placeholder_windows()),
        "settings": {name: _runs({"test": test, "train": train}) for name, (test, train) in rule.settings.items()},
        "seeds": list(rule.seeds),
        "formula": FORMULA,
    }


def _runs(curves: Mapping[str, CurveOf]) -> dict[str, list[Any]]:
    return {name: [curve.spec.digest, curve.measure, curve.levels, curve.offset] for name, curve in curves.items()}


def _described(value: Any) -> Any:
    """A rule as JSON, with the names of its types, which decide what its numbers mean."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            "type": type(value).__name__,
            **{each.name: _described(getattr(value, each.name)) for each in fields(value)},
        }
    if isinstance(value, Mapping):
        return {str(key): _described(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_described(item) for item in value]
    return value
