"""What would have led to another verdict, in words: the contrary of a claim, by the direction that its rule tests."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sdd_claims.report.claims_json import ClaimEntry
from sdd_claims.report.deciding import count_of_parts, tidy, weakest
from sdd_claims.report.of_what import EXTREMUM, PARTIAL, Phases, of_test
from sdd_claims.report.sentences import openness

_LONG = 100  # characters of what a mean is of that still read within a sentence
_A_P = r"p = [\d.e-]+"


@dataclass(frozen=True, slots=True)
class Sides:
    """What one test could have shown, as clauses to follow an "if".

    Attributes:
        claim: what would establish the claim.
        contrary: what would establish its contrary; empty where the rule could not.
        why: why it could not.
    """

    claim: str
    contrary: str
    why: str = ""


def otherwise(claim: ClaimEntry, phases: Phases) -> str:
    """What would have led to another verdict; empty where nothing was judged.

    Args:
        claim: its entry.
        phases: names for windows that the claim calls by their edges.
    """
    kind = openness(claim)
    if not claim["verdict"]:
        return ""
    if kind == "cannot be measured":
        return f"It would have been judged had {_lacking(claim)}."
    if kind == "control supported":
        return "It would have been supported if the control had not been supported too."
    if kind == "control not measured":
        return "It would have been supported if the control could have been measured, and had not been supported too."
    if claim["verdict"] == "supported":
        return _against(claim, phases)
    when = "At this look it" if kind == "open so far" else "It"
    supported = f"{when} would have been supported if {_for(claim, phases)}"
    return f"{supported}. {_against(claim, phases)}" if kind in ("undecided", "open so far") else f"{supported}."


def _lacking(claim: ClaimEntry) -> str:
    """What was missing where nothing could be measured, as the end of a sentence."""
    reason = claim["reason"] or ""
    whose = "every seed" if claim["words"] else "the mean over the pilots"
    if found := re.search(rf"\bshows? no ({EXTREMUM})\b", reason):
        return f"{whose} shown a {found[1]}"
    if "diverged" in reason:
        return "no training diverged"
    return f"{whose} had what the rule measures" if claim["words"] else "the pilots set its windows"


def _for(claim: ClaimEntry, phases: Phases) -> str:
    """What would have established the claim: a clause."""
    part, words = weakest(claim["words"], claim["parts"])
    shown = _sides(words, claim, phases).claim
    several = count_of_parts(claim["words"])
    return f"each of its {several} parts had been: the weakest, “{part}”, if {shown}" if several > 1 else shown


def _against(claim: ClaimEntry, phases: Phases) -> str:
    """What would have established the contrary, or that nothing could have: a sentence."""
    part, words = weakest(claim["words"], claim["parts"])
    sides = _sides(words, claim, phases)
    others = iter(claim["parts"] if count_of_parts(claim["words"]) > 1 else ())
    while not sides.contrary and (other := next(others, None)) is not None:
        inner, its_words = weakest(other["words"], ())
        found = _sides(its_words, claim, phases)
        if found.contrary:
            part, sides = inner or other["name"], found
    if not sides.contrary:
        return f"It could not have gone against the claim, only stayed undecided: {sides.why}."
    several = count_of_parts(claim["words"])
    if several > 1:
        against = "gone against it, on a proxy" if claim["proxy"] else "refuted it"
        return f"One of its {several} parts could have {against}: “{part}”, for example, if {sides.contrary}."
    start = "It could have gone against the claim, on a proxy," if claim["proxy"] else "It would have been refuted"
    return f"{start} if {sides.contrary}."


def _sides(words: str, claim: ClaimEntry, phases: Phases) -> Sides:
    """What a test could have shown, read from the sentence of its rule."""
    for pattern, spell_out in _TESTS:
        if found := re.search(pattern, words):
            return spell_out(found, words, of_test(words, claim, phases))
    return Sides(
        "the claim itself had been established at the same threshold",
        "the contrary had been established at the same threshold",
    )


def _mean(what: str) -> tuple[str, int]:
    """What a mean is of, and -1 where the rule turns it round so that less is more."""
    sign = -1 if what.startswith("−") and " − " not in what and " + " not in what else 1
    said = what.removeprefix("−") if sign < 0 else what
    return (f"the mean over seeds ({said})" if said and len(said) <= _LONG else "its mean over seeds"), sign


def _greater(found: re.Match[str], words: str, what: str) -> Sides:
    mean, sign = _mean(what)
    margin, bound = tidy(found[1]), tidy(found[2] or found[1])
    above, below = "exceed", "lie below"
    if sign < 0:
        above, below = below, above
        margin, bound = _negated(margin), _negated(bound)
    return Sides(f"{mean} had been shown to {above} {margin}", f"{mean} had been shown to {below} {bound}")


def _negated(amount: str) -> str:
    if amount.startswith("\N{MINUS SIGN}"):
        return amount[1:]
    return amount if amount.startswith("0\N{NO-BREAK SPACE}") else f"\N{MINUS SIGN}{amount}"


def _equivalent(found: re.Match[str], words: str, what: str) -> Sides:
    mean, _ = _mean(what)
    margin = tidy(found[1])
    return Sides(
        f"{mean} had been shown to lie within {margin} of zero",
        f"{mean} had been shown to lie more than {margin} from zero",
    )


def _same_place(found: re.Match[str], words: str, what: str) -> Sides:
    first, second, margin = found[1], found[2], tidy(found[3])
    both = f"the {first} and the {second} had been shown to lie"
    return Sides(f"{both} within {margin} of each other", f"{both} more than {margin} apart")


def _most_seeds(found: re.Match[str], words: str, what: str) -> Sides:
    number, bound = found[1], tidy(found[2])
    return Sides(
        f"{number} had been shown to be below {bound} in more than half of all seeds",
        f"{number} had been shown to be above {bound} in more than half of all seeds",
    )


_AMOUNT = re.compile(r"-?\d\S* ")


def _most_seeds_within(found: re.Match[str], words: str, what: str) -> Sides:
    number, *sides = found.groups()
    claimed, contrary = (_AMOUNT.sub(lambda each: tidy(each[0]), side.replace("lies", "to lie", 1)) for side in sides)
    return Sides(
        f"{number} had been shown {claimed} in more than half of all seeds",
        f"{number} had been shown {contrary} in more than half of all seeds",
    )


def _dip_then_rise(found: re.Match[str], words: str, what: str) -> Sides:
    margin = tidy(found[1])
    changes = re.findall(r"the (second fall|fall|rise) is ", words)
    if cannot := re.search(r"The rule could not refute here: (.+)\.$", words):
        contrary, why = "", cannot[1]
    else:
        contrary, why = _no_dip(margin), ""
    return Sides(f"the {' and the '.join(changes)} had each been shown to exceed {margin}", contrary, why)


def _no_dip(margin: str) -> str:
    return f"it had been shown that no level lies {margin} below levels on both sides of it"


def _dip_free(found: re.Match[str], words: str, what: str) -> Sides:
    margin = tidy(found[1])
    dips = f"accuracy had been shown to fall by more than {margin} into the critical phase, and to rise as much again"
    refutable = "A dip in the registered windows" in words
    return Sides(
        _no_dip(margin),
        dips if refutable else "",
        "" if refutable else "no windows were registered in which a dip would refute it",
    )


def _correlated(found: re.Match[str], words: str, what: str) -> Sides:
    partial, x, y, null, claimed = found.groups()
    sign, turned, less, more = ("negative", "positive", "less", "greater")
    if claimed == "positive":
        sign, turned, less, more = turned, sign, more, less
    pair = f"the {'partial ' if partial else ''}correlation of {x} with {y} had been shown to be"
    return Sides(f"{pair} {sign}, and {less} than that of {null}", f"{pair} {turned}, or {more} than that of {null}")


def _shifts(found: re.Match[str], words: str, what: str) -> Sides:
    moved = f"the {found[1]} had been shown to move"
    return Sides(f"{moved} {found[2]} as the factor grows", f"{moved} {found[3]} as the factor grows")


def _threshold(found: re.Match[str], words: str, what: str) -> Sides:
    place = f"the place where {found[1]} starts to fall had been shown to lie"
    return Sides(f"{place} inside its window", f"{place} beyond one end of its window")


def _turns(found: re.Match[str], words: str, what: str) -> Sides:
    slope = "the slope of ascents and descents over the widths had been shown to be"
    claimed, contrary = (found[side].replace("-", "\N{MINUS SIGN}") for side in (1, 2))
    return Sides(f"{slope} {claimed}", f"{slope} {contrary}")


_TESTS: tuple[tuple[str, Callable[[re.Match[str], str, str], Sides]], ...] = (
    (rf"^The mean of .+ That it exceeds (.+?) has {_A_P}; that it is below(?: (.+?))?, p = ", _greater),
    (r"^The mean of .+ That it lies within (.+?) of zero ", _equivalent),
    (r"^The (.+?) minus the (.+?), over .+ That the mean lies within (.+?) of zero ", _same_place),
    (r"^\[(.+?)\] is below (.+?) in \d+ of \d+ seeds", _most_seeds),
    (r"^\[(.+?)\] (lies .+?) in \d+ of \d+ seeds.+; that it (lies .+?) in more than half", _most_seeds_within),
    (r"each was tested to exceed (.+?) \(one-sided\)", _dip_then_rise),
    (r"That no level lies (.+?) below both ", _dip_free),
    (
        rf", ({PARTIAL})?([^,]+?) correlates with (.+?) at r = \S+ and (.+?) with .+? at r = .+ That the first is "
        r"(negative|positive)",
        _correlated,
    ),
    (
        rf"^The ({EXTREMUM}) moves by .+ That it moves (.+?) with the factor.* has p = .+; that it moves (.+?), p = ",
        _shifts,
    ),
    (r"^Over \d+ seeds (.+?) falls .+ below its dense value at .+ lies inside the window ", _threshold),
    (r"the slope is .+ That it is (below .+?|negative) has .+ That this one is (above .+?|positive) has", _turns),
)
"""The sentences of the rules, and what each of them tests."""
