import csv

import pytest

from sdd_claims.cli.tests.conftest import edit
from sdd_claims.report import claims_json, evidence


def test_all_forms_at_once(call, published, tmp_path):
    files = [tmp_path / name for name in ("curves.csv", "table.tex", "figure.svg", "figure.pdf", "figure.png")]
    curves, table, *figures = files
    drawn = [word for figure in figures for word in ("--figure", "learned_kernel_refit", figure)]
    done = call("export", published, "--curves", curves, "--table", table, *drawn)
    assert done.exit_code == 0
    assert done.stdout.split() == [str(file) for file in files]
    assert all(file.stat().st_size for file in files)
    with curves.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    claims = claims_json.read(published / "claims.json")["claims"]
    runs = [run for claim in claims for part in (claim, claim["control"]) for run in part["runs"].values()]
    assert len(rows) == sum(len(run["seeds"]) * run["levels"] for run in runs)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "there is nothing to export"),
        (["--curves", "curves.txt"], "curves.txt has no ending that says what to write; name it *.csv"),
        (["--figure", "learned_kernel_refit", "a.jpg"], "name it *.svg or *.pdf or *.png"),
        (
            ["--figure", "learned_kernel", "a.svg"],
            "no claim learned_kernel in this run (did you mean 'zhang2024/learned",
        ),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is(call, published, tmp_path, words, sentence):
    before = sorted(tmp_path.rglob("*"))
    done = call("export", published, *words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_claim_on_several_networks_is_named_with_one(call, published, tmp_path):
    def on_two_networks(document):
        document["claims"].append({**document["claims"][0], "network": "VGG-16 on CIFAR-10"})

    edit(published, on_two_networks)
    name = claims_json.read(published / "claims.json")["claims"][0]["id"]
    done = call("export", published, "--figure", name, tmp_path / "a.svg")
    assert done.exit_code == 2
    assert (
        f"{name} was put on trial 2 times; give one of: {name} [full], {name} [full, VGG-16 on CIFAR-10]" in done.stderr
    )
    assert call("export", published, "--figure", f"{name} [full]", tmp_path / "a.svg").exit_code == 0


def test_a_run_without_evidence_has_verdicts_and_no_curves(call, published, tmp_path):
    edit(published, lambda document: document.pop("evidence"))
    (published / evidence.NAME).unlink()
    assert call("export", published, "--table", tmp_path / "table.tex").exit_code == 0
    done = call("export", published, "--curves", tmp_path / "curves.csv")
    assert done.exit_code == 2
    assert "was published without evidence" in done.stderr


@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_table_needs_no_curve_and_evidence_that_cannot_be_read_is_warned_of(call, published, tmp_path, damage):
    path = published / evidence.NAME
    path.unlink() if damage == "missing" else path.write_bytes(path.read_bytes()[:-20])
    done = call("export", published, "--table", tmp_path / "table.tex")
    assert done.exit_code == 1
    assert done.stderr.startswith("warning: No curve can be drawn: ")
    assert str(path) in done.stderr
    assert "tabular" in (tmp_path / "table.tex").read_text(encoding="utf-8")
    done = call("export", published, "--table", tmp_path / "other.tex", "--curves", tmp_path / "curves.csv")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / "other.tex").exists()
