"""`sdd-claims report` and `sdd-claims rejudge`: the same as `python -m sdd_claims.report` and `sdd_claims.rejudge`."""

from collections.abc import Sequence
from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Draw the page of a run again.

    It is made from claims.json and the evidence beside it: index.html, SUMMARY.md and figures. Exit status 1: the
    evidence cannot be read, so that the page shows verdicts without curves.
    """
    from sdd_claims.report.__main__ import main

    click.get_current_context().exit(main(["--", str(folder)]))


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--rules",
    type=click.Choice(["published", "today"]),
    default="published",
    show_default=True,
    help="published: only by the protocol that judged; today: by the rules and windows of this version.",
)
def rejudge(folders: Sequence[Path], rules: str) -> None:
    """Judge runs again from their evidence.

    Nothing is trained. Exit status 0: every verdict is as published; 1: one differs or cannot be judged again; 2: a
    folder holds no judged run.
    """
    from sdd_claims.rejudge import main

    statuses = []
    for folder in folders:
        if len(folders) > 1:
            click.echo(f"{folder}:")
        statuses.append(main(["--rules", rules, "--", str(folder)]))
    click.get_current_context().exit(max(statuses))
