"""Judge a published run again from its evidence: `python -m sdd_claims.rejudge reports/published/fast`.

Nothing is trained, unless --retrain asks for it. Every verdict, effect, interval, p, part and control is computed anew
from the curves, by the trials that the claim modules register, and compared with what was published. Exit status 0: all
the same; 1: a difference, in a chain that was trained again too, or a verdict that cannot be judged again; 2: a folder
that holds no judged run.
"""

import argparse
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from sdd_claims import report
from sdd_claims.curves import SparsityCurve
from sdd_claims.data.datasets import no_such_root
from sdd_claims.errors import InputError, StoreError, crash
from sdd_claims.judging.claim_entry import adjust_p_values, judged_claim, judged_control
from sdd_claims.judging.verdict import Verdict, judge_at, stays_open, without_windows
from sdd_claims.judging.yours import trials_again
from sdd_claims.locations import bundled, checkout
from sdd_claims.registration.claim import BLOCK, Tier
from sdd_claims.registration.curve_of import CurveOf, Reader
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trial import Trial
from sdd_claims.report import calibration, claims_json, evidence, numbers, sentences
from sdd_claims.report.claims_json import CalibrationEntry, ClaimEntry, ClaimsDocument, ControlEntry, RunEntry
from sdd_claims.report.evidence import Evidence
from sdd_claims.report.trial_errors import trial_errors
from sdd_claims.spec.own import YOURS
from sdd_claims.stats import VERSION

Rules = Literal["published", "today"]
Trials: TypeAlias = Mapping[tuple[str, Tier, str], Trial]

TOLERANCE = 1e-9
"""Relative: sums are rounded by the processor's vector width. A changed observation shows in far earlier digits."""

_ZERO = 1e-12
"""An effect below this is none: a difference of equal numbers, up to rounding. For a p every digit counts."""

_TWO_DIGITS = 0.011
"""Of a simulated share: a study at the threshold may fall to either side of it on another processor."""

_FOUR_DIGITS = 1.1e-3
"""Relative, of a number that is rounded to four digits."""

_OF_PROTOCOL = ("protocol", "looks", "threshold")
"""Fields that other rules than the published ones change by themselves, whatever the evidence says."""


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
    ignored = _OF_PROTOCOL if rules == "today" else ()
    if document["schema"] == 1:
        ignored = (*ignored, *_BESIDE, "p_holm")  # which was that of one look
    return Rejudging(
        tuple(_compared(each, curves, ignored) for each in found),
        curves.sha256 == document["evidence"]["sha256"],
        (document["alpha"], document["registered"]),
    )


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
        None if trial is None else _judged(trial, claim, curves, document["alpha"] / document["registered"], rules)
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


def write_beside(directory: Path, trials: Trials) -> None:
    """Write into a published run what today's version shows beside each verdict, and draw its report again.

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
        whole.update({name: again[name] for name in (*_BESIDE, "p_holm")})
        if "unmeasured" in again["control"]:
            whole["control"]["unmeasured"] = again["control"]["unmeasured"]
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
        verdict = _judged(trial, claim, curves, document["alpha"] / document["registered"], rules)
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
    return Rejudged(claim, _misnamed(claim, verdict), again)


def _judged(trial: Trial, claim: ClaimEntry, curves: Evidence, error_rate: float, rules: Rules) -> Verdict | None:
    """Set the windows where they follow from pilots, and look as often as the claim stays open.

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


def _misnamed(claim: ClaimEntry, verdict: Verdict) -> tuple[str, ...]:
    """The curves that the page would draw, where they are others than those that were judged."""
    trial, seeds = verdict.trial, verdict.seeds
    expected: dict[str, tuple[Mapping[str, CurveOf], Mapping[str, RunEntry]]]
    if isinstance(trial.rule, FromPilots):
        expected = {"curves": (trial.rule.pilot_curves(), claim["runs"])}
    else:
        expected = {
            "curves": (trial.curves, claim["runs"]),
            "curves of the control": (trial.control_curves, claim["control"]["runs"]),
        }
    return tuple(
        f"the {what} that it names are not those of the trial"
        for what, (curves, runs) in expected.items()
        if {name: _run(curve, seeds) for name, curve in curves.items()} != {n: _named(run) for n, run in runs.items()}
    )


