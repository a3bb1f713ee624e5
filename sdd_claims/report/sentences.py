"""The sentences of the report, the same in HTML and in Markdown."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from sdd_claims.report import numbers
from sdd_claims.report.claims_json import (
    ClaimEntry,
    ClaimsDocument,
    ControlEntry,
    CostEntry,
    DecisiveEntry,
    Openness,
    PartEntry,
    Ruling,
    Tier,
    Verdict,
)
from sdd_claims.report.deciding import count_of_parts
from sdd_claims.spec.own import YOURS

VERDICTS: tuple[Verdict, ...] = ("supported", "refuted", "inconclusive")
NOT_JUDGED = "not judged"

BORDERLINE = 0.95
"""A verdict that a fresh block of seeds would repeat with a smaller chance is shown as borderline."""

OPEN: dict[Openness, str] = {
    "undecided": "undecided",
    "open so far": "open so far",
    "contrary on a proxy": "contrary on a proxy",
    "cannot be measured": "cannot be measured",
    "control supported": "its control is supported too",
    "control not measured": "its control cannot be measured",
}

RULINGS: dict[Ruling, str] = {
    "supported": "supported",
    "refuted": "refuted",
    "contrary on a proxy": "contrary on a proxy",
    "open": "inconclusive",
}

BASES = {
    "paper": "stated by the paper",
    "conjecture": "the paper's conjecture",
    "ours": "our reading of the paper, not its own words",
}

_CLAUSES = re.compile(r"(?<=\.) (?=[A-Z])|(?<=;) ")
_A_P = re.compile(r"\bp = ")

PROXY = (
    "Proxy: the paper shows this on networks, data or a path so different from those here that a contrary here refutes "
    "nothing. The test can come out supported or inconclusive."
)


def verdict_word(verdict: Verdict | None) -> str:
    """The verdict, or that there is none."""
    return verdict or NOT_JUDGED


def openness(claim: ClaimEntry) -> Openness | None:
    """The kind of an inconclusive verdict; None for every other. Version 1 of claims.json says it by its reason."""
    if claim["verdict"] != "inconclusive":
        return None
    if (said := claim.get("openness")) is not None:
        return said
    if claim["reason"] is None:
        return "undecided"
    if claim["proxy"] and claim["reason"].startswith("the contrary is established"):
        return "contrary on a proxy"
    return "control supported" if claim["control"]["verdict"] == "supported" else "cannot be measured"


def ruling(claim: ClaimEntry) -> str:
    """The verdict in full: "supported on a proxy", "inconclusive: undecided"."""
    if kind := openness(claim):
        return f"inconclusive: {OPEN[kind]}"
    return verdict_word(claim["verdict"]) + (" on a proxy" if claim["verdict"] and claim["proxy"] else "")


def is_borderline(claim: ClaimEntry) -> bool:
    """Whether a fresh block of seeds might well come to another verdict."""
    chance = claim.get("stability")
    return chance is not None and chance < BORDERLINE


def repeats(claim: ClaimEntry) -> str:
    """The chance that a fresh block of seeds repeats the verdict, with a word where it is small."""
    chance = claim.get("stability")
    if chance is None:
        return numbers.ABSENT
    return f"{numbers.chance(chance)}, borderline" if is_borderline(claim) else numbers.chance(chance)


def foreseen(claim: ClaimEntry) -> str:
    """What pilots say that the trial would come to by its own looks; empty where none were looked at."""
    if not claim.get("foreseen"):
        return ""
    own = claim["foreseen"][0]
    words = f"by {' and '.join(map(str, own['looks']))} seeds, if the pilots' effect is true: "
    words += f"supported with a chance of {numbers.chance(own['supported'])}, "
    contrary = "its contrary established" if claim["proxy"] else "refuted"
    return words + (f"{contrary} with {numbers.chance(own['contrary'])}" if own["refutable"] else "never refuted")


def not_held(claim: ClaimEntry) -> str:
    """Why `--strict-verdicts` holds a borderline verdict to no expectation."""
    return (
        f"{claim['id']} [{column(claim)}]: borderline, so that its verdict ({ruling(claim)}) is not held to the "
        f"expected one ({claim['expected']}): a fresh block of seeds would repeat it with a chance of "
        f"{numbers.chance(claim.get('stability') or 0.0)}"
    )


def seeds_beyond(claim: ClaimEntry) -> str:
    """What the deciding p rests on: "12 of 12 seeds beyond the margin, t = 31"; empty where that is not known.

    So it is where a seed has no number: no part was tested then, and the effect may be that of another one.
    """
    shown = claim.get("decisive")
    if not shown or shown["beyond"] is None or openness(claim) == "cannot be measured":
        return ""
    side = "beyond the margin" if shown["of"] == "claim" else "on the contrary side"
    part = f" ({shown['part']})" if "part" in shown else ""
    t = "" if shown["t"] is None else f", t = {numbers.plain(shown['t'], 2)}"
    return f"{shown['beyond']} of {numbers.count(shown['seeds'], 'seed')} {side}{part}{t}"


def pilots_alone(claim: ClaimEntry) -> bool:
    """Whether pilots alone were looked at, since they set no windows by which seeds could judge."""
    return claim["verdict"] is not None and not claim["words"]


def seeds(claim: ClaimEntry) -> str:
    """The seeds that lie beyond the margin, where that is known, or how many judged; pilots are called so."""
    return seeds_beyond(claim) or number_of_seeds(claim)


def number_of_seeds(claim: ClaimEntry) -> str:
    """How many seeds were looked at: "12 seeds", or "12 pilots" where no seed has judged."""
    return numbers.count(len(claim["seeds"]), "pilot" if pilots_alone(claim) else "seed")


def why(claim: ClaimEntry) -> str:
    """What kept a verdict open, without the name of the claim, which stands beside it; empty where nothing did."""
    own = rf"{re.escape(claim['id'])}( with .+?)? \[{claim['tier']}\], "
    return re.sub(own, "", claim["reason"] or "").rstrip(".")


def shown_p(claim: ClaimEntry) -> str:
    """The one p that a table shows: over all looks, of the contrary where that is established."""
    shown = claim.get("decisive")
    if not shown:  # version 1: of one look
        return numbers.probability(claim["p_contrary"] if claim["verdict"] == "refuted" else claim["p"])
    return numbers.probability(shown["p"]) + (" (contrary)" if shown["of"] == "contrary" else "")


def shown_level(claim: ClaimEntry) -> str:
    """What the shown p is held against."""
    shown = claim.get("decisive")
    return numbers.probability(shown["level"] if shown else claim["threshold"])


def measured(words: str) -> str:
    """What a rule says that it measured, without the p of its tests, which have a place of their own."""
    kept = " ".join(clause for clause in _CLAUSES.split(words) if not _A_P.search(clause))
    return re.sub(r";(?= [A-Z])", ".", kept).rstrip(";. ") + "." if kept else ""


def machine(document: ClaimsDocument) -> str:
    """What the judged levels were trained on: processor, instruction set where it was written down, and PyTorch."""
    made = document["environment"]
    here = (made["hardware"], made.get("capability", ""), f"torch {made['versions'].get('torch', '?')}")
    # Before instruction sets were written down with levels: on the machine that judged, it is that machine's.
    machines = [
        (
            each["hardware"],
            each["capability"] or (here[1] if each["hardware"] == here[0] else ""),
            f"torch {each['torch']}",
        )
        for each in made.get("training", [])
    ]
    said = [*(", ".join(filter(None, each)) for each in machines), *(each["machine"] for each in made.get("taken", []))]
    return "; ".join(dict.fromkeys(said or [", ".join(filter(None, here))]))


def trained(document: ClaimsDocument) -> list[str]:
    """Where the judged levels were trained: a line for each hardware, arithmetic and torch, with all its commits."""
    commits: dict[str, dict[str, int]] = {}
    for place in document["environment"].get("training", []):
        where = ", ".join(filter(None, (place["hardware"], place["capability"], f"torch {place['torch']}")))
        of_place = commits.setdefault(where, {})
        of_place[place["commit"][:12]] = of_place.get(place["commit"][:12], 0) + place["levels"]
    return [
        *(
            f"{where}, {'commit' if len(levels) == 1 else 'commits'} {' and '.join(levels)}: "
            f"{sum(levels.values())} levels"
            for where, levels in commits.items()
        ),
        *(
            f"{each['machine']}, as published in {each['run']} on {each['started'][:10]} (commit "
            f"{each['commit'][:12]}), whose evidence was read: "
            + (f"{each['levels']} levels" if each["levels"] else "levels that were trained here, too")
            for each in document["environment"].get("taken", [])
        ),
    ]


def evidence(claim: ClaimEntry) -> str:
    """The e-value of the shown hypothesis in words, with its companion by signs; empty where there is none."""
    held, shown = claim.get("e_values"), claim.get("decisive")
    if not held or not shown:
        return ""
    by_t, by_signs = held[shown["of"]], held[f"{shown['of']}_by_signs"]  # type: ignore[literal-required]
    if by_t is None or by_signs is None:
        return ""
    return (
        f"{numbers.e_value(by_t)} for the {shown['of']} ({numbers.e_value(by_signs)} by signs alone), to be held "
        f"against {numbers.e_value(1 / shown['level'])}"
    )


def robustness(claim: ClaimEntry) -> str:
    """Whether the verdict stays if one thing is changed, in a line; empty where that is not known."""
    held = claim.get("robustness")
    if not held or not claim["verdict"]:
        return ""
    kind = openness(claim)
    own = "contrary on a proxy" if kind == "contrary on a proxy" else "open" if kind else claim["verdict"]
    turns = [f"{RULINGS[ruling]} with {change}" for change, ruling in held.items() if ruling != own]
    stays = [change for change, ruling in held.items() if ruling == own]
    said = [f"the verdict stays with {', '.join(stays)}"] if stays else []
    said += [f"it is {', '.join(turns)}"] if turns else []
    return "; ".join(said)


def of_paper(claim: ClaimEntry) -> str:
    """Where the paper's own numbers lie against our intervals; empty where it gives none of what is tested."""
    parts = {part["name"]: part["effect"] for part in claim["parts"]}
    said = []
    for part, number in claim.get("paper_numbers", {}).items():
        effect = parts.get(part)
        if effect is None or effect["low"] is None or effect["high"] is None:
            continue
        where = "below" if number < effect["low"] else "above" if number > effect["high"] else "within"
        said.append(
            f"The paper's own number of {part}, {numbers.amount(number, effect['unit'])}, lies {where} our interval, "
            f"{numbers.interval(effect)}."
        )
    return " ".join(said)


