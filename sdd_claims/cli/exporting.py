"""`sdd-claims export`: curves, figures and verdicts of a run as files for other programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdd_claims.errors import InputError, nearest

if TYPE_CHECKING:
    from sdd_claims.report.claims_json import ClaimEntry


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--curves", metavar="FILE.csv", type=click.Path(path_type=Path), help="Every judged curve, a row a number."
)
@click.option(
    "--figure",
    "figures",
    metavar="CLAIM FILE",
    nargs=2,
    multiple=True,
    type=click.Tuple([str, click.Path(path_type=Path)]),
    help="The figure of a claim, as .svg, .pdf or .png; may be given again.",
)
@click.option("--table", metavar="FILE.tex", type=click.Path(path_type=Path), help="The verdicts as a table for LaTeX.")
def export(folder: Path, curves: Path | None, figures: Sequence[tuple[str, Path]], table: Path | None) -> None:
    """Write curves, figures or verdicts into files.

    CLAIM is its name in the report, such as he2022/four_phases_in_order, with its tier and network where it has
    several: "he2022/four_phases_in_order [full, ResNet-18 on CIFAR-10]". Exit status 1: the table is written, but the
    evidence beside it cannot be read.
    """
    if curves is None and table is None and not figures:
        raise InputError("there is nothing to export; give --curves FILE.csv, --figure CLAIM FILE or --table FILE.tex")
    for file, endings in (
        (curves, (".csv",)),
        (table, (".tex",)),
        *((file, (".svg", ".pdf", ".png")) for _, file in figures),
    ):
        if file is not None and file.suffix not in endings:
            raise InputError(f"{file} has no ending that says what to write; name it *{' or *'.join(endings)}")

    from sdd_claims.report import claims_json, evidence, exports
    from sdd_claims.storage.files import write_atomically

    document = claims_json.read(folder / "claims.json")
    chosen = [(_find(name, document["claims"]), file) for name, file in figures]
    if (curves is not None or chosen) and "evidence" not in document:
        raise InputError(f"{folder} was published without evidence, so that it holds no curve; export another run's")
    needs_curves = curves is not None or bool(chosen)
    read = evidence.beside(folder, document) if needs_curves else None  # raises where there is nothing to draw
    source, remark, unread = (*read, False) if read else evidence.as_far_as_there(folder, document)
    if remark is not None and "evidence" in document:
        click.echo(f"warning: {remark}", err=True)
    written: list[tuple[Path, bytes]] = []
    if curves is not None:
        written.append((curves, exports.curves_as_csv(document["claims"], source).encode()))
    if table is not None:
        written.append((table, exports.verdicts_as_latex(document).encode()))
    if chosen:
        from sdd_claims.report.alone import KINDS, figure_of

        written += [(file, figure_of(claim, source, KINDS[file.suffix])) for claim, file in chosen]
    for file, content in written:
        write_atomically(file, content)
        click.echo(file)
    if unread:
        click.get_current_context().exit(1)


def _find(name: str, claims: "Sequence[ClaimEntry]") -> "ClaimEntry":
    """The one claim of that name, with or without its paper, its tier and its network.

    Raises:
        InputError: there is none, or several.
    """
    from sdd_claims.report import sentences

    names = {sentences.name(claim): claim for claim in claims}
    found = [full for full, claim in names.items() if name in (full, claim["id"], claim["id"].partition("/")[2])]
    if len(found) == 1:
        return names[found[0]]
    if found:
        raise InputError(f"{name} was put on trial {len(found)} times; give one of: {', '.join(found)}")
    ids = {claim["id"] for claim in claims}
    raise InputError(
        f"there is no claim {name} in this run{nearest(name, sorted(ids))}; SUMMARY.md beside it names all of them"
    )
