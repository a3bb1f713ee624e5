"""The interface of a rule, and the registry of all rules."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from jaxtyping import Float

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats.hypotheses import Hypotheses
from sdd_claims.stats.outcome import Outcome
from sdd_claims.stats.window import Window

MINIMUM_SEEDS = 12
"""The smallest sign-flip p is 2^-n. A rule with two ways of being right doubles it, and so does the refutation of a
claim of two parts: only from 12 seeds on does that fall below the threshold in use (2 * 2^-12 = 0.00049 < 0.0006)."""


ADDED_LATER = MappingProxyType({"added later": True})
"""The metadata of a rule's field that is younger than what has judged: a protocol leaves it out at its default."""


class Rule(Protocol):
    """A statistical rule: a frozen dataclass of JSON-able fields, fixed before the judged seeds were run.

    `name` is among the fields, so that `dataclasses.asdict` tells two rules with the same settings apart.
    """

    minimum_seeds: ClassVar[int]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str:
        """The rule's name in the report, such as "dip_then_rise"."""

    @property
    def margin(self) -> float | None:
        """The margin, in the unit of the effect but for rules with a `smallest`; None where the rule has none."""

    def curves(self) -> tuple[str, ...]:
        """Returns the names of the curves that the rule reads."""

    def windows(self) -> Mapping[str, Window]:
        """Returns the windows to shade in a figure, by name."""

    def placed(self) -> Sequence[tuple[str, Window]]:
        """Returns every window with the curve that it is laid on."""

    def check(self, position: Mapping[str, Float[np.ndarray, " levels"]]) -> None:
        """Checks that every window and bracket lies on its curve.

        Raises:
            InputError: one does not, or a curve is missing.
        """

    def hypotheses(
        self,
        position: Mapping[str, Float[np.ndarray, " levels"]],
        values: Mapping[str, Float[np.ndarray, "*batch seeds levels"]],
    ) -> Hypotheses | None:
        """Says what it tests, in every study of a batch at once.

        p, a verdict's stability, its t and its e-values follow from that, and so does the calibration. None of a rule
        that tests anything else: then only what `evaluate` returns is known.
        """

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study.

        Raises:
            InputError: a curve is missing, too few seeds, or a window off its curve.
        """


_RULES: dict[str, type[Rule]] = {}
RULES: Mapping[str, type[Rule]] = MappingProxyType(_RULES)
"""Name -> class of every rule that is decorated with `@registered_rule`; importing `sdd_claims.stats` fills it."""

RuleClass = TypeVar("RuleClass", bound=Rule)


def registered_rule(cls: type[RuleClass]) -> type[RuleClass]:
    """Enters a rule in `RULES` under its `name`; stands above `@dataclass`.

    Raises:
        InputError: another rule has that name.
    """
    name = cls.__dataclass_fields__["name"].default
    if name in _RULES:
        raise InputError(f"the rules {_RULES[name].__name__} and {cls.__name__} are both named {name!r}; rename one")
    _RULES[name] = cls
    return cls


def effect_margin(rule: Rule) -> float | None:
    """The margin in the unit of the effect: a slope's, where `rule.margin` says which ascents count (`FewerTurns`)."""
    smallest: float | None = getattr(rule, "smallest", None)
    return rule.margin if smallest is None else 0.0 - smallest
