"""The rules on dips: accuracy falls and rises again as sparsity grows, or no level lies in a dip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float

from sdd_claims.curves import DENSITY, SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import words
from sdd_claims.stats.hypotheses import All, Hypotheses, Some, above, weigh
from sdd_claims.stats.one_sample import t_statistic
from sdd_claims.stats.outcome import Outcome, mean_effect, outcome
from sdd_claims.stats.rules import ADDED_LATER, MINIMUM_SEEDS, registered_rule
from sdd_claims.stats.study import Positions, Values, arrays, diverged, require_curves
from sdd_claims.stats.window import Window, check_phases

# The grid reaches the collapsed phase where mean train accuracy has lost this share of its dense value, unless the rule
# says where.
_COLLAPSE = 0.5

_LEARNED = 0.1
"""By how much the best level of a network that has learned something is more accurate than a guess."""


@dataclass(frozen=True, slots=True)
class Collapse:
    """Where train accuracy has collapsed, on labels of which a share is wrong.

    Half way between two train accuracies: chance, and that of a network that has learned no wrong label by heart, but
    is as accurate on the train images as the best level is on test images.

    Attributes:
        classes: their number; they are taken to be of one size.
        rate: share of the training labels that are wrong, each other label being as likely.
    """

    classes: int
    rate: float

    def is_learned(self, test: Float[np.ndarray, "*batch seeds levels"]) -> Bool[np.ndarray, "*batch"]:
        """Says whether the best level is clearly better than a guess: what was never learned cannot collapse."""
        return np.asarray(test.mean(axis=-2).max(axis=-1) > 1 / self.classes + _LEARNED)

    def below(self, test: Float[np.ndarray, "*batch seeds levels"]) -> Float[np.ndarray, "*batch"]:
        """Computes the train accuracy from which down the network has collapsed, from its test accuracy."""
        best = test.mean(axis=-2).max(axis=-1)
        by_rule = best * (1 - self.rate) + (1 - best) * self.rate / (self.classes - 1)
        return (by_rule + 1 / self.classes) / 2


@registered_rule
@dataclass(frozen=True, slots=True)
class DipThenRise:
    """Accuracy falls from the light to the critical phase and rises again to the sweet phase.

    Supported if light - critical > margin and sweet - critical > margin (and sweet - collapsed > margin where that
    window is given): intersection-union of one-sided tests, p the largest. Refuted only by `DipFree` on the single
    levels of a grid that reaches the collapsed phase.

    Attributes:
        curve: name of the curve of test accuracy.
        light: window of the light phase; the others follow, each sparser, or higher along another axis than density.
        critical: window of the lowest accuracy.
        sweet: window of the second rise.
        collapsed: window of the final fall, if that is part of the claim.
        margin: depth that counts, as a fraction of accuracy.
        train_curve: name of the curve of train accuracy, which shows how far the grid reaches; without it the rule
            cannot refute.
        collapse: where train accuracy has collapsed; None for half of the dense network's, which networks of few
            classes have by chance.
    """

    curve: str
    light: Window
    critical: Window
    sweet: Window
    collapsed: Window | None = None
    margin: float = 0.01
    train_curve: str | None = None
    collapse: Collapse | None = field(default=None, metadata=ADDED_LATER)
    name: Literal["dip_then_rise"] = field(default="dip_then_rise", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        check_phases(self.windows())

    def curves(self) -> tuple[str, ...]:
        """Returns the curves that the rule reads."""
        return (self.curve,) if self.train_curve is None else (self.curve, self.train_curve)

    def windows(self) -> Mapping[str, Window]:
        """Returns the phases' windows, in the order of the levels."""
        phases = {"light": self.light, "critical": self.critical, "sweet": self.sweet}
        return phases if self.collapsed is None else {**phases, "collapsed": self.collapsed}

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the windows with each of the curves, which share one grid."""
        return [(curve, window) for curve in self.curves() for window in self.windows().values()]

    def check(self, position: Positions) -> None:
        """Checks that every window holds a level of the curve.

        Raises:
            InputError: one does not.
        """
        require_curves(self.curves(), position)
        for window in self.windows().values():
            window.levels(position[self.curve])

    def limbs(
        self, position: Float[np.ndarray, " levels"], values: Float[np.ndarray, "*batch levels"]
    ) -> dict[str, Float[np.ndarray, "*batch"]]:
        """Reduces every seed's curve to the heights of its limbs.

        Returns:
            "fall" (light - critical), "rise" (sweet - critical) and, if claimed, "second fall" (sweet - collapsed).
        """
        phases = {phase: window.mean(position, values) for phase, window in self.windows().items()}
        limbs = {"fall": phases["light"] - phases["critical"], "rise": phases["sweet"] - phases["critical"]}
        return limbs if self.collapsed is None else {**limbs, "second fall": phases["sweet"] - phases["collapsed"]}

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: every limb exceeds the margin; the contrary, that there is no dip.

        In a study whose grid does not reach the collapsed phase nothing can establish the contrary.
        """
        limbs = self.limbs(position[self.curve], values[self.curve]).values()
        claim = All(tuple(above(limb, self.margin) for limb in limbs))
        if self.train_curve is None or not (reaches := self.reaches_collapse(values)).any():
            return Hypotheses(claim, Some())
        # The other studies of a batch have no numbers there.
        known = np.where(reaches[..., None, None], values[self.curve], np.nan)
        return Hypotheses(claim, _no_dip(known, self.margin))

    def reaches_collapse(self, values: Values) -> Bool[np.ndarray, "*batch"]:
        """Says whether the grid reaches the collapsed phase, without which no dip is ruled out.

        Args:
            values: of both curves.
        """
        collapsed = np.asarray(self._train(values)[..., -1] <= self._collapsed_from(values))
        return collapsed if self.collapse is None else collapsed & self.collapse.is_learned(values[self.curve])

    def _train(self, values: Values) -> Float[np.ndarray, "*batch levels"]:
        assert self.train_curve is not None
        return np.asarray(values[self.train_curve].mean(axis=-2))

    def _collapsed_from(self, values: Values) -> Float[np.ndarray, "*batch"]:
        if self.collapse is not None:
            return self.collapse.below(values[self.curve])
        return np.asarray(_COLLAPSE * self._train(values)[..., 0])

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(self, curves)
        curve = curves[self.curve]
        evidence = weigh(self.hypotheses(position, values))
        limbs = self.limbs(curve.position, curve.values)
        lost = diverged(self.curve, curve, np.stack(list(limbs.values()), axis=-1))
        parts = {limb: self._limb(limb, numbers, threshold, lost) for limb, numbers in limbs.items()}
        binding = min(limbs, key=lambda limb: float(np.nan_to_num(t_statistic(limbs[limb] - self.margin))))
        found = words.listing([f"the {limb} is {part.effect.words(threshold)}" for limb, part in parts.items()])
        sentence = (
            f"Over {len(curve.seeds)} seeds {found}; each was tested to exceed {words.amount(self.margin, 'accuracy')} "
            f"(one-sided), largest {words.probability(float(evidence.support))}. "
            f"{self._refutation(curves, float(evidence.contrary))}"
        )
        return outcome(evidence, parts[binding].effect, sentence, lost=lost, parts=parts)

    def _limb(self, limb: str, numbers: Float[np.ndarray, " seeds"], threshold: float, lost: Sequence[str]) -> Outcome:
        evidence = weigh(Hypotheses(above(numbers, self.margin), Some()))
        effect = mean_effect(numbers, threshold, "accuracy")
        ends = {"fall": ("light", "critical"), "rise": ("sweet", "critical"), "second fall": ("sweet", "collapsed")}
        high, low = ends[limb]
        sentence = (
            f"Accuracy in the {high} window exceeds that in the {low} window by {effect.words(threshold)}; tested to "
            f"exceed {words.amount(self.margin, 'accuracy')}, {words.probability(float(evidence.support))}."
        )
        return outcome(evidence, effect, sentence, lost=lost)

    def _refutation(self, curves: Mapping[str, SparsityCurve], p: float) -> str:
        if self.train_curve is None:
            return "The rule could not refute here: no curve of train accuracy shows that the grid reaches collapse."
        curve = curves[self.train_curve]
        if unknown := diverged(self.train_curve, curve, curve.values[:, [0, -1]]):
            return f"The rule could not refute here: {words.listing(unknown)}."
        if self.collapse is not None and (
            unknown := diverged(self.curve, curves[self.curve], curves[self.curve].values)
        ):
            return f"The rule could not refute here: {words.listing(unknown)}."
        values = {name: each.values for name, each in curves.items()}
        if self.collapse is not None and not self.collapse.is_learned(values[self.curve]):
            best = values[self.curve].mean(axis=0).max()
            return (
                f"The rule could not refute here: the networks have hardly learned, since at their best level "
                f"{100 * best:.0f} % of the test images are classified right, and a guess is "
                f"{100 / self.collapse.classes:.0f} %."
            )
        if not self.reaches_collapse(values):
            dense, train = "dense" if self.light.axis == DENSITY else "first", self._train(values)
            low = f"half of its {dense} value ({train[-1]:.2f} of {train[0]:.2f})"
            if self.collapse is not None:
                low = (
                    f"{float(self._collapsed_from(values)):.2f}, half way between that of a network that knows no "
                    f"wrong label by heart and chance (it is {train[0]:.2f} {dense}, {train[-1]:.2f} at the end)"
                )
            return f"The rule could not refute here: the grid ends before train accuracy has fallen to {low}."
        return f"The contrary, that no level lies that far below levels on both sides, has {words.probability(p)}."


