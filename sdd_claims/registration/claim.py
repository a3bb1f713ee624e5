"""A claim, and the outcomes that are expected of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Literal

from sdd_claims.errors import InputError

Tier = Literal["fast", "full"]
Basis = Literal["paper", "conjecture", "ours"]
Decision = Literal["supported", "refuted", "inconclusive"]

BLOCK = 1000
"""Confirmation seeds come in blocks of this many: 1000 to 1999, 2000 to 2999, ... Seeds below are pilots."""


def whole_numbers(values: object, what: str) -> tuple[int, ...]:
    """Whole numbers, NumPy's among them, as numbers of Python: others have no text for a protocol to be a digest of.

    Raises:
        InputError: something else; the message begins with `what`.
    """
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise InputError(f"{what} must be whole numbers, got {values!r}; give a tuple of them")
    return tuple(whole_number(value, what) for value in values)


def whole_number(value: object, what: str) -> int:
    """One such number.

    Raises:
        InputError: something else; the message begins with `what`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{what} must be whole numbers, got {value!r}; give such")
    return int(value)


@dataclass(frozen=True)
class Registration:
    """The outcome that is expected of a claim in one tier, from a block of seeds on. It is never edited.

    Attributes:
        block: the first block that it is for; a later row of the register takes over from its own block on.
        expected: the outcome.
        date: the day of registration, as in "2026-11-20".
        commit: the commit that registered it.
        why: the reason why it differs from the row before, where it does.
    """

    block: int
    expected: Decision
    date: str
    commit: str
    why: str = ""


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper that can turn out false.

    Attributes:
        name: the module's name without `test_`.
        paper: short name, the folder under claims/.
        title: authors, year and title of the paper.
        statement: the claim in our words.
        source: the place in the paper.
        basis: stated by the "paper", its "conjecture", or "ours": our reading of a figure.
        paper_value: the paper's own number, where there is one.
        exploratory: a question outside the register: judged and shown by the same rules, but in a table of its own, and
            counted neither in summaries nor in Holm's adjustment; whatever comes out, its test passes.
        tiers: the tiers in which it is on trial.
        registrations: the expected outcomes of each tier, by block; a question has none.
        changes: later edits of the sentence, each with its date.
    """

    name: str
    paper: str
    title: str
    statement: str
    source: str
    basis: Basis = "paper"
    paper_value: str | None = None
    exploratory: bool = False
    tiers: tuple[Tier, ...] = ("fast", "full")
    registrations: Mapping[Tier, tuple[Registration, ...]] = field(default_factory=dict, hash=False)
    changes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Paper and name, as in reports."""
        return f"{self.paper}/{self.name}"

    def registration(self, tier: Tier, block: int) -> Registration | None:
        """The outcome expected before this block judged: the last row for it or a block before; None without one."""
        rows = [row for row in self.registrations.get(tier, ()) if row.block <= block]
        return rows[-1] if rows else None
