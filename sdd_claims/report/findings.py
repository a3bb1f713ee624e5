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
from sdd_claims.report.claims_json import ClaimEntry
from sdd_claims.report.delivery import deliver
from sdd_claims.report.history import PublishedRun, last_verdicts, read_notes, standing
from sdd_claims.report.templating import environment

NOTES = "findings.toml"
WHY = "Why, and on what it depends"


@dataclass(frozen=True)
class Group:
    """Claims that came out alike.

    Attributes:
        title: the heading over them.
        claims: their entries, paper by paper, the tiers of a claim beside each other.
    """

    title: str
    claims: tuple[ClaimEntry, ...]


def groups(runs: Sequence[PublishedRun]) -> list[Group]:
    """The registered claims of all runs by what came out: supported ones, contradicted ones, and the open ones."""
    claims = [claim for _, claim in last_verdicts(runs) if sentences.is_registered(claim)]
    claims = sorted(claims, key=lambda claim: (claim["paper"], claim["id"], sentences.column(claim)))

    def chosen(*rulings: str) -> tuple[ClaimEntry, ...]:
        return tuple(claim for claim in claims if (sentences.openness(claim) or claim["verdict"]) in rulings)

    supported, contradicted = chosen("supported"), chosen("refuted", "contrary on a proxy")
    on_proxy = sum(claim["proxy"] for claim in supported)
    refuted = sum(claim["verdict"] == "refuted" for claim in contradicted)
    is_open = chosen("undecided", "open so far", "cannot be measured", "control supported")
    return [
        Group(f"Supported ({len(supported)}, {on_proxy} of them on a proxy)", supported),
        Group(
            f"Contradicted ({len(contradicted)}: {refuted} refuted, {len(contradicted) - refuted} on a proxy alone)",
            contradicted,
        ),
        Group(f"Open ({len(is_open)})", is_open),
    ]


@dataclass(frozen=True)
class Note:
    """What is known about a claim, whose tiers share it.

    Attributes:
        id: the claim's.
        text: what is known.
        claims: its entries, one for each tier and network that has judged it.
    """

    id: str
    text: str
    claims: tuple[ClaimEntry, ...]


def explained(grouped: Sequence[Group], notes: Mapping[str, str]) -> list[Note]:
    """The notes in order of their claims' names."""
    claims = [claim for group in grouped for claim in group.claims]
    return [
        Note(each, notes[each], tuple(sorted((c for c in claims if c["id"] == each), key=sentences.column)))
        for each in sorted(notes)
    ]


def to_markdown(runs: Sequence[PublishedRun], notes: Mapping[str, str]) -> str:
    """The findings as GitHub-flavoured Markdown."""

    def name(of: str) -> str:
        return f"[`{of}`](#{_anchor(of)})" if of in notes else f"`{of}`"

    grouped = groups(runs)
    template = environment(autoescape=False).get_template("findings.md.j2")
    return template.render(
        runs=runs, groups=grouped, explained=explained(grouped, notes), why=WHY, name=name, anchor=_anchor
    )


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
        judged = [claim["id"] for group in groups(runs) for claim in group.claims]
        return to_markdown(runs, read_notes(folder / NOTES, judged, "which no run has judged"))

    return deliver(page, folder.parent / "FINDINGS.md")


if __name__ == "__main__":
    sys.exit(main())
