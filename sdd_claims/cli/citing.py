"""`sdd-claims cite`: the suite and its papers as BibTeX, or as the CITATION.cff that GitHub reads."""

from collections.abc import Mapping
from typing import Any, Literal

import click

from sdd_claims.errors import InputError, nearest
from sdd_claims.report.references import Reference, address, as_bibtex, references


@click.command()
@click.argument("paper", required=False)
@click.option("--suite", "of_suite", is_flag=True, help="Only the suite.")
@click.option("--format", "form", type=click.Choice(["bibtex", "cff"]), default="bibtex", show_default=True)
def cite(paper: str | None, of_suite: bool, form: Literal["bibtex", "cff"]) -> None:
    """Cite the suite and its papers.

    All of them, one PAPER, such as he2022, or the suite alone.
    """
    content = references()
    papers: Mapping[str, Reference] = content["papers"]
    if paper is not None and of_suite:
        raise InputError(f"{paper} and --suite: give one of them, or neither for all")
    if paper is not None and paper not in papers:
        raise InputError(f"there is no paper {paper!r}{nearest(paper, papers)}; use one of {', '.join(papers)}")
    if form == "cff":
        if paper is not None or of_suite:
            raise InputError("--format cff is one file with the suite and all papers; leave the paper and --suite out")
        click.echo(as_cff(content), nl=False)
        return
    entries = {"sdd_claims": content["suite"], **papers}
    chosen = [paper] if paper is not None else ["sdd_claims"] if of_suite else list(entries)
    click.echo("\n\n".join(as_bibtex(name, entries[name]) for name in chosen))


def as_cff(content: Mapping[str, Any]) -> str:
    """The whole of CITATION.cff."""
    suite = content["suite"]
    lines = [
        "cff-version: 1.2.0",
        'message: "If you use this suite, please cite it and the papers whose claims it tests."',
        f'title: "{suite["title"]}"',
        "type: software",
        f"license: {suite['license']}",
        f"version: {suite['version']}",
        "authors:",
        *(f'  - name: "{author}"' for author in suite["authors"]),
        "references:",
    ]
    for paper in content["papers"].values():
        lines += [
            f"  - type: {'conference-paper' if 'venue' in paper else 'article'}",
            f'    title: "{paper["title"]}"',
            "    authors:",
        ]
        for author in paper["authors"]:
            family, _, given = author.partition(", ")
            lines.append(f"      - {{family-names: {family}, given-names: {given}}}")
        lines.append(f"    year: {paper['year']}")
        lines += [f'    conference: {{name: "{paper["venue"]}"}}'] if "venue" in paper else []
        lines += [f'    url: "{address(paper)}"'] if address(paper) else []
    return "\n".join([*lines, ""])
