"""The test that decides a verdict: the rule's own or, of several parts, that of the weakest, which the words name."""

import re
from collections.abc import Sequence

from sdd_claims.report import numbers
from sdd_claims.report.claims_json import ClaimEntry, PartEntry

_SEVERAL = re.compile(r"All of (\d+) parts are asked for\. The weakest, ")
_MARGINS = (
    r"That it exceeds (.+?) has p = ",
    r"That (?:it|the mean) lies within (.+?) of zero ",
    r"each was tested to exceed (.+?) \(one-sided\)",
    r"That no level lies (.+?) below both ",
)
"""Where a rule says its margin."""

_OF_CONTRARY = re.compile(r"That it exceeds .+? has p = [^;]+; that it is below (.+?), p = ")

NONE_SET = "0 (none set)"


def count_of_parts(words: str) -> int:
    """How many parts a rule asks for; 1 for a rule that has none."""
    found = _SEVERAL.match(words)
    return int(found[1]) if found else 1


def weakest(words: str, parts: Sequence[PartEntry]) -> tuple[str, str]:
    """The name of the weakest part, empty where there are no parts, and what its rule says.

    A part of parts goes by the name of its own weakest part, which no entry has.

    Args:
        words: of the whole rule.
        parts: its parts, whose names are known.
    """
    name = ""
    while found := _SEVERAL.match(words):
        words = words[found.end() :]
        names = [part["name"] for part in parts if words.startswith(f"{part['name']}: ")]
        name = max(names, key=len) if names else words.partition(": ")[0]
        words = words[len(name) + 2 :]
    return name, words


def margin(claim: ClaimEntry) -> str:
    """The margin of the deciding test with its unit; "0 (none set)" where that test has none.

    Where the contrary decided, and has another margin, that one beside it: a direction's contrary is tested at 0.
    """
    own, shown = _of_claim(claim), claim.get("decisive")
    if not shown or shown["of"] == "claim":
        return own
    said = _OF_CONTRARY.search(weakest(claim["words"], claim["parts"])[1])
    return own if said is None or tidy(said[1]) == own else f"{own}; of the contrary {tidy(said[1])}"


def _of_claim(claim: ClaimEntry) -> str:
    if claim["margin"] is not None:
        return numbers.amount(claim["margin"], claim["effect"]["unit"] if claim["effect"] else "")
    if not claim["words"]:
        return numbers.ABSENT
    name, words = weakest(claim["words"], claim["parts"])
    for part in claim["parts"]:
        if part["name"] == name and part["margin"] is not None:
            return numbers.amount(part["margin"], part["effect"]["unit"] if part["effect"] else "")
    for pattern in _MARGINS:
        if said := re.search(pattern, words):
            return tidy(said[1])
    return NONE_SET


def tidy(amount: str) -> str:
    """An amount as a rule writes it, as the report does: "-1.0 point" is "−1 point"."""
    text = re.sub(r"^(-?\d+)\.0 ", r"\1 ", amount)
    return text.replace("-", "\N{MINUS SIGN}", 1).replace(" ", "\N{NO-BREAK SPACE}", 1)