def short_title(claim: ClaimEntry) -> str:
    """The paper as one cites it in a table: its title up to the first comma."""
    return claim["title"].partition(",")[0]


def network(claim: ClaimEntry) -> str:
    """The network and data that it was judged on, empty where its tier has one trial of it."""
    return claim.get("network", "")


def key(claim: ClaimEntry) -> tuple[str, Tier, str]:
    """Claim, tier and network, which together name one trial: `Trial.key`."""
    return claim["id"], claim["tier"], network(claim)


def column(claim: ClaimEntry) -> str:
    """Its tier and network: "full, ResNet-18 on CIFAR-10". Each column is a family of claims of its own."""
    return f"{claim['tier']}, {network(claim)}" if network(claim) else claim["tier"]


def name(claim: ClaimEntry) -> str:
    """A claim as every command names it: "he2022/four_phases_in_order [fast]"."""
    return f"{claim['id']} [{column(claim)}]"


def summary(document: ClaimsDocument) -> list[str]:
    """The sentences of the first paragraph: judged claims, their outcomes, and how often such outcomes are wrong."""
    claims, questions = registered(document["claims"]), exploratory(document["claims"])
    if not document["claims"]:
        return ["No claim was selected, so nothing was judged."]
    if is_yours(document):
        return _of_yours(document)
    size, alpha = document["registered"], document["alpha"]
    some, was = _some(claims)
    sentences = [f"{some} of the {size} registered claims {was} put on trial here."]
    sentences += [f"In {_place(*place)} {_tally(counts)}." for place, counts in tallies(document).items()]
    if block := document.get("replication"):
        sentences.append(f"This is a replication: the block of seeds {block} judged in place of the registered one.")
    sentences += again(document["claims"], alpha / size)
    if unfinished := sum(map(is_open_so_far, claims)):
        some = "One claim is" if unfinished == 1 else f"{unfinished} claims are"
        sentences.append(f"{some} open so far: further looks, at more seeds, were planned and have not been taken.")
    if surprises := [claim for claim in claims if is_surprise(claim)]:
        some = "One verdict differs" if len(surprises) == 1 else f"{len(surprises)} verdicts differ"
        sentences.append(f"{some} from what was registered as expected before the seeds judged.")
    elif judged := [claim for claim in claims if claim["verdict"] and not is_open_so_far(claim)]:
        dated = all(claim.get("registrations") for claim in judged)
        when = "before the seeds judged" if dated else "when this report was written; since when, was not recorded"
        which = "other verdict" if any(map(is_open_so_far, claims)) else "verdict"
        sentences.append(f"Every {which} is the one registered as expected {when}.")
    if changed := sum(map(_was_expected_otherwise, claims)):
        some = "one of them" if changed == 1 else f"{changed} of them"
        sentences.append(f"For {some} the register expected another verdict of an earlier block.")
    if shaky := sum(map(is_borderline, claims)):
        some = "One verdict is" if shaky == 1 else f"{shaky} verdicts are"
        sentences.append(
            f"{some} borderline: a fresh block of seeds would come to the same with a chance below "
            f"{numbers.percent(BORDERLINE)}."
        )
    if questions:
        some, was = _some(questions)
        what = "question outside the register" if some == "One" else "questions outside the register"
        sentences.append(f"{some} exploratory {what} {was} judged by the same rules, and counted nowhere above.")
    if own := unregistered(document["claims"]):
        some, was = _some(own)
        what = "claim that is not in the register" if some == "One" else "claims that are not in the register"
        sentences.append(f"{some} {what} {was} judged by the same rules, and counted nowhere above.")
    sentences += [f"Not judged: {why.rstrip('.')}." for why in document.get("unloaded", ())]
    within = " and on one network" if any(map(network, claims)) else ""
    sentences.append(
        f"Each registered claim is tested at {alpha:g} / {size} = {numbers.probability(alpha / size)}, "
        f"whether or not the others were run: within a tier{within}, the chance that even one claim is called "
        f"supported though it is false is meant to be at most {numbers.percent(alpha)}, "
        f"and the chance that one is called refuted though it is true likewise."
    )
    if len(tallies(document)) > 1:
        sentences.append(
            f"Over all {len(claims)} verdicts together, each chance is bounded by "
            f"{numbers.percent(len(claims) * alpha / size)}."
        )
    return sentences


