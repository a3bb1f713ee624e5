"""The sentences of the report, the same in HTML and in Markdown."""

from collections import Counter
from collections.abc import Sequence

from sdd_claims.report import numbers
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument, ControlEntry, CostEntry, Verdict

VERDICTS: tuple[Verdict, ...] = ("supported", "refuted", "inconclusive")
NOT_JUDGED = "not judged"

BASES = {
    "paper": "stated by the paper",
    "conjecture": "the paper's conjecture",
    "ours": "our reading of the paper, not its own words",
}

PROXY = (
    "Proxy: the paper shows this on other networks than the one trained here, "
    "so this test can come out supported or inconclusive, never refuted."
)


def verdict_word(verdict: Verdict | None) -> str:
    """The verdict, or that there is none."""
    return verdict or NOT_JUDGED


def short_title(claim: ClaimEntry) -> str:
    """The paper as one cites it in a table: its title up to the first comma."""
    return claim["title"].partition(",")[0]


def network(claim: ClaimEntry) -> str:
    """The network and data that it was judged on, empty where its tier has one trial of it."""
    return claim.get("network", "")


def column(claim: ClaimEntry) -> str:
    """Its tier and network: "full, ResNet-18 on CIFAR-10". Each column is a family of claims of its own."""
    return f"{claim['tier']}, {network(claim)}" if network(claim) else claim["tier"]


def summary(document: ClaimsDocument) -> list[str]:
    """The sentences of the first paragraph: judged claims, their outcomes, and how often such outcomes are wrong."""
    claims, questions = registered(document["claims"]), exploratory(document["claims"])
    if not document["claims"]:
        return ["No claim was selected, so nothing was judged."]
    size, alpha = document["registered"], document["alpha"]
    some, was = _some(claims)
    sentences = [f"{some} of the {size} registered claims {was} put on trial here."]
    sentences += [f"In {_place(*place)} {_tally(counts)}." for place, counts in tallies(document).items()]
    if surprises := [claim for claim in claims if is_surprise(claim)]:
        some = "One verdict differs" if len(surprises) == 1 else f"{len(surprises)} verdicts differ"
        sentences.append(f"{some} from what was registered as expected before the seeds judged.")
    elif judged := [claim for claim in claims if claim["verdict"]]:
        dated = all(claim.get("registrations") for claim in judged)
        when = "before the seeds judged" if dated else "when this report was written; since when, was not recorded"
        sentences.append(f"Every verdict is the one registered as expected {when}.")
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
        counts.setdefault(column(claim), Counter())[verdict_word(claim["verdict"])] += 1
    return "; ".join(
        f"{where}: {', '.join(f'{tally[word]} {word}' for word in _order(tally))}" for where, tally in counts.items()
    )


def tallies(document: ClaimsDocument) -> dict[tuple[str, str], Counter[str]]:
    """How many registered claims of each tier and network came to which verdict."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for claim in registered(document["claims"]):
        counts.setdefault((claim["tier"], network(claim)), Counter())[verdict_word(claim["verdict"])] += 1
    return counts


def is_surprise(claim: ClaimEntry) -> bool:
    """Whether a claim was judged, and otherwise than registered as expected."""
    return not is_exploratory(claim) and claim["verdict"] is not None and claim["verdict"] != claim["expected"]


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


def verdict(claim: ClaimEntry) -> str:
    """The verdict with its tier and network, its seeds and what decided it."""
    place = _place(claim["tier"], network(claim))
    if claim["verdict"] is None:
        return f"Not judged in {place}: {claim['reason'] or 'nothing was asked to be judged'}."
    where = f"in {place}, on {numbers.count(len(claim['seeds']), 'seed')} ({numbers.seed_list(claim['seeds'])})"
    threshold = numbers.probability(claim["threshold"])
    because = {
        "supported": f"the null hypothesis is rejected at p = {numbers.probability(claim['p'])}, "
        f"below the threshold of {threshold}.",
        "refuted": f"the contrary is itself established, at p = {numbers.probability(claim['p_contrary'])}, "
        f"below the threshold of {threshold}.",
        "inconclusive": "neither the claim nor its contrary is established.",
    }[claim["verdict"]]
    sentences = [f"{claim['verdict'].capitalize()} {where}: {because}"]
    if claim["reason"]:
        sentences.append(f"What keeps it open: {claim['reason'].rstrip('.')}.")
    if is_exploratory(claim):
        sentences.append("This question stands outside the register, which expects nothing of it.")
    else:
        sentences.append(expectation(claim))
    return " ".join(sentences)


def expectation(claim: ClaimEntry) -> str:
    """The outcome expected before the seeds judged, since when the register says so, and the one of later blocks."""
    outcome = "this verdict" if claim["verdict"] == claim["expected"] else claim["expected"]
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
    return f"{entry['verdict'].capitalize()}, as it should be: in this setting the claim is false."


def spared(cost: CostEntry) -> bool:
    """Whether training would have cost less if pruned weights cost nothing."""
    kept, whole = cost.get("kept_train_flops"), cost["train_flops"]
    return kept is not None and whole is not None and kept < whole


def looks(claim: ClaimEntry) -> str:
    """The numbers of seeds at which the data were looked at."""
    return " and ".join(str(look) for look in claim["looks"]) + " seeds" if claim["looks"] else numbers.ABSENT


def _place(tier: str, on: str) -> str:
    return f"the {tier} tier" + (f" with {on}" if on else "")


def _some(claims: Sequence[ClaimEntry]) -> tuple[str, str]:
    """The number of different claims, as the start of a sentence, and the verb that goes with it."""
    distinct = len({claim["id"] for claim in claims})
    return ("One", "was") if distinct == 1 else (str(distinct) if distinct else "None", "were")


def _tally(counts: Counter[str]) -> str:
    parts = [f"{counts[word]} {'was' if counts[word] == 1 else 'were'} {word}" for word in _order(counts)]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _order(counts: Counter[str]) -> list[str]:
    """The verdicts that occur, always in the same order."""
    return [word for word in (*VERDICTS, NOT_JUDGED) if counts[word]]
