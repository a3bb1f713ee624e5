"""A claim, its trial in one tier, and the verdict on it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from sdd_claims.curves import DENSITY, SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.record import MEASURES, no_measure, unrecorded
from sdd_claims.spec import RunSpec, canonical_json
from sdd_claims.stats import FORMULA, VERSION, Outcome, Phases, Picked, Rule, Window, find_phases
from sdd_claims.stats.sequential import nominal_p
from sdd_claims.stats.study import check_axes

Tier = Literal["fast", "full"]
Basis = Literal["paper", "conjecture", "ours"]
Decision = Literal["supported", "refuted", "inconclusive"]

BLOCK = 1000
"""Confirmation seeds come in blocks of this many: 1000 to 1999, 2000 to 2999, ... Seeds below are pilots."""

PILOTS = tuple(range(12))
"""Seeds on which windows, margins and sizes are set. They never judge."""


@dataclass(frozen=True)
class Registration:
    """What is expected of a claim's trial in one tier, from a block of seeds on. It is never edited.

    Attributes:
        block: the first block that it is for; a later row of the register takes over from its own block on.
        expected: the outcome.
        date: when it was registered, as in "2026-11-20".
        commit: in which commit.
        why: it differs from the row before, where it does.
    """

    block: int
    expected: Decision
    date: str
    commit: str
    why: str = ""


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper that can turn out false.

    Attributes:
        name: the module's name without `test_`.
        paper: short name, the folder under claims/.
        title: of the paper, opening with authors and year.
        statement: the claim in our words.
        source: where the paper makes it.
        basis: stated by the "paper", its "conjecture", or "ours": our reading of a figure.
        paper_value: the paper's own number, where there is one.
        exploratory: a question outside the register: judged and shown by the same rules, but in a table of its own, and
            counted neither in summaries nor in Holm's adjustment; whatever comes out, its test passes.
        tiers: in which it is on trial.
        registrations: what is expected of each tier, by block; of a question nothing is.
        changes: of the sentence since it was registered, each with its date.
    """

    name: str
    paper: str
    title: str
    statement: str
    source: str
    basis: Basis = "paper"
    paper_value: str | None = None
    exploratory: bool = False
    tiers: tuple[Tier, ...] = ("fast", "full")
    registrations: Mapping[Tier, tuple[Registration, ...]] = field(default_factory=dict, hash=False)
    changes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Paper and name, as in reports."""
        return f"{self.paper}/{self.name}"

    def registration(self, tier: Tier, block: int) -> Registration | None:
        """What was expected before this block judged: the last row for it or a block before; None where none is."""
        rows = [row for row in self.registrations.get(tier, ()) if row.block <= block]
        return rows[-1] if rows else None


@dataclass(frozen=True)
class CurveOf:
    """A sparsity curve that a trial needs: one measure of a spec's first levels.

    Attributes:
        spec: the setting.
        measure: a field of `LevelRecord`.
        levels: how many, dense level included.
        offset: added to the judged seeds, for an independent repetition of the same setting.
    """

    spec: RunSpec
    measure: str
    levels: int
    offset: int = 0

    def __post_init__(self) -> None:
        """Check what would otherwise come out when it has been trained.

        Raises:
            InputError: no such measure, one that the spec does not record, or numbers that are no counts.
        """
        if self.measure not in MEASURES:
            raise InputError(no_measure(self.measure))
        if why := unrecorded(self.spec, self.measure):
            raise InputError(why)
        for name, least in (("levels", 1), ("offset", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise InputError(f"CurveOf.{name} must be a whole number of at least {least}, got {value!r}")

    @property
    def axis(self) -> str:
        """What the levels lie along, see `SparsityCurve`."""
        return self.spec.axis

    def position(self) -> np.ndarray:
        """Where every level lies along the axis: its scheduled density, or the value of that point of the path.

        Raises:
            InputError: the path has fewer points.
        """
        return np.array([self.spec.position(level) for level in range(self.levels)])

    def seeds(self, judged: tuple[int, ...]) -> tuple[int, ...]:
        """The seeds to train for these judged seeds."""
        return tuple(seed + self.offset for seed in judged)


@dataclass(frozen=True)
class FromPilots:
    """Windows that the fixed formula sets from pilots of this very trial, trained before the first judged seed.

    Attributes:
        rule: builds the rule from the phases of each setting.
        settings: by name, the curves of test accuracy and of train accuracy that the formula reads.
        seeds: the pilots.
    """

    rule: Callable[[Mapping[str, Phases]], Rule]
    settings: Mapping[str, tuple[CurveOf, CurveOf]]
    seeds: tuple[int, ...] = PILOTS

    def somewhere(self) -> Rule:
        """The rule with made-up windows, to check what does not depend on them before anything is trained."""
        return self.rule({name: _somewhere(test.axis) for name, (test, _) in self.settings.items()})


def pilot_curves(rule: FromPilots) -> dict[str, CurveOf]:
    """The curves of the pilots, by names that say what of which setting."""
    return {f"{name}, {curve.measure}": curve for name, pair in rule.settings.items() for curve in pair}


def _somewhere(axis: str) -> Phases:
    """Windows in the order that they have along an axis, and nothing else that is true of them."""

    def window(first: float, last: float) -> Window:
        return Window(last, first) if axis == DENSITY else Window(1 - first, 1 - last, axis)

    return Phases(
        light=window(1.0, 0.9),
        critical=window(0.6, 0.5),
        sweet=window(0.3, 0.2),
        collapsed=window(0.1, 0.05),
        memorizing=window(0.7, 0.6),
        to_sweet=window(0.99, 0.2),
        rise=window(0.6, 0.2),
        whole=window(0.99, 0.05),
    )


@dataclass(frozen=True)
class Control:
    """A setting in which the claim is false, judged by the same code: it must not come out supported.

    Attributes:
        setting: in words.
        curves: replaces the trial's curves of the same names.
    """

    setting: str
    curves: Mapping[str, CurveOf]


@dataclass(frozen=True)
class Trial:
    """How a claim is judged in one tier. Everything here is fixed before the judged seeds are run.

    Attributes:
        claim: the sentence.
        tier: "fast" or "full".
        curves: by the names that the rule uses.
        rule: the statistical test, with windows and margin; or how it follows from pilots that are still to be run.
        control: where it must fail.
        block: first of the thousand seeds that judge. After they have judged, a change takes another block.
        looks: numbers of seeds at which the data are looked at.
        expected: the registered outcome: that of the register for its block, where the claim comes from there; of an
            exploratory question it says nothing.
        proxy: the paper shows the claim on other networks; it is never refuted here.
        deviations: how this trial differs from the paper, and from its code.
        own_seeds: judge these in one look instead of the block's.
        network: what it is judged on, such as "ResNet-18 on CIFAR-10"; "" where a tier has one trial of the claim.
        registered: how the windows of its rule followed from pilots, where they did; see `resolved`.
    """

    claim: Claim
    tier: Tier
    curves: Mapping[str, CurveOf]
    rule: Rule | FromPilots
    control: Control
    block: int = BLOCK
    looks: tuple[int, ...] = (12, 24)
    expected: Decision | None = None
    proxy: bool = False
    deviations: tuple[str, ...] = field(default=())
    own_seeds: tuple[int, ...] | None = None
    network: str = ""
    registered: FromPilots | None = None

    def __post_init__(self) -> None:
        """Check that the registration makes sense before anything is trained.

        Raises:
            InputError: unknown tier, pilot seeds as block, curves that the rule lacks, windows off their curves or
                along another axis, more levels than a path has points, levels picked by something else than the
                validation accuracy of the same runs.
        """
        where = f"the {self.tier} trial of {self.name}"
        if self.tier not in ("fast", "full"):
            raise InputError(f"{where}: there is no tier {self.tier!r}; use fast or full")
        if self.block < BLOCK or self.block % BLOCK:
            raise InputError(
                f"{where}: block {self.block} cannot judge; give {BLOCK}, {2 * BLOCK}, ... (pilots are below)"
            )
        self._check_registration(where)
        if not self.looks or list(self.looks) != sorted(set(self.looks)):
            raise InputError(f"{where}: the looks {self.looks} must be rising numbers of seeds")
        pilots = self.rule.seeds if isinstance(self.rule, FromPilots) else PILOTS
        if len(pilots) < 2 or not all(0 <= seed < BLOCK for seed in pilots):
            raise InputError(f"{where}: windows are set by two or more seeds from 0 to {BLOCK - 1}, the pilots")
        rule = self.rule.somewhere() if isinstance(self.rule, FromPilots) else self.rule
        if self.looks[0] < rule.minimum_seeds:
            raise InputError(f"{where}: a look at {self.looks[0]} seeds; the rule needs {rule.minimum_seeds} or more")
        for curves in (self.curves, self.control_curves):
            if missing := set(rule.curves()) - set(curves):
                raise InputError(f"{where}: the rule needs the curves {sorted(missing)}; add them to the trial")
            try:
                positions = {name: curve.position() for name, curve in curves.items()}
                check_axes(rule, {name: curve.axis for name, curve in curves.items()})
                if not isinstance(self.rule, FromPilots):
                    self.rule.check(positions)
            except InputError as error:
                raise InputError(f"{where}: {error}") from error
            for pick in _picks(rule):
                read, by = curves[pick.curve], curves[pick.by]
                if (read.spec, read.offset, by.measure) != (by.spec, by.offset, "validation_accuracy"):
                    raise InputError(
                        f"{where}: levels of {pick.curve!r} are picked by {pick.by!r}, which is not the validation "
                        "accuracy of the same runs; give both curves one spec and one offset"
                    )

    def _check_registration(self, where: str) -> None:
        """Take the expected outcome from the register, or refuse one that contradicts it."""
        if self.tier not in self.claim.tiers:
            raise InputError(
                f"{where}: the claim is registered for {' and '.join(self.claim.tiers)} only; register this tier"
            )
        block = self.block if self.own_seeds is None else min(self.own_seeds)
        row = self.claim.registration(self.tier, block)
        if row is None and self.own_seeds is not None:
            row = next(iter(self.claim.registrations.get(self.tier, ())), None)
        if self.claim.registrations and row is None:
            raise InputError(f"{where}: the register says nothing of block {self.block}; give it a row for that block")
        expected = row.expected if row else self.expected or "supported"
        if self.expected not in (None, expected) and self.own_seeds is None:
            raise InputError(
                f"{where}: expected={self.expected!r}, but the register says {expected!r}; leave it out here"
            )
        object.__setattr__(self, "expected", expected)

    @property
    def key(self) -> tuple[str, Tier, str]:
        """What tells it from every other trial."""
        return self.claim.id, self.tier, self.network

    @property
    def name(self) -> str:
        """The claim and, where it is judged on several, the network."""
        return f"{self.claim.id} with {self.network}" if self.network else self.claim.id

    @property
    def judged_by(self) -> Rule:
        """The rule, once its windows are set.

        Raises:
            InputError: they wait for pilots.
        """
        if isinstance(self.rule, FromPilots):
            raise InputError(f"the windows of {self.name} ({self.tier}) wait for its pilots; use Trial.resolved")
        return self.rule

    def resolved(self, rule: Rule) -> "Trial":
        """This trial with its windows set."""
        registered = self.rule if isinstance(self.rule, FromPilots) else self.registered
        return replace(self, rule=rule, registered=registered)

    def judged_seeds(self) -> tuple[tuple[int, ...], ...]:
        """The seeds of each look."""
        if self.own_seeds is not None:
            return (self.own_seeds,)
        return tuple(tuple(range(self.block, self.block + n)) for n in self.looks)

    @property
    def control_curves(self) -> dict[str, CurveOf]:
        """The control's curves, with the trial's own where it does not replace them."""
        return {**self.curves, **self.control.curves}

    @property
    def protocol(self) -> str:
        """SHA-256 of all that must not change once a block has judged: settings, control, rule, windows, seeds.

        Where windows follow from pilots, it is how they follow: on another machine the same pilots are rounded
        otherwise, and the windows may come out a level beside.
        """
        content = {
            "curves": _runs(self.curves),
            "control": _runs(self.control_curves),
            "rule": _described(self.judged_by) if self.registered is None else _registration(self.registered),
            "looks": self.judged_seeds(),
            "proxy": self.proxy,
            "tests": VERSION,
        }
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What a trial came to.

    Attributes:
        trial: the trial.
        decision: supported, refuted or inconclusive; None where nothing was judged.
        outcome: what the rule found; None where nothing was judged.
        control_decision: the same rule's decision on the control.
        control_outcome: what it found there.
        seeds: the judged seeds.
        looks: numbers of seeds at which the data were looked at so far.
        threshold: the p below which a hypothesis counts as established, at each look.
        reason: why the verdict is open, where something other than its p keeps it open.
        part_decisions: decision on each part, as if it stood alone.
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

    @property
    def as_expected(self) -> bool:
        """The decision is the registered one."""
        return self.decision == self.trial.expected


def judge(
    trial: Trial,
    curves: Mapping[str, SparsityCurve],
    control_curves: Mapping[str, SparsityCurve],
    seeds: tuple[int, ...],
    looks: tuple[int, ...],
    threshold: float,
    judging: bool = True,
) -> Verdict:
    """Apply the rule to a trial and to its control.

    Without `judging` (pilots) the outcomes are shown and nothing is decided on the claim.

    A trial whose control comes out supported too is inconclusive: the rule has been seen to say yes where the claim
    is false.
    """
    outcome = trial.judged_by.evaluate(curves, threshold)
    control = trial.judged_by.evaluate(control_curves, threshold)
    control_decision = decide(control, threshold)
    decision: Decision | None = decide(outcome, threshold)
    reason = outcome.open_reason
    if decision == "refuted" and trial.proxy:
        decision, reason = (
            "inconclusive",
            "the contrary is established here, but a proxy cannot refute the paper's claim",
        )
    if decision == "supported" and control_decision == "supported":
        decision = "inconclusive"
        reason = f"the control ({trial.control.setting}) came out supported too, so the rule proves nothing here"
    if not judging:
        decision, reason = None, "these are pilot seeds, which never judge"
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
    )


Reader: TypeAlias = Callable[[CurveOf, tuple[int, ...]], SparsityCurve]
"""Gives a curve for some judged seeds."""


def judge_at(
    trial: Trial,
    look: int,
    looks: Sequence[tuple[int, ...]],
    read: Reader,
    error_rate: float,
    judging: bool = True,
) -> Verdict:
    """Judge a trial on the seeds of one of its looks, at a threshold that allows for all of them.

    Args:
        trial: with its windows set.
        look: number of the look, from 0 on.
        looks: the seeds of every look.
        read: gives the curves.
        error_rate: of this claim: that of the register divided by its size.
        judging: as of `judge`.
    """
    seeds, sizes = looks[look], tuple(len(seeds) for seeds in looks)
    return judge(
        trial,
        {name: read(curve, seeds) for name, curve in trial.curves.items()},
        {name: read(curve, seeds) for name, curve in trial.control_curves.items()},
        seeds,
        sizes[: look + 1],
        nominal_p(error_rate, sizes),
        judging=judging,
    )


def stays_open(verdict: Verdict) -> bool:
    """Whether more seeds could settle it: a seed without a number stays so, a control once supported too."""
    return verdict.decision == "inconclusive" and verdict.reason is None


def settled_by_pilots(trial: Trial, rule: FromPilots, read: Reader) -> tuple[Trial, dict[str, Phases]]:
    """A trial whose windows wait for pilots, with its windows set; and the phases that the fixed formula has found.

    Raises:
        InputError: pilots show none for some setting, which the message names, or lack a phase that the rule looks at.
    """
    found = {}
    for name, (test, train) in rule.settings.items():
        try:
            found[name] = find_phases(read(test, rule.seeds), read(train, rule.seeds))
        except InputError as error:
            raise InputError(f"{trial.name} [{trial.tier}], {name}: {error}") from error
    return trial.resolved(rule.rule(found)), found


def without_windows(trial: Trial, rule: FromPilots, why: InputError, judging: bool = True) -> Verdict:
    """What pilots show no windows for stays open, and stands in the report beside what they do show them for."""
    decision: Decision | None = "inconclusive" if judging else None
    reason = f"no windows can be set, so that no seed has judged: {why}"
    return Verdict(trial, decision, None, None, None, rule.seeds, (), None, reason)


def decide(outcome: Outcome, threshold: float) -> Decision:
    """Supported if the rule rejects its null, refuted if the contrary is established, else inconclusive."""
    if outcome.open_reason is not None:
        return "inconclusive"
    supported, refuted = outcome.p < threshold, outcome.p_contrary < threshold
    if supported == refuted:
        return "inconclusive"
    return "supported" if supported else "refuted"


def _picks(value: Any) -> Iterator[Picked]:
    """The picks in a rule, however deep."""
    if isinstance(value, Picked):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _picks(getattr(value, each.name))
    elif isinstance(value, Mapping):
        yield from (pick for item in value.values() for pick in _picks(item))
    elif isinstance(value, tuple | list):
        yield from (pick for item in value for pick in _picks(item))


def _runs(curves: Mapping[str, CurveOf]) -> dict[str, list[Any]]:
    return {name: [curve.spec.digest, curve.measure, curve.levels, curve.offset] for name, curve in curves.items()}


def _registration(rule: FromPilots) -> dict[str, Any]:
    """How windows follow from pilots, and the rule they are for."""
    return {
        "type": "FromPilots",
        "rule": _described(rule.somewhere()),
        "settings": {name: _runs({"test": test, "train": train}) for name, (test, train) in rule.settings.items()},
        "seeds": list(rule.seeds),
        "formula": FORMULA,
    }


def _described(value: Any) -> Any:
    """A rule as JSON, with the names of its types, which decide what its numbers mean."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            "type": type(value).__name__,
            **{each.name: _described(getattr(value, each.name)) for each in fields(value)},
        }
    if isinstance(value, Mapping):
        return {str(key): _described(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_described(item) for item in value]
    return value
