"""Rules on the position of peaks and dips: the same on two curves, or moving with a factor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from sdd_claims.curves import DENSITY, SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import words
from sdd_claims.stats.hypotheses import Hypotheses, above, below, weigh, within
from sdd_claims.stats.location import Location
from sdd_claims.stats.outcome import Outcome, mean_effect, outcome
from sdd_claims.stats.rules import MINIMUM_SEEDS, registered_rule
from sdd_claims.stats.slopes import check_factors, slopes
from sdd_claims.stats.study import Positions, Values, arrays, require_curves
from sdd_claims.stats.window import Window


@registered_rule
@dataclass(frozen=True, slots=True)
class SamePlace:
    """The extrema of two curves lie at the same position (two one-sided tests); refuted if established apart.

    Attributes:
        first: name of one curve.
        first_at: where its extremum is looked for.
        second: name of the other; its seeds are paired with the first's by position.
        second_at: where its extremum is looked for.
        margin: the largest distance that does not count, in natural log of position.
    """

    first: str
    first_at: Location
    second: str
    second_at: Location
    margin: float = 0.67
    name: Literal["same_place"] = field(default="same_place", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise InputError(f"no two positions are the same within a margin of {self.margin:g}; give a margin above 0")
        _require_one_axis(self.first_at, self.second_at)

    def curves(self) -> tuple[str, ...]:
        """Returns the two curves."""
        return tuple(dict.fromkeys((self.first, self.second)))

    def windows(self) -> Mapping[str, Window]:
        """Returns the two brackets."""
        return {
            f"bracket of the {at.kind} of {curve}": at.bracket
            for curve, at in ((self.first, self.first_at), (self.second, self.second_at))
        }

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the brackets with their curves."""
        return [(self.first, self.first_at.bracket), (self.second, self.second_at.bracket)]

    def check(self, position: Positions) -> None:
        """Checks that both brackets hold at least three levels.

        Raises:
            InputError: one does not.
        """
        require_curves(self.curves(), position)
        self.first_at.check(position[self.first])
        self.second_at.check(position[self.second])

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes every seed's distance in log position; positive where the first extremum is denser or higher."""
        first = self.first_at.of(position[self.first], values[self.first])
        return first - self.second_at.of(position[self.second], values[self.second])

    def clearances(self, position: Positions, values: Values) -> tuple[Float[np.ndarray, "*batch seeds"], ...]:
        """Computes how far every seed's extrema stand out; a seed has a number where all are above zero."""
        first = self.first_at.clearance(position[self.first], values[self.first])
        return first, self.second_at.clearance(position[self.second], values[self.second])

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: the mean distance lies within the margin; the contrary, that it lies beyond."""
        return within(self.numbers(position, values), self.margin, self.clearances(position, values))

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(self, curves)
        evidence = weigh(self.hypotheses(position, values))
        numbers = self.numbers(position, values)
        effect = mean_effect(numbers, threshold, self.first_at.unit)
        sentence = (
            f"The {self.first_at.kind} of {self.first} minus the {self.second_at.kind} of {self.second}, over "
            f"{len(numbers)} seeds: {effect.words(threshold)}. That the mean lies within "
            f"{words.amount(self.margin, self.first_at.unit)} of zero (two one-sided tests) has "
            f"{words.probability(float(evidence.support))}; that it lies beyond, "
            f"{words.probability(float(evidence.contrary))}."
        )
        lost = [
            *self.first_at.unfound(self.first, curves[self.first]),
            *self.second_at.unfound(self.second, curves[self.second]),
        ]
        return outcome(evidence, effect, sentence, lost=lost)


@registered_rule
@dataclass(frozen=True, slots=True)
class Shifts:
    """An extremum moves along the curve as a factor grows: the mean over seeds of the slope of its location.

    Supported if the mean slope in the claimed direction exceeds the margin; refuted if the opposite direction is
    established.

    Attributes:
        factored: names of the curves, one for each value of the factor; seeds are paired by position.
        factors: values of the factor, such as the binary logarithm of the noise rate.
        at: where the extremum is looked for: one bracket for every curve, or one for each.
        direction: +1 if the extremum is claimed to become denser with the factor (higher along another axis), -1 if
            sparser (lower).
        unit: unit of the slope, such as "log density per doubling of noise".
        margin: the slope that counts, in that unit.
    """

    factored: tuple[str, ...]
    factors: tuple[float, ...]
    at: Location | tuple[Location, ...]
    direction: Literal[1, -1]
    unit: str
    margin: float = 0.0
    name: Literal["shifts"] = field(default="shifts", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        check_factors(self.factored, self.factors)
        if len({at.kind for at in self._locations()}) > 1 or len(self._locations()) != len(self.factored):
            raise InputError(
                f"a shift is that of one kind of extremum, looked for in one bracket or in one for each of "
                f"{len(self.factored)} curves, got {self._locations()}; give peaks or dips, as many as curves"
            )
        _require_one_axis(*self._locations())
        if self.direction not in (1, -1):
            raise InputError(
                f"a direction is +1 (denser, higher) or -1 (sparser, lower), got {self.direction}; give one of these"
            )

    def curves(self) -> tuple[str, ...]:
        """Returns the curves, each once."""
        return tuple(dict.fromkeys(self.factored))

    def windows(self) -> Mapping[str, Window]:
        """Returns the bracket, or those of each curve."""
        if isinstance(self.at, Location):
            return {f"bracket of the {self.at.kind}": self.at.bracket}
        return {f"bracket of the {at.kind} of {name}": at.bracket for name, at in self._by_curve()}

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the brackets with their curves."""
        return [(name, at.bracket) for name, at in self._by_curve()]

    def check(self, position: Positions) -> None:
        """Checks that the bracket holds at least three levels of every curve.

        Raises:
            InputError: it does not.
        """
        require_curves(self.curves(), position)
        for name, at in self._by_curve():
            at.check(position[name])

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes every seed's least-squares slope of location on factor, in log position per unit of the factor."""
        found = [at.of(position[name], values[name]) for name, at in self._by_curve()]
        return slopes(np.stack(found, axis=-1), self.factors)

    def clearances(self, position: Positions, values: Values) -> tuple[Float[np.ndarray, "*batch seeds"], ...]:
        """Computes how far every seed's extrema stand out; a seed has a number where all are above zero."""
        return tuple(at.clearance(position[name], values[name]) for name, at in self._by_curve())

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: the mean slope exceeds the margin; the contrary, that it has the opposite direction."""
        claimed = self.direction * self.numbers(position, values)
        return Hypotheses(above(claimed, self.margin), below(claimed), self.clearances(position, values))

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(self, curves)
        evidence = weigh(self.hypotheses(position, values))
        numbers = self.numbers(position, values)
        effect = mean_effect(numbers, threshold, self.unit)
        axis = self._locations()[0].bracket.axis
        up, down, top = ("denser", "sparser", "the dense end")
        if axis != DENSITY:
            up, down, top = f"to higher {axis}", f"to lower {axis}", f"higher {axis}"
        claimed, opposite = (up, down) if self.direction > 0 else (down, up)
        beyond = f" by more than {words.amount(self.margin, self.unit)}" if self.margin else ""
        sentence = (
            f"The {self._locations()[0].kind} moves by {effect.words(threshold)} on average over {len(numbers)} seeds, "
            f"positive towards {top}. That it moves {claimed} with the factor{beyond} (one-sided t-test and "
            f"sign-flip test of the per-seed slopes) has {words.probability(float(evidence.support))}; that it moves "
            f"{opposite}, {words.probability(float(evidence.contrary))}."
        )
        lost = dict.fromkeys(reason for name, at in self._by_curve() for reason in at.unfound(name, curves[name]))
        return outcome(evidence, effect, sentence, lost=list(lost))

    def _locations(self) -> tuple[Location, ...]:
        return (self.at,) * len(self.factored) if isinstance(self.at, Location) else self.at

    def _by_curve(self) -> list[tuple[str, Location]]:
        return list(zip(self.factored, self._locations(), strict=True))


def _require_one_axis(*locations: Location) -> None:
    if len({at.bracket.axis for at in locations}) > 1:
        raise InputError(
            f"positions along different axes cannot be compared, got the brackets "
            f"{words.listing([at.bracket.words for at in locations])}; give brackets along one"
        )
