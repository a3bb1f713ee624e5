"""Whether what is claimed shows more in a claim's own setting than in its control, seed by seed. It decides nothing.

That a control is not supported says little where it is near the claim: it may lack a hair. The same seeds are trained
in both settings, so that their numbers can be compared in pairs.
"""

from dataclasses import dataclass

import numpy as np

from sdd_claims.stats.hypotheses import All, Hypotheses, Hypothesis, Mean, Numbers, Some, deciding, means, p_value
from sdd_claims.stats.one_sample import EQUAL, excess_over, t_statistic
from sdd_claims.stats.parts import AllOf
from sdd_claims.stats.rules import Rule


@dataclass(frozen=True)
class ControlDifference:
    """The claim minus its control, in the test in which they are farthest apart.

    Attributes:
        part: the part of the rule that this test belongs to; empty for a rule without parts.
        beyond: number of seeds that lie farther on the claimed side than the same seed of the control.
        seeds: of how many.
        t: that of the differences; None for a sign test, and for equal differences.
        p: of one look: that the claim lies no farther than its control in any test of the rule (Bonferroni).
    """

    part: str
    beyond: int
    seeds: int
    t: float | None
    p: float


def control_difference(rule: Rule, tested: Hypotheses, control: Hypotheses) -> ControlDifference | None:
    """Compares a claim with its control.

    Args:
        rule: the rule, which names its parts.
        tested: what it tests in the claim's setting, of one study.
        control: the same in the control's.

    Returns:
        The comparison; None where the two are tested otherwise, or a seed lacks the numbers of every test.
    """
    if _shapes(tested.claim) != _shapes(control.claim):
        return None
    tests = [
        Mean(_farther(ours, theirs), ours.by)
        for ours, theirs in zip(means(tested.claim), means(control.claim), strict=True)
    ]
    known = {test: part for test, part in zip(tests, _parts(rule, tested.claim), strict=True) if _is_known(test)}
    farthest = deciding(Some(tuple(known)))
    if farthest is None:
        return None
    has_t = farthest.by == "mean" and np.ptp(farthest.excess) > EQUAL  # of equal numbers it is rounding
    return ControlDifference(
        part=known[farthest],
        beyond=int((farthest.excess > 0).sum()),
        seeds=farthest.excess.size,
        t=float(t_statistic(farthest.excess)) if has_t else None,
        p=min(1.0, len(tests) / len(known) * float(p_value(Some(tuple(known))))),
    )


def _farther(ours: Mean, theirs: Mean) -> Numbers:
    """By how much every seed lies farther on the claimed side; in a sign test, whether it does: 1 or -1."""
    if ours.by == "signs":  # where minus infinity stands for a seed without a number
        return np.where(ours.excess > theirs.excess + EQUAL, 1.0, -1.0)
    return excess_over(ours.excess - theirs.excess, 0.0)


def _is_known(test: Mean) -> bool:
    return not np.isnan(test.excess).any()


def _shapes(hypothesis: Hypothesis) -> list[tuple[str, tuple[int, ...]]]:
    return [(mean.by, mean.excess.shape) for mean in means(hypothesis)]


def _parts(rule: Rule, claim: Hypothesis) -> list[str]:
    """The part of the rule that every test of its claim belongs to."""
    if not (isinstance(rule, AllOf) and isinstance(claim, All)):
        return [""] * len(list(means(claim)))
    return [name for name, part in zip(rule.parts, claim.parts, strict=True) for _ in means(part)]
