"""The outcome of a rule on one study: p of the claim and of its contrary, effect with interval, words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

from sdd_claims.shares import share_interval
from sdd_claims.stats import words
from sdd_claims.stats.hypotheses import Evidence


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
    """The result of a rule on one study.

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


def mean_effect(numbers: Float[np.ndarray, " seeds"], threshold: float, unit: str) -> Effect:
    """Computes the mean of per-seed numbers with its t interval, over the seeds that have a number."""
    known = numbers[np.isfinite(numbers)]
    if known.size < 2:
        return Effect(float("nan"), float("nan"), float("nan"), unit)
    mean = float(known.mean())
    half = float(stdtrit(known.size - 1, 1 - threshold) * known.std(ddof=1) / np.sqrt(known.size))
    return Effect(mean, mean - half, mean + half, unit)


def share_effect(holds: Float[np.ndarray, " seeds"], threshold: float) -> Effect:
    """Computes the share of seeds for which something holds, with its exact interval (Clopper & Pearson 1934).

    Args:
        holds: 1 or 0 of each seed; NaN for one that has no number, which does not count.
        threshold: the interval's level is 1 - 2 * threshold.
    """
    known = holds[np.isfinite(holds)]
    seeds, count = known.size, int(known.sum())
    if seeds < 2:
        return Effect(float("nan"), float("nan"), float("nan"), "of all seeds")
    return Effect(count / seeds, *share_interval(count, seeds, threshold), "of all seeds")


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
