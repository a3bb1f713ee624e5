"""The protocol of a trial, as one digest: everything that must not change once a block of seeds has judged."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from sdd_claims.errors import InputError
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.windows import whole_as_int
from sdd_claims.spec import canonical_json
from sdd_claims.stats import FORMULA, VERSION, Rule, Window
from sdd_claims.stats.rules import ADDED_LATER

Number: TypeAlias = Callable[[float], float]
"""Writes a number in the one form that its field has in a protocol: 1 and 1.0 are equal, and differ as text."""


def _as_float(number: float) -> float:
    return float(number) + 0.0


_WRITTEN_AS_INT = ("weight", "low", "high")
"""Fields whose whole numbers are written as int, though they hold any number: so they stand in what has judged."""


def protocol_digest(
    curves: Mapping[str, CurveOf],
    control_curves: Mapping[str, CurveOf],
    rule: Rule | FromPilots,
    looks: tuple[tuple[int, ...], ...],
    proxy: bool,
    error_rate: tuple[float, int] | None = None,
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
        error_rate: alpha and the number of registered claims, by which it is divided; None for a family of protocols,
            whose evidence adds up whatever the level.
    """
    content: dict[str, Any] = {
        "curves": _runs(curves),
        "control": _runs(control_curves),
        "rule": described_pilots(rule) if isinstance(rule, FromPilots) else _described(rule, whole_as_int),
        "looks": looks,
        "proxy": proxy,
        "tests": VERSION,
    }
    if error_rate is not None:
        alpha, registered = error_rate
        content |= {"alpha": alpha, "registered": registered}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def described_pilots(rule: FromPilots) -> dict[str, Any]:
    """Windows that follow from pilots, as JSON: the rule that they are for, curves, seeds, and the formula.

    The made-up windows are written as floats, as they stand in what has judged.
    """
    return {
        "type": "FromPilots",
        "rule": _described(in_plain_numbers(rule.with_placeholder_windows()), _as_float),
        "settings": {name: _runs({"test": test, "train": train}) for name, (test, train) in rule.settings.items()},
        "seeds": list(rule.seeds),
        "formula": FORMULA,
    }


def in_plain_numbers(value: Any, where: str = "the rule") -> Any:
    """A rule with numbers of Python in place of NumPy's; itself where it has none.

    Args:
        value: a rule, or a part of one.
        where: names it in the error.

    Raises:
        InputError: something in it has no text for a protocol to be a digest of, or is not finite.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = tuple(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where} is {value}; give a finite number")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        own = type(value).__name__
        old = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        new = {name: in_plain_numbers(item, f"{own}.{name}") for name, item in old.items()}
        return replace(value, **new) if any(new[name] is not old[name] for name in old) else value
    if isinstance(value, Mapping):
        items = {key: in_plain_numbers(item, where) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in items) else value
    if isinstance(value, tuple | list):
        parts = [in_plain_numbers(item, where) for item in value]
        return type(value)(parts) if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    raise InputError(f"{where} holds {value!r}; a protocol takes numbers, texts, rules, and mappings or tuples of them")


def _runs(curves: Mapping[str, CurveOf]) -> dict[str, list[Any]]:
    return {name: [curve.spec.digest, curve.measure, curve.levels, curve.offset] for name, curve in curves.items()}


def _described(value: Any, edge: Number, number: Number = whole_as_int) -> Any:
    """A rule as JSON, with the names of its types, which decide what its numbers mean.

    Args:
        value: a rule, or a part of one.
        edge: writes the edges of windows.
        number: writes the number that `value` is, or those that it holds.
    """
    if is_dataclass(value) and not isinstance(value, type):
        described = {"type": type(value).__name__}
        for each in fields(value):
            if each.metadata == ADDED_LATER and getattr(value, each.name) == each.default:
                continue
            if each.name in _WRITTEN_AS_INT:
                form = edge if isinstance(value, Window) else whole_as_int
            else:
                # An annotation may be a text.
                form = _as_float if "float" in str(each.type) else whole_as_int
            described[each.name] = _described(getattr(value, each.name), edge, form)
        return described
    if isinstance(value, Mapping):
        return {str(key): _described(item, edge, number) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_described(item, edge, number) for item in value]
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
