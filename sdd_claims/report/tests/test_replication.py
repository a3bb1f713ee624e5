"""A replication is compared with what the first run promised."""

import gzip
import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.report import claims_json, replication, sentences


def judged(claim, **changes):
    e_values = {"family": "f" * 64, "claim": 3.0, "contrary": 0.1, "claim_by_signs": 2.0, "contrary_by_signs": 0.2}
    return claim | {"stability": 0.97, "e_values": e_values, "seeds": [*range(1000, 1012)], "openness": None} | changes


@pytest.fixture
def runs(document):
    """Two claims, judged on two blocks."""
    claims = [claim for claim in document["claims"] if sentences.is_registered(claim)][:2]
    first = document | {"claims": [judged(claim, verdict="supported") for claim in claims]}
    again = json.loads(json.dumps(first))
    for claim in again["claims"]:
        claim["seeds"] = [*range(2000, 2012)]
    return first, again


def test_as_many_are_repeated_as_came_to_the_same(runs):
    first, again = runs
    again["claims"][1] |= {"verdict": "inconclusive", "openness": "undecided"}
    text = replication.to_markdown(first, again)
    assert "**1 of 2 verdicts were repeated; the figures beside the first ones promised 1.94.**" in text
    assert [line.split("|")[-2].strip() for line in text.splitlines() if line.startswith(("| first", "| again"))] == [
        "1000",
        "2000",
    ]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("|")[-2].strip() for row in rows] == ["yes", "**no**"]


@pytest.mark.parametrize("which", [0, 1])
def test_what_one_run_has_left_open_so_far_is_named_and_not_counted(runs, which):
    claim = runs[which]["claims"][1]
    claim |= {"verdict": "inconclusive", "openness": "open so far", "stability": None}
    text = replication.to_markdown(*runs)
    assert "**1 of 1 verdicts were repeated; the figures beside the first ones promised 0.97.**" in text
    assert f"Left out are 1 more, which one of the runs has left open so far: `{claim['id']}`." in text
    for each in runs[which]["claims"]:
        each |= {"verdict": "inconclusive", "openness": "open so far"}
    with pytest.raises(InputError, match="no claim was judged to the end by both runs"):
        replication.to_markdown(*runs)


@pytest.mark.parametrize(
    ("first", "again", "same"),
    [
        (("inconclusive", "undecided"), ("inconclusive", "cannot be measured"), True),
        (("inconclusive", "undecided"), ("inconclusive", "contrary on a proxy"), False),
        (("inconclusive", "contrary on a proxy"), ("refuted", None), False),
        (("supported", None), ("refuted", None), False),
        (("refuted", None), ("refuted", None), True),
    ],
)
def test_all_that_is_open_is_one_kind_and_a_contrary_on_a_proxy_another(runs, first, again, same):
    one, other = (run["claims"][0] for run in runs)
    pair = replication.Pair(
        one | {"verdict": first[0], "openness": first[1]}, other | {"verdict": again[0], "openness": again[1]}
    )
    assert pair.repeated is same


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_the_tail_is_that_of_independent_events(chances):
    exact = [0.0] * (len(chances) + 1)
    for happened in product((False, True), repeat=len(chances)):
        exact[sum(happened)] += float(np.prod([p if h else 1 - p for p, h in zip(chances, happened, strict=True)]))
    for count in range(len(exact)):
        assert replication.at_most(count, chances) == pytest.approx(sum(exact[: count + 1]), abs=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda claim: claim.update(seeds=[*range(1000, 1012)]), "was judged on the same seeds twice"),
        (lambda claim: claim.update(seeds=[*range(1011, 1023)]), "was judged on the same seeds twice"),
    ],
)
def test_what_is_no_replication_is_refused_in_one_sentence(runs, change, message):
    first, again = runs
    change(again["claims"][0])
    with pytest.raises(InputError, match=message):
        replication.replication(first, again)


@pytest.mark.parametrize(
    "change",
    [
        lambda claim: claim["e_values"].update(family="0" * 64),
        lambda claim: claim.update(e_values=None),
        lambda claim: claim.update(threshold=claim["threshold"] / 2),  # as for another look
        lambda claim: claim.update(looks=[claim["looks"][0] + 6]),
    ],
)
def test_what_is_judged_by_another_protocol_is_named_and_not_counted(runs, change):
    first, again = runs
    changed, same = again["claims"]
    change(changed)
    changed |= {"verdict": "refuted"}
    found = replication.replication(first, again)
    assert [pair.again for pair in found.pairs] == [same]
    text = replication.to_markdown(first, again)
    assert "**1 of 1 verdicts were repeated" in text
    assert "Left out are 1 more" in text
    assert f"nothing: `{changed['id']}`." in text
    change(same)
    with pytest.raises(InputError, match="the two runs have judged by different protocols"):
        replication.replication(first, again)


def test_runs_without_a_claim_or_a_promise_in_common_are_refused(runs):
    first, again = runs
    with pytest.raises(InputError, match="no claim was judged to the end by both runs"):
        replication.replication(first, again | {"claims": []})
    first["claims"][0]["stability"] = None
    with pytest.raises(InputError, match="says no chance of being repeated"):
        replication.replication(first, again)


def test_the_command_writes_the_table_and_says_what_is_wrong_in_one_sentence(runs, tmp_path, capsys):
    for name, run in zip(("first", "again"), runs, strict=True):
        claims_json.write(tmp_path / name / "claims.json", run)
    folders = [str(tmp_path / "first"), str(tmp_path / "again")]
    assert replication.main([*folders, "--write", str(tmp_path / "REPLICATION.md")]) == 0
    assert (tmp_path / "REPLICATION.md").read_text(encoding="utf-8") == replication.to_markdown(*runs)
    packed = tmp_path / "first.claims.json.gz"
    packed.write_bytes(gzip.compress((tmp_path / "first" / "claims.json").read_bytes()))
    assert replication.main([str(packed), folders[1]]) == 0
    assert replication.to_markdown(*runs) in capsys.readouterr().out
    assert replication.main([folders[0], folders[0]]) == 2
    assert "was judged on the same seeds twice" in capsys.readouterr().err


def test_the_report_of_a_replication_says_that_it_is_one(runs):
    first, again = runs
    said = "This is a replication: the block of seeds 2000 judged in place of the registered one."
    assert said in sentences.summary(again | {"replication": 2000})
    assert said not in sentences.summary(first)
