import subprocess
import sys
from pathlib import Path

import pytest

from sdd_claims import locations
from sdd_claims.command_line import OPTIONS

ROOT = Path(__file__).parents[3]
ALWAYS = ["-p", "sdd_claims.plugin", "-m"]


@pytest.fixture
def given(monkeypatch):
    """What pytest is given, in place of running it; it answers with exit status 5."""
    arguments = []

    def main(words):
        arguments.extend(words)
        return pytest.ExitCode.NO_TESTS_COLLECTED

    monkeypatch.setattr(pytest, "main", main)
    return arguments


def test_a_tier_is_run_on_the_suites_claims_and_the_exit_status_is_pytests(call, given, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = call("run", "fast", "-k", "four or five", "--store", "a store", "-n", "2", "-xv", "--maxfail=1")
    assert done.exit_code == 5
    assert given == [
        *ALWAYS,
        "fast",
        "-k",
        "four or five",
        "-n",
        "2",
        "--sdd-store=a store",
        "-xv",
        "--maxfail=1",
        "claims",
    ]


def test_from_elsewhere_the_claims_of_the_checkout_are_run(call, given, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    call("run", "full")
    assert given == [*ALWAYS, "full", str(ROOT / "claims")]


def test_from_the_wheel_the_claims_inside_the_package_are_run(call, given, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locations, "_PACKAGE", tmp_path / "sdd_claims")
    call("run", "fast")
    assert given == [*ALWAYS, "fast", "--pyargs", "sdd_claims.claims"]


def test_a_file_of_ones_own_takes_the_place_of_the_suites_claims(call, given, tmp_path):
    mine = tmp_path / "test_mine.py"
    mine.touch()
    call("run", "fast", f"{mine}::test_it", "-x")
    assert given == [*ALWAYS, "fast", "-x", f"{mine}::test_it"]


@pytest.mark.parametrize("form", ["short", "long"])
def test_every_option_of_the_plugin_is_passed_on_under_both_names(call, given, form):
    words = [word for each in OPTIONS for word in (getattr(each, form), *(["3"] if each.metavar else []))]
    call("run", "fast", *words)
    assert given[4:-1] == [f"{each.long}=3" if each.metavar else each.long for each in OPTIONS]


def test_a_value_in_a_word_of_its_own_is_not_taken_for_a_claim(call, given):
    done = call("run", "fast", "--maxfail", "1")
    assert (done.exit_code, given) == (2, [])
    assert "1: there is no such file; select claims by name with -k" in done.stderr


def test_a_plan_is_a_run_that_trains_nothing(call, given):
    call("plan", "full", "-k", "rank")
    assert given[:7] == [*ALWAYS, "full", "-k", "rank", "--sdd-plan"]


def test_a_plan_from_an_empty_folder(tmp_path):
    program = "from sdd_claims.cli.main import main; main()"
    words = ["plan", "fast", "-k", "four_phases_in_order", "--store", str(tmp_path / "store")]
    ran = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "fast tier, first look: 1 claim asks for" in ran.stdout
