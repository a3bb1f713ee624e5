"""The rule that the interpolation threshold, where the network stops fitting its labels, lies in a window."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from sdd_claims.curves import DENSITY, SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import words
from sdd_claims.stats.hypotheses import Hypotheses, weigh, within
from sdd_claims.stats.outcome import Effect, Outcome, mean_effect, outcome
from sdd_claims.stats.rules import MINIMUM_SEEDS, registered_rule
from sdd_claims.stats.study import Positions, Values, arrays, named_seeds, require_curves
from sdd_claims.stats.window import Window


@registered_rule
@dataclass(frozen=True, slots=True)
class ThresholdWithin:
    """The mean interpolation threshold lies inside a window (two one-sided tests); refuted if established beyond it.

    The threshold is the density at which train accuracy, drawn straight in log density from level to level, falls
    `drop` below its dense value, after the last level that still keeps it.

    Attributes:
        curve: name of the curve of train accuracy, whose first level is dense.
        window: where the threshold is claimed to lie, such as the critical phase.
        drop: loss of train accuracy that counts as no longer fitting, a fraction of accuracy.
    """

    curve: str
    window: Window
    drop: float = 0.01
    name: Literal["threshold_within"] = field(default="threshold_within", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        if not self.drop > 0:
            raise InputError(f"train accuracy crosses no threshold by a drop of {self.drop:g}; give a drop above 0")
        if self.window.axis != DENSITY:
            raise InputError(
                f"the interpolation threshold is a density, but its window lies at {self.window.words}; give one of "
                "density"
            )
        if not self.window.low < self.window.high:
            raise InputError(f"no mean lies inside the window {self.window}; give a low edge below the high one")

    @property
    def margin(self) -> float:
        """Half the width of the window in log density: how far from its middle the threshold may lie."""
        return math.log(self.window.high / self.window.low) / 2

    def curves(self) -> tuple[str, ...]:
        """Returns the curve of train accuracy."""
        return (self.curve,)

    def windows(self) -> Mapping[str, Window]:
        """Returns the window."""
        return {"interpolation threshold": self.window}

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the window with the curve."""
        return [(self.curve, self.window)]

    def check(self, position: Positions) -> None:
        """Checks that the window holds a level of the curve.

        Raises:
            InputError: it does not.
        """
        require_curves(self.curves(), position)
        self.window.levels(position[self.curve])

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes every seed's threshold in log density, from the window's middle and positive towards the dense end.

        NaN where train accuracy is kept to the last level, or the curve has a NaN.
        """
        return _fall(np.log(position[self.curve]), values[self.curve], self.drop) - self._middle()

    def clearances(self, values: Values) -> tuple[Float[np.ndarray, "*batch seeds"], ...]:
        """Computes by how much more than `drop` every seed has lost at the last level; NaN where it has a NaN.

        A seed has a threshold where that is above zero.
        """
        train = values[self.curve]
        lost = train[..., 0] - self.drop - train[..., -1]
        return (np.where(np.isfinite(train).all(axis=-1), lost, np.nan),)

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: the mean threshold lies in the window; the contrary, that it lies beyond."""
        return within(self.numbers(position, values), self.margin, self.clearances(values))

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(self, curves)
        evidence = weigh(self.hypotheses(position, values))
        numbers = self.numbers(position, values)
        effect = mean_effect(numbers, threshold, "log density")
        sentence = (
            f"Over {len(numbers)} seeds {self.curve} falls {words.amount(self.drop, 'accuracy')} below its dense value "
            f"at {self._as_density(effect, threshold)}; from the middle of the window {self.window} that is "
            f"{effect.words(threshold)}, positive towards the dense end. That the mean lies inside the window (two "
            f"one-sided tests) has {words.probability(float(evidence.support))}; that it lies beyond one of its ends, "
            f"{words.probability(float(evidence.contrary))}."
        )
        return outcome(evidence, effect, sentence, lost=self._lost(curves[self.curve], numbers))

    def _middle(self) -> float:
        return math.log(self.window.high * self.window.low) / 2

    def _as_density(self, effect: Effect, threshold: float) -> str:
        if not math.isfinite(effect.value):
            return "an unknown density"
        mean, low, high = (math.exp(self._middle() + end) for end in (effect.value, effect.low, effect.high))
        return f"density {mean:.2g} (geometric mean; {words.level(threshold)} interval {low:.2g} to {high:.2g})"

    def _lost(self, curve: SparsityCurve, numbers: Float[np.ndarray, " seeds"]) -> list[str]:
        diverged = np.isnan(curve.values).any(axis=-1)
        kept = np.isnan(numbers) & ~diverged
        verb = "keeps" if kept.sum() == 1 else "keep"
        reasons = [f"{named_seeds(curve, diverged)} of {self.curve!r} diverged"] if diverged.any() else []
        if kept.any():
            within_drop = f"to within {words.amount(self.drop, 'accuracy')}"
            reasons.append(
                f"{named_seeds(curve, kept)} of {self.curve!r} {verb} the dense value {within_drop} to the last level"
            )
        return reasons


def _fall(
    x: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"], drop: float
) -> Float[np.ndarray, "*batch"]:
    """Finds where each curve falls `drop` below its first value, after the last level that is not below."""
    kept_at = values[..., :1] - drop
    index = np.arange(len(x))
    last = np.where(values >= kept_at, index, 0).max(axis=-1)
    falls = (last < index[-1]) & np.isfinite(values).all(axis=-1)
    left = np.minimum(last, index[-1] - 1)
    before, after = (np.take_along_axis(values, at[..., None], axis=-1)[..., 0] for at in (left, left + 1))
    share = (before - kept_at[..., 0]) / np.where(falls, before - after, 1.0)
    return np.where(falls, x[left] + share * (x[left + 1] - x[left]), np.nan)
