"""The rules on a contrast, a weighted sum over windows and curves: it exceeds a margin, is equivalent to zero, or lies
below a bound, or between two, in most seeds."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, cast

import numpy as np
from jaxtyping import Bool, Float

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import words
from sdd_claims.stats.hypotheses import Hypotheses, Mean, above, below, weigh, within
from sdd_claims.stats.one_sample import excess_over, opposite
from sdd_claims.stats.outcome import Outcome, mean_effect, outcome, share_effect
from sdd_claims.stats.rules import MINIMUM_SEEDS, Rule, registered_rule
from sdd_claims.stats.study import Positions, Values, arrays, diverged, require_curves
from sdd_claims.stats.window import Window


class Summand(Protocol):
    """A term of a contrast: a frozen dataclass that makes one number of each seed. `str` says which, unsigned."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def weight(self) -> float:
        """The factor of the number, whose sign the contrast writes."""

    def curves(self) -> tuple[str, ...]:
        """Returns the curves that it reads."""

    def placed(self) -> Sequence[tuple[str, Window]]:
        """Returns its windows with the curves that they are laid on."""

    def check(self, position: Positions) -> None:
        """Checks that it can be read from curves at these positions.

        Raises:
            InputError: it cannot.
        """

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes the number of every seed, weighted; NaN where it lacks one."""

    def clearances(self, position: Positions, values: Values) -> tuple[Float[np.ndarray, "*batch seeds"], ...]:
        """Computes how far every seed is from lacking one, see `Hypotheses`; nothing where it needs nothing."""

    def diverged(self, curves: Mapping[str, SparsityCurve]) -> list[str]:
        """Names the seeds that lack a number because their replica diverged."""


@dataclass(frozen=True, slots=True)
class _OverWindow(ABC):
    """What the terms share that reduce the levels of a window to one number of each seed.

    Attributes:
        weight: the factor of the number.
        curve: name of the curve.
        window: which of its levels.
    """

    weight: float
    curve: str
    window: Window

    def curves(self) -> tuple[str, ...]:
        """Returns the curve."""
        return (self.curve,)

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the window with its curve."""
        return [(self.curve, self.window)]

    def check(self, position: Positions) -> None:
        """Checks that the window holds a level of the curve.

        Raises:
            InputError: it does not.
        """
        self.window.levels(position[self.curve])

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes every seed's weighted number."""
        return self.weight * self._number(position[self.curve], values[self.curve])

    def clearances(self, position: Positions, values: Values) -> tuple[Float[np.ndarray, "*batch seeds"], ...]:
        """Returns nothing: a window that holds a level has such a number."""
        return ()

    def diverged(self, curves: Mapping[str, SparsityCurve]) -> list[str]:
        """Names the seeds whose replica diverged in the window."""
        curve = curves[self.curve]
        return diverged(self.curve, curve, self.window.mean(curve.position, curve.values))

    @abstractmethod
    def _number(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch"]:
        """Reduces every seed's curve to one number."""


@dataclass(frozen=True, slots=True)
class Term(_OverWindow):
    """One term of a contrast: the weight times the window mean of a curve."""

    def __str__(self) -> str:
        return f"{words.factor(self.weight)}{self.curve} at {self.window.words}"

    def _number(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch"]:
        return self.window.mean(position, values)


@dataclass(frozen=True, slots=True)
class Lowest(_OverWindow):
    """A term of a contrast: the weight times the lowest level of a curve in a window.

    For losses that now and then leap for a few steps, as full-batch Adam's do: a mean over seeds would be that of the
    leaps.
    """

    def __str__(self) -> str:
        return f"{words.factor(self.weight)}the lowest {self.curve} at {self.window.words}"

    def _number(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch"]:
        return values[..., self.window.levels(position)].min(axis=-1)


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of numbers from curves, one a seed; the seeds of several curves are paired by position."""

    terms: tuple[Summand, ...]

    def __post_init__(self) -> None:
        if not self.terms:
            raise InputError("a contrast without terms compares nothing; give at least one term")

    def __str__(self) -> str:
        first, *others = self.terms
        signed = [f" {'−' if term.weight < 0 else '+'} {term}" for term in others]
        return ("−" if first.weight < 0 else "") + str(first) + "".join(signed)

    def curves(self) -> tuple[str, ...]:
        """Returns the curves of the terms, each once."""
        return tuple(dict.fromkeys(curve for term in self.terms for curve in term.curves()))

    def windows(self) -> Mapping[str, Window]:
        """Returns the terms' windows, each once, named by their edges."""
        windows = [window for _, window in self.placed()]
        several = len({window.axis for window in windows}) > 1
        return {window.words if several else str(window): window for window in windows}

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the terms' windows with their curves."""
        return [each for term in self.terms for each in term.placed()]

    def check(self, position: Positions) -> None:
        """Checks that every term can be read from its curves.

        Raises:
            InputError: one cannot, or a curve is missing.
        """
        require_curves(self.curves(), position)
        for term in self.terms:
            term.check(position)

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes the contrast of every seed."""
        return sum((term.numbers(position, values) for term in self.terms), start=np.zeros(1))

    def clearances(self, position: Positions, values: Values) -> tuple[Float[np.ndarray, "*batch seeds"], ...]:
        """Computes how far every seed is from lacking a number, for every term that needs something."""
        return tuple(each for term in self.terms for each in term.clearances(position, values))

    def diverged(self, curves: Mapping[str, SparsityCurve]) -> list[str]:
        """Names the seeds that lack a number because their replica diverged, each reason once."""
        return list(dict.fromkeys(reason for term in self.terms for reason in term.diverged(curves)))


class _OfContrast(ABC):
    """The methods that the rules on one contrast share."""

    __slots__ = ()
    contrast: Contrast
    unit: str

    def curves(self) -> tuple[str, ...]:
        """Returns the curves that the contrast reads."""
        return self.contrast.curves()

    def windows(self) -> Mapping[str, Window]:
        """Returns the contrast's windows."""
        return self.contrast.windows()

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the contrast's windows with their curves."""
        return self.contrast.placed()

    def check(self, position: Positions) -> None:
        """Checks that the contrast can be read from its curves.

        Raises:
            InputError: it cannot.
        """
        self.contrast.check(position)

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(cast(Rule, self), curves)
        evidence = weigh(self.hypotheses(position, values))
        numbers = self.contrast.numbers(position, values)
        effect = mean_effect(numbers, threshold, self.unit)
        claimed, opposite = self._in_words()
        sentence = (
            f"The mean of [{self.contrast}] over {len(numbers)} seeds is {effect.words(threshold)}. That it {claimed} "
            f"has {words.probability(float(evidence.support))}; that it {opposite}, "
            f"{words.probability(float(evidence.contrary))}."
        )
        return outcome(evidence, effect, sentence, lost=self.contrast.diverged(curves))

    @abstractmethod
    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested."""

    @abstractmethod
    def _in_words(self) -> tuple[str, str]:
        """Says the claim and its contrary: "exceeds 1 point", "is below"."""


@registered_rule
@dataclass(frozen=True, slots=True)
class Greater(_OfContrast):
    """The mean of a contrast exceeds the margin; refuted if established below zero, or below a negative margin.

    Attributes:
        contrast: what is compared, one number a seed.
        margin: in the unit of the contrast.
        unit: "accuracy", or the measure's own.
    """

    contrast: Contrast
    margin: float = 0.0
    unit: str = "accuracy"
    name: Literal["greater"] = field(default="greater", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: the mean lies above the margin; the contrary, that it is below `opposite`."""
        numbers = self.contrast.numbers(position, values)
        clearances = self.contrast.clearances(position, values)
        return Hypotheses(above(numbers, self.margin), below(numbers, opposite(self.margin)), clearances)

    def _in_words(self) -> tuple[str, str]:
        zero = words.amount(opposite(self.margin), self.unit)
        return f"exceeds {words.amount(self.margin, self.unit)}", "is below" if self.margin <= 0 else f"is below {zero}"


@registered_rule
@dataclass(frozen=True, slots=True)
class Equivalent(_OfContrast):
    """The mean of a contrast lies within the margin of zero (two one-sided tests); refuted if established beyond it.

    Attributes:
        contrast: what is compared, one number a seed.
        margin: the largest difference that does not count, in the unit of the contrast.
        unit: "accuracy", or the measure's own.
    """

    contrast: Contrast
    margin: float
    unit: str = "accuracy"
    name: Literal["equivalent"] = field(default="equivalent", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise InputError(f"nothing is equivalent within a margin of {self.margin:g}; give a margin above 0")

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: the mean lies within the margin; the contrary, that it lies beyond."""
        numbers = self.contrast.numbers(position, values)
        return within(numbers, self.margin, self.contrast.clearances(position, values))

    def _in_words(self) -> tuple[str, str]:
        return f"lies within {words.amount(self.margin, self.unit)} of zero (two one-sided tests)", "lies beyond"


@registered_rule
@dataclass(frozen=True, slots=True)
class MostSeeds(_OfContrast):
    """A contrast lies below a bound in more than half of all seeds; refuted if it lies above in more than half.

    The exact sign test: it asks nothing of how the numbers scatter, so that a few seeds far off, which a test of the
    mean cannot pass over, count as what they are: a few.

    Attributes:
        contrast: what is compared, one number a seed.
        below: the bound, in the unit of the contrast; a number that equals it lies on neither side.
        unit: "accuracy", or the measure's own.
    """

    contrast: Contrast
    below: float
    unit: str = "accuracy"
    name: Literal["most_seeds"] = field(default="most_seeds", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    @property
    def margin(self) -> float:
        """The share of all seeds that must be exceeded."""
        return 0.5

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(cast(Rule, self), curves)
        evidence = weigh(self.hypotheses(position, values))
        excess = self.excess(position, values)
        effect = share_effect(np.where(np.isnan(excess), np.nan, excess > 0), threshold)
        bound = words.amount(self.below, self.unit)
        sentence = (
            f"[{self.contrast}] is below {bound} in {int((excess > 0).sum())} of {len(excess)} seeds, "
            f"{effect.words(threshold)}. That it is so in more than half of all has "
            f"{words.probability(float(evidence.support))} (exact sign test); that it is above in more than half, "
            f"{words.probability(float(evidence.contrary))}."
        )
        return outcome(evidence, effect, sentence, lost=self.contrast.diverged(curves))

    def excess(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes by how much every seed lies below the bound."""
        return excess_over(-self.contrast.numbers(position, values), -self.below)

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: most seeds lie below the bound; the contrary, that most lie above."""
        excess = self.excess(position, values)
        return Hypotheses(Mean(excess, "signs"), Mean(-excess, "signs"), self.contrast.clearances(position, values))

    def _in_words(self) -> tuple[str, str]:
        bound = words.amount(self.below, self.unit)
        return f"is below {bound} in most seeds", f"is above {bound} in most seeds"


@registered_rule
@dataclass(frozen=True, slots=True)
class MostSeedsWithin(_OfContrast):
    """A contrast of places lies within bounds in more than half of all seeds; refuted if outside in more than half.

    The exact sign test, for places that a seed may lack, as one whose accuracy has no dip. Such a seed counts against
    the claim and against its contrary: a few of them leave neither open, as they would under a test of a mean. Where
    they are half of all, nothing is measured, as where a replica diverged.

    Attributes:
        contrast: what is compared, one number a seed.
        low: the lower bound, in the unit of the contrast; None for none. A number that equals a bound lies on neither
            side.
        high: the upper bound likewise.
        unit: the measure's own, such as "log density".
    """

    contrast: Contrast
    low: float | None
    high: float | None
    unit: str
    name: Literal["most_seeds_within"] = field(default="most_seeds_within", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise InputError("every number lies within no bounds; give a lower or an upper one")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise InputError(f"nothing lies between {self.low:g} and {self.high:g}; give the lower bound first")

    @property
    def margin(self) -> float:
        """The share of all seeds that must be exceeded."""
        return 0.5

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(cast(Rule, self), curves)
        evidence = weigh(self.hypotheses(position, values))
        inside, _ = self.excesses(position, values)
        effect = share_effect(np.where(np.isnan(inside), np.nan, inside > 0), threshold)
        lacking, seeds = int(self._lacking(position, values).sum()), len(inside)
        without = f" ({lacking} of {seeds} {'has' if lacking == 1 else 'have'} no such place)" if lacking else ""
        claimed, contrary = self._in_words()
        sentence = (
            f"[{self.contrast}] {claimed} in {int((inside > 0).sum())} of {seeds} seeds, "
            f"{effect.words(threshold)}{without}. That it {claimed} in more than half of all has "
            f"{words.probability(float(evidence.support))} (exact sign test); that it {contrary} in more than half, "
            f"{words.probability(float(evidence.contrary))}."
        )
        lost = [
            reason
            for name, window in self.placed()
            for reason in diverged(name, curves[name], values[name][:, window.levels(position[name])])
        ]
        if 2 * lacking >= seeds:
            lost.append(f"{lacking} of {seeds} seeds have no such place")
        return outcome(evidence, effect, sentence, lost=list(dict.fromkeys(lost)))

    def excesses(
        self, position: Positions, values: Values
    ) -> tuple[Float[np.ndarray, "*batch seeds"], Float[np.ndarray, "*batch seeds"]]:
        """Computes by how much every seed lies within the bounds, and by how much beyond.

        Of a seed that lacks a place both are minus infinity; NaN where half of all seeds do, or where it diverged.
        """
        numbers = self.contrast.numbers(position, values)
        inside = np.full(numbers.shape, np.inf)
        if self.low is not None:
            inside = np.minimum(inside, excess_over(numbers, self.low))
        if self.high is not None:
            inside = np.minimum(inside, excess_over(-numbers, -self.high))
        lacking = self._lacking(position, values)
        off = np.where(lacking.mean(axis=-1, keepdims=True) < 0.5, -np.inf, np.nan)
        return np.where(lacking, off, inside), np.where(lacking, off, -inside)

    def with_margin(self, factor: float) -> "MostSeedsWithin":
        """Returns the same rule with bounds on either side of zero so many times as far from it, and others as is."""
        if self.low is None or self.high is None or self.low != -self.high:
            return self
        return replace(self, low=factor * self.low, high=factor * self.high)

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: most seeds lie within the bounds; the contrary, that most lie beyond."""
        inside, outside = self.excesses(position, values)
        return Hypotheses(Mean(inside, "signs"), Mean(outside, "signs"))

    def _lacking(self, position: Positions, values: Values) -> Bool[np.ndarray, "*batch seeds"]:
        """Says which seeds have no such place, though none of their networks diverged."""
        least = self.contrast.clearances(position, values)
        return np.min(least, axis=0) <= 0 if least else np.zeros(self.contrast.numbers(position, values).shape, bool)

    def _in_words(self) -> tuple[str, str]:
        low, high = (None if bound is None else words.amount(bound, self.unit) for bound in (self.low, self.high))
        if low is None:
            return f"lies below {high}", f"lies above {high}"
        if high is None:
            return f"lies above {low}", f"lies below {low}"
        if self.low == -cast(float, self.high):
            return f"lies within {high} of zero", f"lies more than {high} from zero"
        return f"lies between {low} and {high}", f"lies below {low} or above {high}"
