"""`sdd-claims run` and `sdd-claims plan`: pytest on the suite's claims, or on a file of one's own."""

import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from sdd_claims.cli.words import json_option, say_json
from sdd_claims.command_line import OPTIONS, Option
from sdd_claims.errors import InputError
from sdd_claims.locations import bundled, checkout


def _options(*without: str) -> Callable[[click.Command], click.Command]:
    """The plugin's own options, under both names."""

    def declared(command: click.Command) -> click.Command:
        command.params += [_declared(option) for option in OPTIONS if option.name not in without]
        return command

    return declared


def _declared(option: Option) -> click.Option:
    names = (option.short, option.long, option.attribute)
    if option.metavar:
        return click.Option(names, metavar=option.metavar, help=option.help)
    return click.Option(names, is_flag=True, help=option.help)


# What click does not know is pytest's.
_PASSING_ON = {"ignore_unknown_options": True}
_SHORT_OF_PYTEST = re.compile(r"-(?![xvqsl]*[kn])[^-].")
"""A short option and its value, or several, such as -Wignore and -xv, of which none is -k or -n."""
_TIER = click.argument("tier", type=click.Choice(["fast", "full"]))
_WORDS = click.argument("words", metavar="[FILE | PYTEST-OPTION]...", nargs=-1, type=click.UNPROCESSED)
_SELECTED = click.option("-k", "selected", metavar="EXPR", help="Only the claims whose names match.")
_WORKERS = click.option("-n", "workers", metavar="N", help="Share the training among N workers of pytest-xdist.")


class _PassingOn(click.Command):
    """A command that leaves pytest's short options whole, whose letters click would take for its own."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        takes_value = {name for each in self.params if not getattr(each, "is_flag", True) for name in each.opts}
        theirs = {
            f"--word-{number}": word  # a long option, which click passes on in its place
            for number, (before, word) in enumerate(pairwise(("", *args)))
            if _SHORT_OF_PYTEST.match(word) and before not in takes_value
        }
        masked = [f"--word-{number}" if f"--word-{number}" in theirs else word for number, word in enumerate(args)]
        left = super().parse_args(context, masked)
        context.params["words"] = tuple(theirs.get(word, word) for word in context.params["words"])
        return left


@_options()
@click.command(cls=_PassingOn, context_settings=_PASSING_ON)
@_TIER
@_WORDS
@_SELECTED
@_WORKERS
def run(tier: str, words: Sequence[str], selected: str | None, workers: str | None, **options: Any) -> None:
    """Train and judge the claims of a tier.

    The exit status is pytest's. Without a FILE these are the suite's claims. Any option of pytest's is passed on, its
    value in the same word: --maxfail=1, -x, -v.
    """
    click.get_current_context().exit(_pytest(tier, words, selected, workers, options))


@_options("plan")
@click.command(cls=_PassingOn, context_settings=_PASSING_ON)
@_TIER
@_WORDS
@_SELECTED
@_WORKERS
@json_option
def plan(
    tier: str, words: Sequence[str], selected: str | None, workers: str | None, as_json: bool, **options: Any
) -> None:
    """Say what a run would train, and what it costs.

    The exit status is pytest's. With --json stdout has the plan, and stderr what pytest says.
    """
    taker = _PlanTaker()
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        status = _pytest(tier, words, selected, workers, {**options, "sdd_plan": True}, taker)
    if as_json and taker.plan is not None:
        say_json(taker.plan)
    elif as_json and status == 0:
        raise InputError(
            "pytest was asked for something else than a plan; leave its options out, such as --collect-only"
        )
    click.get_current_context().exit(status)


class _PlanTaker:
    """A plugin of pytest's that takes the plan."""

    plan: dict[str, Any] | None = None

    def pytest_sdd_claims_planned(self, plan: dict[str, Any]) -> None:
        self.plan = plan


def _pytest(
    tier: str,
    words: Sequence[str],
    selected: str | None,
    workers: str | None,
    options: dict[str, Any],
    *plugins: object,
) -> int:
    """The exit status of pytest, which runs on the suite's claims or on the files that are named."""
    import pytest

    arguments = ["-p", "sdd_claims.plugin", "-m", tier]
    arguments += ["-k", selected] if selected is not None else []
    arguments += ["-n", workers] if workers is not None else []
    # The long name is there whatever other plugins there are, and with an equals sign no value is taken for a test.
    for option in OPTIONS:
        if (value := options.get(option.attribute)) not in (None, False):
            arguments.append(f"{option.long}={value}" if option.metavar else option.long)
    files = [word for word in words if not word.startswith("-")]
    for file in files:
        if not Path(file.partition("::")[0]).exists():
            raise InputError(
                f"{file}: there is no such file; select claims by name with -k {file}, and write an option of pytest's "
                "and its value in one word, such as --maxfail=1"
            )
    arguments += [word for word in words if word.startswith("-")]
    return int(pytest.main([*arguments, *(files or suite())], plugins))


def suite() -> list[str]:
    """The claims of this checkout or installation, as arguments of pytest's."""
    if checkout() is None:
        return ["--pyargs", "sdd_claims.claims"]
    claims = bundled("claims").resolve()
    return [str(claims.relative_to(Path.cwd()) if claims.is_relative_to(Path.cwd()) else claims)]
