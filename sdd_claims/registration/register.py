"""The register, `claims/register.toml`: every claim, what is expected of it, and since when.

It is the one place of a claim's sentence and of its expected outcome. The number of registered claims, and with it the
error rate of each, follows from it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, get_args

from sdd_claims.errors import InputError, nearest, shown
from sdd_claims.locations import bundled
from sdd_claims.parsing import from_toml
from sdd_claims.registration.claim import BLOCK, Basis, Claim, Decision, Registration, Tier


@dataclass(frozen=True)
class Register:
    """The content of the register file.

    Attributes:
        alpha: error rate over the whole register.
        claims: by id, such as "he2022/four_phases_in_order"; questions outside the register among them.
    """

    alpha: float
    claims: Mapping[str, Claim]

    @property
    def registered(self) -> int:
        """Number of registered claims: each is judged at alpha divided by it."""
        return sum(not claim.exploratory for claim in self.claims.values())


@cache
def the_register() -> Register:
    """The register of this checkout or installation.

    Raises:
        InputError: it cannot be read, or says something that no register may say.
    """
    return read(bundled("claims") / "register.toml")


def registered(claim: str) -> Claim:
    """A claim by its id, as its module asks for it.

    Raises:
        InputError: the register does not hold it.
    """
    known = the_register().claims
    if claim not in known:
        raise InputError(
            f"{claim} is not in claims/register.toml{nearest(claim, known)}; register it: its sentence, its source, "
            "and what is expected of each tier"
        )
    return known[claim]


def read(path: Path) -> Register:
    """Read and check a register.

    Raises:
        InputError: no such file, not TOML, a field that is missing, unknown or of another kind.
    """
    try:
        content = from_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"there is no register at {path} ({error.strerror}); restore it from the repository"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not TOML: {error}; mend that line") from error
    _known(content, ("alpha", "papers", "claims"), str(path))
    papers, of_papers, alpha = content.get("papers", {}), content.get("claims", {}), content.get("alpha")
    if not isinstance(alpha, float) or not 0 < alpha < 0.5:
        raise InputError(f"{path}: alpha must be a number between 0 and 0.5, got {shown(alpha)}")
    claims = {}
    for paper, of_paper in _named(of_papers, path, "claims").items():
        if not isinstance(_table(papers, f"{path}, papers").get(paper), str):
            raise InputError(f"{path}: claims.{paper} has no title under [papers]; give it one")
        for name, fields in _named(of_paper, path, f"claims.{paper}").items():
            where = f"{path}, claims.{paper}.{name}"
            claim = _claim(paper, name, papers[paper], _table(fields, where), where)
            claims[claim.id] = claim
    return Register(alpha, claims)


_NAME = re.compile("[a-z][a-z0-9_]{0,99}")
"""Of a paper or claim: it names a folder or module, and stands in the page."""

_FIELDS = ("statement", "source", "basis", "paper_value", "question", "tiers", "changes", *get_args(Tier))


def _claim(paper: str, name: str, title: str, fields: Mapping[str, Any], where: str) -> Claim:
    _known(fields, _FIELDS, where)
    for field in ("statement", "source"):
        if not isinstance(fields.get(field), str):
            raise InputError(f"{where}: {field} is missing; write it down")
    for field, kind in {"paper_value": str, "question": bool, "tiers": list, "changes": list}.items():
        if not isinstance(fields.get(field, kind()), kind):
            raise InputError(f"{where}: {field} must be a {_KINDS[kind]}, got {shown(fields[field])}")
    for change in fields.get("changes", ()):
        if not isinstance(change, str):
            raise InputError(f"{where}: changes must be a list of texts, got {shown(change)}")
    basis, question = fields.get("basis", "paper"), fields.get("question", False)
    if basis not in get_args(Basis):
        raise InputError(_unknown(where, "basis", basis, get_args(Basis)))
    registrations = {
        tier: _registrations(fields[tier], f"{where}, {tier}") for tier in get_args(Tier) if tier in fields
    }
    tiers = tuple(fields.get("tiers", ())) if question else tuple(registrations)
    for tier in tiers:
        if tier not in get_args(Tier):
            raise InputError(_unknown(where, "tiers", tier, get_args(Tier)))
    if question and not tiers:
        raise InputError(f"{where}: a question says in which tiers it is asked; give it tiers")
    if bool(registrations) == question:
        raise InputError(f"{where}: a claim says what is expected of its tiers, a question does not; give one of them")
    return Claim(
        name=name,
        paper=paper,
        title=title,
        statement=fields["statement"],
        source=fields["source"],
        basis=basis,
        paper_value=fields.get("paper_value"),
        exploratory=question,
        tiers=tiers,
        registrations=registrations,
        changes=tuple(fields.get("changes", ())),
    )


def _registrations(rows: Any, where: str) -> tuple[Registration, ...]:
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{where}: give a list of rows with block, expected, date and commit")
    found = []
    for row in rows:
        if not isinstance(row, dict) or {"block", "expected", "date", "commit"} - row.keys():
            raise InputError(f"{where}: a row needs block, expected, date and commit, got {shown(row)}")
        _known(row, ("block", "expected", "date", "commit", "why"), where)
        if row["expected"] not in get_args(Decision):
            raise InputError(_unknown(where, "expected", row["expected"], get_args(Decision)))
        if type(row["block"]) is not int or row["block"] % BLOCK or row["block"] < BLOCK:
            raise InputError(f"{where}: block must be one of {BLOCK}, {2 * BLOCK}, ..., got {shown(row['block'])}")
        texts = row["commit"], row.get("why", "")
        if type(row["date"]) is not date or not all(isinstance(text, str) for text in texts):
            raise InputError(f"{where}: date must be a date, commit and why a text in quotes, got {shown(row)}")
        found.append(
            Registration(row["block"], row["expected"], row["date"].isoformat(), row["commit"], row.get("why", ""))
        )
    if [row.block for row in found] != sorted({row.block for row in found}):
        raise InputError(f"{where}: the rows must follow each other by block, each block once")
    return tuple(found)


_KINDS = {str: "text", bool: "yes or no (true, false)", list: "list"}


def _table(content: Any, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise InputError(f"{where}: must be a table, got {shown(content)}")
    return content


def _named(content: Any, path: Path, where: str) -> dict[str, Any]:
    table = _table(content, f"{path}, {where}")
    for name in table:
        if not _NAME.fullmatch(name):
            raise InputError(f"{path}, {where}: {shown(name)} is no name of a paper or claim; use a-z, 0-9 and _")
    return table


def _known(fields: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for field in fields:
        if field not in known:
            raise InputError(f"{where}: there is no field {shown(field)}{nearest(field, known)}")


def _unknown(where: str, field: str, got: object, known: tuple[str, ...]) -> str:
    return f"{where}: {field} must be one of {', '.join(known)}, got {shown(got)}{nearest(got, known)}"
