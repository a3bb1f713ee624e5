"""`sdd-claims report` and `sdd-claims rejudge`: the same as `python -m sdd_claims.report` and `sdd_claims.rejudge`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdd_claims.cli.words import json_option, say_json
from sdd_claims.errors import InputError, StoreError

if TYPE_CHECKING:
    from sdd_claims.rejudge import Rules


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
@click.option(
    "--retrain",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also train N chains again, drawn at random, and compare every number of theirs with the evidence.",
)
@click.option("--claim", "claims", multiple=True, metavar="NAME", help="Train chains of this claim only.")
@click.option("--draw", type=int, default=0, metavar="SEED", help="Seed of the draw of chains.  [default: 0]")
@click.option("--data-root", metavar="DIR", help="Folder of data sets, for --retrain.")
@json_option
def rejudge(
    folders: Sequence[Path],
    rules: "Rules",
    retrain: int | None,
    claims: Sequence[str],
    draw: int,
    data_root: str | None,
    as_json: bool,
) -> None:
    """Judge runs again from their evidence.

    Nothing is trained without --retrain. Exit status 0: every verdict is as published; 1: one differs or cannot be
    judged again, or a chain that was trained again differs; 2: a folder holds no judged run. With --json stdout has a
    list with an entry for every folder.
    """
    from sdd_claims.rejudge.__main__ import main

    statuses = []
    words = ["--rules", rules]
    if retrain:
        words += ["--retrain", str(retrain), "--draw", str(draw), *(["--data-root", data_root] if data_root else [])]
        words += [word for claim in claims for word in ("--claim", claim)]
    elif draw or data_root or claims:
        raise click.UsageError("--claim, --draw and --data-root are about training again; give --retrain N as well")
    if as_json:
        if retrain:
            raise click.UsageError("--retrain says what it finds in words; leave --json away")
        runs = [_judged_again(folder, rules) for folder in folders]
        say_json([run for run, _ in runs])
        click.get_current_context().exit(max(status for _, status in runs))
    for folder in folders:
        if len(folders) > 1:
            click.echo(f"{folder}:")
        statuses.append(main([*words, "--", str(folder)]))
    click.get_current_context().exit(max(statuses))


def _judged_again(folder: Path, rules: "Rules") -> tuple[dict[str, object], int]:
    """A run for scripts, and its exit status."""
    from sdd_claims import rejudge

    try:
        trials = rejudge.trials_for(rejudge.judged_run(folder))
        found = rejudge.rejudge(folder, trials, rules)
    except (InputError, StoreError) as error:
        click.echo(f"error: {error}", err=True)
        return {"folder": str(folder), "error": str(error)}, 2
    return {"folder": str(folder), **found.as_json()}, 0 if found.is_as_published else 1