def again(claims: Sequence[ClaimEntry], error_rate: float) -> list[str]:
    """On how many blocks of seeds claims have been judged, and what that makes of their error rate.

    Every block is judged at full level, so the chance of one false verdict grows with their number: at most to the sum.

    Args:
        claims: one sentence is said of all that the same blocks have judged; none of those judged once.
        error_rate: of one claim on one block.
    """
    groups: dict[tuple[int, ...], list[ClaimEntry]] = {}
    for claim in claims:
        if blocks := claim.get("blocks"):
            groups.setdefault(tuple(blocks), []).append(claim)
    return [_again(blocks, some, error_rate) for blocks, some in groups.items()]


def _again(blocks: Sequence[int], claims: Sequence[ClaimEntry], error_rate: float) -> str:
    who, which = f"{len(claims)} claims have", "the verdicts on such a claim"
    if len(claims) == 1:
        who, which = f"{name(claims[0])} has", "its verdicts"
    rate, bound = numbers.probability(error_rate), numbers.probability(len(blocks) * error_rate)
    return (
        f"{who} now been judged on {numbers.count(len(blocks), 'block')} of seeds ({', '.join(map(str, blocks))}): "
        f"at {rate} a block, the error rate of this run, the chance that even one of {which} is false is at most "
        f"{bound}."
    )


