"""The findings are made of the published runs that stand, with what is known about why."""

import re
from pathlib import Path
from typing import get_args

import pytest

from sdd_claims.report import claims_json, findings, history, numbers, sentences

PUBLISHED = Path(__file__).parents[3] / "reports" / "published"


@pytest.fixture
def folder(tmp_path, document):
    claims_json.write(tmp_path / "published" / "fast" / "claims.json", document)
    return tmp_path / "published"


def published_groups():
    return findings.groups(history.standing(PUBLISHED))


def published_notes():
    judged = {found.claim["id"] for group in published_groups() for found in group.findings}
    return history.read_notes(PUBLISHED / findings.NOTES, judged, "")


def test_every_registered_claim_of_every_run_stands_in_one_group():
    runs = history.standing(PUBLISHED)
    judged = {
        (claim["id"], claim["tier"], sentences.network(claim))
        for run in runs
        for claim in run.document["claims"]
        if sentences.is_registered(claim) and claim["verdict"]
    }
    grouped = [
        (found.claim["id"], found.claim["tier"], sentences.network(found.claim))
        for group in findings.groups(runs)
        for found in group.findings
    ]
    assert sorted(grouped) == sorted(judged)


def test_what_holds_is_supported_and_what_does_not_was_established_against_it():
    holds, fails, opens = published_groups()
    assert {found.claim["verdict"] for found in holds.findings} == {"supported"}
    assert {sentences.openness(found.claim) or found.claim["verdict"] for found in fails.findings} == {
        "refuted",
        "contrary on a proxy",
    }
    assert {found.claim["verdict"] for found in opens.findings} == {"inconclusive"}


def test_a_fast_verdict_names_another_one_at_the_papers_size(folder, document):
    (first, *_) = document["claims"]
    fast = first | {"id": "he2022/one", "tier": "fast", "verdict": "supported", "openness": None, "proxy": False}
    alike = fast | {"tier": "full", "network": "LeNet-300-100 on MNIST"}
    other = fast | {"tier": "full", "network": "ResNet-18 on CIFAR-10", "verdict": "refuted"}
    claims_json.write(folder / "fast" / "claims.json", document | {"claims": [fast]})
    claims_json.write(folder / "full" / "claims.json", document | {"claims": [alike, other]})
    rows = [row for row in findings.to_markdown(history.standing(folder), {}).splitlines() if "he2022/one" in row]
    said = [row.split(" | ")[2] for row in rows]
    assert said == ["supported (full, ResNet-18 on CIFAR-10: refuted)", "supported", "refuted"]


def test_the_page_of_a_run_says_what_came_out_at_the_papers_size_and_why(folder, document):
    (folder / "history").mkdir()
    claim = document["claims"][0]
    full = document | {"claims": [claim | {"tier": "full", "verdict": "refuted"}]}
    claims_json.write(folder / "full" / "claims.json", full)
    (folder / findings.NOTES).write_text(f'"{claim["id"]}" = "Small networks differ."', encoding="utf-8")
    found = findings.known_elsewhere(folder / "fast", document)
    assert (
        found[history.key(claim)] == "At the paper's size it came out otherwise (full: refuted). Small networks differ."
    )
    assert [said for name, said in found.items() if name != history.key(claim)] == [""] * (len(found) - 1)
    assert findings.known_elsewhere(folder / "nowhere" / "else", document) == {}


def test_headings_tell_proxies_from_refutations(document):
    (first, *_) = document["claims"]
    refuted = first | {"verdict": "refuted", "openness": None, "proxy": False}
    contrary = first | {"verdict": "inconclusive", "openness": "contrary on a proxy", "proxy": True}
    claims = [
        claim | {"id": f"he2022/{number}"}
        for number, claim in enumerate(
            [first | {"verdict": "supported", "openness": None, "proxy": proxy} for proxy in (False, True)]
            + [refuted, contrary, contrary]
        )
    ]
    run = history.PublishedRun("fast", document | {"claims": claims}, current=True, note="")
    assert [group.title for group in findings.groups([run])] == [
        "Supported (2 of 5 verdicts, 1 of them on a proxy)",
        "Contradicted (3: 1 refuted, 2 on a proxy alone)",
        "Open (0)",
    ]


def test_of_every_published_claim_that_is_not_supported_it_is_said_why():
    others = published_groups()[1:]
    unsupported = {found.claim["id"] for group in others for found in group.findings}
    assert published_notes().keys() >= unsupported


