"""Whether a verdict stays if what was fixed beforehand had been fixed a little otherwise. It decides nothing."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from sdd_claims.curves import DENSITY, SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats.hypotheses import Hypotheses, deciding, mapped, means, p_value
from sdd_claims.stats.rules import Rule
from sdd_claims.stats.stability import Design, Ruling
from sdd_claims.stats.study import spelled_out
from sdd_claims.stats.turns import FewerTurns
from sdd_claims.stats.window import Window

Curves = Mapping[str, SparsityCurve]


def panel(design: Design, rule: Rule, curves: Curves, control_curves: Curves) -> dict[str, Ruling]:
    """Judges the same seeds once more with one thing changed, and says what they come to.

    Args:
        design: the design of the trial.
        rule: its rule.
        curves: those that were judged.
        control_curves: those of the control.

    Returns:
        What was changed -> ruling; what has no meaning for a rule, or cannot be had on its curves, is left out.
    """
    first, last = ("denser", "sparser") if _axis(curves) == DENSITY else ("lower", "higher")
    changed: dict[str, Callable[[], Rule]] = {
        f"windows one level {first}": lambda: _moved(rule, curves, -1),
        f"windows one level {last}": lambda: _moved(rule, curves, 1),
        "margin halved": lambda: _with_margin(rule, 0.5),
        "margin doubled": lambda: _with_margin(rule, 2.0),
        "legs from half the size on": lambda: _with_legs(rule, 0.5),
        "legs from twice the size on": lambda: _with_legs(rule, 2.0),
    }
    found: dict[str, Ruling] = {}
    for name, change in changed.items():
        try:
            other = change()
            if other == rule:
                continue
            for each in (curves, control_curves):
                other.check({curve: each[curve].position for curve in rule.curves()})
        except InputError:
            continue
        tested, control = spelled_out(other, curves), spelled_out(other, control_curves)
        if tested and control:
            found[name] = ruling_of(design, tested, control)
    return found | _without_a_seed(design, rule, curves, control_curves)


def ruling_of(design: Design, tested: Hypotheses, control: Hypotheses) -> Ruling:
    """Judges one study at one look, as `judge` does."""
    claim, contrary = _decided(tested, design.threshold)
    if claim and _is_measured(control) and not _decided(control, design.threshold)[0]:
        return "supported"
    if contrary:
        return "contrary on a proxy" if design.proxy else "refuted"
    return "open"


def _decided(tested: Hypotheses, threshold: float) -> tuple[bool, bool]:
    if not _is_measured(tested):
        return False, False
    claim, contrary = (bool(p_value(each) < threshold) for each in (tested.claim, tested.contrary))
    return claim and not contrary, contrary and not claim


def _is_measured(tested: Hypotheses) -> bool:
    """Whether every seed has all numbers."""
    return not any(np.isnan(mean.excess).any() for mean in means(tested.claim))


def _axis(curves: Curves) -> str:
    return next(iter(curves.values())).axis


def _with_margin(rule: Any, factor: float) -> Any:
    """The rule with every margin of an effect multiplied."""

    def change(value: Any) -> Any:
        if hasattr(value, "with_margin"):
            return value.with_margin(factor)
        name = "smallest" if hasattr(value, "smallest") else "margin"  # see `effect_margin`
        margin = getattr(value, name, None)
        if not margin or name not in {each.name for each in fields(value) if each.init}:
            return value
        return replace(value, **{name: factor * margin})

    return _mapped(rule, change)


def _with_legs(rule: Any, factor: float) -> Any:
    """The rule with the size multiplied from which an ascent or a descent counts."""

    def change(value: Any) -> Any:
        if not isinstance(value, FewerTurns):
            return value
        return replace(value, tolerance=factor * value.tolerance, margin=factor * value.margin)

    return _mapped(rule, change)


def _moved(rule: Rule, curves: Curves, by: int) -> Rule:
    """The rule with every window moved by so many levels of its curve, at the ends as far as there are levels.

    What is compared with the network before it was pruned, or without a penalty, stays compared with that one.
    """
    placed = {window: curves[curve].position for curve, window in reversed(list(rule.placed()))}

    def change(value: Any) -> Any:
        movable = isinstance(value, Window) and value in placed and not value.is_untouched
        return _window(value, placed[value], by) if movable else value

    return _mapped(rule, change)


def _window(window: Window, position: Float[np.ndarray, " levels"], by: int) -> Window:
    inside = np.clip(window.levels(position) + by, 0, len(position) - 1)
    edges = position[inside]
    return Window(float(edges.min()), float(edges.max()), window.axis)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A rule with something changed in it, however deep."""
    if isinstance(value, Mapping):
        return {name: _mapped(item, change) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_mapped(item, change) for item in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    parts = {each.name: _mapped(getattr(value, each.name), change) for each in fields(value) if each.init}
    return change(value if isinstance(value, Window) else replace(value, **parts))


def _without_a_seed(design: Design, rule: Rule, curves: Curves, control_curves: Curves) -> dict[str, Ruling]:
    """The ruling without the seed whose deciding number lies farthest from the others'.

    It is left out where so few seeds could establish nothing, by the smallest p of the sign-flip test.
    """
    tested, control = spelled_out(rule, curves), spelled_out(rule, control_curves)
    if not tested or not control:
        return {}
    contrary = p_value(tested.contrary) < p_value(tested.claim)
    mean = deciding(tested.contrary if contrary else tested.claim)
    if mean is None or np.isnan(mean.excess).any() or mean.excess.size < 4:
        return {}
    known = np.maximum(mean.excess, np.finfo(float).min)  # a seed without a place lies below all others
    extreme = int(np.abs(known - np.median(known)).argmax())
    clear = mapped(tested.contrary if contrary else tested.claim, lambda excess: np.ones(excess.size - 1))
    if p_value(clear) >= design.threshold:
        return {}

    def rest(each: Hypotheses) -> Hypotheses:
        claim, contrary = (mapped(of, lambda excess: np.delete(excess, extreme)) for of in (each.claim, each.contrary))
        return Hypotheses(claim, contrary)

    return {"the most extreme seed left out": ruling_of(design, rest(tested), rest(control))}
