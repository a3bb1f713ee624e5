"""How commands answer: JSON for scripts, tables for people."""

import json
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])


def json_option(command: Command) -> Command:
    """The option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")(command)


def say_json(content: object) -> None:
    """Print JSON in ASCII, which every terminal and pipe can carry."""
    click.echo(json.dumps(content, indent=1, allow_nan=False))


def say_table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> None:
    """Print a table.

    Args:
        columns: the title of each, and whether it holds numbers.
        rows: the texts of each row.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for position, (title, is_number) in enumerate(columns):
        # The first column names a row: it is never broken.
        table.add_column(title, justify="right" if is_number else "left", overflow="fold", no_wrap=position == 0)
    for row in rows:
        table.add_row(*row)
    console = Console(width=max(140, Console().width), highlight=False, markup=False)
    console.print(table)
