"""Judge a published run again from its evidence: `python -m sdd_claims.rejudge reports/published/fast`.

Nothing is trained. Every verdict, effect, interval, p, part and control is computed anew from the curves, by the trials
that the claim modules register, and compared with what was published. Exit status 0: all the same; 1: a difference, or
a verdict that cannot be judged again; 2: a folder that holds no such run.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sdd_claims.claim import (
    FromPilots,
    Trial,
    Verdict,
    judge_at,
    phases_of_pilots,
    pilot_curves,
    stays_open,
    without_windows,
)
from sdd_claims.entry import adjust, judged, judged_control
from sdd_claims.errors import InputError
from sdd_claims.locations import checkout
from sdd_claims.report import claims_json, evidence, numbers, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.evidence import Evidence

Rules = Literal["published", "today"]

TOLERANCE = 1e-9
"""Relative: sums are rounded by the processor's vector width. A changed observation shows in far earlier digits."""

Trials = Mapping[tuple[str, Any, str], Trial]


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
        return f"{self.claim['id']} [{sentences.column(self.claim)}]"


@dataclass(frozen=True)
class Rejudging:
    """A published run, judged again.

    Attributes:
        verdicts: in the order in which they were published.
        is_original: the evidence is the file that was published, by its SHA-256.
    """

    verdicts: tuple[Rejudged, ...]
    is_original: bool

    @property
    def differing(self) -> list[Rejudged]:
        """The verdicts with a difference."""
        return [each for each in self.verdicts if each.differences]


def rejudge(directory: Path, trials: Trials, rules: Rules = "published") -> Rejudging:
    """Judge every verdict of a published run again.

    Args:
        directory: holds `claims.json` and its evidence.
        trials: those that are registered now, see `sdd_claims.trials`.
        rules: "published" judges only what was judged by the protocol that is registered now; "today" judges
            everything by the rules and windows of today.

    Raises:
        InputError: no such run, evidence of another schema or cut short, or a run without evidence.
    """
    document = claims_json.read(directory / "claims.json")
    if "evidence" not in document:
        raise InputError(
            f"{directory} was published without evidence, so that nothing can be judged again; check out commit "
            f"{document['environment']['commit'][:12]} and train it anew: {document['environment']['command']}"
        )
    curves = evidence.beside(directory, document)
    found = [_again(claim, trials, curves, document, rules) for claim in document["claims"]]
    entries = [each.again for each in found if each.again is not None]
    adjust(entries, document["registered"])
    original = curves.sha256 == document["evidence"]["sha256"]
    return Rejudging(tuple(_compared(each, curves) for each in found), original)


def _again(claim: ClaimEntry, trials: Trials, curves: Evidence, document: ClaimsDocument, rules: Rules) -> Rejudged:
    """Judge one claim, without comparing."""
    trial = trials.get((claim["id"], claim["tier"], sentences.network(claim)))
    if claim["verdict"] is None:
        return Rejudged(claim, (), None)
    if trial is None:
        return Rejudged(claim, ("no claim module registers this trial any more",), None)
    seeds = tuple(claim["seeds"])
    if claim["looks"] and seeds not in trial.judged_seeds():
        trial = replace(trial, own_seeds=seeds)
    try:
        verdict = _judged(trial, curves, document["alpha"] / document["registered"])
    except InputError as error:
        return Rejudged(claim, (str(error),), None)
    found = judged(verdict)
    if rules == "published" and claim["protocol"] != found["protocol"]:
        commit = document["environment"]["commit"][:12]
        why = f"its protocol has changed since: judge it at commit {commit}, or by --rules today"
        return Rejudged(claim, (why,), None)
    again: Any = {**claim, **found, "control": {**claim["control"], **judged_control(verdict)}, "p_holm": None}
    return Rejudged(claim, (), again)


