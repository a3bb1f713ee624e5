"""The history is made of the published runs, current and replaced."""

import gzip
import json

import pytest

from sdd_claims.errors import InputError
from sdd_claims.report import claims_json, history, html, sentences


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
    _, _, said, evidence, _ = row.split("|")
    assert evidence.strip() == ""  # neither run has e-values
    before, now = said.strip().split("<br>")
    assert ": inconclusive: undecided, " in before
    assert ": supported, " in now
    assert text.index("| fast-before (replaced) | 2026-01-01 |") < text.index("| fast | 2026-02-02 |")
    assert r"**fast-before**: a\_trial run" in text


def test_its_rows_make_one_table_in_which_what_two_runs_say_alike_stands_once(folder, document):
    later = json.loads(json.dumps(document))
    later["environment"]["started"] = "2026-03-03T00:00:00+00:00"
    claims_json.write(folder / "again" / "claims.json", later)
    lines = history.to_markdown(history.published_runs(folder)).split("## Fast tier")[1].split("##")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    start = lines.index(table[0])
    assert lines[start : start + len(table)] == table  # GitHub ends a table at the first line that is none
    assert len({line.count("|") for line in table}) == 1
    assert [line.count("<br>") for line in table[2:]].count(1) == 1  # only the first claim had another verdict before


def test_the_history_bounds_the_chance_of_one_false_verdict_among_all_blocks(folder, document):
    """The block of the earlier run is that of the later one: what both judged counts once."""
    judged = [each for each in document["claims"] if each["verdict"] and each["tier"] == "fast"]
    runs = history.published_runs(folder)
    rates = history.judged_blocks(runs, "fast")
    assert set(rates) == {document["alpha"] / document["registered"]}
    assert len(rates) == sum(map(sentences.is_registered, judged))
    assert f"{len(rates)} times a block of seeds has judged a claim here" in history.to_markdown(runs)


def test_a_replication_does_not_stand_for_the_run_that_it_repeats(folder, document):
    claims_json.write(folder / "again" / "claims.json", document | {"replication": 2000})
    assert {run.name for run in history.published_runs(folder)} == {"fast", "fast-before", "again"}
    assert [run.name for run in history.standing(folder)] == ["fast"]


def test_a_later_run_that_has_judged_nothing_takes_no_verdict_away(folder, document):
    claim = document["claims"][0]
    document["environment"]["started"] = "2026-03-03T00:00:00+00:00"
    claims_json.write(folder / "smoke" / "claims.json", document | {"claims": [claim | {"verdict": None}]})
    last = {each["id"]: (run.name, each["verdict"]) for run, each in history.last_verdicts(history.standing(folder))}
    assert last[claim["id"]] == ("fast", claim["verdict"])


def test_a_later_run_that_leaves_a_claim_open_so_far_takes_no_verdict_away(folder, document):
    claim = document["claims"][0]
    so_far = claim | {"verdict": "inconclusive", "openness": "open so far"}
    document["environment"]["started"] = "2026-03-03T00:00:00+00:00"
    claims_json.write(folder / "full-later" / "claims.json", document | {"claims": [so_far]})
    last = {each["id"]: (run.name, each["verdict"]) for run, each in history.last_verdicts(history.standing(folder))}
    assert last[claim["id"]] == ("fast", claim["verdict"])


def test_of_a_claim_that_two_standing_runs_have_judged_the_later_verdict_counts(folder, document):
    first, *others = document["claims"]
    document["environment"]["started"] = "2026-03-03T00:00:00+00:00"
    document["claims"] = [first | {"verdict": "refuted"}, *({**claim, "verdict": None} for claim in others)]
    claims_json.write(folder / "full-later" / "claims.json", document)
    runs = history.standing(folder)
    assert [run.name for run in runs] == ["fast", "full-later"]
    found = {
        (claim["id"], claim["tier"], sentences.network(claim)): (run.name, claim["verdict"])
        for run, claim in history.last_verdicts(runs)
    }
    assert len(found) == len(document["claims"])
    assert found.pop((first["id"], first["tier"], sentences.network(first))) == ("full-later", "refuted")
    assert {name for name, verdict in found.values() if verdict is not None} <= {"fast"}


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


@pytest.mark.parametrize(
    ("notes", "message"),
    [("a = ", "is not TOML"), ("fast = 1", "the note on fast must be a text in quotes")],
)
def test_notes_with_a_mistake_are_one_sentence(folder, capsys, notes, message):
    (folder / "history" / "notes.toml").write_text(notes, encoding="utf-8")
    assert history.main([str(folder)]) == 2
    assert message in capsys.readouterr().err


def test_a_replaced_run_under_the_name_of_a_current_one_is_refused(folder, capsys):
    (folder / "history" / "fast-before.claims.json.gz").rename(folder / "history" / "fast.claims.json.gz")
    assert history.main([str(folder)]) == 2
    assert "bears the name of a run that was not replaced" in capsys.readouterr().err


