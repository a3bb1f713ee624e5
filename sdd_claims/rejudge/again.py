"""One published verdict judged again, by the trial that judged it or by the one of today."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.judging.verdict import Verdict, judge_at, stays_open, without_windows
from sdd_claims.judging.yours import trials_again
from sdd_claims.locations import checkout
from sdd_claims.registration.claim import BLOCK, Tier
from sdd_claims.registration.curve_of import CurveOf, Reader
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Trial
from sdd_claims.report import claims_json, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.evidence import Evidence
from sdd_claims.spec.own import YOURS

Rules = Literal["published", "today"]
Trials: TypeAlias = Mapping[tuple[str, Tier, str], Trial]


def judged_run(directory: Path) -> ClaimsDocument:
    """The claims.json of a published run.

    Raises:
        InputError: there is none.
    """
    if not directory.is_dir() and checkout() is None:
        raise InputError(f"there is no folder {directory}; published runs lie in the repository, not in the wheel")
    return claims_json.read(directory / "claims.json")


def trials_for(document: ClaimsDocument) -> Trials:
    """The trials that may have judged a run: those of the claim modules, or of a network of the user's own.

    Raises:
        InputError: a claim module cannot be registered, or the run has not kept what its own trials are made of.
    """
    if "yours" in document or {claim["paper"] for claim in document["claims"]} == {YOURS}:
        return {trial.key: trial for trial in trials_again(document)}
    from sdd_claims.registration.trials import all_trials  # imports every claim module

    return all_trials()


def judged_anew(
    claim: ClaimEntry, trials: Trials, curves: Evidence, document: ClaimsDocument, rules: Rules = "published"
) -> Verdict:
    """The verdict on one published claim, judged again by the protocol that judged it, or by the one of today.

    Args:
        claim: as published.
        trials: those that are registered now.
        curves: the evidence of the run.
        document: the run.
        rules: "published" or "today", as of `rejudge`; at the level of the run either way.

    Raises:
        InputError: that protocol is not registered any more, or the evidence lacks a curve.
    """
    trial = trials.get(sentences.key(claim))
    verdict = (
        None if trial is None else judged_by(trial, claim, curves, document["alpha"] / document["registered"], rules)
    )
    if verdict is None:
        raise InputError(
            f"{sentences.name(claim)} is judged by another protocol now; check out commit "
            f"{document['environment']['commit'][:12]}, give a newer run, or use --rules today"
        )
    return verdict


def tried_out(claim: ClaimEntry, trials: Trials, curves: Evidence, document: ClaimsDocument) -> Verdict:
    """What a trial of a `--pilots` run comes to on these seeds; there is no decision in it.

    The arguments are those of `judged_anew`.

    Raises:
        InputError: the trial has changed since, the evidence lacks a curve, or no windows can be set by it.
    """
    trial, read = trials.get(sentences.key(claim)), _reader(curves)
    if trial is not None:
        trial, _ = trial.resolved(read)
    if trial is None or trial.protocol != claim["protocol"]:
        raise InputError(
            f"{sentences.name(claim)} has changed since these pilots were looked at; run pytest with --pilots again"
        )
    found = judge_at(trial, 0, (tuple(claim["seeds"]),), read, document["alpha"] / document["registered"])
    return replace(found, decision=None)  # pilots never judge


def judged_by(trial: Trial, claim: ClaimEntry, curves: Evidence, error_rate: float, rules: Rules) -> Verdict | None:
    """Judge a claim by its trial: set windows that follow from pilots, and look as often as the claim stays open.

    None where the trial is not the one that judged, and only that one may judge.

    Raises:
        InputError: a curve that is not in the evidence, or pilot seeds that would judge.
    """
    read = _reader(curves)
    if isinstance(rule := trial.rule, FromPilots):
        for curve in rule.pilot_curves().values():
            read(curve, rule.seeds)  # what the evidence lacks is no phase that pilots do not show
        try:
            trial, _ = trial.resolved(read)
        except InputError as error:
            return without_windows(trial, rule, error)
    seeds = tuple(claim["seeds"])
    if pilots := [seed for seed in seeds if seed < BLOCK]:
        raise InputError(f"seed {pilots[0]} is a pilot, which never judges")
    as_published = next((each for each in may_have_judged(trial, seeds) if each.protocol == claim["protocol"]), None)
    if as_published is None and rules == "published":
        return None
    judging = as_published or trial
    looks = judging.judged_seeds()
    if as_published is None:  # today's looks, on the block that judged
        block = min(seeds) // BLOCK * BLOCK
        of_block = tuple(tuple(range(block, block + count)) for count in trial.looks)
        looks = of_block if seeds in of_block else (seeds,)
    verdict = judge_at(judging, 0, looks, read, error_rate)
    for look in range(1, len(looks)):
        if not stays_open(verdict):
            break
        if len(looks[look]) > len(seeds):
            return verdict.as_it_stands
        verdict = judge_at(judging, look, looks, read, error_rate)
    return verdict


def _reader(curves: Evidence) -> Reader:
    def read(curve: CurveOf, seeds: tuple[int, ...]) -> SparsityCurve:
        return curves.curve(curve.spec.digest, curve.measure, curve.seeds(seeds), curve.levels)

    return read


def may_have_judged(trial: Trial, seeds: tuple[int, ...]) -> tuple[Trial, ...]:
    """A trial whose windows are set as it may have judged these seeds.

    As it is registered, by the user's own choice of seeds, or on a later block as a replication.
    """
    block = min(seeds) // BLOCK * BLOCK
    own = replace(trial, own_seeds=seeds)
    return (trial, own, trial.on_block(block)) if block > trial.block else (trial, own)
