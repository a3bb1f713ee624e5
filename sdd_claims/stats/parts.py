"""The rule of claims with several parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import ClassVar, Literal

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats.contrasts import Contrast, Greater, Summand
from sdd_claims.stats.hypotheses import All, Hypotheses, Some, strength
from sdd_claims.stats.outcome import Outcome
from sdd_claims.stats.rules import MINIMUM_SEEDS, Rule, registered_rule
from sdd_claims.stats.study import Positions, Values, spelled_out
from sdd_claims.stats.window import Window


@registered_rule
@dataclass(frozen=True, slots=True)
class AllOf:
    """All parts hold: supported if every part is, refuted if one is at threshold / number of parts.

    Attributes:
        parts: name -> rule.
    """

    parts: Mapping[str, Rule]
    name: Literal["all_of"] = field(default="all_of", init=False)
    margin: ClassVar[None] = None
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        if not self.parts:
            raise InputError("a claim without parts says nothing; give all_of at least one part")

    def curves(self) -> tuple[str, ...]:
        """Returns the curves of all parts, each once."""
        return tuple(dict.fromkeys(curve for rule in self.parts.values() for curve in rule.curves()))

    def windows(self) -> Mapping[str, Window]:
        """Returns the windows of all parts, named after their part where parts differ in them."""
        found = [(part, phase, window) for part, rule in self.parts.items() for phase, window in rule.windows().items()]
        shared = {phase for _, phase, _ in found if len({w for _, p, w in found if p == phase}) == 1}
        return {phase if phase in shared else f"{part}: {phase}": window for part, phase, window in found}

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the windows of all parts with their curves."""
        return [each for rule in self.parts.values() for each in rule.placed()]

    def check(self, position: Positions) -> None:
        """Checks the windows of every part.

        Raises:
            InputError: one lies off its curve.
        """
        for rule in self.parts.values():
            rule.check(position)

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses | None:
        """Says what is tested: every part's claim; the contrary, that of some part. None where a part does not say."""
        parts = [rule.hypotheses(position, values) for rule in self.parts.values()]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return Hypotheses(
            All(tuple(part.claim for part in known)),
            Some(tuple(part.contrary for part in known)),
            tuple(clearance for part in known for clearance in part.clearances),
        )

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study, part by part: its effect is that of the part that decides.

        Where the contrary is established, that is the part which is furthest on the contrary side, else the weakest.
        """
        parts = {part: rule.evaluate(curves, threshold) for part, rule in self.parts.items()}
        outcomes = list(parts.values())
        reasons = [f"{part}: {found.open_reason}" for part, found in parts.items() if found.open_reason]
        p_contrary = min(1.0, len(outcomes) * min(found.p_contrary for found in outcomes))
        tested = {part: spelled_out(rule, curves) for part, rule in self.parts.items()}

        def decides(part: str) -> tuple[float, float]:
            """Ranks the parts as `deciding` does: by p and, where several share it, by t."""
            hypotheses = tested[part]
            if p_contrary < threshold:
                return -parts[part].p_contrary, strength(hypotheses.contrary) if hypotheses else 0.0
            return parts[part].p, -strength(hypotheses.claim) if hypotheses else 0.0

        weakest = max(parts, key=decides)
        binding = parts[weakest]
        return Outcome(
            p=max(found.p for found in outcomes),
            p_contrary=p_contrary,
            effect=binding.effect,
            words=f"All of {len(parts)} parts are asked for. The weakest, {weakest}: {binding.words}",
            open_reason="; ".join(reasons) or None,
            parts=parts,
        )


def ordered(terms: Mapping[str, Summand], margin: float = 0.0, unit: str = "accuracy") -> AllOf:
    """Claims that the means over seeds rise from each term to the next, by intersection-union over adjacent pairs.

    Args:
        terms: name -> term, from the lowest to the highest; the name says what the term is in the report.
        margin: the smallest rise that counts, in the unit of the terms.
        unit: "accuracy", or the measure's own.

    Raises:
        InputError: fewer than two terms.
    """
    if len(terms) < 2:
        raise InputError(f"an order needs two terms, got {len(terms)}; give at least two")
    return AllOf(
        {
            f"{higher} above {lower}": Greater(Contrast((above, replace(below, weight=-below.weight))), margin, unit)
            for (lower, below), (higher, above) in pairwise(terms.items())
        }
    )
