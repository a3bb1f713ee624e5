"""The history is made of the published runs, current and replaced."""

import gzip
import json

import pytest

from sdd_claims.report import claims_json, history


@pytest.fixture
def folder(tmp_path, document):
    published = tmp_path / "published"
    document["environment"]["started"] = "2026-02-02T00:00:00+00:00"
    claims_json.write(published / "fast" / "claims.json", document)
    earlier = json.loads(json.dumps(document))
    earlier["environment"]["started"] = "2026-01-01T00:00:00+00:00"
    earlier["claims"] = [earlier["claims"][0] | {"verdict": "inconclusive"}]
    (published / "history").mkdir()
    packed = gzip.compress(json.dumps(earlier).encode())
    (published / "history" / "fast-before.claims.json.gz").write_bytes(packed)
    (published / "history" / "notes.toml").write_text('fast-before = "a_trial run"', encoding="utf-8")
    return published


def test_every_claim_has_a_row_that_says_what_each_run_said_the_oldest_first(folder, document):
    text = history.to_markdown(history.published_runs(folder))
    claim = document["claims"][0]
    (row,) = (line for line in text.splitlines() if line.startswith(f"| {claim['id']} |"))
    _, _, before, now, _ = row.split("|")
    assert before.strip().startswith("inconclusive, ")
    assert now.strip().startswith("supported, ")
    assert text.index("| fast-before (replaced) | 2026-01-01 |") < text.index("| fast | 2026-02-02 |")
    assert r"**fast-before**: a\_trial run" in text


def test_the_command_writes_the_history(folder, capsys):
    assert history.main([str(folder)]) == 0
    assert (folder / "HISTORY.md").read_text(encoding="utf-8") == history.to_markdown(history.published_runs(folder))


def test_a_folder_without_runs_and_notes_on_none_are_one_sentence(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert history.main([str(tmp_path / "empty")]) == 2
    assert "holds no published run" in capsys.readouterr().err
    (folder / "history" / "fast-before.claims.json.gz").unlink()
    assert history.main([str(folder)]) == 2
    assert "has notes on fast-before, of which there is no run" in capsys.readouterr().err
