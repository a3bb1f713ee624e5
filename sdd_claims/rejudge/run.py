"""A published run judged again, and what today's version shows beside its verdicts."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from sdd_claims import report
from sdd_claims.errors import InputError, crash
from sdd_claims.judging.claim_entry import adjust_p_values, judged_claim, judged_control
from sdd_claims.locations import bundled
from sdd_claims.rejudge.again import Rules, Trials, judged_by
from sdd_claims.rejudge.comparing import BESIDE, OF_PROTOCOL, differences, misnamed
from sdd_claims.report import calibration, claims_json, evidence, sentences
from sdd_claims.report.claims_json import CalibrationEntry, ClaimEntry, ClaimsDocument, ControlEntry
from sdd_claims.report.evidence import Evidence
from sdd_claims.report.trial_errors import trial_errors
from sdd_claims.stats import VERSION


@dataclass(frozen=True)
class Rejudged:
    """One published verdict, judged again.

    Attributes:
        claim: as it was published.
        differences: what came out otherwise, a phrase each.
        again: the verdict now; None where it could not be judged again.
    """

    claim: ClaimEntry
    differences: tuple[str, ...]
    again: ClaimEntry | None

    @property
    def name(self) -> str:
        """The claim with its tier and network."""
        return sentences.name(self.claim)

    def as_json(self) -> dict[str, Any]:
        """The same, for scripts."""
        return {
            "id": self.claim["id"],
            "tier": self.claim["tier"],
            "network": sentences.network(self.claim),
            "published": self.claim["verdict"],
            "judged_again": self.again is not None,
            "verdict": None if self.again is None else self.again["verdict"],
            "differences": [*self.differences],
        }


@dataclass(frozen=True)
class Rejudging:
    """A published run, judged again.

    Attributes:
        verdicts: in the order in which they were published.
        is_original: the evidence is the file that was published, by its SHA-256.
        error_rate: by which each claim was judged, as the run says: alpha and the number of registered claims.
    """

    verdicts: tuple[Rejudged, ...]
    is_original: bool
    error_rate: tuple[float, int]

    @property
    def differing(self) -> list[Rejudged]:
        """The verdicts with a difference."""
        return [each for each in self.verdicts if each.differences]

    @property
    def is_as_published(self) -> bool:
        """Whether all was judged again and nothing came out otherwise."""
        return self.is_original and not self.differing

    def as_json(self) -> dict[str, Any]:
        """The same, for scripts."""
        alpha, registered = self.error_rate
        return {
            "verdicts": [each.as_json() for each in self.verdicts],
            "original_evidence": self.is_original,
            "alpha": alpha,
            "registered": registered,
        }


def rejudge(
    directory: Path, trials: Trials, rules: Rules = "published", document: ClaimsDocument | None = None
) -> Rejudging:
    """Judge every verdict of a published run again.

    Args:
        directory: holds `claims.json` and its evidence.
        trials: those that are registered now, see `sdd_claims.registration.trials`.
        rules: "published" judges only what was judged by the protocol that is registered now; "today" judges
            everything by the rules and windows of today, on the seeds that judged.
        document: what its verdicts are compared with; by default its own `claims.json`.

    Raises:
        InputError: no such run, one that judged nothing, evidence of another schema or cut short, or none at all.
    """
    document = document or claims_json.read(directory / "claims.json")
    if not any(claim["verdict"] for claim in document["claims"]):
        raise InputError(f"{directory} holds no verdict; give the folder of a run that judged")
    if "evidence" not in document:
        raise InputError(
            f"{directory} was published without evidence, so that nothing can be judged again; check out commit "
            f"{document['environment']['commit'][:12]} and train it anew: {document['environment']['command']}"
        )
    curves = evidence.read(directory)
    found = [_again(claim, trials, curves, document, rules) for claim in document["claims"]]
    # A claim that cannot be judged again keeps its position among the p of its family.
    adjust_p_values([each.again or cast(ClaimEntry, dict(each.claim)) for each in found], document["registered"])
    ignored = OF_PROTOCOL if rules == "today" else ()
    if document["schema"] == 1:
        ignored = (*ignored, *BESIDE, "p_holm")  # which was that of one look
    return Rejudging(
        tuple(
            replace(each, differences=(*each.differences, *differences(each.claim, each.again, curves, ignored)))
            for each in found
        ),
        curves.sha256 == document["evidence"]["sha256"],
        (document["alpha"], document["registered"]),
    )


def write_beside(directory: Path, trials: Trials) -> None:
    """Write into a published run what today's version shows beside each verdict, and draw its report again.

    The sentence of a claim and its deviations from the paper are today's, too, where the protocol that judged is
    registered under it.

    How often its rules and its trials err stands there, too, where they judge now as they judged then.

    No verdict and no number that decided one changes. What cannot be judged again is left as it stands.

    Raises:
        InputError: as of `rejudge`, or a verdict comes out otherwise.
        StoreError: the folder cannot be written.
    """
    document = claims_json.read(directory / "claims.json")
    beside = cast(ClaimsDocument, {**document, "schema": 1})
    found = rejudge(directory, trials, document=beside)
    for claim, each in zip(document["claims"], found.verdicts, strict=True):
        whole = cast(dict[str, Any], claim)
        if each.again is None:
            if document["schema"] == 1:
                whole["p_holm"] = None  # which was that of one look
            continue
        if each.differences:
            raise InputError(f"{each.name} comes out otherwise ({each.differences[0]}); nothing was written")
        again = cast(dict[str, Any], each.again)
        whole.update({name: again[name] for name in (*BESIDE, "p_holm")})
        trial = trials[sentences.key(claim)]  # of the same protocol, and said better now
        whole |= {"statement": trial.claim.statement, "deviations": [*trial.deviations]}
        shown = {name: again["control"][name] for name in ("unmeasured", "difference") if name in again["control"]}
        whole["control"].update(shown)
    document["schema"] = claims_json.SCHEMA
    before, now = document["calibration"], calibration.measured(bundled("fixtures"))
    if before and now and _measures_as_much(before, now):
        document["calibration"] = now
    if errors := trial_errors(document["claims"], bundled("fixtures")):
        document["characteristics"] = errors
    claims_json.write(directory / "claims.json", document)
    report.render(directory)


def _measures_as_much(before: CalibrationEntry, now: CalibrationEntry) -> bool:
    """Whether a calibration is of the same tests at the same level, and of every design that one before it is of."""
    if any(before.get(name) != now.get(name) for name in ("tests", "threshold")):
        return False
    designs = before.get("designs", [])
    return bool(designs) and all(design in now.get("designs", []) for design in designs)


def _again(claim: ClaimEntry, trials: Trials, curves: Evidence, document: ClaimsDocument, rules: Rules) -> Rejudged:
    """Judge one claim, without comparing."""
    if claim["verdict"] is None:
        return Rejudged(claim, (), None)
    trial = trials.get(sentences.key(claim))
    if trial is None:
        return Rejudged(claim, ("cannot be judged again: no claim module registers this trial any more",), None)
    try:
        verdict = judged_by(trial, claim, curves, document["alpha"] / document["registered"], rules)
    except InputError as error:
        return Rejudged(claim, (f"cannot be judged again: {error}",), None)
    except Exception as error:  # in the rule of one claim: the others are judged
        return Rejudged(claim, (f"cannot be judged again: its rule crashed: {crash(error)}",), None)
    if verdict is None:
        tests = document["calibration"].get("tests", VERSION) if document["calibration"] else VERSION
        changed = "its protocol has changed since" if tests == VERSION else f"it was judged by tests version {tests}"
        why = (
            f"cannot be judged again: {changed}; check out commit {document['environment']['commit'][:12]}, or use "
            "--rules today"
        )
        return Rejudged(claim, (why,), None)
    ours = verdict.trial
    again = cast(
        ClaimEntry,
        {
            **claim,
            **judged_claim(verdict),
            "expected": ours.expected,
            "proxy": ours.proxy,
            "exploratory": ours.claim.exploratory,
            "control": {**_named_by_the_run(claim["control"]), **judged_control(verdict)},
            "p_holm": None,
        },
    )
    return Rejudged(claim, misnamed(claim, verdict), again)


def _named_by_the_run(control: ControlEntry) -> dict[str, Any]:
    """What no judging decides of a control."""
    return {name: value for name, value in control.items() if name not in claims_json.JudgedControl.__annotations__}
