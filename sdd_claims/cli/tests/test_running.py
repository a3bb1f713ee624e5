import json
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

    def main(words, plugins):
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


@pytest.mark.parametrize(
    "word",
    ["-Wignore", "-Werror::DeprecationWarning", "-pno:randomly", "-phypothesispytest", "-rfn", "-c/dev/null", "-vv"],
)
def test_a_short_option_of_pytests_is_passed_on_whole(call, given, word):
    call("run", "fast", "-n2", word, "-kfour")
    assert given[:-1] == [*ALWAYS, "fast", "-k", "four", "-n", "2", word]


@pytest.mark.parametrize(
    ("words", "given_on"),
    [
        (["--seeds", "-10"], ["--sdd-seeds=-10"]),
        (["--budget", "-0.5", "--store", "x"], ["--sdd-store=x", "--sdd-budget=-0.5"]),
        (["-k", "-foo"], ["-k", "-foo"]),
        (["-vn", "2"], ["-n", "2", "-v"]),
        (["-xk", "four or five"], ["-k", "four or five", "-x"]),
        (["--verbosity=0", "-vv"], ["--verbosity=0", "-vv"]),
        (["-vv", "-x", "-Wignore"], ["-vv", "-x", "-Wignore"]),
    ],
)
def test_values_and_orders_are_as_they_were_given(call, given, words, given_on):
    call("run", "fast", *words)
    assert given[:-1] == [*ALWAYS, "fast", *given_on]


def test_a_plan_takes_the_workers_that_it_counts(call, given, monkeypatch):
    monkeypatch.chdir(ROOT)
    call("plan", "fast", "-n", "2")
    assert given == [*ALWAYS, "fast", "-n", "2", "--sdd-plan", "claims"]


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


@pytest.fixture
def planned(tmp_path):
    """Plan in a process of its own, from an empty folder; returns status, stdout and stderr."""
    program = "from sdd_claims.cli.main import main; main()"

    def plan(*words):
        ran = subprocess.run(
            [sys.executable, "-c", program, "plan", *words, "--store", str(tmp_path / "store")],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr

    return plan


def test_a_plan_from_an_empty_folder(planned):
    status, said, _ = planned("fast", "-k", "four_phases_in_order")
    assert status == 0, said
    assert "fast tier, first look: 1 claim asks for" in said


def test_a_plan_for_scripts_has_stdout_to_itself(planned, tmp_path):
    status, said, beside = planned("fast", "-k", "four_phases_in_order", "--json", "--budget", "1000")
    assert status == 0, beside
    plan = json.loads(said)
    assert plan["store"] == str(tmp_path / "store")
    (tier,) = plan["tiers"]
    look = tier["looks"][0]
    assert f"{look['needed']:,} after duplicates are dropped" in beside
    assert (tier["tier"], tier["claims"], tier["device"], look["stored"]) == ("fast", 1, "cpu", 0)
    assert look["on_cpu"]["flops"] > 0
    assert look["disk"]["more"] > 0
    (claim,) = plan["claims"]
    assert (claim["id"], claim["tier"]) == ("he2022/four_phases_in_order", "fast")
    assert [each["id"] for each in plan["budget"]["first_looks"]] == [claim["id"]]
    assert (plan["refused"], plan["unloaded"]) == ([], [])


@pytest.mark.parametrize(
    ("words", "status", "stdout", "stderr"),
    [
        (("-k", "no_such_claim"), 5, {"claims": [], "tiers": []}, "no claim is selected"),
        (("-k", "four_phases_in_order", "--seeds", "1000"), 4, {"claims": []}, "needs at least 12 seeds"),
        (("--seeds", "x"), 4, None, "--seeds x"),
        (("--collect-only",), 2, None, "error: pytest was asked for something else than a plan; leave its options out"),
    ],
)
def test_a_plan_for_scripts_that_plans_nothing_has_the_status_that_it_has_in_words(
    planned, words, status, stdout, stderr
):
    ended, said, beside = planned("fast", "--json", *words)
    assert ended == status
    assert stderr in beside
    if stdout is None:
        assert said == ""
    else:
        assert stdout.items() <= json.loads(said).items()


def test_a_plan_for_scripts_names_the_claim_modules_that_cannot_be_loaded(planned, tmp_path):
    (tmp_path / "test_mine.py").write_text("import sdd_claims\nraise ValueError('no such thing')\n")
    status, said, _ = planned("fast", "test_mine.py", "--json")
    assert status == 1
    (why,) = json.loads(said)["unloaded"]
    assert "ValueError: no such thing" in why
