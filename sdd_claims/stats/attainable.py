"""What a trial can come out as, before it has judged: how far its rule can decide with the planned numbers of seeds.

The sign-flip test gives no p below 2^-n, and a hypothesis of several parts, of which one suffices, multiplies it by
their number. So some outcomes lie out of reach, whatever the data say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdd_claims.curves import DENSITY
from sdd_claims.stats.hypotheses import Hypotheses, Hypothesis, means, smallest_p
from sdd_claims.stats.rules import MINIMUM_SEEDS, Rule

_FEW = np.array([0.05, 0.35, 0.65, 0.95])
"""Levels that made-up curves have wherever the windows lie."""

_IN_A_WINDOW = 5
"""The number of levels in a window, enough for an extremum to stand out."""

_COLLAPSED, _KEPT = 0.0, 0.9
"""The last values of made-up curves that start at 1: a rule that asks for collapse finds it in the first alone."""


@dataclass(frozen=True, slots=True)
class Attainable:
    """What a rule can establish with planned numbers of seeds.

    Attributes:
        supported: the number of seeds of the first look that can establish the claim; None where no look can.
        refuted: the same of the contrary.
        has_contrary: the rule tests one.
        needs_collapse: it does so only where the grid reaches the collapsed phase.
    """

    supported: int | None
    refuted: int | None
    has_contrary: bool
    needs_collapse: bool


def attainable(rule: Rule, axes: Mapping[str, str], threshold: float, looks: Sequence[int]) -> Attainable | None:
    """Finds the first look at which a claim, and its contrary, can be established; None of a rule that is not ours.

    Where the windows lie does not matter, so that they may be made up.

    Args:
        rule: the rule.
        axes: what each of its curves lies along, by name.
        threshold: the p below which a hypothesis counts as established, at each look.
        looks: numbers of seeds, rising.
    """
    found, kept = (_made_up(rule, axes, last) for last in (_COLLAPSED, _KEPT))
    if found is None or kept is None:
        return None

    def first(hypothesis: Hypothesis) -> int | None:
        return next((seeds for seeds in looks if smallest_p(hypothesis, seeds) < threshold), None)

    return Attainable(
        supported=first(found.claim),
        refuted=first(found.contrary),
        has_contrary=any(True for _ in means(found.contrary)),
        needs_collapse=first(found.contrary) is not None and first(kept.contrary) is None,
    )


def _made_up(rule: Rule, axes: Mapping[str, str], last: float) -> Hypotheses | None:
    """What the rule tests, on numbers that stand for none: falling lines with some scatter."""
    rng = np.random.default_rng(0)
    position = {name: _grid(rule, axis) for name, axis in axes.items()}
    values = {
        name: np.linspace(1.0, last, len(at)) + rng.uniform(0, 0.01, (MINIMUM_SEEDS, len(at)))
        for name, at in position.items()
    }
    with np.errstate(all="ignore"):  # numbers that a made-up curve lacks say nothing
        return rule.hypotheses(position, values)


def _grid(rule: Rule, axis: str) -> np.ndarray:
    """Levels along an axis, with some in every window."""
    windows = [window for _, window in rule.placed() if window.axis == axis]
    inside = [np.linspace(window.low, window.high, _IN_A_WINDOW) for window in windows]
    levels = np.unique(np.concatenate([_FEW, *inside]))
    return levels[::-1] if axis == DENSITY else levels
