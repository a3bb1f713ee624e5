"""Every published verdict comes out again from its published evidence, and what is said of them elsewhere agrees."""

import re
from collections import Counter
from collections.abc import Sequence
from copy import copy
from functools import cache
from pathlib import Path

import pytest

from sdd_claims.judging.ledger import Ledger
from sdd_claims.locations import checkout
from sdd_claims.registration.claim import BLOCK
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trials import all_trials
from sdd_claims.rejudge import Rejudging, may_have_judged, rejudge
from sdd_claims.report import claims_json, evidence, highlights, history, markdown, sentences
from sdd_claims.report.claims_json import ClaimEntry

TOP = checkout() or Path()
PUBLISHED = TOP / "reports" / "published"
RUNS = sorted(path.parent.name for path in PUBLISHED.glob("*/claims.json"))


@cache
def published(run: str) -> list[ClaimEntry]:
    return claims_json.read(PUBLISHED / run / "claims.json")["claims"]


@cache
def judged_again(run: str) -> Rejudging:
    return rejudge(PUBLISHED / run, all_trials())


def is_current(claim: ClaimEntry) -> bool:
    """Whether the trial that judged is the one that is registered now: another one cannot be asked again."""
    trial = all_trials().get((claim["id"], claim["tier"], sentences.network(claim)))
    return trial is not None and claim["protocol"] in {
        each.protocol for each in may_have_judged(trial, tuple(claim["seeds"]))
    }


CURRENT = [(run, number) for run in RUNS for number, claim in enumerate(published(run)) if is_current(claim)]


@pytest.mark.parametrize(
    ("run", "number"), CURRENT, ids=[f"{run}-{published(run)[number]['id']}" for run, number in CURRENT]
)
def test_a_published_verdict_comes_out_again_from_its_evidence(run, number):
    assert judged_again(run).verdicts[number].differences == ()


@pytest.mark.parametrize("run", RUNS)
def test_the_evidence_is_the_file_that_was_published(run):
    assert judged_again(run).is_original


@pytest.mark.parametrize("run", RUNS)
def test_what_was_expected_is_what_the_register_said_before_the_block_judged(run):
    for claim in published(run):
        trial = all_trials().get((claim["id"], claim["tier"], sentences.network(claim)))
        if trial is None:  # it stands in the register no more
            continue
        row = trial.claim.registration(claim["tier"], max(BLOCK, min(claim["seeds"])))
        assert claim.get("exploratory") or (row is not None and claim["expected"] == row.expected)


@pytest.mark.parametrize("run", RUNS)
def test_the_summary_is_that_of_what_was_published(run):
    document = claims_json.read(PUBLISHED / run / "claims.json")
    curves, remark = evidence.beside(PUBLISHED / run, document)
    figures = highlights.highlights(document, curves)
    written = (PUBLISHED / run / "SUMMARY.md").read_text(encoding="utf-8")
    assert written == markdown.to_markdown(document, figures, remark)
    assert {figure.path for figure in figures} == {
        str(path.relative_to(PUBLISHED / run)) for path in (PUBLISHED / run / "figures").glob("*")
    }


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return Ledger(tmp_path_factory.mktemp("ledger") / "judged.json", history.published_paths(PUBLISHED).values())


@pytest.mark.parametrize("trial", all_trials().values(), ids=lambda trial: f"{trial.name} [{trial.tier}]")
def test_no_protocol_has_changed_after_its_block_judged(ledger, trial):
    if isinstance(trial.rule, FromPilots):  # its protocol says how windows follow, whatever they will be
        trial = copy(trial)
        object.__setattr__(trial, "windows_from", trial.rule)
    ledger.check(trial, trial.judged_seeds()[-1])


@pytest.mark.parametrize("run", RUNS)
def test_what_stands_beside_a_verdict_stands_beside_every_one_that_can_be_judged_again(run):
    for number, claim in enumerate(published(run)):
        assert "stability" in claim or (run, number) not in CURRENT


def test_the_history_is_made_of_what_was_published():
    assert (PUBLISHED / "HISTORY.md").read_text(encoding="utf-8") == history.to_markdown(
        history.published_runs(PUBLISHED)
    )


KINDS = ("contrary on a proxy", "undecided", "cannot be measured")
IN_FULL = ("undecided", "open so far", "cannot be measured")


def counts(tier: str, rulings: Sequence[str]) -> dict[str, list[int]]:
    """Of every paper, how many claims of a tier were judged last, and came to each of some rulings."""
    papers: dict[str, Counter[str]] = {}
    for _, claim in history.last_verdicts(history.standing(PUBLISHED)):
        if claim["tier"] == tier and sentences.is_registered(claim):
            papers.setdefault(sentences.short_title(claim), Counter())[sentences.ruling(claim)] += 1
    return {paper: [sum(of.values()), *(of[ruling] for ruling in rulings)] for paper, of in papers.items()}