def is_yours(document: ClaimsDocument) -> bool:
    """Whether a report is on a network and data of the user's own."""
    return bool(document["claims"]) and all(claim["paper"] == YOURS for claim in document["claims"])


def headline(document: ClaimsDocument) -> str:
    """The title of a report."""
    if not is_yours(document):
        return "Sparse double descent: the claims on trial"
    return f"Sparse double descent on trial: {network(document['claims'][0]) or 'a network of your own'}"


def lead(document: ClaimsDocument) -> str:
    """What the claims of a report are, and how they were judged."""
    whose = "Each claim is one sentence: what a paper claims, or how it is read here"
    if is_yours(document):
        whose = "Each claim was asked of your own network and data"
    return f"{whose}. Networks were trained for it, and judged by a rule fixed before the judged seeds were run."


def _of_yours(document: ClaimsDocument) -> list[str]:
    """The first paragraph of a report on a user's own network and data."""
    some, was = _some(document["claims"])
    what = "claim" if some == "One" else "claims"
    return [
        f"{some} {what} {was} put on trial on a network and data of your own: the verdicts are yours, and are counted "
        "among no paper's.",
        *_asked(document),
        f"Each is tested at {document['alpha']:g} / {document['registered']}.",
        *(f"Not judged: {why.rstrip('.')}." for why in document.get("unloaded", ())),
    ]