@pytest.mark.parametrize("cut", [0, 5, 60])
def test_a_replaced_run_that_is_cut_short_is_one_sentence(folder, capsys, cut):
    path = folder / "history" / "fast-before.claims.json.gz"
    path.write_bytes(path.read_bytes()[:cut])
    assert history.main([str(folder)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {path}")


@pytest.mark.parametrize(("hardware", "machine"), [("AMD", "AMD, AVX2, torch 2"), ("Xeon", "AMD, torch 2")])
def test_an_instruction_set_is_said_of_no_machine_on_which_it_was_not_recorded(folder, document, hardware, machine):
    trained = {"hardware": "AMD", "capability": "", "torch": "2", "commit": "a", "levels": 3}
    document["environment"] |= {"hardware": hardware, "capability": "AVX2", "training": [trained]}
    claims_json.write(folder / "fast" / "claims.json", document)
    assert [run.machine for run in history.published_runs(folder) if run.current] == [machine]


def block(entry, first, family="a", of="claim", **values):
    e_values = {"family": family, "claim": 30.0, "contrary": 0.5, "claim_by_signs": 2.0, "contrary_by_signs": 0.1}
    shown = {"of": of, "p": 0.1, "level": 0.001, "t": 1.0, "beyond": 9, "seeds": 12}
    return entry | {"seeds": [first, first + 1], "e_values": e_values | values, "decisive": shown}


def test_e_values_of_blocks_of_one_protocol_are_multiplied_each_block_once(claim):
    blocks = [claim, block(claim, 1000), block(claim, 2000, claim=0.5), block(claim, 2000, claim=2.0)]
    assert history.evidence_of_blocks(blocks) == "60 (1000, 2000)"
    assert history.evidence_of_blocks([*blocks, block(claim, 3000, of="contrary", contrary=8.0)]) == (
        "2 for the contrary (1000, 2000, 3000)"
    )
    assert history.evidence_of_blocks([block(claim, 1000, claim=1e200), block(claim, 2000, claim=1e200)]).startswith(
        "1"
    )
    pilots = block(claim | {"verdict": None}, 0, claim=1000.0)
    assert history.evidence_of_blocks([pilots, block(claim, 1000, claim=20.0)]) == "20 (1000)"
    assert history.evidence_of_blocks([claim]) == ""
    assert history.evidence_of_blocks([block(claim, 1000, claim=None)]) == ""


def test_e_values_of_blocks_of_different_protocols_are_refused_in_one_sentence(claim, folder, document):
    blocks = [block(claim, 1000), block(claim, 2000, family="b")]
    said = "the e-values of the blocks 1000, 2000 are not multiplied: they were judged by different protocols"
    with pytest.raises(InputError, match=said):
        history.evidence_of_blocks(blocks)
    document["claims"] = blocks
    claims_json.write(folder / "fast" / "claims.json", document)
    assert f"| {said} |" in history.to_markdown(history.published_runs(folder))


def test_a_section_of_the_page_says_what_earlier_runs_said_of_its_claim(folder, document, source):
    first, second = document["claims"][:2]
    before = history.before(folder / "fast", document)
    assert [each.run.name for each in before[history.key(first)]] == ["fast-before"]
    page = html.to_html(document, source, earlier=before)
    of_first, of_second = (
        page.partition(f'<article class="claim" id="{html._anchor(claim)}"')[2].partition("</article>")[0]
        for claim in (first, second)
    )
    assert "What earlier runs said" in of_first
    assert '<td>inconclusive: undecided</td><td class="number">8.3' in of_first
    assert '<td class="number">1</td><td>fast-before</td>' in of_first
    assert "What earlier runs said" not in of_second


def test_of_a_block_and_a_verdict_the_last_run_stands_and_none_that_repeats_the_page(folder, document):
    claim = document["claims"][0]
    for number, (seeds, verdict) in enumerate(
        [([3000, 3001], "supported"), ([3000], "refuted"), ([3000, 3001], "supported"), (claim["seeds"], "supported")]
    ):
        other = json.loads(json.dumps(document))
        other["environment"]["started"] = f"2026-01-0{number + 2}T00:00:00+00:00"
        other["claims"] = [claim | {"seeds": seeds, "verdict": verdict}]
        claims_json.write(folder / f"run-{number}" / "claims.json", other)
    found = history.before(folder / "fast", document)[history.key(claim)]
    assert [(each.run.name, each.runs) for each in found] == [("fast-before", 1), ("run-1", 1), ("run-2", 2)]


def test_a_run_that_stands_beside_no_history_has_no_earlier_verdicts(tmp_path, document):
    assert history.before(tmp_path / "latest", document) == {}