@pytest.mark.parametrize(
    ("tier", "between", "rulings"),
    [
        ("fast", "", ("supported", "supported on a proxy", "refuted", *(f"inconclusive: {kind}" for kind in KINDS))),
        ("full", r" \| [^|]*\[[^|]+", ("supported", "refuted", *(f"inconclusive: {kind}" for kind in IN_FULL))),
    ],
)
def test_the_tables_of_the_readme_count_what_was_published(tier, between, rulings):
    paper, count = r"\[?([^|\]]+?)\]?(?:\(http[^)]*\))?", r" \| (\d+)"
    text = (TOP / "README.md").read_text(encoding="utf-8")
    rows = re.findall(rf"^\| {paper}{between}{(1 + len(rulings)) * count} \|$", text, re.MULTILINE)
    assert {paper: [int(number) for number in numbers] for paper, *numbers in rows} == counts(tier, rulings)


def test_what_would_be_otherwise_is_counted():
    (run,) = (run for run in history.standing(PUBLISHED) if run.name == "fast")
    supported = [c for c in run.document["claims"] if sentences.is_registered(c) and c["verdict"] == "supported"]
    moved = [[v for name, v in c["robustness"].items() if name.startswith("windows")] for c in supported]
    changed = [[v for name, v in c["robustness"].items() if name.startswith("margin")] for c in supported]
    is_open = sum("open" in found for found in moved)
    contrary = sum(not {*found} <= {"supported", "open"} for found in moved)
    unsupported = sum(bool({*found} - {"supported"}) for found in changed)
    text, readme = (
        " ".join((TOP / name).read_text(encoding="utf-8").split()) for name in ("docs/why-believe-it.md", "README.md")
    )
    lost = sum(bool({*one, *other} - {"supported"}) for one, other in zip(moved, changed, strict=True))
    assert f"with windows or margins changed {lost} would not be supported" in readme
    assert contrary == 1
    assert f"{is_open} of the {len(supported)} supported verdicts would be open, and one the contrary" in readme
    assert (
        f"Of the {len(supported)} supported verdicts {is_open} would be open, and one the contrary, with all windows "
        f"one level denser or all one sparser; {unsupported} would not be supported with margins halved or doubled"
    ) in text


def test_supported_claims_show_more_than_their_controls():
    (run,) = (run for run in history.standing(PUBLISHED) if run.name == "fast")
    claims = [claim for claim in run.document["claims"] if sentences.is_registered(claim)]
    p = {
        verdict: [
            claim["control"]["difference"]["p"]
            for claim in claims
            if sentences.ruling(claim).startswith(verdict) and "difference" in claim["control"]
        ]
        for verdict in ("supported", "inconclusive: contrary on a proxy")
    }
    assert len(p["supported"]) == sum(claim["verdict"] == "supported" for claim in claims) == 39
    assert f"{max(p['supported']):.4f}".lstrip("0") == ".0054"
    assert f"{min(p['supported']):.0e}" == "5e-11"
    assert sum(each > 0.5 for each in p["inconclusive: contrary on a proxy"]) == 3
    for name in ("README.md", "docs/why-believe-it.md"):
        assert ".0054" in (TOP / name).read_text(encoding="utf-8")


def test_the_documents_count_as_the_register_does():
    trials = [trial for trial in all_trials().values() if not trial.claim.exploratory]
    full = sum(trial.tier == "full" for trial in trials)
    rate = f"{the_register().alpha:g} / {the_register().registered}"
    for name in ("README.md", "docs/statistics.md"):
        assert rate in (TOP / name).read_text(encoding="utf-8")
    assert f"Over the {full} registered trials" in (TOP / "docs" / "statistics.md").read_text(encoding="utf-8")


def test_the_documents_say_how_often_claims_were_registered_and_judged():
    registered = [claim["registrations"] for claim in published("fast") if sentences.is_registered(claim)]
    again = [each for each in registered if len(each) > 1]
    otherwise = [each for each in again if len({entry["expected"] for entry in each}) > 1]
    found = re.search(
        r"(\d+) times a block of seeds has judged.*?at most ([\d.]+)",
        " ".join((PUBLISHED / "HISTORY.md").read_text(encoding="utf-8").split()),
    )
    assert found is not None
    times, bound = found[1], round(float(found[2]))
    readme, statistics = (
        " ".join((TOP / name).read_text(encoding="utf-8").split()) for name in ("README.md", "docs/statistics.md")
    )
    assert (
        f"Of the {len(registered)} registrations {len(registered) - len(again)} are the first of their claim; "
        f"{len(again)} were written anew after an earlier block had judged it"
    ) in readme
    assert len(otherwise) == 10
    assert "ten of those with another expectation" in readme
    assert f"over all {times} times that a block has judged a fast claim here" in readme
    assert f"bounded by {bound} % only" in readme
    assert f"over all {times} times that a block has judged a claim of the fast tier" in statistics
    assert f"by {bound} %" in statistics
