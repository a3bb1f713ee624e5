"""From a verdict to its entry in claims.json."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from sdd_claims.judging.verdict import Verdict
from sdd_claims.machine.energy import footprint
from sdd_claims.record import LevelRecord
from sdd_claims.registration.claim import Decision
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.register import the_register
from sdd_claims.report import sentences
from sdd_claims.report.claims_json import (
    ClaimEntry,
    ControlEntry,
    CostEntry,
    DecisiveEntry,
    DifferenceEntry,
    EffectEntry,
    EValuesEntry,
    ForeseenEntry,
    JudgedClaim,
    JudgedControl,
    PartEntry,
    RegistrationEntry,
    RunEntry,
    TrainingEntry,
)
from sdd_claims.report.evidence import curves_of
from sdd_claims.stats import Effect, Outcome, Rule, holm
from sdd_claims.stats.e_values import e_value, sign_e_value
from sdd_claims.stats.hypotheses import deciding
from sdd_claims.stats.one_sample import EQUAL, t_statistic
from sdd_claims.stats.rules import effect_margin
from sdd_claims.stats.sequential import sequential_p


class RecordSource(Protocol):
    """The part of a store that entries are read from."""

    def records(self, digest: str, seed: int) -> tuple[LevelRecord, ...]:
        """The finished levels of a replica."""

    def provenance(self, digest: str, seed: int) -> tuple[Mapping[str, Any], ...]:
        """The machine and versions behind each of these levels."""


def claim_entry_from(
    verdict: Verdict,
    source: RecordSource,
    curves: Mapping[str, CurveOf],
    control_curves: Mapping[str, CurveOf],
    rerun: str,
    blocks: Sequence[int] = (),
) -> ClaimEntry:
    """The entry of one trial in claims.json; `p_holm` is filled in when all entries are together.

    Args:
        verdict: the trial's verdict.
        source: records and provenance of its runs.
        curves: those that were really judged (a smoke run shrinks the trial's).
        control_curves: those of the control.
        rerun: the command that does it again.
        blocks: those that are known to have judged it, where that is to be said.
    """
    trial = verdict.trial
    claim, pilots = trial.claim, trial.windows_from
    # Rows that a claim brings itself are no registration.
    registrations = claim.registrations if the_register().claims.get(claim.id) == claim else {}
    return ClaimEntry(
        **judged_claim(verdict),
        id=claim.id,
        paper=claim.paper,
        title=claim.title,
        statement=claim.statement,
        source=claim.source,
        tier=trial.tier,
        expected=trial.expected or "supported",
        p_holm=None,
        control=ControlEntry(
            **judged_control(verdict),
            setting=trial.control.setting,
            runs=_runs(control_curves, verdict.seeds, source),
        ),
        basis=claim.basis,
        proxy=trial.proxy,
        deviations=list(trial.deviations),
        paper_value=claim.paper_value,
        cost=_cost([*curves.values(), *control_curves.values()], verdict.seeds, source),
        rerun=rerun,
        runs=_runs(curves, verdict.seeds, source),
        exploratory=claim.exploratory,
        network=trial.network,
        registrations=[
            RegistrationEntry(block=row.block, expected=row.expected, date=row.date, commit=row.commit, why=row.why)
            for row in registrations.get(trial.tier, ())
        ],
        pilots=_runs(pilots.pilot_curves(), pilots.seeds, source) if pilots else {},
        foreseen=[
            ForeseenEntry(
                looks=list(each.looks),
                supported=each.chances["supported"],
                contrary=each.chances["refuted"] + each.chances["contrary on a proxy"],
                refutable=each.refutable,
            )
            for each in verdict.foreseen
        ],
        blocks=[*blocks],
        paper_numbers=dict(trial.paper_numbers),
    )


def judged_claim(verdict: Verdict) -> JudgedClaim:
    """The fields of an entry that judging decides, and that judging the same curves again must repeat."""
    trial, outcome = verdict.trial, verdict.outcome
    rule = None if isinstance(trial.rule, FromPilots) else trial.rule
    return JudgedClaim(
        verdict=verdict.decision,
        rule=rule.name if rule else "from pilots",
        words=outcome.words if outcome else "",
        effect=_effect(outcome),
        margin=effect_margin(rule) if rule else None,
        p=outcome.p if outcome else None,
        p_contrary=outcome.p_contrary if outcome else None,
        threshold=verdict.threshold,
        seeds=list(verdict.seeds),
        looks=list(verdict.looks),
        reason=verdict.reason,
        parts=_parts(outcome, trial.judged_by, verdict.part_decisions) if outcome else [],
        windows={name: [window.low, window.high] for name, window in rule.windows().items()} if rule else {},
        protocol=trial.protocol if rule else None,
        window_axes={name: window.axis for name, window in rule.windows().items()} if rule else {},
        openness=verdict.openness,
        stability=verdict.stability,
        decisive=_decisive(verdict),
        e_values=_e_values(verdict),
        robustness=dict(verdict.robustness),
    )


def _decisive(verdict: Verdict) -> DecisiveEntry | None:
    """The p that is shown, with the t and the seeds behind it."""
    if verdict.outcome is None or verdict.threshold is None:
        return None
    of_contrary = verdict.decision == "refuted" or verdict.openness == "contrary on a proxy"
    tested = None
    if verdict.tested is not None:
        hypothesis = verdict.tested.contrary if of_contrary else verdict.tested.claim
        tested = deciding(hypothesis)
    t = None
    if tested is not None and tested.by == "mean" and np.ptp(tested.excess) > EQUAL:  # of equal numbers it is rounding
        t = float(t_statistic(tested.excess))
    p = verdict.outcome.p_contrary if of_contrary else verdict.outcome.p
    return DecisiveEntry(
        of="contrary" if of_contrary else "claim",
        p=sequential_p(p, verdict.planned),
        level=sequential_p(verdict.threshold, verdict.planned),
        t=t if t is not None and math.isfinite(t) else None,
        beyond=None if tested is None else int((tested.excess > 0).sum()),
        seeds=len(verdict.seeds),
    )


def _e_values(verdict: Verdict) -> EValuesEntry | None:
    """The evidence of the block, which does not depend on what was decided."""
    tested = verdict.tested
    if tested is None:
        return None
    return EValuesEntry(
        family=verdict.trial.family,
        claim=_four_digits(e_value(tested.claim)),
        contrary=_four_digits(e_value(tested.contrary)),
        claim_by_signs=_four_digits(e_value(tested.claim, sign_e_value)),
        contrary_by_signs=_four_digits(e_value(tested.contrary, sign_e_value)),
    )


def _four_digits(number: float | None) -> float | None:
    """A number by quadrature, as far as every processor gives the same."""
    return None if number is None else float(f"{number:.4g}")


def judged_control(verdict: Verdict) -> JudgedControl:
    """The fields of the control that judging decides."""
    outcome = verdict.control_outcome
    found = JudgedControl(
        verdict=verdict.control_decision,
        words=outcome.words if outcome else "",
        p=outcome.p if outcome else None,
        effect=_effect(outcome),
    )
    if outcome is not None and outcome.open_reason is not None:
        found["unmeasured"] = outcome.open_reason
    if (apart := verdict.control_difference) is not None:
        found["difference"] = DifferenceEntry(
            part=apart.part,
            beyond=apart.beyond,
            seeds=apart.seeds,
            t=apart.t,
            p=sequential_p(apart.p, verdict.planned),
        )
    return found


def adjust_p_values(entries: Sequence[ClaimEntry], registered: int) -> None:
    """Fill in the Holm-adjusted p of every registered claim, over the register, within each tier and network.

    The p of claims are a family, and so are those of contraries: each kind of error has its own rate.
    """
    families = defaultdict[tuple[str, str, str], list[tuple[ClaimEntry, float]]](list)
    for each in entries:
        if (shown := each.get("decisive")) and sentences.is_registered(each):
            families[each["tier"], each.get("network", ""), shown["of"]].append((each, shown["p"]))
    for family in families.values():
        for (each, _), p in zip(family, holm([p for _, p in family], registered), strict=True):
            each["p_holm"] = p


def trained_on(entries: Iterable[ClaimEntry], source: RecordSource) -> list[TrainingEntry]:
    """The machines that trained the levels behind these entries, with the number of levels, most of them first."""
    levels: dict[tuple[str, int], int] = {}
    for run in (run for each in entries for run in curves_of(each)):
        for seed in run["seeds"]:
            key = run["digest"], seed
            levels[key] = max(levels.get(key, 0), run["levels"])
    machines = Counter(
        (about["hardware"], _rounding(about), about["versions"]["torch"], about["commit"])
        for (digest, seed), count in levels.items()
        for about in source.provenance(digest, seed)[:count]
        if "hardware" in about
    )
    return [
        TrainingEntry(hardware=hardware, capability=capability, torch=torch, commit=commit, levels=count)
        for (hardware, capability, torch, commit), count in machines.most_common()
    ]


def _effect(outcome: Outcome | None) -> EffectEntry | None:
    if outcome is None:
        return None
    return _effect_entry(outcome.effect)


def _effect_entry(effect: Effect) -> EffectEntry:
    ends = [number if math.isfinite(number) else None for number in (effect.value, effect.low, effect.high)]
    return EffectEntry(value=ends[0], low=ends[1], high=ends[2], unit=effect.unit)


def _parts(outcome: Outcome, rule: Rule, decisions: Mapping[str, Decision]) -> list[PartEntry]:
    parts: Mapping[str, Rule] = getattr(rule, "parts", {})
    return [
        PartEntry(
            name=name,
            verdict=decisions[name],
            rule=parts.get(name, rule).name,
            words=part.words,
            effect=_effect(part),
            margin=effect_margin(parts.get(name, rule)),
            p=part.p,
            p_contrary=part.p_contrary,
        )
        for name, part in outcome.parts.items()
    ]


def _runs(curves: Mapping[str, CurveOf], judged: tuple[int, ...], source: RecordSource) -> dict[str, RunEntry]:
    return {name: _run(curve, curve.seeds(judged), source) for name, curve in curves.items()}


def _run(curve: CurveOf, seeds: tuple[int, ...], source: RecordSource) -> RunEntry:
    found = RunEntry(
        digest=curve.spec.digest,
        measure=curve.measure,
        seeds=list(seeds),
        levels=curve.levels,
        label=str(curve.spec),
        axis=curve.axis,
    )
    chains = [source.records(curve.spec.digest, seed)[: curve.levels] for seed in seeds]
    chains = [records for records in chains if len(records) == curve.levels]  # others were read from a published run
    emptied = [[record for record in chain if 0 in record.remaining.values()] for chain in chains]
    if any(emptied):
        densest = max(record.density for records in emptied for record in records)
        here = "" if len(chains) == len(seeds) else " trained here"
        found["remark"] = (
            f"pruning has emptied a layer of {sum(map(bool, emptied))} of {len(chains)} networks{here}, from "
            f"density {densest:.2g} on; training went on with what was left"
        )
    return found


def _cost(curves: list[CurveOf], judged: tuple[int, ...], source: RecordSource) -> CostEntry:
    """The cost of all levels of a claim and its control, each once; claims that share runs each count them."""
    levels: dict[tuple[str, int], int] = {}
    for curve in curves:
        for seed in curve.seeds(judged):
            key = (curve.spec.digest, seed)
            levels[key] = max(levels.get(key, 0), curve.levels)
    trained = [
        pair
        for (digest, seed), n in levels.items()
        # While others train, a level may come in between the two.
        for pair in zip(source.records(digest, seed)[:n], source.provenance(digest, seed)[:n], strict=False)
    ]
    records = [record for record, _ in trained]
    uncounted = sum(levels.values()) - len(records)
    kept = [record.kept_train_flops for record in records]
    estimated = footprint((record.seconds, about) for record, about in trained)
    found = CostEntry(
        seconds=sum(record.seconds for record in records),
        train_flops=sum(record.train_flops for record in records),
        kept_train_flops=None if None in kept else sum(flops or 0.0 for flops in kept),
        energy_kwh=estimated.energy_kwh,
        co2_kg=estimated.co2_kg,
        basis=estimated.basis,
    )
    if uncounted:
        found["uncounted"] = uncounted
    return found


def _rounding(about: Mapping[str, Any]) -> str:
    """What decides how sums are rounded: the instruction set, or nothing on any machine."""
    return "portable arithmetic" if about.get("arithmetic") == "portable" else about.get("capability", "")