def _run(curve: CurveOf, seeds: tuple[int, ...]) -> tuple[object, ...]:
    return curve.spec.digest, curve.measure, list(curve.seeds(seeds)), curve.levels


def _named(run: RunEntry) -> tuple[object, ...]:
    return run["digest"], run["measure"], run["seeds"], run["levels"]


def _compared(found: Rejudged, curves: Evidence, ignored: Sequence[str]) -> Rejudged:
    """Say what differs: in the numbers of its curves, and in what they come to."""
    read = {(run["digest"], run["measure"]) for run in evidence.curves_of(found.claim)}
    edited = [
        f"the evidence of {measure} of run {digest[:12]} was changed after it was written"
        for digest, measure in sorted(read)
        if (digest, measure) in curves.runs and not curves.runs[digest, measure].sound
    ]
    differences = [*found.differences, *edited]
    if found.again is not None:
        if found.claim["verdict"] == "supported" and found.again.get("openness") == "control not measured":
            differences.append("by a rule that is newer, a control that cannot be measured leaves nothing supported")
        of_control = [name for name in _OF_CONTROL if name in found.claim["control"]]
        published, again = (_comparable(each, ignored, of_control) for each in (found.claim, found.again))
        if (shown := found.claim.get("decisive")) and "part" not in shown and again.get("decisive"):
            again["decisive"] = {name: value for name, value in again["decisive"].items() if name != "part"}
        differences += _differences(published, again, "")
    return replace(found, differences=tuple(differences))


def _named_by_the_run(control: ControlEntry) -> dict[str, Any]:
    """What no judging decides of a control."""
    return {name: value for name, value in control.items() if name not in claims_json.JudgedControl.__annotations__}


_OF_E_VALUES = tuple(claims_json.EValuesEntry.__annotations__)
_BESIDE = ("margin", *sorted(claims_json.BesideVerdict.__annotations__))
"""Fields that a version may show otherwise. A margin that decides is part of the protocol."""
_COMPARED = ("p_holm", "expected", "proxy", "exploratory", *sorted(claims_json.JudgedClaim.__annotations__))
_OF_CONTROL = tuple(sorted(claims_json.JudgedControl.__annotations__))
"""Of these an older version has written some only."""


def _comparable(claim: ClaimEntry, ignored: Sequence[str], of_control: Sequence[str]) -> dict[str, Any]:
    """The fields that judging decides, and those that the register does; of the control some."""
    whole: Mapping[str, Any] = claim
    control: Mapping[str, Any] = claim["control"]
    found = {name: whole.get(name) for name in _COMPARED if name not in ignored}
    return found | {"control": {name: control.get(name) for name in of_control}}


def _differences(published: Any, again: Any, where: str) -> Iterator[str]:
    """A phrase for everything below `where` that is not the same."""
    if isinstance(published, dict) and isinstance(again, dict):
        for name in published | again:
            place = f"{where}, {name}" if where else str(name)
            yield from _differences(published.get(name), again.get(name), place)
    elif isinstance(published, list) and isinstance(again, list) and len(published) == len(again):
        for index, pair in enumerate(zip(published, again, strict=True)):
            named = pair[0].get("name", index) if isinstance(pair[0], dict) else index
            yield from _differences(*pair, f"{where} [{named}]")
    elif not _same(published, again, where.rpartition(", ")[2]):
        yield f"{where}: published {published}, judged again {again}"


