"""What an effect is of: "test accuracy, sweet minus critical". Read from the sentence of the rule that measured it."""

import re
from collections.abc import Mapping, Sequence

from sdd_claims.report.claims_json import ClaimEntry
from sdd_claims.report.deciding import weakest

Phases = Mapping[tuple[str, float, float], str]
"""Names of phases by run, low and high end of their window."""

_PHASES = ("light", "critical", "sweet", "collapsed")
_MEAN = "The mean of "
_LONG = 70  # characters of a contrast that still reads at a glance
_TERM = re.compile(r"(?P<sign>^−?| − | \+ )(?P<what>.+?) at (?P<where>.+?)(?= − | \+ |$)")
_CHANGE = re.compile(r"the (second fall|fall|rise) is (-?[\d.,]+)")
EXTREMUM = "deepest dip|peak after the dip|dip|peak"
"""What a rule on places calls that whose place it looks for."""
PARTIAL = r"once straight trends in log \S+ are taken out, "
"""What the sentence of a partial correlation says before it."""

_PLAIN = {
    r"the deepest dip of the mean curve is": "deepest dip of the mean curve",
    r"ascents and descents by more than .+; the slope is": "slope over the widths",
    r"falls? .+? below its dense value at .+; from the middle of the window": "place of the fall, from mid-window",
}


def phases_of(claims: Sequence[ClaimEntry]) -> Phases:
    """The windows that one of these claims calls by the name of a phase, for others that lay them on the same run."""
    return {
        (run["digest"], low, high): name
        for claim in claims
        for name, (low, high) in claim["windows"].items()
        if name in _PHASES
        for run in claim["runs"].values()
    }


def phase_of(claim: ClaimEntry, low: float, high: float, phases: Phases) -> str:
    """The phase that has these edges on the runs of a claim; empty where there is none, or where runs differ in it."""
    found = {phases.get((run["digest"], low, high), "") for run in claim["runs"].values()} - {""}
    return found.pop() if len(found) == 1 else ""


def of_what(claim: ClaimEntry, phases: Phases) -> str:
    """What the effect of a claim is of, as short as it can be said; empty where its rule does not say.

    Args:
        claim: its entry; of several parts the weakest has the effect.
        phases: names for windows that the claim itself calls by their edges.
    """
    part, text = weakest(claim["words"], claim["parts"])
    said = of_test(text, claim, phases)
    if text.startswith(_MEAN):
        return part if part and len(said) > _LONG else said
    return f"{said}; {part}" if said and part and " minus " not in said else said


def of_test(words: str, claim: ClaimEntry, phases: Phases) -> str:
    """The same of one test of a claim, by the words of its rule."""
    if found := re.match(rf"{_MEAN}\[(.+?)\] ", words):
        return _contrast(found[1], claim, phases)
    return _sentence(words)


def _sentence(text: str) -> str:
    """The same of a rule that measures no contrast."""
    if changes := _CHANGE.findall(text):
        least = min(changes, key=lambda change: float(change[1].replace(",", "")))[0]
        return f"{least}, the smallest of {len(changes)} changes"
    if found := re.match(rf"At .+?, ({PARTIAL})?(.+) correlates with (.+) at r = \S+ and (.+) with (.+) at r = ", text):
        partial, one, first, other, second = found.groups()
        kind = "partial correlation" if partial else "correlation"
        return f"{kind} with {first}: {one} minus {other}{f' (with {second})' if second != first else ''}"
    if found := re.match(r"\[(.+?)\] is below (.+?) in \d+ of \d+ seeds", text):
        return f"share of seeds with {found[1]} below {found[2]}"
    if re.match(r"\[.+?\] lies .+? in \d+ of \d+ seeds", text):
        return "share of seeds within the bounds"
    if found := re.match(r"The (.+? minus the .+?), over \d+ seeds", text):
        return f"place: {found[1].replace('minus the', 'minus')}"
    if found := re.match(rf"The ({EXTREMUM}) moves by ", text):
        return f"shift of the {found[1]}, towards dense"
    return next((words for pattern, words in _PLAIN.items() if re.search(pattern, text)), "")


def _contrast(text: str, claim: ClaimEntry, phases: Phases) -> str:
    """A difference of two terms with what they share said once; everything else as it is."""
    terms = [found.groups() for found in _TERM.finditer(text)]
    if [sign for sign, _, _ in terms] not in ([""], ["", " − "]):
        return text
    named = [(_measured(what, claim), _place(what, where, claim, phases)) for _, what, where in terms]
    if len(named) == 1:
        return ", ".join(named[0])
    (one, here), (other, there) = named
    if terms[0][2] == terms[1][2]:
        there = here = min(here, there, key=len)  # on one of the two runs it may have a name
    if one == other:
        return f"{one}, {here} minus {there}"
    return f"{one} minus {other}, {here}" if here == there else f"{one}, {here}, minus {other}, {there}"


def _measured(curve: str, claim: ClaimEntry) -> str:
    """A curve's name, or that of its measure where this says the same and more: "accuracy" is test accuracy."""
    run = claim["runs"].get(curve)
    measure = run["measure"].replace("_", " ") if run else ""
    return measure if measure.endswith(curve) else curve


def _place(curve: str, where: str, claim: ClaimEntry, phases: Phases) -> str:
    """A window by the name of its phase, where a claim has given it one."""
    if where == "density 1":
        return "dense"
    edges = where.removeprefix("density ")
    run, window = claim["runs"].get(curve), claim["windows"].get(edges)
    return phases.get((run["digest"], *window), where) if run and window else where  # type: ignore[arg-type]
