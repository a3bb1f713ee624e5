"""The rules that two measures correlate along the curve, more than any two trends in sparsity do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import words
from sdd_claims.stats.hypotheses import All, Hypotheses, Some, above, below, weigh
from sdd_claims.stats.one_sample import EQUAL
from sdd_claims.stats.outcome import Outcome, mean_effect, outcome
from sdd_claims.stats.rules import MINIMUM_SEEDS, registered_rule
from sdd_claims.stats.study import Positions, Values, arrays, named_seeds, require_curves
from sdd_claims.stats.window import Window

_PERFECT = 1 - 1e-12  # beyond this |r|, z would be infinite by rounding alone


@dataclass(frozen=True, slots=True)
class _Correlation:
    """What both rules share: a pairing, a null pairing, and the two tests on each seed's Fisher z.

    Attributes:
        x: name of the curve claimed to go with y.
        null: name of the curve that has the same trend without the claimed cause, as of the noise-free chain.
        y: name of the curve followed.
        between: window of the levels over which to correlate.
        direction: -1 if x and y are claimed to go against each other, +1 if with each other.
    """

    x: str
    null: str
    y: str
    between: Window
    direction: Literal[1, -1] = -1
    name: str = field(default="", init=False)
    margin: ClassVar[None] = None
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS
    least_levels: ClassVar[int] = 4  # Fisher's z has variance 1 / (levels - 3)
    once: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if self.direction not in (1, -1):
            raise InputError(f"a correlation's direction is +1 or -1, got {self.direction}; give one of these")

    def curves(self) -> tuple[str, ...]:
        """Returns the three curves."""
        return tuple(dict.fromkeys((self.x, self.null, self.y)))

    def windows(self) -> Mapping[str, Window]:
        """Returns the window of the levels that are correlated."""
        return {"correlated": self.between}

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the window with each of the curves."""
        return [(name, self.between) for name in self.curves()]

    def check(self, position: Positions) -> None:
        """Checks that the window holds enough levels, the same on every curve.

        Raises:
            InputError: it does not.
        """
        require_curves((self.y, self.x, self.null), position)
        inside = {name: position[name][self.between.levels(position[name])] for name in (self.y, self.x, self.null)}
        if len(inside[self.y]) < self.least_levels:
            raise InputError(
                f"the window {self.between} holds {len(inside[self.y])} levels of {self.y!r}, this correlation needs "
                f"at least {self.least_levels}; widen it"
            )
        for name in (self.x, self.null):
            if inside[name].shape != inside[self.y].shape or not np.allclose(inside[name], inside[self.y], rtol=1e-2):
                raise InputError(
                    f"the levels of {name!r} and {self.y!r} in the window {self.between} lie elsewhere along "
                    f"{self.between.axis}; give both the same levels"
                )

    def compared(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch inside"]:
        """The part of a curve that is correlated."""
        return values[..., self.between.levels(position)]

    def correlations(
        self, position: Positions, values: Values
    ) -> tuple[Float[np.ndarray, "*batch seeds"], Float[np.ndarray, "*batch seeds"]]:
        """Computes every seed's r(x, y) and r(null, y); NaN where a curve has nothing to correlate, or diverged."""
        x, null, y = (self.compared(position[name], values[name]) for name in (self.x, self.null, self.y))
        return _pearson(x, y), _pearson(null, y)

    def numbers(self, position: Positions, values: Values) -> Float[np.ndarray, "*batch seeds"]:
        """Computes every seed's z(x, y) - z(null, y)."""
        own, null = self.correlations(position, values)
        return np.arctanh(own) - np.arctanh(null)

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: z(x, y) and z(x, y) - z(null, y); the contrary, that one of them is the other way."""
        own, null = self.correlations(position, values)
        itself, beyond = self.direction * np.arctanh(own), self.direction * (np.arctanh(own) - np.arctanh(null))
        return Hypotheses(All((above(itself), above(beyond))), Some((below(itself), below(beyond))))

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(self, curves)
        evidence = weigh(self.hypotheses(position, values))
        own, null = self.correlations(position, values)
        numbers = self.numbers(position, values)
        effect = mean_effect(numbers, threshold, "Fisher z")
        sign, relation = ("negative", "less") if self.direction < 0 else ("positive", "more")
        sentence = (
            f"At {self.between.words}{self.once.format(axis=self.between.axis)}, {self.x} correlates with {self.y} at "
            f"r = {_mean(own)} and {self.null} with {self.y} at r = {_mean(null)} (means over {len(numbers)} seeds); "
            f"the mean difference is {effect.words(threshold)}. That the first is {sign}, and {relation} than the "
            f"second (one-sided tests of both, the larger p), has {words.probability(float(evidence.support))}; that "
            f"one of the two is the other way round, {words.probability(float(evidence.contrary))}."
        )
        return outcome(evidence, effect, sentence, lost=self._without_r(curves, own, null))

    def _without_r(
        self,
        curves: Mapping[str, SparsityCurve],
        own: Float[np.ndarray, " seeds"],
        null: Float[np.ndarray, " seeds"],
    ) -> list[str]:
        return [
            f"{named_seeds(curves[name], np.isnan(r))} of {name!r} and {self.y!r} have no correlation at "
            f"{self.between.words}{self.once.format(axis=self.between.axis)} (a constant or diverged curve)"
            for name, r in ((self.x, own), (self.null, null))
            if np.isnan(r).any()
        ]


@registered_rule
@dataclass(frozen=True, slots=True)
class Correlated(_Correlation):
    """A measure correlates with another along the curve, beyond the correlation of a null pairing.

    Per seed, Pearson's r over the levels of a window, as Fisher's z. Tested are z(x, y) and, since any two trends in
    sparsity correlate, z(x, y) - z(null, y), each in the claimed direction: supported if both are established, refuted
    if the opposite of one is.
    """

    name: Literal["correlated"] = field(default="correlated", init=False)


@registered_rule
@dataclass(frozen=True, slots=True)
class PartiallyCorrelated(_Correlation):
    """A measure correlates with another at equal density, beyond the correlation of a null pairing.

    As `Correlated`, by partial correlations: the straight trend in log position is taken out of all three curves.
    """

    name: Literal["partially_correlated"] = field(default="partially_correlated", init=False)
    least_levels: ClassVar[int] = 5  # a partial z has variance 1 / (levels - 4)
    once: ClassVar[str] = ", once straight trends in log {axis} are taken out"

    def __post_init__(self) -> None:
        _Correlation.__post_init__(self)
        if not self.between.low > 0:
            raise InputError(f"the window {self.between.words} holds 0, which has no logarithm; give one above it")

    def compared(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> Float[np.ndarray, "*batch inside"]:
        """What is left of that part of a curve without its straight trend."""
        levels = self.between.levels(position)
        return _bent(values[..., levels], np.log(position[levels]))


def _bent(
    rows: Float[np.ndarray, "*batch levels"], x: Float[np.ndarray, " levels"]
) -> Float[np.ndarray, "*batch levels"]:
    """What is left of every row without its straight trend in x."""
    x = x - x.mean()
    rows = rows - rows.mean(axis=-1, keepdims=True)
    return rows - (rows @ x / (x @ x))[..., None] * x


def _pearson(
    x: Float[np.ndarray, "*batch levels"], y: Float[np.ndarray, "*batch levels"]
) -> Float[np.ndarray, "*batch"]:
    x, y = (row - row.mean(axis=-1, keepdims=True) for row in (x, y))
    squares = (x * x).sum(axis=-1) * (y * y).sum(axis=-1)
    varies = (np.ptp(x, axis=-1) > EQUAL) & (np.ptp(y, axis=-1) > EQUAL)
    r = (x * y).sum(axis=-1) / np.sqrt(np.where(varies, squares, np.nan))
    return np.clip(r, -_PERFECT, _PERFECT)


def _mean(r: Float[np.ndarray, " seeds"]) -> str:
    known = r[np.isfinite(r)]
    return f"{known.mean():.2f}" if known.size else "unknown"