def _asked(document: ClaimsDocument) -> list[str]:
    """What network and data were asked, how noisy, and by how many seeds; nothing where no settings were kept."""
    yours = document.get("yours")
    if yours is None:
        return []
    pilots, judging = numbers.count(len(yours["pilots"]), "pilot"), numbers.count(yours["seeds"], "seed")
    noise = f"a claim about label noise makes {numbers.percent(yours['noise'])} of the training labels wrong"
    return [f"Asked was {yours['network']}; {noise}. Windows are set by {pilots}, verdicts come from {judging}."]


def by_paper(claims: Sequence[ClaimEntry]) -> dict[str, list[ClaimEntry]]:
    """The claims of each paper, papers and claims in the order of their first appearance."""
    papers: dict[str, list[ClaimEntry]] = {}
    for claim in claims:
        papers.setdefault(short_title(claim), []).append(claim)
    return papers


def paper_tally(claims: Sequence[ClaimEntry]) -> str:
    """How the claims of one paper came out, column by column: "fast: 3 supported, 1 inconclusive"."""
    counts: dict[str, Counter[str]] = {}
    for claim in claims:
        counts.setdefault(column(claim), Counter())[ruling(claim)] += 1
    return "; ".join(
        f"{where}: {', '.join(f'{number} {word}{_inside(tally, word)}' for word, number in _order(tally))}"
        for where, tally in counts.items()
    )