def _same(one: Any, other: Any, name: str) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float | int) and isinstance(other, float | int):
        relative = _FOUR_DIGITS if name in _OF_E_VALUES else TOLERANCE
        nothing = _TWO_DIGITS if name == "stability" else 0.0 if name.startswith("p") else _ZERO
        return math.isclose(one, other, rel_tol=relative, abs_tol=nothing)
    if name in ("words", "reason") and isinstance(one, str) and isinstance(other, str):
        return _same_words(one, other)
    return bool(one == other)


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _same_words(one: str, other: str) -> bool:
    """The same sentence, in which a number may be rounded up here and down there."""
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return False
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    return all(
        abs(float(left) - float(right)) <= 1.01 * 10.0 ** -min(len(each.partition(".")[2]) for each in (left, right))
        for left, right in pairs
        if left != right
    )


def main(arguments: list[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Judge a folder again, and say for every verdict whether it is as published."""
    parser = argparse.ArgumentParser(
        prog="python -m sdd_claims.rejudge",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, help="the folder of a run: claims.json and its evidence")
    parser.add_argument(
        "--rules",
        choices=("published", "today"),
        default="published",
        help="published (default): only by the protocol that judged; today: by the rules and windows of this version",
    )
    parser.add_argument(
        "--retrain",
        type=int,
        default=0,
        metavar="N",
        help="also train N chains again, drawn at random, and compare every number of theirs with the evidence",
    )
    parser.add_argument(
        "--claim", action="append", default=[], metavar="NAME", help="retrain chains of this claim only"
    )
    parser.add_argument("--draw", type=int, default=0, metavar="SEED", help="seed of the draw of chains (default: 0)")
    parser.add_argument("--data-root", type=Path, help="folder of data sets, for --retrain")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write what this version shows beside a verdict into the folder's claims.json, and draw its report again",
    )
    options = parser.parse_args(arguments)
    if options.retrain < 0:
        parser.error(f"--retrain must be a number of chains, got {options.retrain}; give 1 or more")
    if not options.retrain and (options.claim or options.draw or options.data_root):
        parser.error("--claim, --draw and --data-root are about training again; give --retrain N as well")
    try:
        if options.data_root is not None and not options.data_root.is_dir():
            raise no_such_root(f"--data-root {options.data_root}")
        document = judged_run(options.directory)
        trials = trials_for(document)
        if options.retrain and "yours" in document:
            raise InputError(
                "--retrain cannot train a network of your own, of which this folder holds no source; train it again "
                f"into another store: {document['environment']['command']} --store DIR"
            )
        if options.write:
            write_beside(options.directory, trials)
        found = rejudge(options.directory, trials, options.rules)
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for each in found.verdicts:
        if each.claim["verdict"] is None:
            say(f"{each.name}: was not judged")
        elif not each.differences:
            say(f"{each.name}: {each.claim['verdict']}, as published")
        for difference in each.differences:
            say(f"{each.name}: {'DIFFERS' if each.again else 'OPEN'}: {difference}")
    if not found.is_original:
        say(f"DIFFERS: {options.directory / evidence.NAME} is not the file that was published: its SHA-256 is another")
    alpha, registered = found.error_rate
    now = the_register()
    if "yours" not in document and (alpha, registered) != (now.alpha, now.registered):
        say(
            f"note: the run says that it judged at {alpha:g} / {registered}; the register now says {now.alpha:g} / "
            f"{now.registered}"
        )
    try:
        same = options.retrain == 0 or _retrained(options, say)
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    again = sum(each.again is not None for each in found.verdicts)
    say(
        f"{numbers.count(again, 'verdict')} judged again from the evidence at {alpha:g} / {registered} each, "
        f"{numbers.count(len(found.differing), 'claim')} with a difference or not judged again"
        + ("" if same else "; chains that were trained again DIFFER, see above")
    )
    return 0 if found.is_as_published and same else 1


def _retrained(options: argparse.Namespace, say: Callable[[str], object]) -> bool:
    """Whether the chains that are trained again come out as published."""
    from sdd_claims.registration.trials import all_trials
    from sdd_claims.retrain import audit  # late: reading published verdicts does not need PyTorch

    return audit(
        evidence.read(options.directory),
        [*all_trials().values()],
        options.retrain,
        say,
        claims=options.claim,
        seed=options.draw,
        data_root=options.data_root,
    )


if __name__ == "__main__":
    sys.exit(main())