def test_the_committed_page_is_that_of_the_published_runs():
    committed = (PUBLISHED.parent / "FINDINGS.md").read_text(encoding="utf-8")
    assert committed == findings.to_markdown(history.standing(PUBLISHED), published_notes())
    headings = re.findall(r"^#+ (.+)$", committed, re.MULTILINE)
    addresses = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
    assert set(re.findall(r"\]\(#([^)]+)\)", committed)) <= set(addresses)
    assert len(set(addresses)) == len(addresses)
    for run in re.findall(r"\]\((published/[^)]+)\)", committed):
        assert (PUBLISHED.parent / run).exists()


@pytest.mark.parametrize("kind", get_args(claims_json.Openness))
def test_an_inconclusive_verdict_of_whichever_kind_stands_in_one_group(document, kind):
    claim = document["claims"][0] | {"verdict": "inconclusive", "openness": kind, "proxy": True}
    run = history.PublishedRun("fast", document | {"claims": [claim]}, current=True, note="")
    assert [len(group.findings) for group in findings.groups([run])] == (
        [0, 1, 0] if kind == "contrary on a proxy" else [0, 0, 1]
    )


def test_what_is_open_so_far_stands_among_the_open(folder, document):
    claim = document["claims"][0] | {"verdict": "inconclusive", "openness": "open so far"}
    claims_json.write(folder / "fast" / "claims.json", document | {"claims": [claim]})
    *_, is_open = findings.groups(history.standing(folder))
    assert [found.claim["openness"] for found in is_open.findings] == ["open so far"]


def test_a_claim_says_its_effect_its_seeds_and_why(folder, document, capsys):
    claim = document["claims"][0] | {"verdict": "inconclusive", "openness": "undecided"}
    claims_json.write(folder / "fast" / "claims.json", document | {"claims": [claim]})
    (folder / findings.NOTES).write_text(f'"{claim["id"]}" = "Too_few seeds."', encoding="utf-8")
    assert findings.main([str(folder)]) == 0
    text = (folder.parent / "FINDINGS.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == str(folder.parent / "FINDINGS.md")
    (row,) = (line for line in text.splitlines() if f"`{claim['id']}`" in line)
    assert f"| inconclusive: undecided | {numbers.effect(claim['effect'])} " in row
    assert sentences.seeds(claim) in row
    assert f"](#{claim['id'].replace('/', '')})" in row
    why = text.split(f"### {claim['id']}\n")[1]
    assert r"Too\_few seeds." in why
    assert f"- fast, inconclusive: undecided; again: `{claim['rerun']}`" in why


def test_an_open_claim_on_a_proxy_says_that_it_is_one_and_without_a_note_it_links_to_none(folder, document):
    claim = document["claims"][0] | {"verdict": "inconclusive", "openness": "undecided", "proxy": True}
    claims_json.write(folder / "fast" / "claims.json", document | {"claims": [claim]})
    assert findings.main([str(folder)]) == 0
    text = (folder.parent / "FINDINGS.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if f"(`{claim['id']}`)" in line)
    assert "| [fast](published/fast/SUMMARY.md), proxy |" in row
    assert "](#" not in text


def test_of_a_claim_that_holds_it_may_be_said_on_what_it_depends(folder, document):
    supported = next(claim["id"] for claim in document["claims"] if claim["verdict"] == "supported")
    (folder / findings.NOTES).write_text(f'"{supported}" = "With Adam alone."', encoding="utf-8")
    assert findings.main([str(folder)]) == 0
    text = (folder.parent / "FINDINGS.md").read_text(encoding="utf-8")
    assert "With Adam alone." in text.split(f"### {supported}\n")[1]
    assert f"[`{supported}`](#" in text


def test_tiers_share_what_is_known_of_their_claim(document):
    (first, *_) = document["claims"]
    run = history.PublishedRun("fast", document | {"claims": [first, first | {"tier": "full"}]}, current=True, note="")
    text = findings.to_markdown([run], {first["id"]: "With Adam alone."})
    assert text.count("With Adam alone.") == 1
    assert re.findall(r"^- (f\w+), ", text, re.MULTILINE) == ["fast", "full"]


def test_a_note_on_a_claim_of_no_run_and_a_folder_without_runs_are_one_sentence(folder, tmp_path, capsys):
    (folder / findings.NOTES).write_text('"he2022/none" = "Why not?"', encoding="utf-8")
    assert findings.main([str(folder)]) == 2
    assert "has notes on he2022/none, which no run has judged" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert findings.main([str(tmp_path / "empty")]) == 2
    assert "holds no published run" in capsys.readouterr().err