def tallies(document: ClaimsDocument) -> dict[tuple[str, str], Counter[str]]:
    """How many registered claims of each tier and network came to which verdict, with its kind."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for claim in registered(document["claims"]):
        counts.setdefault((claim["tier"], network(claim)), Counter())[ruling(claim)] += 1
    return counts


def is_surprise(claim: ClaimEntry) -> bool:
    """Whether a claim was judged by all its looks, and otherwise than registered as expected."""
    judged = claim["verdict"] is not None and not is_open_so_far(claim)
    return not is_exploratory(claim) and judged and claim["verdict"] != claim["expected"]


def _was_expected_otherwise(claim: ClaimEntry) -> bool:
    """Whether the register had expected another verdict of an earlier block than of the one that judged."""
    block = min(claim["seeds"], default=0)
    rows = [row["expected"] for row in claim.get("registrations") or () if row["block"] <= block]
    return claim["verdict"] is not None and len(set(rows)) > 1


def is_open_so_far(claim: ClaimEntry) -> bool:
    """Whether no look that was taken has settled a claim, and others are left."""
    return openness(claim) == "open so far"


def is_exploratory(claim: ClaimEntry) -> bool:
    """Whether this is a question outside the register, of which nothing is expected."""
    return claim.get("exploratory", False)


def is_registered(claim: ClaimEntry) -> bool:
    """Whether the register holds this claim: one of a user's own has no rows there, and is never counted among them."""
    return not is_exploratory(claim) and claim.get("registrations") != []


def registered(claims: Sequence[ClaimEntry]) -> list[ClaimEntry]:
    """The claims of the register."""
    return [claim for claim in claims if is_registered(claim)]


def exploratory(claims: Sequence[ClaimEntry]) -> list[ClaimEntry]:
    """The questions outside the register."""
    return [claim for claim in claims if is_exploratory(claim)]


def unregistered(claims: Sequence[ClaimEntry]) -> list[ClaimEntry]:
    """The claims that the register does not hold, and that are no questions."""
    return [claim for claim in claims if not is_registered(claim) and not is_exploratory(claim)]


def verdict(claim: ClaimEntry, *, with_p: bool = True) -> str:
    """The verdict with its tier and network, its seeds and what decided it; without p where that stands beside."""
    place = _place(claim["tier"], network(claim))
    if claim["verdict"] is None:
        return f"Not judged in {place}: {claim['reason'] or 'nothing was asked to be judged'}."
    where = f"in {place}, on {number_of_seeds(claim)} ({numbers.seed_list(claim['seeds'])})"
    kind = openness(claim)
    if kind is None:
        what = "the null hypothesis is rejected" if claim["verdict"] == "supported" else "the contrary is established"
        because = what + _at(claim, with_p)
    elif kind == "undecided" and _is_beyond_by_t(claim):
        because = (
            "a t-test alone would establish the claim, but the sign-flip test, or the t-test corrected for skew, does "
            "not: some seeds lie too far from the others"
        )
    elif kind == "undecided" and not _is_refutable(claim):
        because = "the claim is not established, and its contrary could not have been by any number of seeds"
    elif kind == "undecided":
        because = (
            "neither the claim nor its contrary is established: the seeds lie near the margin, scatter much or are "
            "few, or the effect has the claimed direction, but is smaller than the margin"
        )
    elif kind == "contrary on a proxy":
        because = (
            f"the contrary is established here{_at(claim, with_p)}; but the paper shows the claim on networks, "
            "data or a path so different that this one cannot refute it"
        )
    else:
        because = why(claim)
    word = f"Inconclusive ({OPEN[kind]})" if kind else _capitalized(ruling(claim))
    sentences = [f"{word} {where}: {because}.", *_tally_of_parts(claim)]
    if (chance := claim.get("stability")) is not None:
        again = (
            f"A fresh block of seeds would come to the same verdict with a chance of {numbers.chance_in_words(chance)}"
        )
        sentences.append(f"{again}: it is borderline." if is_borderline(claim) else f"{again}.")
    if is_exploratory(claim):
        sentences.append("This question stands outside the register, which expects nothing of it.")
    else:
        sentences.append(expectation(claim))
    return " ".join(sentences)


_NAMED = 4  # parts that are named in a sentence


