"""`FINDINGS.md`, what is supported, contradicted and open: `python -m sdd_claims.report.findings reports/published`.

It is made from the runs that stand in the folder; `findings.toml` there says of a claim that is not supported what is
known about why, and of one that is on what it depends, where one would not think so.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdd_claims.errors import InputError
from sdd_claims.report import sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.delivery import deliver
from sdd_claims.report.history import FOLDER, PublishedRun, key, last_verdicts, read_notes, standing
from sdd_claims.report.templating import environment

NOTES = "findings.toml"
WHY = "Why, and on what it depends"


@dataclass(frozen=True)
class Finding:
    """What has last been said of a claim in a tier, on a network.

    Attributes:
        run: the run that judged it.
        claim: its entry there.
    """

    run: PublishedRun
    claim: ClaimEntry


@dataclass(frozen=True)
class Group:
    """Claims that came out alike.

    Attributes:
        title: the heading over them.
        findings: what was said of them, paper by paper, the tiers of a claim beside each other.
    """

    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Note:
    """What is known about a claim, whose tiers share it.

    Attributes:
        id: the claim's.
        text: what is known.
        findings: what was said of it, in each tier and on each network.
    """

    id: str
    text: str
    findings: tuple[Finding, ...]


def groups(runs: Sequence[PublishedRun]) -> list[Group]:
    """The registered claims of all runs by what came out: supported ones, contradicted ones, and the open ones."""
    findings = _findings(runs)

    def chosen(*rulings: str) -> tuple[Finding, ...]:
        return tuple(found for found in findings if _came_out(found.claim) in rulings)

    supported, contradicted = chosen("supported"), chosen("refuted", "contrary on a proxy")
    on_proxy = sum(found.claim["proxy"] for found in supported)
    refuted = sum(found.claim["verdict"] == "refuted" for found in contradicted)
    is_open = chosen("undecided", "open so far", "cannot be measured", "control supported", "control not measured")
    return [
        Group(f"Supported ({len(supported)} of {len(findings)} verdicts, {on_proxy} of them on a proxy)", supported),
        Group(
            f"Contradicted ({len(contradicted)}: {refuted} refuted, {len(contradicted) - refuted} on a proxy alone)",
            contradicted,
        ),
        Group(f"Open ({len(is_open)})", is_open),
    ]


def _findings(runs: Sequence[PublishedRun]) -> list[Finding]:
    verdicts = last_verdicts(runs)
    found = [Finding(run, claim) for run, claim in verdicts if sentences.is_registered(claim) and claim["verdict"]]
    return sorted(found, key=lambda each: (each.claim["paper"], each.claim["id"], sentences.column(each.claim)))


def otherwise_at_size(finding: Finding, findings: Sequence[Finding]) -> str:
    """What else came out of a claim of the fast tier in the full one, network by network; empty where nothing did."""
    if finding.claim["tier"] != "fast":
        return ""
    full = [each.claim for each in findings if each.claim["id"] == finding.claim["id"] and each.claim["tier"] == "full"]
    other = [claim for claim in full if _came_out(claim) != _came_out(finding.claim)]
    return "; ".join(f"{sentences.column(claim)}: {_came_out(claim)}" for claim in other)


def known_elsewhere(directory: Path, document: ClaimsDocument) -> dict[str, str]:
    """What is known of each claim of a published run beyond that run: what else came out in the full tier, and why.

    Args:
        directory: the folder of the run; nothing is known where no history lies beside it.
        document: its claims.json.
    """
    folder = directory.parent
    if not (folder / FOLDER).is_dir():
        return {}
    findings, notes = _findings(standing(folder)), read_notes(folder / NOTES)
    found = {}
    for claim in document["claims"]:
        own = next((each for each in findings if sentences.key(each.claim) == sentences.key(claim)), None)
        other = otherwise_at_size(own, findings) if own else ""
        said = [f"At the paper's size it came out otherwise ({other})." if other else "", notes.get(claim["id"], "")]
        found[key(claim)] = " ".join(filter(None, said))
    return found


def to_markdown(runs: Sequence[PublishedRun], notes: Mapping[str, str]) -> str:
    """The findings as GitHub-flavoured Markdown.

    Args:
        runs: the runs that stand.
        notes: what is known of claims, by their names.
    """
    findings = _findings(runs)

    def linked(claim_id: str) -> str:
        return f"[`{claim_id}`](#{_anchor(claim_id)})" if claim_id in notes else f"`{claim_id}`"

    return (
        environment(autoescape=False)
        .get_template("findings.md.j2")
        .render(
            runs=[run for run in runs if any(found.run is run for found in findings)],
            groups=groups(runs),
            notes=[
                Note(each, notes[each], tuple(f for f in findings if f.claim["id"] == each)) for each in sorted(notes)
            ],
            why=WHY,
            why_address=_anchor(WHY),
            linked=linked,
            otherwise_at_size=lambda finding: otherwise_at_size(finding, findings),
        )
    )


def _came_out(claim: ClaimEntry) -> str | None:
    return sentences.openness(claim) or claim["verdict"]


def _anchor(heading: str) -> str:
    """The address that GitHub gives a heading of its page."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def main(arguments: list[str] | None = None) -> int:
    """Write the findings of a folder beside it; an error of the user's is one sentence and exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m sdd_claims.report.findings", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of published runs")
    folder: Path = parser.parse_args(arguments).folder

    def page() -> str:
        runs = standing(folder)
        if not runs:
            raise InputError(f"{folder} holds no published run; give the folder that holds fast/claims.json and others")
        judged = [found.claim["id"] for found in _findings(runs)]
        return to_markdown(runs, read_notes(folder / NOTES, judged, "which no run has judged"))

    return deliver(page, folder.parent / "FINDINGS.md")


if __name__ == "__main__":
    sys.exit(main())
