import json

import pytest

from sdd_claims import locations
from sdd_claims.cli.tests.conftest import PUBLISHED
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trials import all_trials
from sdd_claims.report import claims_json, sentences


def test_every_registered_claim_is_listed_with_all_its_trials(call):
    listed = json.loads(call("list", "--json").stdout)
    assert [claim["id"] for claim in listed] == sorted(the_register().claims)
    trials = {(claim["id"], trial["tier"], trial["network"]) for claim in listed for trial in claim["trials"]}
    assert trials == all_trials().keys()


RUNS_OF = {
    "fast": ["fast"],
    "full": [
        *("full", "full-lenet", "full-lenet-lambda-opt", "full-zhang", "full-parhi"),
        *("full-parhi-one-pattern", "full-parhi-sparser", "full-parhi-matrices", "full-parhi-matrices-24-seeds"),
    ],
}


@pytest.mark.parametrize("tier", ["fast", "full"])
def test_a_published_verdict_is_said_as_it_was_published(call, tier):
    listed = {claim["id"]: claim for claim in json.loads(call("list", "--tier", tier, "--json").stdout)}
    entries = [claim for run in RUNS_OF[tier] for claim in claims_json.read(PUBLISHED / run / "claims.json")["claims"]]
    last = {(claim["id"], claim.get("network", "")): claim for claim in entries}  # of several runs the last one counts
    for claim in last.values():
        trials = [trial for trial in listed[claim["id"]]["trials"] if trial["network"] == claim.get("network", "")]
        assert [trial["tier"] for trial in trials] == [tier]
        published = trials[0]["published"]
        assert {name: published[name] for name in ("verdict", "effect", "p", "seeds")} == {
            "verdict": claim["verdict"],
            "effect": claim["effect"],
            "p": claim["p"],
            "seeds": claim["seeds"],
        }
        assert sentences.shown_p(published) == sentences.shown_p(claim)
        assert published["decisive"] == claim.get("decisive")


def test_one_paper_in_words(call):
    said = call("list", "--paper", "zhang2024").stdout
    assert "zhang2024/penalty_path_sparsifies\n  The stronger the penalty, the sparser the network" in said
    assert "fast: expected refuted; published refuted, effect −0.0122" in said
    assert "(contrary), 24 seeds" in " ".join(said.split())
    assert "he2022" not in said


def test_a_wheel_says_that_it_holds_no_published_verdict(call, monkeypatch):
    monkeypatch.setattr(locations, "checkout", lambda: None)
    said = call("list", "--paper", "zhang2024").stdout
    assert "; published" not in said
    assert "Published verdicts lie in the repository, under reports/published, not in the wheel." in said
