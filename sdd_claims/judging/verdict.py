"""The verdict on a trial: what its rule and its control come to at one look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.registration.claim import BLOCK, Decision
from sdd_claims.registration.curve_of import Reader
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Trial
from sdd_claims.report.claims_json import Openness
from sdd_claims.stats import Outcome, nominal_p
from sdd_claims.stats.control_difference import ControlDifference, control_difference
from sdd_claims.stats.hypotheses import Hypotheses, smallest_p
from sdd_claims.stats.robustness import panel
from sdd_claims.stats.sequential import sequential_p
from sdd_claims.stats.stability import Design, Ruling, chance_of_repeat, power
from sdd_claims.stats.study import spelled_out
from sdd_claims.storage.memo import result_of

DESIGNS = ((12,), (12, 24), (12, 24, 48), (12, 24, 48, 96))
"""The looks that power is told for, beside those that a trial registers."""


@dataclass(frozen=True)
class Foreseen:
    """What a trial would come to under one scheme of looks, if the pilots' effect and scatter are the true ones.

    Attributes:
        looks: numbers of seeds.
        chances: of every ruling, with two digits.
        refutable: whether the contrary can be established at all with so many seeds.
    """

    looks: tuple[int, ...]
    chances: Mapping[Ruling, float]
    refutable: bool


@dataclass(frozen=True)
class Verdict:
    """The outcome of a trial.

    Attributes:
        trial: the trial.
        decision: supported, refuted or inconclusive; None where nothing was judged.
        outcome: the rule's findings; None where it read no curves.
        control_decision: the same rule's decision on the control.
        control_outcome: its findings there.
        seeds: the judged seeds.
        looks: numbers of seeds at which the data were looked at so far.
        threshold: the p below which a hypothesis counts as established, at each look.
        reason: why the verdict is open, where something other than its p keeps it open, or looks are left.
        part_decisions: decision on each part, as if it stood alone.
        openness: the kind of an inconclusive verdict; None for every other.
        planned: numbers of seeds of all looks, those not taken among them.
        curves: those that were judged.
        control_curves: those of the control.
    """

    trial: Trial
    decision: Decision | None
    outcome: Outcome | None
    control_decision: Decision | None
    control_outcome: Outcome | None
    seeds: tuple[int, ...]
    looks: tuple[int, ...]
    threshold: float | None
    reason: str | None = None
    part_decisions: Mapping[str, Decision] = field(default_factory=dict)
    openness: Openness | None = None
    planned: tuple[int, ...] = ()
    curves: Mapping[str, SparsityCurve] = field(default_factory=dict, repr=False, compare=False)
    control_curves: Mapping[str, SparsityCurve] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_open_so_far(self) -> bool:
        """Whether no look that was taken has settled it, and others are left."""
        return self.openness == "open so far"

    @cached_property
    def as_it_stands(self) -> "Verdict":
        """The verdict where nothing more is trained: one that is open, with looks left, is open so far.

        To stop there makes no error likelier: only a look that decides settles a claim.
        """
        left = self.planned[len(self.looks) :]
        if not (left and stays_open(self)):
            return self
        which = f"look{'s' if len(left) > 1 else ''} at {' and '.join(map(str, left))} seeds"
        reason = (
            f"neither the claim nor its contrary is established so far, and the {which} "
            f"{'have' if len(left) > 1 else 'has'} not been taken"
        )
        return replace(self, openness="open so far", reason=reason)

    @cached_property
    def tested(self) -> Hypotheses | None:
        """The claim and its contrary on the judged numbers; None where nothing was judged, or by a rule not of ours."""
        return spelled_out(self.trial.judged_by, self.curves) if self.outcome else None

    @cached_property
    def control_tested(self) -> Hypotheses | None:
        """The same on the numbers of the control."""
        return spelled_out(self.trial.judged_by, self.control_curves) if self.outcome else None

    @cached_property
    def control_difference(self) -> ControlDifference | None:
        """The claim minus its control, seed by seed; None where they cannot be compared, or nothing was judged."""
        if self.decision is None or self.tested is None or self.control_tested is None:
            return None
        return control_difference(self.trial.judged_by, self.tested, self.control_tested)

    @property
    def design(self) -> Design | None:
        """The way it was judged; None where nothing was."""
        return None if self.threshold is None else Design(self.planned, self.threshold, self.trial.proxy)

    @property
    def _name(self) -> str:
        """Seeds what is simulated of it."""
        return f"{self.trial.name} [{self.trial.tier}]"

    @cached_property
    def stability(self) -> float | None:
        """The chance that a fresh block comes to this verdict again; None where nothing was decided or spelled out."""
        if self.decision is None or self.tested is None or self.control_tested is None or self.design is None:
            return None
        if self.is_open_so_far:  # A fresh block would not stop here.
            return None
        ruling: Ruling = "open" if self.decision == "inconclusive" else self.decision
        if self.openness == "contrary on a proxy":
            ruling = "contrary on a proxy"
        return result_of(chance_of_repeat, self.design, self.tested, self.control_tested, ruling, self._name)

    @cached_property
    def foreseen(self) -> tuple[Foreseen, ...]:
        """What the trial would come to by the pilots, under its own looks first; empty where other seeds were read."""
        control = self.control_tested
        if self.tested is None or control is None or self.threshold is None or max(self.seeds) >= BLOCK:
            return ()
        error_rate = sequential_p(self.threshold, self.planned)
        own = tuple(len(seeds) for seeds in self.trial.judged_seeds())
        found = []
        for looks in dict.fromkeys((own, *DESIGNS)):
            design = Design(looks, nominal_p(error_rate, looks), self.trial.proxy)
            found_by = power(design, self.tested, control, self._name)
            chances = {ruling: round(chance, 2) for ruling, chance in found_by.items()}
            refutable = smallest_p(self.tested.contrary, looks[-1]) < design.threshold
            found.append(Foreseen(looks, chances, refutable))
        return tuple(found)

    @cached_property
    def robustness(self) -> Mapping[str, Ruling]:
        """What the same seeds come to with one thing changed: a window, a margin, a seed; see `robustness.panel`."""
        if self.decision is None or self.tested is None or self.design is None:
            return {}
        return result_of(panel, self.design, self.trial.judged_by, self.curves, self.control_curves)


def judge(
    trial: Trial,
    curves: Mapping[str, SparsityCurve],
    control_curves: Mapping[str, SparsityCurve],
    seeds: tuple[int, ...],
    looks: tuple[int, ...],
    threshold: float,
    planned: tuple[int, ...] = (),
) -> Verdict:
    """Apply the rule to a trial and to its control.

    A trial whose control comes out supported too is inconclusive: the rule has been seen to say yes where the claim
    is false. So is one that would be supported, but whose control cannot be measured: nothing was seen there.

    Args:
        trial: with its windows set.
        curves: its curves.
        control_curves: those of its control.
        seeds: the judged seeds.
        looks: numbers of seeds at which the data were looked at so far.
        threshold: the p below which a hypothesis counts as established, at each look.
        planned: numbers of seeds of all looks; those so far if left out.

    Raises:
        InputError: the windows wait for pilots, or the rule cannot read the curves.
    """
    outcome = trial.judged_by.evaluate(curves, threshold)
    control = trial.judged_by.evaluate(control_curves, threshold)
    control_decision = decide(control, threshold)
    decision = decide(outcome, threshold)
    reason = outcome.open_reason
    openness: Openness | None = "undecided" if decision == "inconclusive" else None
    if reason is not None:
        openness = "cannot be measured"
    if decision == "refuted" and trial.proxy:
        decision, openness = "inconclusive", "contrary on a proxy"
        reason = "the contrary is established here, but a proxy cannot refute the paper's claim"
    if decision == "supported" and control_decision == "supported":
        decision, openness = "inconclusive", "control supported"
        reason = f"the control ({trial.control.setting}) came out supported too, so the rule proves nothing here"
    elif decision == "supported" and control.open_reason is not None:
        decision, openness = "inconclusive", "control not measured"
        reason = f"the control ({trial.control.setting}) cannot be measured, so the rule proves nothing here: "
        reason += control.open_reason
    return Verdict(
        trial=trial,
        decision=decision,
        outcome=outcome,
        control_decision=control_decision,
        control_outcome=control,
        seeds=seeds,
        looks=looks,
        threshold=threshold,
        reason=reason,
        part_decisions={name: decide(part, threshold) for name, part in outcome.parts.items()},
        openness=openness,
        planned=planned or looks,
        curves=curves,
        control_curves=control_curves,
    )


def judge_at(trial: Trial, look: int, looks: Sequence[tuple[int, ...]], read: Reader, error_rate: float) -> Verdict:
    """Judge a trial on the seeds of one of its looks, at a threshold that allows for all of them.

    Args:
        trial: with its windows set.
        look: number of the look, from 0 on.
        looks: the seeds of every look.
        read: gives the curves.
        error_rate: the error rate of this claim: that of the register divided by its size.

    Raises:
        InputError: the windows wait for pilots, or the rule cannot read the curves.
    """
    seeds, sizes = looks[look], tuple(len(seeds) for seeds in looks)
    return judge(
        trial,
        {name: read(curve, seeds) for name, curve in trial.curves.items()},
        {name: read(curve, seeds) for name, curve in trial.control_curves.items()},
        seeds,
        sizes[: look + 1],
        nominal_p(error_rate, sizes),
        sizes,
    )


def decide(outcome: Outcome, threshold: float) -> Decision:
    """Supported if the rule rejects its null, refuted if the contrary is established, else inconclusive."""
    if outcome.open_reason is not None:
        return "inconclusive"
    supported, refuted = outcome.p < threshold, outcome.p_contrary < threshold
    if supported == refuted:
        return "inconclusive"
    return "supported" if supported else "refuted"


def stays_open(verdict: Verdict) -> bool:
    """Whether the next look may settle it. None may where a seed has no number, or the control is supported or
    cannot be measured.

    Nor is there a next one where a verdict is taken as it stands.
    """
    return verdict.decision == "inconclusive" and verdict.reason is None


NO_WINDOWS = "no windows can be set, so that no seed has judged: "


def without_windows(trial: Trial, rule: FromPilots, why: InputError) -> Verdict:
    """The verdict on a trial whose pilots show no windows. It is open, so that the trial stays in the report."""
    reason = f"{NO_WINDOWS}{why}"
    return Verdict(trial, "inconclusive", None, None, None, rule.seeds, (), None, reason, openness="cannot be measured")
