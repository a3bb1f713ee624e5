"""How often a published trial errs and finds, from its own numbers."""

import itertools
import json
import re
from pathlib import Path

import pytest
from scipy.stats import binomtest

from sdd_claims.characteristics import EFFECTS, Errors, characteristics, main, power_of_a_mean
from sdd_claims.locations import checkout
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trials import all_trials
from sdd_claims.report import claims_json, evidence, numbers, sentences
from sdd_claims.report.trial_errors import trial_errors
from sdd_claims.stats.calibration import DESIGNS
from sdd_claims.stats.sequential import nominal_p

pytestmark = pytest.mark.skipif(checkout() is None, reason="published runs lie in the repository, not in the wheel")
NAME = "zhang2024/fewer_neurons_more_ascents_with_l1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The published run of the fast tier with one claim of it, whose contrary was established on a proxy."""
    published = Path(__file__).parents[2] / "reports" / "published" / "fast"
    document = claims_json.read(published / "claims.json")
    document["claims"] = [claim for claim in document["claims"] if claim["id"] == NAME]
    claims_json.write(tmp_path / "claims.json", document)
    (tmp_path / evidence.NAME).symlink_to(published / evidence.NAME)
    return tmp_path


def test_a_trial_errs_no_more_often_than_its_level_and_finds_what_was_measured(folder):
    (found,) = characteristics(folder, all_trials(), 4000)
    assert found.claim["id"] == NAME
    for errors in (found.false_support, found.false_contrary):
        assert len(errors.counts) == 1
        assert binomtest(errors.counts[0], 4000, 0.05 / 57, alternative="greater").pvalue > 1e-3
        assert set(errors.again) == {edge for edge, count in enumerate(errors.counts) if count > 4000 * 0.05 / 57}
    assert found.chances["contrary on a proxy"] > 0.9
    assert found.chances["supported"] == 0


def test_fresh_studies_stand_for_the_first_ones_where_errors_came_out_above_their_level(folder, monkeypatch):
    """The first 1,000 studies err 9 times in 1,000 at every edge, fresh ones once."""

    def errs(design, tested, control, name, studies):
        return dict.fromkeys(("supported", "refuted", "contrary on a proxy"), 0.001 if ", again " in name else 0.009)

    monkeypatch.setattr("sdd_claims.characteristics.power", errs)
    (found,) = characteristics(folder, all_trials(), 1000)
    assert found.false_support.counts == (9,)
    assert found.false_support.again == {0: 10}
    assert found.false_support.measured == [(10, 10_000)]
    assert found.false_contrary.again == {0: 20}


def test_the_largest_rate_and_the_largest_bound_may_be_those_of_two_edges():
    found = Errors((3, 9, 2), 1000, {1: 35})
    assert found.largest == 0.0035
    assert found.bound == pytest.approx(binomtest(3, 1000).proportion_ci(0.95, "exact").high)
    assert Errors((3, 9, 2), 1000, {1: 25}).largest == 0.003


def test_more_looks_and_larger_effects_have_more_power():
    found = power_of_a_mean(0.05 / 57, 300)
    assert list(found) == list(DESIGNS)
    for chances in found.values():
        assert len(chances) == len(EFFECTS)
        assert chances[0] < 0.02
        assert all(later >= earlier - 0.05 for earlier, later in itertools.pairwise(chances))
    for fewer, more in itertools.pairwise(DESIGNS):
        assert sum(found[more]) > sum(found[fewer])