@registered_rule
@dataclass(frozen=True, slots=True)
class DipFree:
    """No level of the curve lies the margin below both a denser and a sparser level.

    For every triple i < j < k of levels "j lies not the margin below both" is tested with p = 2 min(p_ij, p_kj); p is
    the largest over all triples. A curve that only falls, or first rises and then falls, is dip-free. Refuted by
    `DipThenRise` in the registered windows, if they are given.

    Attributes:
        curve: name of the curve of test accuracy.
        margin: depth that counts, as a fraction of accuracy.
        light: window of the light phase; the three windows come together or not at all.
        critical: window of the lowest accuracy.
        sweet: window of the second rise.
    """

    curve: str
    margin: float = 0.01
    light: Window | None = None
    critical: Window | None = None
    sweet: Window | None = None
    name: Literal["dip_free"] = field(default="dip_free", init=False)
    minimum_seeds: ClassVar[int] = MINIMUM_SEEDS

    def __post_init__(self) -> None:
        windows = self.windows()
        if len(windows) not in (0, 3):
            raise InputError(
                f"dip_free got only the windows {words.listing(list(windows))}; give light, critical and sweet, or none"
            )
        check_phases(windows)

    def curves(self) -> tuple[str, ...]:
        """Returns the curve that the rule reads."""
        return (self.curve,)

    def windows(self) -> Mapping[str, Window]:
        """Returns the windows in which a dip would refute the claim."""
        phases = {"light": self.light, "critical": self.critical, "sweet": self.sweet}
        return {phase: window for phase, window in phases.items() if window is not None}

    def placed(self) -> list[tuple[str, Window]]:
        """Returns the windows with the curve."""
        return [(self.curve, window) for window in self.windows().values()]

    def check(self, position: Positions) -> None:
        """Checks that every window holds a level of the curve and that the curve has three levels.

        Raises:
            InputError: it does not.
        """
        require_curves(self.curves(), position)
        if len(position[self.curve]) < 3:
            raise InputError(
                f"a dip needs three levels, the curve {self.curve!r} has {len(position[self.curve])}; train more levels"
            )
        for window in self.windows().values():
            window.levels(position[self.curve])

    def hypotheses(self, position: Positions, values: Values) -> Hypotheses:
        """Says what is tested: there is no dip; the contrary, a dip in the windows, if they are given."""
        claim = _no_dip(values[self.curve], self.margin)
        if self.light is None or self.critical is None or self.sweet is None:
            return Hypotheses(claim, Some())
        dip = DipThenRise(self.curve, self.light, self.critical, self.sweet, margin=self.margin)
        return Hypotheses(claim, dip.hypotheses(position, values).claim)

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study."""
        position, values = arrays(self, curves)
        curve = curves[self.curve]
        evidence = weigh(self.hypotheses(position, values))
        low, end, depths = _deepest_dip(curve.values)
        effect = mean_effect(depths, threshold, "accuracy")
        contrary = (
            f" A dip in the registered windows has {words.probability(float(evidence.contrary))}."
            if self.windows()
            else ""
        )
        sides = (
            "a denser and a sparser one" if curve.axis == DENSITY else f"one at lower and one at higher {curve.axis}"
        )
        sentence = (
            f"Over {len(curve.seeds)} seeds the deepest dip of the mean curve is {effect.words(threshold)}, at "
            f"{curve.axis} {words.position(curve.position[low])} against {words.position(curve.position[end])}. That "
            f"no level lies {words.amount(self.margin, 'accuracy')} below both {sides}, tested on every triple of "
            f"{len(curve.position)} levels, has {words.probability(float(evidence.support))}.{contrary}"
        )
        return outcome(evidence, effect, sentence, lost=diverged(self.curve, curve, curve.values))


def _no_dip(values: Float[np.ndarray, "*batch seeds levels"], margin: float) -> All:
    """States that no level lies the margin below both a denser and a sparser one.

    For all triples i < j < k: level j falls short of that against i or against k. So of every j all on one side do, and
    no loop over triples is needed.
    """
    levels = list(np.moveaxis(values, -1, 0))

    def short_of(others: Sequence[np.ndarray], low: int) -> All:
        return All(tuple(above(levels[low] - other, -margin) for other in others))

    inner = range(1, len(levels) - 1)
    return All(tuple(Some((short_of(levels[:low], low), short_of(levels[low + 1 :], low))) for low in inner))


def _deepest_dip(values: Float[np.ndarray, "seeds levels"]) -> tuple[int, int, Float[np.ndarray, " seeds"]]:
    """Finds the level of the mean curve's deepest dip and its lower shoulder, with the depth of every seed there."""
    whole = values[np.isfinite(values).all(axis=-1)]
    mean = whole.mean(axis=0) if len(whole) else np.zeros(values.shape[-1])
    inner = range(1, len(mean) - 1)
    shoulders = [min(mean[:low].argmax(), low + 1 + mean[low + 1 :].argmax(), key=lambda i: mean[i]) for low in inner]
    deepest = max(range(len(shoulders)), key=lambda i: mean[shoulders[i]] - mean[inner[i]])
    low, shoulder = inner[deepest], int(shoulders[deepest])
    return low, shoulder, values[:, shoulder] - values[:, low]
