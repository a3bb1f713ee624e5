"""`sdd-claims check`: what it answers, and what it refuses."""

import json

import numpy as np
import pytest

from sdd_claims.engines import SerialEngine
from sdd_claims.engines import pool as pool_module
from sdd_claims.engines import work as work_module
from sdd_claims.tests.test_own import DIP, FALL, curves

SOURCE = """
from torch import nn

def build(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, classes))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my.py").write_text(SOURCE, encoding="utf-8")
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8)
    np.savez(tmp_path / "my.npz", images=images, labels=np.arange(60) % 2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    monkeypatch.setattr(pool_module.PoolEngine, "run", SerialEngine.run)
    return tmp_path


def test_it_says_what_it_does_and_then_the_answer(folder, call):
    found = call("check", "--network", "my.py:build", "--data", "my.npz", "--levels", "8", "--epochs", "1")
    assert found.exit_code == 0
    assert found.stdout.startswith("Yes, it shows sparse double descent under 20% label noise.")
    assert "yours/sdd_appears_under_label_noise" in found.stdout
    first, second = found.stderr.splitlines()[:2]
    assert first == "checking my.py:build and my.npz ..."
    assert second.startswith("my.py:build on my.npz: 45\N{NO-BREAK SPACE}training images of (1, 4, 4), 2 classes; ")
    assert "; prunes 1.weight, by compiled code." in second
    (page,) = (folder / "reports").glob("yours-my-py-build-on-my-npz/index.html")
    assert "yours" in page.read_text(encoding="utf-8")


def test_a_plan_trains_nothing_and_says_what_would_be_trained(folder, call):
    words = ("check", "--plan", "--network", "my.py:build", "--data", "my.npz", "--levels", "8", "--epochs", "1")
    found = call(*words)
    assert found.exit_code == 0
    assert "1 claim asks for 288 levels" in found.stdout
    assert not (folder / "reports").exists()
    assert json.loads(call(*words, "--json").stdout)["tiers"][0]["looks"][0]["needed"] == 288


def test_what_the_users_module_prints_is_not_among_the_json(folder, call, capfd):
    source = (folder / "my.py").read_text(encoding="utf-8")
    printing = 'import ctypes, os\nprint("loading")\nos.system("echo below")\nctypes.CDLL(None).printf(b"held back")'
    (folder / "my.py").write_text(f"{printing}\n{source}", encoding="utf-8")
    found = call(
        "check", "-q", "--json", "--network", "my.py:build", "--data", "my.npz", "--levels", "8", "--epochs", "1"
    )
    assert json.loads(found.stdout)["unjudged"] == []
    assert "loading" in found.stderr
    assert capfd.readouterr().out == ""


def test_the_line_to_run_again_is_the_one_that_was_given(folder, call, monkeypatch):
    words = ["check", "--network", "my.py:build", "--data", "my.npz", "--levels", "8", "--report", "a report"]
    monkeypatch.setattr("sys.argv", ["sdd-claims", *words])
    call(*words)
    text = (folder / "a report" / "claims.json").read_text(encoding="utf-8")
    assert "sdd-claims check --network my.py:build --data my.npz --levels 8 --report 'a report'" in text


def test_json_has_the_entries_of_the_report_and_the_status_says_whether_all_were_judged(folder, call):
    words = ["check", "-q", "--json", "--network", "my.py:build", "--data", "my.npz", "--levels", "8", "--report", "r"]
    words += ["--claims", "teacher_removes_the_dip,four_phases_in_order"]
    found = call(*words)
    answer = json.loads(found.stdout)
    assert (found.exit_code, answer["unjudged"]) == (0, [])
    assert answer["claims"] == json.loads((folder / "r" / "claims.json").read_text(encoding="utf-8"))["claims"]
    assert answer["report"] == str(folder / "r" / "index.html")
    words += ["--block", "2000"]
    assert call(*words, "--claims", "four_phases_in_order", "--report", "another").exit_code == 0
    again = call(*words, "--pilots", "5", "--report", "a third")  # another way to windows, after a look
    assert again.exit_code == 1
    answer = json.loads(again.stdout)
    assert [entry["id"] for entry in answer["claims"]] == ["yours/teacher_removes_the_dip"]
    assert answer["unjudged"][0].startswith("yours/four_phases_in_order with my.py:build on my.npz: the block of")


def test_where_pilots_set_no_windows_the_status_says_that_nothing_was_judged(folder, call, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL, of_pilots=FALL))
    found = call("check", "-q", "--network", "my.py:build", "--data", "my.npz", "--levels", "8", "--epochs", "1")
    assert found.stdout.startswith("Inconclusive, since no seed has judged")
    assert found.exit_code == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--network", "my.py:bild", "--data", "my.npz"], "did you mean 'build'?"),
        (["--network", "my.py:build", "--data", "no.npz"], "--data no.npz: there is no such file or folder; give"),
        (["--network", "my.py:build", "--data", ""], "--data is empty; give an .npz, a folder of images, or"),
        (["--network", "my.py:build", "--data", "my.npz", "--prunable", "2"], "--prunable 2: my.py:build has no such"),
        (["--network", "my.py:build", "--data", "my.npz", "--claims", "x"], "--claims x: there is no such claim"),
        (["--network", "my.py:build", "--data", "my.npz", "--device", "abacus"], "--device abacus: there is no"),
        (["--network", "my.py:build", "--data", "my.py:build"], "--data my.py:build fails: TypeError"),
        (["--network", "my.py:build", "--data", "my.py"], "--data my.py: give the name of a callable in it as well"),
        (["--network", "my.py:build", "--data", "my.npz", "--penalty", "my.py:build"], "has no strength; give one"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(folder, call, words, why):
    found = call("check", "-q", *words)
    assert found.exit_code == 2
    assert found.stderr.startswith("error: ")
    assert why in found.stderr
    assert len(found.stderr.splitlines()) == 1
