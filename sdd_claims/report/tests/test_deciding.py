"""The margin of the test that decides, for claims of several parts too."""

from pathlib import Path

import pytest

from sdd_claims.locations import checkout
from sdd_claims.report import claims_json, deciding

TOP = checkout() or Path()
PUBLISHED = sorted((TOP / "reports" / "published").glob("*/claims.json"))


def spaced(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_every_published_claim_with_a_deciding_mean_has_a_margin_or_says_that_none_is_set(path):
    for claim in claims_json.read(path)["claims"]:
        if claim["words"]:
            assert deciding.margin(claim) != "–", claim["id"]


def several(claim, words):
    parts = [
        claim["parts"][0] | {"name": "one", "margin": -0.01},
        claim["parts"][1] | {"name": "one: longer", "margin": 0.0},
        claim["parts"][1] | {"name": "of parts", "margin": None, "rule": "all_of"},
    ]
    return claim | {"rule": "all_of", "margin": None, "parts": parts, "words": words}


@pytest.mark.parametrize(
    ("weakest", "margin"),
    [
        ("one: The mean of [a] over 12 seeds is 1.", "−1 point"),
        ("one: longer: The mean of [a] over 12 seeds is 1.", "0 points"),
        (
            "of parts: All of 2 parts are asked for. The weakest, in it: The mean of [a] over 12 seeds is 1. That it "
            "exceeds 1.0 point has p = 1; that it is below 0.0 points, p = 1.",
            "1 point",
        ),
        ("of parts: Over 12 seeds; each was tested to exceed 1.5 points (one-sided), largest p = 1.", "1.5 points"),
        ("of parts: At density 1, a correlates with b at r = 1 and c with b at r = 0.", "0 (none set)"),
    ],
)
def test_of_several_parts_the_margin_is_that_of_the_weakest(claim, weakest, margin):
    found = several(claim, f"All of 3 parts are asked for. The weakest, {weakest}")
    assert spaced(deciding.margin(found)) == margin


@pytest.mark.parametrize(
    ("bound", "said"), [("0.0 points", "1 point; of the contrary 0 points"), ("1.0 point", "1 point")]
)
def test_where_the_contrary_decided_its_own_margin_stands_beside_that_of_the_claim(claim, bound, said):
    tests = f"That it exceeds 1.0 point has p = 1; that it is below {bound}, p = 0.1"
    words = f"The mean of [a] over 12 seeds is 3.0 points. {tests}"
    shown = {"of": "contrary", "p": 0.1, "level": 0.1, "t": 3.0, "beyond": 12, "seeds": 12}
    decided = claim | {"margin": None, "words": words, "parts": [], "decisive": shown}
    assert spaced(deciding.margin(decided)) == said
    assert spaced(deciding.margin(decided | {"decisive": shown | {"of": "claim"}})) == "1 point"


def test_a_margin_of_the_claim_itself_goes_first_and_what_was_not_tested_has_none(claim):
    assert spaced(deciding.margin(claim)) == "1 point"
    assert deciding.margin(claim | {"margin": None, "words": ""}) == "–"