def _tally_of_parts(claim: ClaimEntry) -> list[str]:
    """How the parts of a claim that is not supported came out, each by itself; nothing of a claim without parts."""
    if claim["verdict"] == "supported" or len(claim["parts"]) < 2:
        return []
    is_contrary = claim["verdict"] == "refuted" or claim.get("openness") == "contrary on a proxy"
    if is_contrary and all(part["verdict"] != "refuted" for part in claim["parts"]):
        return []  # the limbs of a dip, of which none is refuted by itself
    against = "contrary" if claim["proxy"] else "refuted"
    names = {
        word: [part["name"] for part in claim["parts"] if part["verdict"] == verdict]
        for verdict, word in (("supported", "supported"), ("refuted", against), ("inconclusive", "open"))
    }
    said = [
        f"{len(which)} {word}" + (f" ({'; '.join(which)})" if word == against and len(which) <= _NAMED else "")
        for word, which in names.items()
        if which
    ]
    whole = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else said[0]
    return [f"Its {len(claim['parts'])} parts, each by itself: {whole}."]


def _is_beyond_by_t(claim: ClaimEntry) -> bool:
    """Whether the t-test of the deciding mean is below the threshold, which one of the other tests is not.

    The absence of a dip takes the smaller p of two sides, doubled.
    """
    shown, threshold = claim.get("decisive"), claim["threshold"]
    if not shown or shown["of"] != "claim" or shown["t"] is None or threshold is None or shown["seeds"] < 2:
        return False
    from scipy.special import stdtr  # late: whoever lists or cites does not wait for it

    decides = [part["rule"] for part in claim["parts"] if _decides(part, claim, shown)]
    sides = 2 if "dip_free" in (claim["rule"], *decides[:1]) else 1
    return sides * float(stdtr(shown["seeds"] - 1, -shown["t"])) < threshold


def _is_refutable(claim: ClaimEntry) -> bool:
    """Whether the rule could have established the contrary, of several parts that of one."""
    several = count_of_parts(claim["words"]) > 1
    tests = [part["words"] for part in claim["parts"]] if several else [claim["words"]]
    return any("The rule could not refute here" not in words for words in tests)


def _decides(part: PartEntry, claim: ClaimEntry, shown: DecisiveEntry) -> bool:
    """Whether a part is the one that decides: the one that is named, or whose effect is that of the claim."""
    return part["name"] == shown["part"] if "part" in shown else part["effect"] == claim["effect"]


def expectation(claim: ClaimEntry) -> str:
    """The outcome expected before the seeds judged, since when the register says so, and the one of later blocks."""
    as_expected = claim["verdict"] == claim["expected"] and not is_open_so_far(claim)
    outcome = "this verdict" if as_expected else claim["expected"]
    rows = claim.get("registrations")
    if rows is None:
        return f"The register expected {outcome} when this report was written."
    if not rows:
        return f"The register does not hold this claim; whoever put it on trial expected {outcome}."
    # Pilots that show no windows leave the first expectation unjudged.
    block = max(min(claim["seeds"], default=0), rows[0]["block"])
    before = [row for row in rows if row["block"] <= block]
    since = f", since {before[-1]['date']} (commit {before[-1]['commit']})"
    sentences = [f"The register expected {outcome}{since}."]
    sentences += [
        f"Of blocks from {earlier['block']} on it had expected {earlier['expected']}"
        + (f"; why that was changed: {later['why']}." if later["why"] else ".")
        for earlier, later in pairwise(before)
        if earlier["expected"] != later["expected"]
    ]
    sentences += [
        f"Of blocks from {row['block']} on it expects {row['expected']}, since {row['date']} (commit {row['commit']})"
        + (f": {row['why']}." if row["why"] else ".")
        for row in rows
        if row["block"] > block
    ]
    return " ".join(sentences)


def control(entry: ControlEntry) -> str:
    """The control's verdict, and what it means for the claim's."""
    if entry["verdict"] is None:
        return "Not judged."
    if entry["verdict"] == "supported":
        return (
            "Supported, and it must not be: in this setting the claim is false, "
            "so the test finds what is not there and the verdict above cannot be trusted."
        )
    if why := entry.get("unmeasured"):
        return f"Not measured, so that it does not show that the test says no where the claim is false: {why}."
    said = "Not supported (inconclusive)" if entry["verdict"] == "inconclusive" else "Refuted"
    return f"{said}, as it should be: in this setting the claim is false.{_minus_control(entry)}"


