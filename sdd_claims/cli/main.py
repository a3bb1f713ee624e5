"""`sdd-claims`: all commands in one.

A module of this room imports what it calls only when it is called, so that help and completion answer at once.
"""

import click

from sdd_claims.cli.checking import check
from sdd_claims.cli.citing import cite
from sdd_claims.cli.comparing import diff
from sdd_claims.cli.exporting import export
from sdd_claims.cli.listing import list_claims
from sdd_claims.cli.looking_up import data
from sdd_claims.cli.reporting import rejudge, report
from sdd_claims.cli.running import plan, run
from sdd_claims.cli.storing import store
from sdd_claims.errors import InputError, StoreError, nearest, plain


class _Refused(click.ClickException):
    """An error of the user's: one sentence, as of the other commands of the suite."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        """Say it."""
        click.echo(f"error: {plain(self.message)}", err=True)


class _Commands(click.Group):
    """The commands, in the order in which one needs them."""

    def list_commands(self, context: click.Context) -> list[str]:
        """As they were added, not by the alphabet."""
        return list(self.commands)

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names."""
        if words and words[0] not in self.commands and not words[0].startswith("-"):
            known = ", ".join(self.commands)
            raise _Refused(f"there is no command {words[0]!r}{nearest(words[0], self.commands)}; use one of {known}")
        return super().resolve_command(context, words)

    def invoke(self, context: click.Context) -> object:
        """Call a command; what is wrong with its input is said in one sentence."""
        try:
            return super().invoke(context)
        except (InputError, StoreError) as error:
            raise _Refused(str(error)) from error
        except click.UsageError as error:
            raise _Refused(plain(error.format_message())) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="sdd-claims")
def main() -> None:
    """The published claims about sparse double descent, on trial.

    Exit status 2 is bad input, said in one sentence; 1 is a verdict that differs or is missing, a damaged file, or a
    failed test.
    """


for _command in (run, plan, check, list_claims, report, rejudge, diff, export, store, data, cite):
    main.add_command(_command)
