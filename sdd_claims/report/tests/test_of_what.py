"""What an effect is of, in a few words, for every rule that a published run was judged by."""

from pathlib import Path

import pytest

from sdd_claims.locations import checkout
from sdd_claims.report import claims_json
from sdd_claims.report.of_what import of_what, phase_of, phases_of

TOP = checkout() or Path()
PUBLISHED = sorted((TOP / "reports" / "published").glob("*/claims.json"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_every_published_effect_is_said_to_be_of_something_and_in_a_line(path):
    claims = claims_json.read(path)["claims"]
    said = [of_what(claim, phases_of(claims)) for claim in claims if claim["effect"]]
    assert min(map(len, said)) > 0
    assert max(map(len, said)) < 100


WINDOWS = {"0.3 to 1": [0.3, 1.0], "0.018 to 0.036": [0.018, 0.036], "0.003 to 0.006": [0.003, 0.006]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "The mean of [noisy at density 0.003 to 0.006 − noisy at density 0.018 to 0.036] is 8.",
            "noisy, sweet minus critical",
        ),
        (
            "The mean of [accuracy at density 1 − accuracy at density 0.1 to 0.2] is 8.",
            "test accuracy, dense minus density 0.1 to 0.2",
        ),
        (
            "The mean of [noisy at density 0.018 to 0.036 − other at density 0.018 to 0.036] is 8.",
            "noisy minus other, critical",
        ),
        ("The mean of [noisy at epoch 50] is 8.", "noisy, epoch 50"),
        (
            "The mean of [0.5 × noisy at epoch 50 + other at epoch 50] is 8.",
            "0.5 × noisy at epoch 50 + other at epoch 50",
        ),
        (
            "Over 12 seeds the fall is 7.6 points (99.9 % interval 6.0 to 9.1) and the rise is -0.5 points.",
            "rise, the smallest of 2 changes",
        ),
        (
            "All of 2 parts are asked for. The weakest, rise: it: Here the deepest dip of the mean curve is 1.",
            "deepest dip of the mean curve; rise: it",
        ),
        (
            "At density 0.01 to 0.1, once straight trends in log density are taken out, distance correlates with "
            "accuracy at r = -0.64 and clean distance with accuracy at r = -0.3 (means over 12 seeds).",
            "partial correlation with accuracy: distance minus clean distance",
        ),
        (
            "[log density of the dip of noisy − log density of the dip of clean] lies within 1.15 log density of zero "
            "in 11 of 12 seeds, 0.92 of all seeds (99.9 % interval 0.5 to 1) (1 of 12 has no such place). That",
            "share of seeds within the bounds",
        ),
        (
            "[rank at epoch 50] is below 2.5 ranks in 11 of 12 seeds, 0.92 of all seeds.",
            "share of seeds with rank at epoch 50 below 2.5 ranks",
        ),
        ("The deepest dip moves by 1.5 log density on average.", "shift of the deepest dip, towards dense"),
        ("No rule speaks like this.", ""),
    ],
)
def test_a_sentence_is_cut_to_what_it_is_of(claim, words, said):
    accuracy = {"accuracy": claim["runs"]["noisy"]}
    named = [claim]
    part = claim["parts"][0] | {"name": "rise: it"}
    own = claim | {"words": words, "windows": WINDOWS, "runs": claim["runs"] | accuracy, "parts": [part]}
    assert of_what(own, phases_of(named)) == said


def test_a_window_has_the_name_of_the_phase_that_is_registered_with_its_edges_on_its_run(claim):
    phases = phases_of([claim])
    assert phase_of(claim, 0.018, 0.036, phases) == "critical"
    assert phase_of(claim, 0.018, 0.037, phases) == ""
    other = claim | {"runs": {"noisy": claim["runs"]["noisy"] | {"digest": "other"}}}
    assert phase_of(other, 0.018, 0.036, phases) == ""
    assert phase_of(claim, 0.1, 0.2, {("a", 0.1, 0.2): "sweet"}) == ""
    both = claim | {"runs": {name: claim["runs"]["noisy"] | {"digest": name} for name in "ab"}}
    assert phase_of(both, 0.1, 0.2, {("a", 0.1, 0.2): "sweet", ("b", 0.1, 0.2): "critical"}) == ""
