"""The findings are made of the published runs that stand, with what is known about why."""

from pathlib import Path

import pytest

from sdd_claims.report import claims_json, findings, history, sentences

PUBLISHED = Path(__file__).parents[3] / "reports" / "published"


@pytest.fixture
def folder(tmp_path, document):
    claims_json.write(tmp_path / "published" / "fast" / "claims.json", document)
    return tmp_path / "published"


def published_groups():
    return findings.groups(history.standing(PUBLISHED))


def test_every_registered_claim_of_every_run_stands_in_one_group():
    runs = history.standing(PUBLISHED)
    judged = {
        (claim["id"], claim["tier"], sentences.network(claim))
        for run in runs
        for claim in run.document["claims"]
        if sentences.is_registered(claim) and claim["verdict"]
    }
    grouped = [
        (claim["id"], claim["tier"], sentences.network(claim))
        for group in findings.groups(runs)
        for claim in group.claims
    ]
    assert sorted(grouped) == sorted(judged)


def test_what_holds_is_supported_and_what_does_not_was_established_against_it():
    holds, fails, opens = published_groups()
    assert {claim["verdict"] for claim in holds.claims} == {"supported"}
    assert {sentences.openness(claim) or claim["verdict"] for claim in fails.claims} == {
        "refuted",
        "contrary on a proxy",
    }
    assert {claim["verdict"] for claim in opens.claims} == {"inconclusive"}


def test_of_every_published_claim_that_is_not_supported_it_is_said_why():
    _, *others = published_groups()
    unsupported = {claim["id"] for group in others for claim in group.claims}
    assert history.read_notes(PUBLISHED / findings.NOTES, unsupported, "").keys() == unsupported


def test_the_committed_page_is_that_of_the_published_runs(tmp_path):
    runs = history.standing(PUBLISHED)
    _, *others = findings.groups(runs)
    notes = history.read_notes(PUBLISHED / findings.NOTES, {c["id"] for each in others for c in each.claims}, "")
    committed = (PUBLISHED.parent / "FINDINGS.md").read_text(encoding="utf-8")
    assert committed == findings.to_markdown(runs, notes)


def test_a_claim_says_its_effect_its_seeds_and_why(folder, document, capsys):
    claim = document["claims"][0] | {"verdict": "inconclusive", "openness": "undecided"}
    claims_json.write(folder / "fast" / "claims.json", document | {"claims": [claim]})
    (folder / findings.NOTES).write_text(f'"{claim["id"]}" = "Too_few seeds."', encoding="utf-8")
    assert findings.main([str(folder)]) == 0
    text = (folder.parent / "FINDINGS.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == str(folder.parent / "FINDINGS.md")
    (row,) = (line for line in text.splitlines() if f"`{claim['id']}`" in line)
    assert r"Too\_few seeds." in row
    assert "inconclusive: undecided" in row
    assert f"`{claim['rerun']}`" in row


def test_a_note_on_a_supported_claim_and_a_folder_without_runs_are_one_sentence(folder, tmp_path, document, capsys):
    supported = next(claim["id"] for claim in document["claims"] if claim["verdict"] == "supported")
    (folder / findings.NOTES).write_text(f'"{supported}" = "Why not?"', encoding="utf-8")
    assert findings.main([str(folder)]) == 2
    assert f"has notes on {supported}, which are supported or not there" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert findings.main([str(tmp_path / "empty")]) == 2
    assert "holds no published run" in capsys.readouterr().err
