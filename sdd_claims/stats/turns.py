"""The rule on how often curves go up and down: less often as a factor grows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import words
from sdd_claims.stats.hypotheses import Hypotheses, above, below, weigh
from sdd_claims.stats.one_sample import EQUAL
from sdd_claims.stats.outcome import Outcome, mean_effect, outcome
from sdd_claims.stats.rules import MINIMUM_SEEDS, registered_rule
from sdd_claims.stats.slopes import check_factors, slopes
from sdd_claims.stats.study import Positions, Values, arrays, diverged, require_curves
from sdd_claims.stats.window import Window


@registered_rule
@dataclass(frozen=True, slots=True)
class FewerTurns:
    """Curves go up and down less often as a factor grows: the mean over seeds of the slope of the number of legs.

    Supported if the number is established to fall by more than the smallest slope that matters, refuted if it is
    established to fall by less, or to rise.

    A leg is an ascent or a descent by more than a tolerance (`legs`). Noise adds legs of its own size, and some curves
    are noisier than others. So support counts legs larger than noise makes, and refutation counts all that are large
    enough to matter: where the noisier curves are those that are claimed to turn more often, noise helps neither.

    Attributes:
        factored: names of the curves, one for each value of the factor; seeds are paired by position.
        factors: values of the factor, such as the binary logarithm of the width.
        between: the levels that are followed.
        tolerance: the leg that counts for support: beyond the noise of the noisiest curve, a fraction of accuracy.
        margin: the leg that counts for refutation, at most the tolerance.
        unit: unit of the slope.
        smallest: the slope, in size, that matters.
    """

    factored: tuple[str, ...]
    factors: tuple[float, ...]
    between: Window
    tolerance: float
    margin: float = 0.01
    unit: str = "ascents and descents per doubling"
    smallest: float = 0.0
    name: Literal["fewer_turns"] = field(default="fewer_turns", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        check_factors(self.factored, self.factors)
        if not 0 < self.margin <= self.tolerance:
            raise InputError(
                f"legs count beyond a tolerance of {self.tolerance:g} for support and of {self.margin:g} for "
                "refutation; give 0 < margin <= tolerance"
            )
        if not self.smallest >= 0:
            raise InputError(f"the smallest slope that matters is a size, got {self.smallest:g}; give 0 or more")

    def curves(self) -> tuple[str, ...]:
        """Returns the curves, each once."""
        return tuple(dict.fromkeys(self.factored))

    def windows(self) -> Mapping[str, Window]:
        """Returns the window of the levels that are followed."""
        return {"followed": self.between}

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the window with each curve."""
        return [(name, self.between) for name in self.curves()]

    def check(self, position: Positions) -> None:
        """Checks that the window holds at least two levels of every curve.

        Raises:
            InputError: it does not.
        """
        require_curves(self.curves(), position)
        for name in self.curves():
            if len(self.between.levels(position[name])) < 2:
                raise InputError(
                    f"the window at {self.between.words} holds one level of {name!r}, an ascent needs two; widen it"
                )

    def counts(
        self, position: Positions, values: Values, tolerance: float
    ) -> Float[np.ndarray, "*batch seeds factors"]:
        """Counts the legs of every curve."""
        followed = (values[name][..., self.between.levels(position[name])] for name in self.factored)
        return np.stack([legs(curve, tolerance) for curve in followed], axis=-1)

    def numbers(self, position: Positions, values: Values, tolerance: float) -> Float[np.ndarray, "*batch seeds"]:
        """Computes every seed's least-squares slope of the number of legs on the factor."""
        return slopes(self.counts(position, values, tolerance), self.factors)

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: the slope of the large legs falls; the contrary, that of all legs does not."""
        return Hypotheses(
            below(self.numbers(position, values, self.tolerance), -self.smallest),
            above(self.numbers(position, values, self.margin), -self.smallest),
        )

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study; its effect is the slope that support asks for or, if the contrary is nearer, refutation."""
        position, values = arrays(self, curves)
        evidence = weigh(self.hypotheses(position, values))
        numbers = self.numbers(position, values, self.tolerance)
        of_support = mean_effect(numbers, threshold, self.unit)
        of_refutation = mean_effect(self.numbers(position, values, self.margin), threshold, self.unit)
        bound = words.number(-self.smallest)
        falls, rises = (f"below {bound}", f"above {bound}") if self.smallest else ("negative", "positive")
        sentence = (
            f"Over {len(numbers)} seeds {self._said(position, values, self.tolerance)}; the slope is "
            f"{of_support.words(threshold)}. That it is {falls} has {words.probability(float(evidence.support))}. Of "
            f"{self._said(position, values, self.margin)}; the slope is {of_refutation.words(threshold)}. That this "
            f"one is {rises} has {words.probability(float(evidence.contrary))}."
        )
        lost = [
            reason
            for name in self.curves()
            for reason in diverged(name, curves[name], values[name][:, self.between.levels(position[name])])
        ]
        effect = of_refutation if evidence.contrary < evidence.support else of_support
        return outcome(evidence, effect, sentence, lost=lost)

    def _said(self, position: Positions, values: Values, tolerance: float) -> str:
        means = self.counts(position, values, tolerance).mean(axis=0)
        found = [f"{mean:.1f} for {name}" for name, mean in zip(self.factored, means, strict=True)]
        return (
            f"ascents and descents by more than {words.amount(tolerance, 'accuracy')} there are {words.listing(found)}"
        )


def legs(values: Float[np.ndarray, "*batch levels"], tolerance: float) -> Float[np.ndarray, "*batch"]:
    """Counts the alternating ascents and descents of every curve, each by more than the tolerance.

    A zigzag filter: a leg begins where the curve has come back from its last extremum by more than the tolerance.

    Returns:
        Whole numbers; NaN for a curve with a NaN.
    """
    low, high = values[..., 0], values[..., 0]
    direction = np.zeros(low.shape)
    count = np.zeros(low.shape)
    for level in range(1, values.shape[-1]):
        now = values[..., level]
        up = (direction <= 0) & (now - low > tolerance + EQUAL)
        down = (direction >= 0) & (high - now > tolerance + EQUAL)
        direction = np.where(up, 1.0, np.where(down, -1.0, direction))
        count += up | down
        # The extremum that a turn is measured from is looked for anew after each turn.
        low = np.where(down, now, np.minimum(low, now))
        high = np.where(up, now, np.maximum(high, now))
    return np.where(np.isfinite(values).all(axis=-1), count, np.nan)