def test_the_command_writes_table_and_figure(folder, capsys):
    file, fixture = folder / "CHARACTERISTICS.md", folder / "characteristics_fast.json"
    assert main([str(folder), "--studies", "200", "--write", str(file), "--fixture", str(fixture)]) == 0
    text = file.read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith("| `")]
    claim, looks, *_, verdict, _ = [cell.strip() for cell in row.strip("|").split("|")]
    assert (claim, looks, verdict) == (f"`{NAME}`, proxy", "12, 24, 48", "inconclusive: contrary on a proxy")
    assert "200 studies at each place" in text
    assert "](CHARACTERISTICS.svg)" in text
    assert (folder / "CHARACTERISTICS.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert main([str(folder), "--studies", "200"]) == 0
    assert capsys.readouterr().out.count(f"| `{NAME}`, proxy |") == 1


def test_the_rates_travel_to_the_pages_of_runs_that_judge_the_same_trial(folder):
    fixture = folder / "characteristics_fast.json"
    assert main([str(folder), "--studies", "200", "--fixture", str(fixture)]) == 0
    claims = claims_json.read(folder / "claims.json")["claims"]
    (entry,) = trial_errors(claims, folder)
    (trial,) = entry["trials"]
    assert (trial["id"], trial["looks"], entry["tier"], entry["studies"]) == (NAME, [12, 24, 48], "fast", 200)
    errors = trial["false_support"]
    assert errors is not None
    assert errors["places"] == 1
    assert errors["rate"] <= errors["upper"] < 0.05
    assert [each["looks"] for each in entry["power"]] == [list(looks) for looks in DESIGNS]
    assert trial_errors([claims[0] | {"protocol": "0" * 64}], folder) == []
    assert trial_errors([claims[0] | {"verdict": None}], folder) == []  # of a rehearsal, or of pilots


def test_a_claim_that_is_judged_otherwise_by_now_is_an_error(folder, capsys):
    document = claims_json.read(folder / "claims.json")
    document["claims"][0]["protocol"] = "0" * 64
    claims_json.write(folder / "claims.json", document)
    assert main([str(folder)]) == 2
    assert f"{NAME} [fast] is judged by another protocol now; check out commit" in capsys.readouterr().err


def test_a_run_over_pilots_says_it_before_any_seed_judges(folder, capsys):
    document = claims_json.read(folder / "claims.json")
    entry = document["claims"][0]
    entry["verdict"], entry["expected"] = None, "inconclusive"
    entry["foreseen"] = [{"looks": [12, 24], "supported": 0, "contrary": 1, "refutable": True}]
    claims_json.write(folder / "claims.json", document)
    (found,) = characteristics(folder, all_trials(), 200)
    assert (found.design.looks, found.stability) == ((12, 24, 48), None)
    assert found.design.threshold == nominal_p(0.05 / 57, (12, 24, 48))
    assert found.chances["contrary on a proxy"] > 0.9
    assert main([str(folder), "--studies", "200"]) == 0
    text = capsys.readouterr().out
    assert "from a run over pilots (" in text
    assert "of those that the pilots gave" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| `")]
    assert row.endswith("| inconclusive |")
    entry["protocol"] = "0" * 64
    claims_json.write(folder / "claims.json", document)
    assert main([str(folder)]) == 2
    assert f"{NAME} [fast] has changed since these pilots were looked at; run pytest" in capsys.readouterr().err


def test_runs_that_judged_and_runs_over_pilots_make_no_page_together(folder, tmp_path, capsys):
    pilots = tmp_path / "pilots"
    pilots.mkdir()
    document = claims_json.read(folder / "claims.json")
    document["claims"][0]["verdict"] = None
    document["claims"][0]["foreseen"] = [{"looks": [12, 24], "supported": 0, "contrary": 1, "refutable": True}]
    claims_json.write(pilots / "claims.json", document)
    (pilots / evidence.NAME).symlink_to((folder / evidence.NAME).resolve())
    assert main([str(folder), str(pilots), "--studies", "50"]) == 2
    assert "make a page of each kind" in capsys.readouterr().err


def test_runs_of_other_protocols_make_one_page_by_the_rules_of_today(folder, tmp_path, capsys):
    document = claims_json.read(folder / "claims.json")
    document["claims"][0]["protocol"] = "0" * 64
    claims_json.write(folder / "claims.json", document)
    without = tmp_path / "without evidence"
    without.mkdir()
    claims_json.write(without / "claims.json", {**document, "alpha": 0.01})
    evidence.write(without, evidence.Evidence({}, ""))
    assert main([str(folder), str(without), "--studies", "100", "--rules", "today"]) == 0
    text = capsys.readouterr().out
    assert text.count(f"| `{NAME}`, proxy |") == 1
    assert "from 2 published runs" in text
    assert f"Left out is {NAME} [fast]: the evidence holds no test_accuracy of run" in text
    assert main([str(without), "--rules", "today"]) == 2
    assert "holds no verdict on a registered claim that can be judged again" in capsys.readouterr().err


def test_the_replications_that_the_page_names_are_those_of_their_pages():
    reports = Path(__file__).parents[2] / "reports"
    counts = [
        re.search(
            r"\*\*(\d+ of \d+) verdicts were repeated; the figures beside the first ones promised ([\d.]+)\.",
            (reports / name).read_text(encoding="utf-8"),
        )
        for name in ("REPLICATION-block-10000.md", "REPLICATION-block-17000.md", "REPLICATION.md")
    ]
    first, second, third = (found.groups() for found in counts if found)
    pages = [" ".join(page.read_text(encoding="utf-8").split()) for page in sorted(reports.glob("CHARACTERISTICS*.md"))]
    assert len(pages) == 3
    for said in (page for page in pages if "run over pilots" not in page):  # of pilots no verdict can repeat
        assert f"on fresh seeds {first[0]} verdicts were repeated where {first[1]} had been promised" in said
        assert f"{second[0]} where {second[1]} had been, and {third[0]} where {third[1]} had been" in said


def test_the_page_is_that_of_the_published_run():
    reports = Path(__file__).parents[2] / "reports"
    run = claims_json.read(reports / "published" / "fast" / "claims.json")
    text = (reports / "CHARACTERISTICS.md").read_text(encoding="utf-8")
    assert f"commit {run['environment']['commit'][:10]});" in text
    for entry in run["claims"]:
        if not sentences.is_exploratory(entry):
            assert f"| `{entry['id']}`" in text


@pytest.mark.parametrize("tier", ["fast", "full"])
def test_the_rates_that_travel_are_those_of_the_page(tier):
    top = Path(__file__).parents[2]
    entry = json.loads((top / "fixtures" / f"characteristics_{tier}.json").read_text(encoding="utf-8"))
    page = (top / "reports" / f"CHARACTERISTICS{'' if tier == 'fast' else '-full'}.md").read_text(encoding="utf-8")
    assert entry["trials"]
    assert entry["level"] == the_register().alpha / the_register().registered
    for trial in entry["trials"]:
        (row,) = [
            line for line in page.splitlines() if line.startswith(f"| `{trial['id']}`") and trial["network"] in line
        ]
        shown = [cell.strip() for cell in row.split("|")][3:5]
        for errors, cell in zip((trial["false_support"], trial["false_contrary"]), shown, strict=True):
            assert cell == "never" if errors is None else f"{numbers.per_ten_thousand(errors['rate'])} ≤" in cell


def test_the_published_fast_run_says_of_every_trial_how_often_it_errs():
    top = Path(__file__).parents[2]
    run = claims_json.read(top / "reports" / "published" / "fast" / "claims.json")
    (entry,) = run["characteristics"]
    judged = {claim["id"] for claim in run["claims"] if not sentences.is_exploratory(claim)}
    assert {trial["id"] for trial in entry["trials"]} == judged


def test_where_no_claim_can_be_refuted_the_page_says_so(folder, monkeypatch):
    monkeypatch.setattr("sdd_claims.characteristics.edges_of_contrary", lambda tested: [])
    file = folder / "page.md"
    assert main([str(folder), "--studies", "50", "--write", str(file)]) == 0
    text = file.read_text(encoding="utf-8")
    assert "false contraries at 0 places" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| `")]
    assert "| never |" in row


def test_a_number_of_studies_below_one_is_refused(folder, capsys):
    with pytest.raises(SystemExit):
        main([str(folder), "--studies", "0"])
    assert "must be a number of studies, got 0; give 1 or more" in capsys.readouterr().err