def _minus_control(entry: ControlEntry) -> str:
    """How the claim compares with its control seed by seed, as a further sentence; empty where that is not known."""
    apart = entry.get("difference")
    if apart is None:
        return ""
    many = f"{apart['beyond']} of {numbers.count(apart['seeds'], 'seed')}"
    t = "" if apart["t"] is None else f"t = {numbers.plain(apart['t'], 2)}, "
    where = f"in the part “{apart['part']}”, " if apart["part"] else ""
    return (
        f" Compared with it seed by seed, {where}what is claimed shows more in the claim's own setting in {many} "
        f"({t}p = {numbers.probability(apart['p'])})."
    )


def control_in_a_word(entry: ControlEntry) -> str:
    """The control's verdict: "inconclusive", or that it tests nothing."""
    return "cannot be measured" if entry.get("unmeasured") else verdict_word(entry["verdict"])


def spared(cost: CostEntry) -> bool:
    """Whether training would have cost less if pruned weights cost nothing."""
    kept, whole = cost.get("kept_train_flops"), cost["train_flops"]
    return kept is not None and whole is not None and kept < whole


def looks(claim: ClaimEntry) -> str:
    """The numbers of seeds at which the data were looked at."""
    return " and ".join(str(look) for look in claim["looks"]) + " seeds" if claim["looks"] else numbers.ABSENT


def _at(claim: ClaimEntry, with_p: bool) -> str:
    """The evidence as the end of a sentence, with the p that is compared and what it is compared with."""
    shown = claim.get("decisive")
    if not shown:  # version 1: p and threshold of each look
        p = claim["p"] if claim["verdict"] == "supported" else claim["p_contrary"]
        compared = f"at p = {numbers.probability(p)}, below the threshold of {numbers.probability(claim['threshold'])}"
    else:
        compared = (
            f"p = {numbers.probability(shown['p'])} over all looks that were planned, below "
            f"{numbers.probability(shown['level'])}"
        )
    said = [f"with {beyond}" if (beyond := seeds_beyond(claim)) else "", compared if with_p else ""]
    return "".join(f", {each}" for each in said if each)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _place(tier: str, on: str) -> str:
    return f"the {tier} tier" + (f" with {on}" if on else "")


def _some(claims: Sequence[ClaimEntry]) -> tuple[str, str]:
    """The number of different claims, as the start of a sentence, and the verb that goes with it."""
    distinct = len({claim["id"] for claim in claims})
    return ("One", "was") if distinct == 1 else (str(distinct) if distinct else "None", "were")


def _tally(counts: Counter[str]) -> str:
    parts = [f"{n} {'was' if n == 1 else 'were'} {word}{_inside(counts, word)}" for word, n in _order(counts)]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _order(counts: Counter[str]) -> list[tuple[str, int]]:
    """The verdicts that occur with their number, whatever their kind, always in the same order."""
    found = [(word, sum(_kinds(counts, word).values())) for word in (*VERDICTS, NOT_JUDGED)]
    return [(word, number) for word, number in found if number]


def _inside(counts: Counter[str], word: str) -> str:
    """The kinds of a verdict in brackets: " (2 of them on a proxy)", " (1 undecided, 3 contrary on a proxy)"."""
    kinds = {kind: number for kind, number in _kinds(counts, word).items() if kind}
    if word == "inconclusive":
        return f" ({', '.join(f'{kinds[kind]} {kind}' for kind in OPEN.values() if kind in kinds)})"
    return f" ({', '.join(f'{number} of them {kind}' for kind, number in kinds.items())})" if kinds else ""


def _kinds(counts: Counter[str], word: str) -> dict[str, int]:
    """How often a verdict occurs, by kind; the kind is empty where a verdict has none."""
    return {
        ruling.removeprefix(word).lstrip(": "): number for ruling, number in counts.items() if ruling.startswith(word)
    }
