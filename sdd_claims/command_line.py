"""The options of the command line: each has a name of the suite's own, and a short one unless another plugin has it."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who only wants to know the options does not wait for pytest
    import pytest


@dataclass(frozen=True)
class Option:
    """An option.

    Attributes:
        name: its short form, without dashes.
        help: a line about it.
        metavar: what its value is; "" for an option without one.
    """

    name: str
    help: str
    metavar: str = ""

    @property
    def short(self) -> str:
        """The form that another plugin may have, too."""
        return f"--{self.name}"

    @property
    def long(self) -> str:
        """The form that is always there."""
        return f"--sdd-{self.name}"

    @property
    def attribute(self) -> str:
        """Where pytest keeps what is given, whichever form was used."""
        return f"sdd_{self.name.replace('-', '_')}"

    def declare(self, group: "pytest.OptionGroup", form: str, about: str) -> None:
        """Have a group accept one of the forms."""
        if self.metavar:
            group.addoption(form, dest=self.attribute, metavar=self.metavar, help=about)
        else:
            group.addoption(form, dest=self.attribute, action="store_true", help=about)


OPTIONS = (
    Option("store", "where results are kept, or a URL (default: .sdd_store)", "DIR"),
    Option("report", "where the report goes (default: reports/latest)", "DIR"),
    Option("data-root", "data sets (default: SDD_CLAIMS_DATA, else ~/.cache/sdd_claims/data)", "DIR"),
    Option("evidence", "read what published runs in this folder have; train the rest", "DIR"),
    Option("device", "cpu, cuda or cuda:N (default: fast on cpu, full on cuda)", "NAME"),
    Option("per-device", "processes that share a GPU (default: 1)", "N"),
    Option("engine", "serial, pool (one process a core or GPU; the default) or ray", "NAME"),
    Option("ray-address", "of a Ray cluster (default: RAY_ADDRESS, else a local one)", "ADDR"),
    Option("seeds", "judge these seeds instead, such as 60000-60011,60020", "LIST"),
    Option("block", "replicate: judge on this fresh block, such as 60000, looking as registered", "N"),
    Option("strict-verdicts", "fail on an unexpected verdict, unless it is borderline and no refutation"),
    Option("plan", "say what would be trained and what it costs; train nothing"),
    Option("budget", "train for so long, what gives the most verdicts first, and report how far the rest is", "HOURS"),
    Option("rate", "with --plan and --budget: speed where none has been measured", "TFLOP/S"),
    Option("smoke", "go the whole way in a tiny configuration; judge nothing"),
    Option("pilots", "try claims and controls on pilot seeds; judge nothing"),
)


def declare_long(parser: "pytest.Parser") -> None:
    """Declare the suite's own names, which the help leaves out where there is a short one."""
    for option in OPTIONS:
        option.declare(_group(parser), option.long, argparse.SUPPRESS)


def declare_short(parser: "pytest.Parser") -> Sequence[Option]:
    """Declare the short names that no other plugin has declared so far; returns the options that go without."""
    group, without = _group(parser), list[Option]()
    # Pytest tells of no other way to see them; where two plugins declare one, it fails.
    others = [*parser._groups, parser._anonymous]
    taken = {name for other in others for declared in other.options for name in declared.names()}
    for option in OPTIONS:
        if option.short not in taken:
            option.declare(group, option.short, option.help)
            continue
        without.append(option)
        (long,) = (declared for declared in group.options if option.long in declared.names())
        long.attrs()["help"] = option.help
    return without


def chosen(given: argparse.Namespace) -> argparse.Namespace:
    """What the user chose: an attribute for each option, by its short name, and those of pytest and its plugins."""
    ours = {option.name.replace("-", "_"): getattr(given, option.attribute) for option in OPTIONS}
    return argparse.Namespace(**{**vars(given), **ours})


def _group(parser: "pytest.Parser") -> "pytest.OptionGroup":
    return parser.getgroup(
        "sdd_claims", "claims about sparse double descent; --NAME is also --sdd-NAME, which no other plugin has"
    )