def _judged(trial: Trial, curves: Evidence, error_rate: float) -> Verdict:
    """Set the windows where they follow from pilots, and look as often as the claim stays open."""

    def read(curve: Any, seeds: tuple[int, ...]) -> Any:
        return curves.curve(curve.spec.digest, curve.measure, curve.seeds(seeds), curve.levels)

    if isinstance(trial.rule, FromPilots):
        rule = trial.rule
        for curve in pilot_curves(rule).values():
            read(curve, rule.seeds)  # what the evidence lacks is no phase that pilots do not show
        try:
            phases = phases_of_pilots(trial, rule, read)
        except InputError as error:
            return without_windows(trial, rule, error)
        trial = trial.resolved(rule.rule(phases))
    looks = trial.judged_seeds()
    verdict = judge_at(trial, 0, looks, read, error_rate)
    for look in range(1, len(looks)):
        if not stays_open(verdict):
            break
        verdict = judge_at(trial, look, looks, read, error_rate)
    return verdict


def _compared(found: Rejudged, curves: Evidence) -> Rejudged:
    """Say what differs: in the numbers of its curves, and in what they come to."""
    edited = {
        f"the evidence of {run['measure']} of run {run['digest'][:12]} was changed after it was written"
        for run in evidence.curves_of(found.claim)
        if not getattr(curves.runs.get((run["digest"], run["measure"])), "sound", True)
    }
    differences = [*found.differences, *sorted(edited)]
    if found.again is not None:
        differences += _differences(_comparable(found.claim), _comparable(found.again), "")
    return replace(found, differences=tuple(differences))


_COMPARED = ("p_holm", *sorted(claims_json.JudgedClaim.__annotations__))
_OF_CONTROL = tuple(sorted(claims_json.JudgedControl.__annotations__))


def _comparable(claim: ClaimEntry) -> dict[str, Any]:
    """What judging decides; words are left out, which say the same numbers rounded."""
    whole: Mapping[str, Any] = claim
    control: Mapping[str, Any] = claim["control"]
    found = {name: whole.get(name) for name in _COMPARED if name != "words"}
    found["control"] = {name: control[name] for name in _OF_CONTROL if name != "words"}
    found["parts"] = [{name: value for name, value in part.items() if name != "words"} for part in claim["parts"]]
    return found


def _differences(published: Any, again: Any, where: str) -> Iterator[str]:
    """A phrase for everything below `where` that is not the same, numbers up to `TOLERANCE`."""
    if isinstance(published, dict) and isinstance(again, dict):
        for name in published | again:
            place = f"{where}, {name}" if where else str(name)
            yield from _differences(published.get(name), again.get(name), place)
    elif isinstance(published, list) and isinstance(again, list) and len(published) == len(again):
        for index, pair in enumerate(zip(published, again, strict=True)):
            named = pair[0].get("name", index) if isinstance(pair[0], dict) else index
            yield from _differences(*pair, f"{where} [{named}]")
    elif not _same(published, again):
        yield f"{where}: published {published}, judged again {again}"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int) and not isinstance(one, bool):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12)
    return bool(one == other)


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
    options = parser.parse_args(arguments)
    from sdd_claims.trials import all_trials  # imports every claim module

    try:
        if not options.directory.is_dir() and checkout() is None:
            raise InputError(
                f"there is no folder {options.directory}; published runs lie in the repository, not in the wheel"
            )
        found = rejudge(options.directory, all_trials(), options.rules)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for each in found.verdicts:
        if each.claim["verdict"] is None:
            say(f"{each.name}: was not judged")
        elif not each.differences:
            say(f"{each.name}: {each.claim['verdict']}, as published")
        for difference in each.differences:
            say(f"{each.name}: DIFFERS: {difference}")
    if not found.is_original:
        say(f"DIFFERS: {options.directory / evidence.NAME} is not the file that was published: its SHA-256 is another")
    again = sum(each.again is not None for each in found.verdicts)
    say(
        f"{numbers.count(again, 'verdict')} judged again from the evidence, "
        f"{numbers.count(len(found.differing), 'claim')} with a difference"
    )
    return 1 if found.differing or not found.is_original else 0


if __name__ == "__main__":
    sys.exit(main())
