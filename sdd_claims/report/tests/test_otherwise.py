"""The contrary of each claim is named, by the direction that its rule tests."""

from pathlib import Path

import pytest

from sdd_claims.locations import checkout
from sdd_claims.report import claims_json
from sdd_claims.report.of_what import phases_of
from sdd_claims.report.otherwise import otherwise

TOP = checkout() or Path()
PUBLISHED = sorted((TOP / "reports" / "published").glob("*/claims.json"))
UNKNOWN = "established at the same threshold"


def spaced(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_every_published_verdict_says_what_would_have_turned_it(path):
    claims = claims_json.read(path)["claims"]
    said = {claim["id"] + claim.get("network", ""): otherwise(claim, phases_of(claims)) for claim in claims}
    assert all(said.values())
    assert not [name for name, text in said.items() if UNKNOWN in text]


def test_of_a_claim_that_is_open_so_far_it_is_said_of_the_look():
    claims = claims_json.read(TOP / "reports" / "published" / "fast" / "claims.json")["claims"]
    claim = next(claim for claim in claims if claim.get("openness") == "undecided")
    said, so_far = (otherwise(claim | {"openness": kind}, {}) for kind in ("undecided", "open so far"))
    assert said.startswith("It would have been supported if ")
    assert so_far == said.replace("It would", "At this look it would", 1)


def test_the_published_sentences_are_no_boilerplate():
    claims = claims_json.read(TOP / "reports" / "published" / "fast" / "claims.json")["claims"]
    said = [otherwise(claim, phases_of(claims)) for claim in claims]
    assert len({*said}) > 0.75 * len(said)


GREATER = (
    "The mean of [noisy at density 1] over 12 seeds is 8. That it exceeds {} has p = 0.1; that it is below{}, p = 1."
)
RULES = [
    (
        GREATER.format("1.0 point", " 0.0 points"),
        "the mean over seeds (noisy, dense) had been shown to exceed 1 point",
        "the mean over seeds (noisy, dense) had been shown to lie below 0 points",
    ),
    (
        GREATER.format("-0.5 nats", ""),
        "the mean over seeds (noisy, dense) had been shown to exceed −0.5 nats",
        "the mean over seeds (noisy, dense) had been shown to lie below −0.5 nats",
    ),
    (
        GREATER.format("-20.0 points", "").replace("[noisy", "[−noisy"),
        "the mean over seeds (noisy at density 1) had been shown to lie below 20 points",
        "the mean over seeds (noisy at density 1) had been shown to exceed 20 points",
    ),
    (
        "The mean of [noisy at density 1] over 12 seeds is 8. That it lies within 1.0 point of zero (two one-sided "
        "tests) has p = 1; that it lies beyond, p = 1.",
        "the mean over seeds (noisy, dense) had been shown to lie within 1 point of zero",
        "the mean over seeds (noisy, dense) had been shown to lie more than 1 point from zero",
    ),
    (
        "[rank at epoch 50] is below 2.5 ranks in 11 of 12 seeds, 0.92 of all seeds. That",
        "rank at epoch 50 had been shown to be below 2.5 ranks in more than half of all seeds",
        "rank at epoch 50 had been shown to be above 2.5 ranks in more than half of all seeds",
    ),
    (
        "[log density of the dip of noisy] lies within 1.15 log density of zero in 11 of 12 seeds, 0.92 of all seeds "
        "(1 of 12 has no such place). That it lies within 1.15 log density of zero in more than half of all has p = "
        "0.5 (exact sign test); that it lies more than 1.15 log density from zero in more than half, p = 1.",
        "log density of the dip of noisy had been shown to lie within 1.15 log density of zero in more than half of "
        "all seeds",
        "log density of the dip of noisy had been shown to lie more than 1.15 log density from zero in more than half "
        "of all seeds",
    ),
    (
        "The peak of distance minus the dip of accuracy, over 12 seeds: 1. That the mean lies within 0.67 log density "
        "of zero (two one-sided tests) has p = 1; that it lies beyond, p = 1.",
        "the peak of distance and the dip of accuracy had been shown to lie within 0.67 log density of each other",
        "the peak of distance and the dip of accuracy had been shown to lie more than 0.67 log density apart",
    ),
    (
        "The dip moves by 1.4 log density on average over 12 seeds, positive towards the dense end. That it moves "
        "denser with the factor by more than 0.1 log density (one-sided) has p = 1; that it moves sparser, p = 1.",
        "the dip had been shown to move denser as the factor grows",
        "the dip had been shown to move sparser as the factor grows",
    ),
    (
        "Over 12 seeds the fall is 7 points and the rise is 5 points; each was tested to exceed 1.0 point (one-sided), "
        "largest p = 1. The contrary, that no level lies that far below levels on both sides, has p = 1.",
        "the fall and the rise had each been shown to exceed 1 point",
        "it had been shown that no level lies 1 point below levels on both sides of it",
    ),
    (
        "Over 24 seeds the deepest dip of the mean curve is 0. That no level lies 1.0 point below both a denser and a "
        "sparser one, tested on every triple, has p = 1. A dip in the registered windows has p = 1.",
        "it had been shown that no level lies 1 point below levels on both sides of it",
        "accuracy had been shown to fall by more than 1 point into the critical phase, and to rise as much again",
    ),
    (
        "At density 0.1 to 1, distance correlates with accuracy at r = -0.76 and clean distance with accuracy at r = "
        "0.03 (means over 12 seeds). That the first is negative, and less than the second, has p = 1.",
        "the correlation of distance with accuracy had been shown to be negative, and less than that of clean distance",
        "the correlation of distance with accuracy had been shown to be positive, or greater than that of clean "
        "distance",
    ),
    (
        "At density 0.1 to 1, once straight trends in log density are taken out, a correlates with b at r = 0.6 and c "
        "with b at r = 0.1 (means over 12 seeds). That the first is positive, and more than the second, has p = 1.",
        "the partial correlation of a with b had been shown to be positive, and greater than that of c",
        "the partial correlation of a with b had been shown to be negative, or less than that of c",
    ),
    (
        "Over 12 seeds train accuracy falls 1.0 point below its dense value at density 0.046; from the middle of the "
        "window 0.1 to 1 that is 1. That the mean lies inside the window (two one-sided tests) has p = 1; that it",
        "the place where train accuracy starts to fall had been shown to lie inside its window",
        "the place where train accuracy starts to fall had been shown to lie beyond one end of its window",
    ),
    (
        "Over 12 seeds there are some; the slope is 0.1 (99 %). That it is below -0.23 has p = 1. Of others there are "
        "more; the slope is 0.2 (99 %). That this one is above -0.23 has p = 0.1.",
        "the slope of ascents and descents over the widths had been shown to be below −0.23",
        "the slope of ascents and descents over the widths had been shown to be above −0.23",
    ),
    (
        "No rule of ours speaks like this.",
        "the claim itself had been established at the same threshold",
        "the contrary had been established at the same threshold",
    ),
]


@pytest.mark.parametrize(("words", "supports", "refutes"), RULES)
def test_both_sides_of_every_rule_are_named(claim, words, supports, refutes):
    own = claim | {"words": words, "openness": "undecided"}
    assert spaced(otherwise(own | {"verdict": "refuted"}, {})) == f"It would have been supported if {supports}."
    assert spaced(otherwise(own | {"verdict": "supported"}, {})) == f"It would have been refuted if {refutes}."
    on_proxy = otherwise(own | {"verdict": "supported", "proxy": True}, {})
    assert spaced(on_proxy) == f"It could have gone against the claim, on a proxy, if {refutes}."
    both = spaced(otherwise(own | {"verdict": "inconclusive"}, {}))
    assert both == f"It would have been supported if {supports}. It would have been refuted if {refutes}."


CANNOT = (
    "Over 12 seeds the fall is 7 points and the rise is 5 points; each was tested to exceed 1.0 point (one-sided), "
    "largest p = 1. The rule could not refute here: the grid ends too early."
)


def test_a_test_that_could_not_refute_says_so_and_another_part_stands_for_it(claim):
    alone = claim | {"words": CANNOT}
    cannot = "It could not have gone against the claim, only stayed undecided: the grid ends too early."
    assert otherwise(alone, {}) == cannot
    dip, rise = claim["parts"]
    parts = [dip | {"words": CANNOT}, rise | {"words": RULES[0][0]}]
    several = claim | {"words": f"All of 2 parts are asked for. The weakest, dip: {CANNOT}", "parts": parts}
    refutes = f"“rise”, for example, if {RULES[0][2]}."
    assert spaced(otherwise(several, {})) == f"One of its 2 parts could have refuted it: {refutes}"
    said = spaced(otherwise(several | {"proxy": True}, {}))
    assert said == f"One of its 2 parts could have gone against it, on a proxy: {refutes}"
    said = spaced(otherwise(several | {"verdict": "refuted"}, {}))
    weakest = "the weakest, “dip”, if the fall and the rise had each been shown to exceed 1 point"
    assert said == f"It would have been supported if each of its 2 parts had been: {weakest}."
    assert otherwise(several | {"parts": parts[:1]}, {}) == cannot


@pytest.mark.parametrize(
    ("words", "reason", "said"),
    [
        ("x", "seed 11000 of 'ticket' shows no dip in the bracket", "every seed shown a dip"),
        ("x", "seeds 1 and 2 of 'a' show no peak in the bracket", "every seed shown a peak"),
        ("x", "seed 1 of 'a' diverged", "no training diverged"),
        ("x", "seed 1 of 'a' keeps the dense value", "every seed had what the rule measures"),
        (
            "",
            "no windows can be set: the pilots' mean test accuracy shows no dip",
            "the mean over the pilots shown a dip",
        ),
        ("", "no windows can be set: too few levels", "the pilots set its windows"),
    ],
)
def test_what_cannot_be_measured_says_what_was_missing(claim, words, reason, said):
    own = claim | {"verdict": "inconclusive", "openness": "cannot be measured", "words": words, "reason": reason}
    assert otherwise(own, {}) == f"It would have been judged had {said}."


def test_a_supported_control_stands_in_the_way_and_a_smoke_run_has_no_other_verdict(claim):
    held = claim | {"verdict": "inconclusive", "openness": "control supported", "reason": "the control too"}
    assert otherwise(held, {}) == "It would have been supported if the control had not been supported too."
    unmeasured = held | {"openness": "control not measured"}
    assert otherwise(unmeasured, {}).startswith("It would have been supported if the control could have been measured,")
    assert otherwise(claim | {"verdict": None}, {}) == ""
