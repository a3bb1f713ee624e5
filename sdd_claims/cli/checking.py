"""`sdd-claims check`: the claims on trial on a network and data of the user's own."""

import ctypes
import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import asdict
from typing import Any

import click

from sdd_claims.cli.words import json_option, say_json


@click.command()
@click.option(
    "--network",
    required=True,
    metavar="FILE.py:NAME",
    help="A callable that takes the shape of an image and the number of classes, and returns a network.",
)
@click.option("--data", required=True, metavar="DATA", help="An .npz, a folder of images, or a callable FILE.py:NAME.")
@click.option(
    "--claims", metavar="NAMES", help="Names of claims, or all (default: does it show sparse double descent?)."
)
@click.option(
    "--noise", type=float, metavar="SHARE", help="Share of the training labels that are made wrong (default: 0.2)."
)
@click.option("--seeds", type=int, metavar="N", help="Number of seeds that judge (default: 12).")
@click.option("--pilots", type=int, metavar="N", help="Number of seeds that set the windows before (default: 12).")
@click.option("--block", type=int, metavar="SEED", help="First seed that judges (default: 1000).")
@click.option("--epochs", type=int, metavar="N", help="Epochs of training at every level (default: 30).")
@click.option("--levels", type=int, metavar="N", help="Levels of a curve, the dense network included (default: 10).")
@click.option(
    "--fraction",
    type=float,
    metavar="SHARE",
    help="Share of the weights left that is pruned at each level (default: 0.5).",
)
@click.option("--lr", type=float, metavar="RATE", help="Learning rate of SGD (default: 0.1).")
@click.option("--momentum", type=float, metavar="NUMBER", help="Momentum of SGD (default: 0.9).")
@click.option("--batch-size", type=int, metavar="N", help="Images in a step of SGD (default: 128).")
@click.option(
    "--weight-decay",
    type=float,
    metavar="NUMBER",
    help="Weight decay that the claim weight_decay_removes_the_dip tries, and no other uses (default: 0.01).",
)
@click.option("--prunable", metavar="NAMES", help="Layers to prune (default: linear and convolutional, but the last).")
@click.option(
    "--criterion", metavar="NAME", help="Which weights are pruned: magnitude, gradient, random, FILE.py:NAME ..."
)
@click.option("--penalty", metavar="NAME", help="Penalty added to the loss: l1, l2, matrix_norm, FILE.py:NAME ...")
@click.option("--penalty-strength", type=float, metavar="NUMBER", help="Factor of the penalty.")
@click.option("--store", default=".sdd_store", metavar="DIR", help="Where results are kept (default: .sdd_store).")
@click.option("--report", metavar="DIR", help="Where the report goes (default: reports/yours-...).")
@click.option("--device", default="cpu", metavar="NAME", help="cpu or cuda (default: cpu).")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.option("--plan", is_flag=True, help="Train nothing; say what would be trained, and how long it would take.")
@json_option
def check(
    network: str,
    data: str,
    claims: str | None,
    prunable: str | None,
    criterion: str | None,
    penalty: str | None,
    store: str,
    report: str | None,
    device: str,
    quiet: bool,
    plan: bool,
    as_json: bool,
    **numbers: Any,
) -> None:
    """Put claims on trial on a network and data of your own.

    By default one question: does it show sparse double descent? Verdicts are yours, never mixed with the papers'.

    Exit status 0: seeds have judged every claim that was asked for, whatever the verdict; 1: one could not be judged,
    such as where pilots set no windows, or it was interrupted, and the report says which; 2: bad input, said in one
    sentence. With --json stdout has the entries of claims.json.
    """
    if not quiet:
        click.echo(f"checking {network} and {data} ...", err=True)
    from sdd_claims.judging.plan_report import in_words
    from sdd_claims.own import judge, planned
    from sdd_claims.report.sentences import pilots_alone

    settings = {name: value for name, value in {"claims": claims, **numbers}.items() if value is not None}
    if prunable is not None:
        settings["prunable"] = tuple(name.strip() for name in prunable.split(",") if name.strip())
    if criterion is not None:
        settings["criterion"] = criterion
    if penalty is not None:
        settings["penalty"] = penalty
    settings |= {"store": store, "report": report, "processes": True, "device": device}
    if plan:
        with _stdout_to_stderr() if as_json else nullcontext():
            costs = planned(network, data, **settings)
        say_json(asdict(costs)) if as_json else click.echo("\n".join(in_words(costs)))
        for sentence in costs.refused:
            click.echo(f"not judged: {sentence}", err=True)
        click.get_current_context().exit(1 if costs.refused else 0)
    with _stdout_to_stderr() if as_json else nullcontext():
        command = shlex.join(["sdd-claims", *sys.argv[1:]])
        found = judge(network, data, quiet=quiet, command=command, **settings)
    if as_json:
        written = json.loads((found.page.parent / "claims.json").read_text(encoding="utf-8"))
        say_json({"report": str(found.page), "claims": written["claims"], "unjudged": found.unjudged})
    else:
        click.echo(repr(found))
    click.get_current_context().exit(1 if found.unjudged or any(map(pilots_alone, found.entries.values())) else 0)


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """What the user's own modules print, here and in other processes, goes to stderr meanwhile."""
    kept = os.dup(1)
    try:
        with redirect_stdout(sys.stderr):
            os.dup2(2, 1)
            yield
    finally:
        with suppress(AttributeError, OSError, TypeError):  # where there is no C library by this name
            ctypes.CDLL(None).fflush(None)  # what C code has printed and still holds back
        os.dup2(kept, 1)
        os.close(kept)
