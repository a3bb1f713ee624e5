import json

import pytest

from sdd_claims.cli.tests.conftest import edit
from sdd_claims.report import evidence


def test_a_page_is_drawn(call, published):
    done = call("report", published)
    assert done.exit_code == 0
    assert done.stdout.strip() == str(published / "index.html")
    assert (published / "index.html").stat().st_size


def test_several_runs_are_judged_again_and_the_worst_decides(call, judged, tmp_path):
    done = call("rejudge", judged)
    assert done.exit_code == 0
    assert ", as published" in done.stdout

    edit(judged, lambda document: document["claims"][0].update(verdict="supported"))
    assert call("rejudge", judged).exit_code == 1
    done = call("rejudge", judged, tmp_path / "nothing")
    assert done.exit_code == 2
    assert f"{judged}:\n" in done.stdout
    assert "DIFFERS: verdict: published supported" in done.stdout
    assert str(tmp_path / "nothing") in done.stderr
    assert call("rejudge", tmp_path / "nothing", judged).exit_code == 2


def test_runs_judged_again_for_scripts_are_a_list_and_the_worst_decides(call, judged, tmp_path):
    done = call("rejudge", "--json", judged)
    assert done.exit_code == 0
    (run,) = json.loads(done.stdout)
    (verdict,) = run["verdicts"]
    assert run["folder"] == str(judged)
    assert run["original_evidence"]
    assert verdict["judged_again"]
    assert verdict["verdict"] == verdict["published"] is not None
    assert verdict["differences"] == []

    other = "refuted" if verdict["published"] == "supported" else "supported"
    edit(judged, lambda document: document["claims"][0].update(verdict=other))
    done = call("rejudge", "--json", judged)
    assert done.exit_code == 1
    (differing,) = json.loads(done.stdout)[0]["verdicts"]
    assert (differing["published"], differing["verdict"]) == (other, verdict["verdict"])
    assert f"verdict: published {other}, judged again {verdict['verdict']}" in differing["differences"]

    done = call("rejudge", "--json", tmp_path / "nothing", judged)
    assert done.exit_code == 2
    nothing, run = json.loads(done.stdout)
    assert nothing["folder"] == str(tmp_path / "nothing")
    assert done.stderr == f"error: {nothing['error']}\n"
    assert run["verdicts"] == [differing]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_what_another_protocol_has_judged_is_judged_again_by_todays_rules_where_they_are_asked_for(call, judged, words):
    edit(judged, lambda document: document["claims"][0].update(protocol="0" * 64))
    assert call("rejudge", judged, *words).exit_code == 1
    assert call("rejudge", judged, "--rules", "today", *words).exit_code == 0


def test_a_run_of_earlier_tests_is_not_judged_again_and_says_where_to(call, published):
    done = call("rejudge", published)
    assert done.exit_code == 1
    assert "OPEN: cannot be judged again: it was judged by tests version 3; check out commit " in done.stdout
    done = call("rejudge", published, "--json")
    assert done.exit_code == 1
    (run,) = json.loads(done.stdout)
    assert {each["judged_again"] for each in run["verdicts"]} == {False}
    assert "cannot be judged again: it was judged by" in run["verdicts"][0]["differences"][0]


def test_verdicts_are_drawn_without_the_evidence_and_a_sentence_stands_for_the_figures(call, published):
    (published / evidence.NAME).unlink()
    done = call("report", published)
    assert done.exit_code == 1
    assert done.stdout.strip() == str(published / "index.html")
    assert done.stderr.startswith("warning: No curve can be drawn: no evidence can be read at ")
    page = (published / "index.html").read_text(encoding="utf-8")
    assert "No curve can be drawn: no evidence can be read at " in page
    assert "cannot be shown: the evidence holds no" in page
    assert 'class="verdict supported"' in page


def test_chains_are_trained_again_where_it_is_asked_for(call, judged, monkeypatch):
    asked: list[list[str]] = []

    def main(words: list[str]) -> int:
        asked.append(words)
        return 1

    monkeypatch.setattr("sdd_claims.rejudge.__main__.main", main)
    assert call("rejudge", judged, "--retrain", 2, "--draw", 7, "--data-root", "d", "--claim", "a").exit_code == 1
    words = ["--rules", "published", "--retrain", "2", "--draw", "7", "--data-root", "d", "--claim", "a", "--"]
    assert asked == [[*words, str(judged)]]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--retrain", "0"), "0 is not in the range x>=1"),
        (("--draw", "7"), "give --retrain N as well"),
        (("--data-root", "data"), "give --retrain N as well"),
        (("--claim", "a"), "give --retrain N as well"),
        (("--retrain", "1", "--json"), "leave --json away"),
    ],
)
def test_what_says_nothing_of_chains_to_train_again_is_refused(call, judged, words, why):
    done = call("rejudge", judged, *words)
    assert done.exit_code == 2
    assert why in done.stderr
