"""What a rule is, and what it says of one study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

from sdd_claims.curves import SparsityCurve
from sdd_claims.stats import words
from sdd_claims.stats.evidence import Evidence
from sdd_claims.stats.window import Window

MINIMUM_SEEDS = 12
"""The smallest sign-flip p is 2^-n, and rules with two ways of being right double it: only from 12 seeds on does that
fall below the threshold in use (2 * 2^-12 = 0.00049 < 0.0006)."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect in its own units, with its interval.

    Attributes:
        value: mean over the seeds that have a number; NaN where fewer than two have one.
        low: lower end of the two-sided t interval of level 1 - 2 * threshold.
        high: its upper end.
        unit: "accuracy" (a fraction), "log density" (natural; of other axes likewise), "Fisher z", or the claim's own.
    """

    value: float
    low: float
    high: float
    unit: str

    def words(self, threshold: float) -> str:
        """Says the effect and its interval: "8.3 points (99.88 % interval 7.1 to 9.5)"."""
        if not np.isfinite(self.value):
            return "an unknown amount"
        ends = [f"{100 * end:z.1f}" if self.unit == "accuracy" else words.number(end) for end in (self.low, self.high)]
        return f"{words.amount(self.value, self.unit)} ({words.level(threshold)} interval {ends[0]} to {ends[1]})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule found in one study.

    Attributes:
        p: support: the rule's null is rejected when p < threshold.
        p_contrary: refutation: the contrary is established when p_contrary < threshold; 1 where the rule cannot refute.
        effect: the effect that decides, in its own units.
        words: the test and its numbers in a sentence or two.
        open_reason: why the verdict must stay open whatever p is.
        parts: the outcomes of a claim's parts, or of the limbs of an intersection-union test.
    """

    p: float
    p_contrary: float
    effect: Effect
    words: str
    open_reason: str | None = None
    parts: Mapping[str, "Outcome"] = field(default_factory=dict)


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
        """The margin, in the unit of the effect; None where the rule has none."""

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

    def test(
        self,
        position: Mapping[str, Float[np.ndarray, " levels"]],
        values: Mapping[str, Float[np.ndarray, "*batch seeds levels"]],
    ) -> Evidence:
        """Tests every study of a batch at once; `evaluate` and the calibration share it."""

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        """Judges one study.

        Raises:
            InputError: a curve is missing, too few seeds, or a window off its curve.
        """


def mean_effect(numbers: Float[np.ndarray, " seeds"], threshold: float, unit: str) -> Effect:
    """Computes the mean of per-seed numbers with its t interval, over the seeds that have a number."""
    known = numbers[np.isfinite(numbers)]
    if known.size < 2:
        return Effect(float("nan"), float("nan"), float("nan"), unit)
    mean = float(known.mean())
    half = float(stdtrit(known.size - 1, 1 - threshold) * known.std(ddof=1) / np.sqrt(known.size))
    return Effect(mean, mean - half, mean + half, unit)


def outcome(
    evidence: Evidence,
    effect: Effect,
    sentence: str,
    *,
    lost: Sequence[str] = (),
    parts: Mapping[str, Outcome] | None = None,
) -> Outcome:
    """Puts together what a rule found in one study.

    Args:
        evidence: tests of a batch of one.
        effect: the deciding effect.
        sentence: the test in words.
        lost: sentences naming the seeds that have no number.
        parts: outcomes of the parts or limbs.
    """
    return Outcome(
        p=float(evidence.support),
        p_contrary=float(evidence.contrary),
        effect=effect,
        words=sentence,
        open_reason="; ".join(lost) or None,
        parts=parts or {},
    )
