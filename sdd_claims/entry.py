"""From a verdict to its entry in claims.json."""

import math
from collections.abc import Mapping
from typing import Any, Protocol

from sdd_claims.claim import CurveOf, Decision, FromPilots, Verdict
from sdd_claims.footprint import footprint
from sdd_claims.record import LevelRecord
from sdd_claims.report.claims_json import (
    ClaimEntry,
    ControlEntry,
    CostEntry,
    EffectEntry,
    PartEntry,
    RunEntry,
)
from sdd_claims.stats import Effect, Outcome, Rule


class RecordSource(Protocol):
    """What an entry reads from the store."""

    def records(self, digest: str, seed: int) -> tuple[LevelRecord, ...]:
        """The finished levels of a replica."""

    def provenance(self, digest: str, seed: int) -> tuple[Mapping[str, Any], ...]:
        """Where each of them was trained."""


def entry(
    verdict: Verdict,
    source: RecordSource,
    curves: Mapping[str, CurveOf],
    control_curves: Mapping[str, CurveOf],
    rerun: str,
) -> ClaimEntry:
    """The entry of one trial; `p_holm` is filled in when all entries are together.

    Args:
        verdict: what the trial came to.
        source: where the cost of the runs is read.
        curves: those that were really judged (a smoke run shrinks the trial's).
        control_curves: those of the control.
        rerun: the line that does it again.
    """
    trial, outcome = verdict.trial, verdict.outcome
    claim, rule = trial.claim, trial.rule
    settled = None if isinstance(rule, FromPilots) else rule
    return ClaimEntry(
        id=claim.id,
        paper=claim.paper,
        title=claim.title,
        statement=claim.statement,
        source=claim.source,
        tier=trial.tier,
        verdict=verdict.decision,
        expected=trial.expected,
        rule=settled.name if settled else "from pilots",
        words=outcome.words if outcome else "",
        effect=_effect(outcome),
        margin=settled.margin if settled else None,
        p=outcome.p if outcome else None,
        p_contrary=outcome.p_contrary if outcome else None,
        threshold=verdict.threshold,
        p_holm=None,
        seeds=list(verdict.seeds),
        looks=list(verdict.looks),
        reason=verdict.reason,
        parts=_parts(outcome, trial.judged_by, verdict.part_decisions) if outcome else [],
        control=ControlEntry(
            setting=trial.control.setting,
            verdict=verdict.control_decision,
            words=verdict.control_outcome.words if verdict.control_outcome else "",
            p=verdict.control_outcome.p if verdict.control_outcome else None,
            effect=_effect(verdict.control_outcome),
            runs=_runs(control_curves, verdict.seeds, source),
        ),
        basis=claim.basis,
        proxy=trial.proxy,
        deviations=list(trial.deviations),
        paper_value=claim.paper_value,
        cost=_cost([*curves.values(), *control_curves.values()], verdict.seeds, source),
        rerun=rerun,
        runs=_runs(curves, verdict.seeds, source),
        windows={name: [window.low, window.high] for name, window in settled.windows().items()} if settled else {},
        protocol=trial.protocol if settled else None,
        window_axes={name: window.axis for name, window in settled.windows().items()} if settled else {},
        exploratory=claim.exploratory,
        network=trial.network,
    )


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
            margin=parts.get(name, rule).margin,
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
    emptied = [[record for record in chain if 0 in record.remaining.values()] for chain in chains]
    if any(emptied):
        densest = max(record.density for records in emptied for record in records)
        found["remark"] = (
            f"pruning has emptied a layer of {sum(map(bool, emptied))} of {len(seeds)} networks, from density "
            f"{densest:.2g} on; training went on with what was left"
        )
    return found


def _cost(curves: list[CurveOf], judged: tuple[int, ...], source: RecordSource) -> CostEntry:
    """Everything the claim and its control rest on, each level once; claims that share runs each count them."""
    levels: dict[tuple[str, int], int] = {}
    for curve in curves:
        for seed in curve.seeds(judged):
            key = (curve.spec.digest, seed)
            levels[key] = max(levels.get(key, 0), curve.levels)
    trained = [
        pair
        for (digest, seed), n in levels.items()
        for pair in zip(source.records(digest, seed)[:n], source.provenance(digest, seed)[:n], strict=True)
    ]
    records = [record for record, _ in trained]
    kept = [record.kept_train_flops for record in records]
    estimated = footprint((record.seconds, about) for record, about in trained)
    return CostEntry(
        seconds=sum(record.seconds for record in records),
        train_flops=sum(record.train_flops for record in records),
        kept_train_flops=None if None in kept else sum(flops or 0.0 for flops in kept),
        energy_kwh=estimated.energy_kwh,
        co2_kg=estimated.co2_kg,
        basis=estimated.basis,
    )
