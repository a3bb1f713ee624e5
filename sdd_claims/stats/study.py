"""From named sparsity curves to the arrays that a rule tests."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats.hypotheses import Hypotheses
from sdd_claims.stats.rules import Rule
from sdd_claims.stats.words import listing

Positions = Mapping[str, Float[np.ndarray, " levels"]]
Values = Mapping[str, Float[np.ndarray, "*batch seeds levels"]]


def arrays(rule: Rule, curves: Mapping[str, SparsityCurve]) -> tuple[Positions, Values]:
    """Returns the positions and values of the curves that a rule reads, checked.

    Raises:
        InputError: a curve is missing, the curves differ in their number of seeds, there are fewer seeds than the rule
            needs, or a window lies off its curve or along another axis.
    """
    names = rule.curves()
    require_curves(names, curves)
    counts = {name: len(curves[name].seeds) for name in names}
    if len(set(counts.values())) > 1:
        raise InputError(
            f"the rule {rule.name} pairs the seeds of its curves, but they have different numbers of seeds ({counts}); "
            "give every curve the same number"
        )
    seeds = counts[names[0]]
    if seeds < rule.minimum_seeds:
        raise InputError(
            f"the rule {rule.name} needs at least {rule.minimum_seeds} seeds to reach a verdict, got {seeds}; "
            "run more seeds"
        )
    check_axes(rule, {name: curves[name].axis for name in names})
    position = {name: curves[name].position for name in names}
    rule.check(position)
    return position, {name: curves[name].values for name in names}


def spelled_out(rule: Rule, curves: Mapping[str, SparsityCurve]) -> Hypotheses | None:
    """Returns what a rule tests in one study; None of a rule that cannot say it."""
    position = {name: curve.position for name, curve in curves.items()}
    return rule.hypotheses(position, {name: curve.values for name, curve in curves.items()})


def check_axes(rule: Rule, axes: Mapping[str, str]) -> None:
    """Checks that every window lies along the axis of the curve that it is laid on.

    Args:
        rule: the rule.
        axes: what each of its curves lies along, by name.

    Raises:
        InputError: a window does not.
    """
    for curve, window in rule.placed():
        if window.axis != axes[curve]:
            raise InputError(
                f"the window at {window.words} is laid on the curve {curve!r}, which lies along {axes[curve]}; give it "
                f"a window along that axis (Window(..., axis={axes[curve]!r}))"
            )


def require_curves(names: Sequence[str], given: Mapping[str, object]) -> None:
    """Checks that every curve a rule reads was given.

    Raises:
        InputError: one was not.
    """
    for name in names:
        if name not in given:
            found = listing(sorted(given)) if given else "none"
            raise InputError(f"the rule reads a curve {name!r}, but the curves given are {found}; add it")


def named_seeds(curve: SparsityCurve, lacking: Bool[np.ndarray, " seeds"]) -> str:
    """Names seeds in a sentence: "seed 1003", "seeds 1003 and 1007"."""
    seeds = [str(seed) for seed, lacks in zip(curve.seeds, lacking, strict=True) if lacks]
    return f"seed{'s' if len(seeds) > 1 else ''} {listing(seeds)}"


def diverged(name: str, curve: SparsityCurve, numbers: Float[np.ndarray, "seeds ..."]) -> list[str]:
    """Names the seeds whose numbers are not finite because their replica diverged; an empty list where none did."""
    lacking = ~np.isfinite(numbers.reshape(len(numbers), -1)).all(axis=-1)
    return [f"{named_seeds(curve, lacking)} of {name!r} diverged"] if lacking.any() else []
