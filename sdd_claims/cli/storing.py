"""`sdd-claims store`: what lies in a store, whether it is what was written, and what no claim needs any more."""

from typing import TYPE_CHECKING

import click

from sdd_claims.cli.words import json_option, say_json, say_table
from sdd_claims.errors import InputError

if TYPE_CHECKING:
    from sdd_claims.storage.inventory import StoredRun


@click.group(invoke_without_command=True, no_args_is_help=True)
@click.argument("folder", metavar="DIR")
@click.pass_context
def store(context: click.Context, folder: str) -> None:
    """Look after a store: its size, its checksums, what can go."""
    if context.invoked_subcommand is None:
        if folder in store.commands:
            raise InputError(f"store {folder}: the folder is missing; give it first: sdd-claims store DIR {folder}")
        does = ", ".join(store.commands)
        raise InputError(f"store {folder}: nothing is asked; say what, one of {does}: sdd-claims store {folder} size")
    context.obj = folder


@store.command("size")
@json_option
@click.pass_obj
def _size(folder: str, as_json: bool) -> None:
    """How large it is, by run and by kind of file."""
    from rich.filesize import decimal

    from sdd_claims.report.numbers import count
    from sdd_claims.storage.inventory import sizes, stored_files, stored_runs
    from sdd_claims.storage.opening import existing_store

    files = stored_files(existing_store(folder))
    runs, by_kind = stored_runs(files), sizes(files)
    if as_json:
        say_json({"bytes": sum(by_kind.values()), "kinds": by_kind, "runs": [_as_json(run) for run in runs]})
        return
    _say_runs(runs)
    for kind, held in sorted(by_kind.items(), key=lambda each: -each[1]):
        click.echo(f"{kind}: {decimal(held)}")
    click.echo(f"in all: {decimal(sum(by_kind.values()))}, {count(len(files), 'file')}, {count(len(runs), 'run')}")


@store.command()
@json_option
@click.pass_obj
def verify(folder: str, as_json: bool) -> None:
    """Check every checksum that a stored level needs; change nothing.

    Exit status 0: all is what was written; 1: something is not.
    """
    from sdd_claims.report.numbers import count
    from sdd_claims.storage.inventory import damage, stored_files
    from sdd_claims.storage.opening import existing_store

    opened = existing_store(folder)
    found = []
    for sentence in damage(opened):
        found.append(sentence)
        if not as_json:
            click.echo(sentence)
    files = len(stored_files(opened))
    if as_json:
        say_json({"files": files, "damage": found})
    else:
        what = f"{len(found)} damaged, missing or unreadable" if found else "all is what was written"
        click.echo(f"{count(files, 'file')}: {what}")
    click.get_current_context().exit(1 if found else 0)


@store.command()
@click.option("--dry-run/--no-dry-run", default=None, help="Only say what would go (the default), or ask and drop it.")
@click.option("--yes", is_flag=True, help="Drop it without asking.")
@json_option
@click.pass_obj
def prune(folder: str, dry_run: bool | None, yes: bool, as_json: bool) -> None:
    """Drop what no registered claim needs.

    These are the runs of settings that no claim of either tier reads: old ones, trials of one's own. A run of a
    registered setting stays, with all its seeds. Nothing else is deleted: neither locks, nor what was set aside, nor
    what is not the store's. Nothing should train on the store meanwhile.
    """
    from rich.filesize import decimal

    from sdd_claims.judging.needs import needed_digests
    from sdd_claims.registration.trials import all_trials
    from sdd_claims.report.numbers import count
    from sdd_claims.storage.inventory import drop, unneeded_runs
    from sdd_claims.storage.opening import existing_store

    if dry_run and yes:
        raise InputError("--dry-run drops nothing and --yes drops all; give one of them")
    opened = existing_store(folder)
    runs = unneeded_runs(opened, needed_digests(all_trials().values()))
    total = decimal(sum(run.size for run in runs))
    drops = bool(runs) and (yes or dry_run is False)
    if not as_json:
        _say_runs(runs)
    if drops and not yes:
        click.confirm(f"drop {count(len(runs), 'run')}, {total}?", abort=True, err=True)
    left = drop(opened, runs) if drops else []
    if as_json:
        busy = {run.digest for run in left}
        say_json([{**_as_json(run), "dropped": drops and run.digest not in busy} for run in runs])
        return
    for run in left:
        click.echo(f"{run.digest[:12]} is, or was meanwhile, trained by another process and stays")
    if not runs:
        click.echo("every run is of a setting that a registered claim needs; there is nothing to drop")
    elif drops:
        click.echo(f"dropped {len(runs) - len(left)} of {count(len(runs), 'run')}")
    else:
        click.echo(f"would drop {count(len(runs), 'run')}, {total}; --no-dry-run asks and drops, --yes drops at once")


def _say_runs(runs: "list[StoredRun]") -> None:
    if not runs:
        return
    from rich.filesize import decimal

    columns = [("run", False), ("setting", False), ("seeds", True), ("levels", True), ("weights", True)]
    rows = []
    for run in runs:
        kinds = run.sizes
        levels = kinds.get("levels", 0) + kinds.get("settings", 0)
        weights = kinds.get("weights", 0) + kinds.get("checkpoints", 0)
        rows.append((run.digest[:12], _in_words(run), str(len(run.seeds)), decimal(levels), decimal(weights)))
    say_table(columns, rows)


def _as_json(run: "StoredRun") -> dict[str, object]:
    return {
        "digest": run.digest,
        "setting": _in_words(run),
        "seeds": run.seeds,
        "bytes": run.size,
        "kinds": run.sizes,
    }


def _in_words(run: "StoredRun") -> str:
    from sdd_claims.storage.inventory import network_of, way_of

    if run.settings is None:
        return "settings not stored"
    try:
        noise, data = run.settings["noise"], run.settings["data"]["name"]
        noisy = "clean labels" if noise["kind"] == "none" else f"{noise['kind'].replace('_', ' ')} noise"
        if noise["rate"]:
            noisy = f"{100 * noise['rate']:g} % {noisy}"
        return f"{network_of(run.settings['model'])} on {data}, {noisy}, {way_of(run.settings)}"
    except (AttributeError, InputError, KeyError, TypeError):  # written by another version
        return "settings of another version"
