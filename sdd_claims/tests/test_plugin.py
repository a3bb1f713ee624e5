"""Whole pytest runs of small projects of claims, each with its own store."""

import importlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.errors import StoreError
from sdd_claims.judging.run import ClaimRun
from sdd_claims.judging.verdict import Verdict
from sdd_claims.machine.devices import cores
from sdd_claims.registration.register import the_register
from sdd_claims.rejudge import rejudge
from sdd_claims.report import sentences
from sdd_claims.report.json_schema import json_schema
from sdd_claims.storage import store as store_module
from sdd_claims.storage.checksummed_json import seal
from sdd_claims.storage.files import write_atomically
from sdd_claims.tests.homeless import no_home
from sdd_claims.tests.tiny import stack_of_three, trained

__all__ = ["no_home"]

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]

PYPROJECT = """
[tool.pytest.ini_options]
addopts = ["--strict-markers", "-m", "not full", "--import-mode=importlib", "-p", "no:cacheprovider"]
filterwarnings = ["error"]
"""

MODULE = """
import pytest
from dataclasses import replace
from sdd_claims.stats import Window
from sdd_claims.tests.tiny import NO, NOISY, OPEN, SPEC, YES, trial_named

@pytest.mark.{tier}(trial_named({name!r}, {rule}, tier={tier!r}, {settings}))
def test_{tier}(verdict):
    verdict.check()
"""


ON_TWO = """
from sdd_claims.registration.setting import ChainSetting, full_on
from sdd_claims.stats import Window
from sdd_claims.tests.tiny import NO, NOISY, SPEC, YES, trial_named

TEN, HUNDRED = (
    ChainSetting(tier="full", levels=2, block=1000, phases={}, deviations=(), network=f"ResNet-18 on CIFAR-{classes}")
    for classes in (10, 100)
)


def trial(setting):
    rule, spec = (YES, SPEC) if setting is TEN else (NO, NOISY)
    return trial_named("both", rule, spec=spec, tier="full", expected="supported", network=setting.network)


@full_on(trial, TEN, HUNDRED)
def test_full(verdict):
    verdict.check()
"""


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory):
    """An inner run forgets the modules that it was first to import; some of them cannot be imported twice."""
    importlib.import_module("sdd_claims.report.html")
    SerialEngine().run(stack_of_three(1), WorkerConfig(tmp_path_factory.mktemp("imported")))


@pytest.fixture
def project(pytester, monkeypatch):
    """Runs pytest in a checkout of its own; `add` adds a claim."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for of_outside in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):  # of whoever runs these tests
        monkeypatch.delenv(of_outside, raising=False)
    pytester.makepyprojecttoml(PYPROJECT)
    pytester.makeconftest('pytest_plugins = ["sdd_claims.plugin"]')
    return Project(pytester)


class Project:
    def __init__(self, pytester):
        self.pytester, self.path = pytester, pytester.path
        self.store = self.path / ".sdd_store"

    def add(self, name, rule="YES", settings="", tier="fast"):
        folder = self.path / "claims" / "nobody2026"
        folder.mkdir(parents=True, exist_ok=True)
        module = MODULE.format(name=name, rule=rule, settings=settings, tier=tier)
        (folder / f"test_{name}.py").write_text(module)
        return self

    def run(self, *args, engine="serial"):
        return self.pytester.runpytest_inprocess(*args, *(["--engine", engine] if engine else []))

    def entries(self, report="reports/latest"):
        document = json.loads((self.path / report / "claims.json").read_text())
        return {entry["id"].removeprefix("nobody2026/"): entry for entry in document["claims"]}


def errors(result) -> str:
    """What a run that failed said, before pytest says it again in its summary; there is no traceback in it."""
    said = result.stdout.str().partition("short test summary info")[0] + result.stderr.str()
    assert result.ret != 0
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    return " ".join(said.split())


WITHOUT_WINDOWS = """
import pytest
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.tests.tiny import SPEC, YES, trial_named

curves = CurveOf(SPEC, "test_accuracy", 2), CurveOf(SPEC, "train_accuracy", 2)


@pytest.mark.fast(trial_named("waiting", FromPilots(lambda at: YES, {"noisy": curves}, (0, 1))))
def test_fast(verdict):
    verdict.check()
"""


def test_a_claim_that_pilots_show_no_windows_for_stands_in_the_report_as_open(project):
    project.add("clear")
    (project.path / "claims" / "nobody2026" / "test_waiting.py").write_text(WITHOUT_WINDOWS)
    assert project.run("-m", "fast").parseoutcomes() == {"passed": 1, "inconclusive": 1}
    entry = project.entries()["waiting"]
    assert (entry["verdict"], entry["seeds"], entry["p"], entry["protocol"]) == ("inconclusive", [0, 1], None, None)
    assert "no windows can be set, so that no seed has judged" in entry["reason"]
    page = (project.path / "reports" / "latest" / "index.html").read_text()
    assert "shows no dip" in page
    assert "Traceback" not in page


def test_verdicts_have_their_own_status_and_only_an_unexpected_refutation_fails(project):
    project.add("clear").add("open", "OPEN").add("wrong", "NO").add("known", "NO", "expected='refuted'")
    result = project.run("-v", "--junitxml", "junit.xml")
    result.stdout.fnmatch_lines_random(
        [
            "*test_clear.py::test_fast SUPPORTED*",
            "*test_open.py::test_fast INCONCLUSIVE*",
            "*test_known.py::test_fast REFUTED*",
            "*test_wrong.py::test_fast FAILED*",
        ]
    )
    assert result.parseoutcomes() == {"failed": 1, "passed": 1, "inconclusive": 1, "refuted": 1}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert {name: entry["verdict"] for name, entry in project.entries().items()} == {
        "clear": "supported",
        "open": "inconclusive",
        "wrong": "refuted",
        "known": "refuted",
    }
    assert (project.path / "reports/latest/index.html").exists()


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_the_verdict_and_its_numbers_stand_in_junit_xml(project, workers):
    project.add("clear").add("wrong", "NO").add("open", "OPEN").pytester.makepyfile("def test_of_no_claim(): ...")
    project.run("--junitxml", "junit.xml", *workers)
    cases = {}
    for case in ElementTree.parse(project.path / "junit.xml").getroot().iter("testcase"):
        of_case = [(each.get("name", ""), each.get("value", "")) for each in case.iter("property")]
        assert len(of_case) == len(dict(of_case))
        cases[case.get("classname", "").rpartition("test_")[2]] = dict(of_case)
    assert cases.pop("the_verdict_and_its_numbers_stand_in_junit_xml") == {}
    assert cases.keys() == project.entries().keys()
    for name, entry in project.entries().items():
        held = cases[name]
        assert [*held] == [
            *("verdict", "ruling", "expected", "effect", "effect_low", "effect_high", "effect_unit"),
            *("p", "p_of", "seeds", "rerun"),
        ]
        assert (held["verdict"], held["expected"], held["seeds"]) == (
            entry["verdict"],
            "supported",
            str(len(entry["seeds"])),
        )
        assert (float(held["effect"]), held["effect_unit"]) == (entry["effect"]["value"], entry["effect"]["unit"])
        assert (float(held["p"]), held["p_of"]) == (entry["decisive"]["p"], entry["decisive"]["of"])
    assert cases["open"]["ruling"] == "inconclusive: undecided"
    assert cases["wrong"]["p_of"] == "contrary"


def test_junit_xml_says_nothing_of_what_nobody_measured(project):
    project.add("clear").run("--smoke", "--junitxml", "junit.xml")
    properties = ElementTree.parse(project.path / "junit.xml").getroot().iter("property")
    held = {each.get("name"): each.get("value") for each in properties}
    assert (held["verdict"], held["effect"], held["p"], held["p_of"]) == ("not judged", "", "", "")


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_the_page_of_a_ci_run_gets_the_verdict_table_and_keeps_what_is_there(project, monkeypatch, workers):
    page = project.path / "step.md"
    page.write_text("## Another step\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    project.add("clear").add("wrong", "NO").run(*workers)
    said = page.read_text(encoding="utf-8")
    assert said.startswith("## Another step\n\n## Sparse double descent: the claims on trial\n")
    assert said.count("## Sparse") == 1
    rows = [line for line in said.splitlines() if line.startswith("| Networks do as they are told.")]
    assert len(rows) == 2
    assert "| refuted (expected supported) |" in "".join(rows)
    assert len(said) < len((project.path / "reports/latest/SUMMARY.md").read_text(encoding="utf-8"))


def test_a_run_outside_of_ci_or_with_a_page_that_cannot_be_written_is_reported_all_the_same(project, monkeypatch):
    project.add("clear")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    assert project.run().ret == 0
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path))
    result = project.run()
    assert result.ret == 0
    assert f"warning: the verdicts cannot be added to {project.path} (Is a directory)" in result.stderr.str()
    assert set(project.entries()) == {"clear"}


def test_an_unexpected_refutation_fails_with_one_paragraph(project):
    said = project.add("wrong", "NO").run().stdout.str()
    paragraph = " ".join(said[said.index("nobody2026/wrong [fast]") :].split())
    for part in (
        "Networks do as they are told.",
        "Refuted in the fast tier, on 2 seeds (1000–1001)",
        "The register does not hold this claim; whoever put it on trial expected supported.",
        "It was told so on 2 seeds.",
        "Effect ",
        "interval 25.0 to 75.0",
        "margin 1 point.",
        "Run it again: pytest -p sdd_claims.plugin -m fast claims/nobody2026/test_wrong.py",
    ):
        assert part in paragraph.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " "), part
    assert "def test_fast" not in said


@pytest.mark.parametrize("rule", ["YES", "NO", "OPEN"])
def test_an_exploratory_question_passes_whatever_comes_out_and_counts_nowhere(project, rule):
    project.add("question", rule, "exploratory=True").add("claim", "replace(YES, p=1e-4)")
    result = project.run("--strict-verdicts")
    assert result.ret == 0
    result.stdout.fnmatch_lines("nobody2026/question [[]fast, exploratory[]]: *")
    entries = project.entries()
    assert entries["question"]["exploratory"]
    assert entries["question"]["p_holm"] is entries["claim"]["p_holm"] is None  # the register holds neither


@pytest.mark.parametrize("expected", ["supported", "refuted", "inconclusive"])
@pytest.mark.parametrize(("rule", "reached"), [("YES", "supported"), ("NO", "refuted"), ("OPEN", "inconclusive")])
def test_strict_verdicts_pass_on_the_registered_one_and_on_no_other(project, rule, reached, expected):
    project.add("claim", rule, f"expected={expected!r}")
    strict = project.run("--strict-verdicts")
    assert strict.ret == (0 if reached == expected else 1)
    assert project.entries()["claim"]["verdict"] == reached


@pytest.mark.parametrize(("rule", "expected", "status"), [("YES", "inconclusive", 0), ("NO", "supported", 1)])
def test_strict_verdicts_hold_no_borderline_verdict_to_an_expectation_and_say_so(
    project, monkeypatch, rule, expected, status
):
    monkeypatch.setattr(Verdict, "stability", 0.5)
    project.add("claim", rule, f"expected={expected!r}")
    strict = project.run("--strict-verdicts")
    assert strict.ret == status  # a refutation that was not expected fails, strict or not
    strict.stdout.fnmatch_lines("nobody2026/claim [[]fast[]]: borderline, so that its verdict (* chance of 0.50")
    assert "borderline, so that" not in project.run().stdout.str()


def test_a_warm_run_trains_nothing_and_gives_the_same_entries(project):
    project.add("clear").add("late", "replace(YES, late=4)", "spec=NOISY")
    project.run()
    cold, before = project.entries(), trained(project.store)
    assert cold["late"]["looks"] == [2, 4]
    said = project.run().stderr.str()
    assert "training:" not in said
    assert trained(project.store) == before
    assert project.entries() == cold


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_one_process_shows_how_training_gets_on_and_none_where_quiet_is_asked_for(project, workers, capfd):
    # Of one claim: whichever worker gets it shows it.
    project.add("late", "replace(YES, late=4)", "spec=NOISY")
    assert project.run(*workers).ret == 0
    said = capfd.readouterr().err
    assert said.count("training: 0 of 8 levels") == 1
    assert said.count("training: ") == 2  # a look each
    assert "nobody2026/late [fast]: supported" in said
    assert project.add("clear").run("-q", "--store=new", *workers).ret == 0
    assert capfd.readouterr().err == ""
    assert set(project.entries()) == {"clear", "late"}


INTERRUPTED = """
import pytest
from sdd_claims.engines import SerialEngine

pytest_plugins = ["sdd_claims.plugin"]
train = SerialEngine.run

@pytest.fixture(autouse=True)
def interrupted(monkeypatch):
    def run(*args):
        train(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(SerialEngine, "run", run)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_an_interrupted_run_reports_what_is_decided_and_says_how_it_goes_on(project, workers):
    project.pytester.makeconftest(INTERRUPTED)
    project.add("clear").add("open", "OPEN", "spec=NOISY")
    command = ["--engine", "serial", "-m", "fast", "-k", "clear or open", *workers]
    result = project.pytester.runpytest_subprocess(*command)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    line = "the same line goes on from there: pytest *--engine serial -m fast -k 'clear or open'"
    if workers:
        kept = f"interrupted: every level that was finished is kept in *; {line} -n 1"
    else:
        kept = f"interrupted: 16 of 16?levels are kept in {project.store}; {line}"
    report = f"report: {project.path / 'reports/latest/index.html'}"
    result.stdout.fnmatch_lines(["nobody2026/clear [[]fast[]]: supported; *", report, kept])
    assert {name: entry["openness"] for name, entry in project.entries().items()} == {
        "clear": None,
        "open": "open so far",
    }
    assert project.entries()["clear"]["rerun"].endswith("claims/nobody2026/test_clear.py")
    project.pytester.makeconftest('pytest_plugins = ["sdd_claims.plugin"]')
    before = trained(project.store)
    assert project.run("-m", "fast", "-k", "clear").ret == 0
    assert trained(project.store) == before


def test_an_interrupted_smoke_run_says_that_nothing_is_kept(project):
    project.pytester.makeconftest(INTERRUPTED)
    result = project.add("clear").pytester.runpytest_subprocess("--engine", "serial", "-m", "fast", "--smoke")
    result.stdout.fnmatch_lines(
        ["interrupted: nothing is kept of a smoke run; the same line starts it again: pytest *"]
    )


@pytest.mark.parametrize(("option", "said"), [("--report", "the report cannot go to"), ("--data-root", "--data-root")])
def test_a_folder_that_may_not_be_entered_is_refused_in_one_sentence(project, monkeypatch, option, said):
    closed = project.path / "closed" / "folder"

    def denied(call):
        def called(path, *args, **settings):
            if path == closed:
                raise PermissionError(13, "Permission denied")
            return call(path, *args, **settings)

        return called

    for name in ("exists", "is_dir"):
        monkeypatch.setattr(Path, name, denied(getattr(Path, name)))
    assert f"{said} {closed}" in errors(project.add("clear").run(f"{option}={closed}"))


FAILING = """
import pytest
from sdd_claims.engines import SerialEngine
from sdd_claims.errors import StoreError

pytest_plugins = ["sdd_claims.plugin"]
train, runs = SerialEngine.run, []

@pytest.fixture(autouse=True)
def failing(monkeypatch):
    def run(*args):
        if runs:
            raise StoreError("the disk is full")
        runs.append(train(*args))
        return runs[0]

    monkeypatch.setattr(SerialEngine, "run", run)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_an_error_that_stops_the_training_takes_no_verdict_away_that_was_reached(project, workers):
    project.pytester.makeconftest(FAILING)
    project.add("clear").add("late", "replace(YES, late=4)", "spec=NOISY")
    result = project.pytester.runpytest_subprocess("--engine", "serial", "-m", "fast", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"errors": 2}
    assert {name: (entry["verdict"], entry["openness"]) for name, entry in project.entries().items()} == {
        "clear": ("supported", None),
        "late": ("inconclusive", "open so far"),
    }
    result.stdout.fnmatch_lines(["nobody2026/clear [[]fast[]]: supported; *", "report: *"])
    assert "unloaded" not in json.loads((project.path / "reports/latest/claims.json").read_text())


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_run_that_a_scheduler_ends_reports_as_one_that_ctrl_c_ends(project, name):
    terminated = f"__import__('os').kill(__import__('os').getpid(), __import__('signal').{name})"
    project.pytester.makeconftest(INTERRUPTED.replace("raise KeyboardInterrupt", terminated))
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)  # under nohup it is ignored, and so it would be in a subprocess
    try:
        result = project.add("clear").pytester.runpytest_subprocess("--engine", "serial", "-m", "fast")
    finally:
        signal.signal(number, before)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["nobody2026/clear [[]fast[]]: supported; *", "interrupted: 8 of 8?levels are kept in *"]
    )
    assert set(project.entries()) == {"clear"}


def test_bad_input_that_shows_only_when_training_begins_is_a_usage_error_all_the_same(project):
    refused = FAILING.replace("StoreError", "InputError").replace("if runs:", "if True:")
    project.pytester.makeconftest(refused.replace("the disk is full", "no Ray cluster answers"))
    result = project.add("clear").pytester.runpytest_subprocess("--engine", "serial", "-m", "fast")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no Ray cluster answers" in errors(result)


def test_an_earlier_look_of_another_process_replaces_no_verdict(project, monkeypatch):
    """Whoever was interrupted may have handed over a look at a claim that another process has settled since."""
    project.add("clear").run()
    (settled,) = project.entries().values()
    config = project.pytester.parseconfigure()
    shown = config.pluginmanager.getplugin("sdd_claims_verdicts")
    first = settled | {"verdict": "inconclusive", "openness": "open so far", "looks": []}
    for entries in ((settled, first), (first, settled)):
        for entry in entries:
            shown._add(entry)
        assert [*shown._entries.values()] == [settled]


def test_a_selection_changes_neither_threshold_nor_verdict(project, monkeypatch):
    monkeypatch.setattr(sentences, "is_registered", lambda _: True)
    project.add("clear").add("open", "OPEN").add("wrong", "NO")
    project.run()
    together = project.entries()
    assert together["clear"]["p_holm"] == pytest.approx(the_register().registered * together["clear"]["decisive"]["p"])
    for name in together:
        project.run("-k", name)
        assert project.entries() == {name: together[name]}


def test_two_workers_give_the_same_entries_as_none_and_train_nothing_twice(project):
    project.add("clear").add("late", "replace(YES, late=4)", "spec=NOISY").add(
        "known", "NO", "expected='refuted', levels=3"
    )
    assert project.run("-n", "2", "--store", "two", "--report", "reports/two", engine=None).ret == 0
    assert project.run("-n", "0", "--store", "none", "--report", "reports/none").ret == 0

    def timeless(entries):
        return {name: {**entry, "cost": entry["cost"]["train_flops"]} for name, entry in entries.items()}

    assert timeless(project.entries("reports/two")) == timeless(project.entries("reports/none"))
    assert trained(project.path / "two") == trained(project.path / "none")
    assert max(Counter(trained(project.path / "two")).values()) == 1


@pytest.mark.parametrize(("workers", "count"), [((), 1), (("-n", "2"), min(2, cores()))])
def test_a_plan_says_what_would_be_trained_and_writes_an_empty_store_at_most(project, workers, count):
    project.add("clear").add("other", "NO", "levels=3")
    result = project.run("--plan", *workers)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "fast tier, first look: 2 claims ask for 20 levels, 12 after duplicates are dropped, in 2 stacks; "
            "0 are stored, 12 to train",
            f"  training: *TFLOP, about * with {count} process{'es' if count > 1 else ''} on *",
            "  disk: * more when all is stored, *",
            "fast tier, if every claim is still open, up to the second look: 2 claims ask for 40 levels, 24 after*",
            "*MLP-8 * float32 *",
            "most expensive claims: *",
            "*nobody2026/other * fast *",
            "*nobody2026/clear * fast *",
        ]
    )
    assert [path.name for path in project.store.iterdir()] == ["store.json"]
    assert not (project.path / "reports").exists()


def test_a_plan_counts_what_is_stored(project):
    project.add("clear")
    project.run()
    project.add("other", "NO", "levels=3")
    project.run("--plan").stdout.fnmatch_lines(["fast tier, first look: *; 8 are stored, 4 to train"])


def test_a_plan_of_the_full_tier_needs_no_gpu_and_calls_no_guess_a_measurement(project, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    project.add("big", tier="full").add("small")
    said = project.run("-m", "fast or full", "--plan", "--rate", "3").stdout
    said.fnmatch_lines(
        [
            "fast tier, first look: *",
            "full tier, first look: 1 claim asks * 8 to train",
            "  training: *TFLOP, no rate has been measured on a GPU yet: by the rates assumed below * GPU-hours",
            "*MLP-8 * 3 * assumed by --rate",
        ]
    )
    assert not (project.store / "runs").exists()


def test_a_plan_within_a_budget_says_what_fits_and_in_which_order(project):
    project.add("clear").add("other", "NO", "levels=3")
    project.run("--plan", "--budget", "100").stdout.fnmatch_lines(
        ["budget of 100 hours: 2 of 2 first looks fit, in this order", "*nobody2026/clear *", "*nobody2026/other *"]
    )
    project.run("--plan", "--budget", "1e-12").stdout.fnmatch_lines(["budget of 1e-12 hours: 0 of 2 * fit, so *"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_what_a_budget_leaves_unjudged_is_skipped_and_another_run_judges_it(project, workers):
    project.add("clear").run()
    project.add("other", "NO", "levels=3, expected='refuted'")
    result = project.run("--budget", "1e-9", "-rs", *workers)
    assert result.parseoutcomes() == {"passed": 1, "skipped": 1}
    said = " ".join(result.stdout.str().split())
    assert "not judged within the budget of 1e-09 hours: 8 of its 12 levels are stored, the rest takes about" in said
    assert set(project.entries()) == {"clear"}
    assert project.run("--budget", "10", *workers).ret == 0
    assert set(project.entries()) == {"clear", "other"}


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_what_a_budget_leaves_open_is_reported_with_how_far_it_is_and_surprises_nobody(project, workers, capfd):
    project.add("clear").run()  # which trains what the other one's first look asks for
    project.add("late", "replace(YES, late=4)")
    capfd.readouterr()
    result = project.run("-k", "late", "--budget", "1e-9", *workers)
    assert result.ret == 0
    assert (
        capfd.readouterr().err.count("budget of 1e-09 hours: 0 of 1 claims are left unjudged, and 1 open so far") == 1
    )
    (entry,) = project.entries().values()
    assert (entry["verdict"], entry["openness"], entry["looks"], entry["stability"]) == (
        "inconclusive",
        "open so far",
        [2],
        None,
    )
    page = (project.path / "reports/latest/index.html").read_text(encoding="utf-8")
    assert "the look at 4 seeds has not been taken" in page
    assert "differs from what was registered" not in page
    result.stdout.fnmatch_lines(["nobody2026/late [[]fast[]]: inconclusive: open so far; *"])
    assert project.run("-k", "late", *workers).ret == 0
    assert project.entries()["late"]["verdict"] == "supported"


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_what_is_published_is_read_and_the_report_says_whose_it_is(project, workers):
    project.add("clear", settings="looks=(2,)").run("--report=published/first")
    before, project.store = project.entries("published/first"), project.path / "new"
    args = ("--evidence=published", f"--store={project.store}")
    said = " ".join(project.run("--plan", *args).stdout.str().split())
    assert "what the store lacks is read from the evidence of first, where it is there" in said
    assert "0 are stored, 0 to train; 8 more are read from published evidence" in said
    project.add("wide", settings='looks=(2,), spec=SPEC.but(model={"hidden": (9,)})')
    assert project.run(*args, *workers).ret == 0
    assert sorted({seed for _, seed, _ in trained(project.store)}) == [1000, 1001, 1500, 1501]
    after, document = project.entries(), json.loads((project.path / "reports/latest/claims.json").read_text())
    for name in ("verdict", "effect", "p"):
        assert after["clear"][name] == before["clear"][name]
    assert list(after["clear"]["runs"]["accuracy"]["published"].values()) == [[1000, 1001]]
    (taken,) = document["environment"]["taken"]
    assert (taken["run"], taken["levels"]) == ("first", 8)
    assert sum(each["levels"] for each in document["environment"]["training"]) == 8
    jsonschema.validate(document, json_schema())
    assert rejudge(project.path / "reports/latest", {}).is_original
    said = errors(project.run("--evidence=reports"))
    assert "its curves in" in said
    assert "would be replaced by this run's report; choose another folder with --report" in said
    page = (project.path / "reports/latest/index.html").read_text(encoding="utf-8")
    assert page.count("whose evidence was read: 8 levels") == 2
    assert page.count("all 8\N{NO-BREAK SPACE}levels were read from published evidence.") == 1


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_smoke_goes_the_whole_way_and_judges_nothing(project, workers):
    project.add("clear").add("wrong", "NO", tier="full")
    result = project.run("--smoke", "-m", "fast or full", "--device", "cpu", "-v", *workers, engine=None)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*2 not judged*"])
    entries = project.entries("reports/smoke")
    assert [(entry["verdict"], entry["p"], entry["seeds"]) for entry in entries.values()] == [(None, None, [0, 1])] * 2
    assert "could not be read" not in (project.path / "reports/smoke/index.html").read_text(encoding="utf-8")
    document = json.loads((project.path / "reports/smoke/claims.json").read_text())
    assert document["evidence"]["curves"] > 0
    jsonschema.validate(document, json_schema())
    assert not project.store.exists()


def test_pilots_judge_nothing_and_pass(project):
    assert project.add("wrong", "NO").run("--pilots").ret == 0
    entry = project.entries("reports/pilots")["wrong"]
    assert (entry["verdict"], entry["seeds"]) == (None, list(range(12)))
    assert "--pilots" in entry["rerun"]
    assert not (project.store / "judged.json").exists()


FALLS = """
import pytest
from sdd_claims.stats import Contrast, Greater, Term, Window
from sdd_claims.tests.tiny import trial_named

RULE = Greater(Contrast((Term(1, "accuracy", Window(0.9, 1)), Term(-1, "accuracy", Window(0.4, 0.6)))))


@pytest.mark.fast(trial_named("falls", RULE, looks=(12, 24)))
def test_fast(verdict):
    verdict.check()
"""


def test_pilots_say_what_the_verdict_would_be(project):
    folder = project.path / "claims" / "nobody2026"
    folder.mkdir(parents=True)
    (folder / "test_falls.py").write_text(FALLS)
    said = project.run("--pilots").stdout.str()
    assert re.search(
        r"nobody2026/falls \[fast\]: not judged; effect .* by 12 and 24 seeds, if the pilots' effect is true: "
        r"supported with a chance of (> |< )?\d.*, refuted with (> |< )?\d.*; control, other seeds: ",
        said.replace("\N{NO-BREAK SPACE}", " "),
    ), said


@pytest.mark.parametrize("tier", ["fast", "full"])
def test_a_data_root_of_the_environment_that_is_not_there_is_refused_where_a_tier_is_asked_for(
    project, monkeypatch, tier
):
    monkeypatch.setenv("SDD_CLAIMS_DATA", str(project.path / "absent"))
    project.add("clear")
    said = errors(project.run("-m", tier))
    assert said.count(f"SDD_CLAIMS_DATA={project.path / 'absent'}: there is no such folder; name the one of the") == 1
    assert project.run("-m", "not fast and not full").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_claim_on_two_networks_has_two_cases_two_verdicts_and_two_lines_to_rerun_them(project):
    project.add("both")
    (project.path / "claims" / "nobody2026" / "test_both.py").write_text(ON_TWO)
    run = ("-m", "full", "--device", "cpu")
    result = project.run(*run, "-v", "--junitxml", "junit.xml")
    result.stdout.fnmatch_lines_random(
        [
            "*test_both.py::test_full[[]ResNet-18-on-CIFAR-10[]] SUPPORTED*",
            "*test_both.py::test_full[[]ResNet-18-on-CIFAR-100[]] FAILED*",
            "nobody2026/both [[]full, ResNet-18 on CIFAR-10[]]: supported; *",
            "nobody2026/both [[]full, ResNet-18 on CIFAR-100[]]: refuted *",
        ]
    )
    cases = ElementTree.parse(project.path / "junit.xml").getroot().iter("testcase")
    assert [case.get("name") for case in cases] == [
        "test_full[ResNet-18-on-CIFAR-10]",
        "test_full[ResNet-18-on-CIFAR-100]",
    ]
    entries = json.loads((project.path / "reports/latest/claims.json").read_text())["claims"]
    assert [(entry["network"], entry["verdict"]) for entry in entries] == [
        ("ResNet-18 on CIFAR-10", "supported"),
        ("ResNet-18 on CIFAR-100", "refuted"),
    ]
    for entry in entries:
        _, *words = shlex.split(entry["rerun"])
        project.run(*words)
        (again,) = json.loads((project.path / "reports/latest/claims.json").read_text())["claims"]
        assert again["network"] == entry["network"]


def test_the_full_tier_is_skipped_without_a_gpu_and_runs_on_the_cpu_if_asked(project, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    project.add("clear", tier="full")
    skipped = project.run("-m", "full", "-rs")
    assert skipped.ret == 0
    skipped.stdout.fnmatch_lines(["*SKIPPED*the full tier needs a GPU and none was found; --device cpu runs it here*"])
    assert not project.store.exists()
    assert project.run("-m", "full", "--device", "cpu").ret == 0
    assert project.entries()["clear"]["verdict"] == "supported"


def test_the_full_tier_is_not_selected_by_default(project):
    project.add("big", tier="full").add("clear")
    assert project.run().parseoutcomes() == {"passed": 1, "deselected": 1}


def test_damage_is_said_on_the_terminal_and_mended(project):
    project.add("clear")
    project.run()
    cold = project.entries()
    damaged = next(project.store.glob("runs/*/1000/levels.json"))
    damaged.write_bytes(damaged.read_bytes().replace(b"0", b"1", 1))
    result = project.run()
    assert result.ret == 0
    assert "warning: " in result.stderr.str()
    assert "levels.json is damaged: what is stored of seed 1000" in result.stderr.str()
    effect, before = project.entries()["clear"]["effect"], cold["clear"]["effect"]
    assert effect["value"] == pytest.approx(before["value"], abs=0.01)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["-m", "medium"], "'-m' expression: medium"),
        (["-k", "xyzzy"], "nothing is selected by -m 'not full' and -k 'xyzzy': the tiers are"),
        (["-k", "quetu or cleer"], "and -k 'quetu or cleer' (did you mean 'clear'?): the tiers are"),
        (["-k", "not fast and sdd_apears_under_label_noise"], "(did you mean 'sdd_appears_under_label_noise'?): the"),
        (["-k", "cleer", "-n", "1"], "nothing is selected by -m 'not full' and -k 'cleer'"),
        (["--data-root=absent"], "absent: there is no such folder; name the one of the data sets, or make it"),
        (
            ["--data-root=absent", "--plan"],
            "absent: there is no such folder; name the one of the data sets, or make it",
        ),
        (["--data-root=absent", "-m", "full", "--device", "cpu"], "absent: there is no such folder; name the one of"),
        (
            ["--data-root=absent", "--smoke", "-n", "1"],
            "absent: there is no such folder; name the one of the data sets",
        ),
        (["--device", "cuda:7"], "--device cuda:7: this machine shows"),
        (["--device", "tpu"], "--device tpu: there is no such device; use cpu, cuda or cuda:N"),
        (["--engine", "dask"], "--engine dask: there is no such engine; use one of: serial, pool, ray"),
        (["--ray-address", "head:6379"], "--ray-address head:6379: only --engine ray connects to a cluster"),
        (["--per-device", "2", "--device", "cpu"], "--per-device 2: it is about GPUs, and a CPU trains in one process"),
        (["--store", "nowhere://here"], "the store nowhere://here cannot be reached from here: "),
        (["--seeds=-1"], "seed -1 is negative"),
        (["--seeds", "1000,1000"], "seed 1000 is given twice"),
        (["--seeds", "0-11"], "seed 0 is a pilot"),
        (["--seeds", "many"], "'many' is no seed; give a list such as 60000-60011,60020"),
        (["--seeds", "1000"], "its rule answer needs at least 2 seeds to reach a verdict, got 1; give more"),
        (["--plan", "--seeds", "1000"], "its rule answer needs at least 2 seeds to reach a verdict, got 1; give more"),
        (["--budget", "soon"], "--budget soon: 'soon' is no number above 0; give hours, such as 0.5 or 12"),
        (["--smoke", "--budget", "1"], "--smoke trains next to nothing and knows no --budget; give one of them"),
        (["--smoke", "--evidence=claims"], "--smoke trains tiny networks, which no published run holds; leave"),
        (["--smoke", "--pilots"], "--smoke, --pilots, --seeds and --block exclude each other"),
        (["--store", "pyproject.toml"], "a file stands where a folder is needed; choose another folder"),
        (["--store", "pyproject.toml", "--plan"], "a file stands where a folder is needed; choose another folder"),
        (["--evidence=absent"], "absent: there is no such folder; give that of a published run"),
        (["--evidence=claims"], "claims: there is no evidence.json.gz beside a claims.json; give the folder of"),
        (["--report", "pyproject.toml"], "pyproject.toml, which is a file; choose another folder with --report"),
        (["--report", "claims"], "the report cannot go to"),
        (["--report", "claims", "-n", "1"], "claims, which holds something else; choose another folder with --report"),
    ],
)
def test_bad_input_is_one_sentence_and_no_traceback(project, args, sentence):
    said = errors(project.add("clear").run(*args, engine=None if "--engine" in args else "serial"))
    assert said.count(sentence) == 1


def test_a_plan_of_a_misspelt_claim_says_which_may_have_been_meant(project):
    result = project.add("clear").run("-k", "cleer", "--plan")
    result.stdout.fnmatch_lines(["no claim is selected (did you mean 'clear'?), so nothing would be trained"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_newer_store_is_left_alone(project, workers):
    write_atomically(project.store / "store.json", seal({"schema": 99}))
    result = project.add("clear").run(*workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = errors(result)
    assert said.count("was written by a newer version (schema 99, this one reads 2); update sdd_claims or choose") == 1
    assert [path.name for path in project.store.iterdir()] == ["store.json"]


@pytest.mark.parametrize(
    ("settings", "sentence", "workers"),
    [
        ("replace(YES, windows_=(Window(.5, 1), Window(.4, .6)))", "not overlap it; move one of them", ()),
        ("replace(YES, windows_=(Window(.9, 1), Window(.1, .2)))", "lies off the curve", ()),
        ("YES, block=7", "block 7 cannot judge; give 1000, 2000", ()),
        ("YES, block=7", "block 7 cannot judge; give 1000, 2000", ("-n", "1")),
    ],
)
def test_a_claim_that_cannot_be_registered_says_why_in_one_sentence(project, settings, sentence, workers):
    said = errors(project.add("odd", settings).run(*workers, engine=None))
    assert said.count("the fast trial of nobody2026/odd: ") == 1
    assert sentence in said
    assert "test_odd.py" in said
    assert "trial.py" not in said  # where it was raised is no concern of the reader


@pytest.mark.parametrize(
    ("mark", "workers"), [("fast", ()), ("fast()", ()), ("fast('all')", ()), ("fast", ("-n", "1"))]
)
def test_a_marker_without_a_trial_is_said(project, mark, workers):
    project.pytester.makepyfile(test_bare=f"import pytest\n@pytest.mark.{mark}\ndef test_it(verdict): ...")
    said = errors(project.run(*workers, engine=None))
    assert "test_bare.py::test_it: mark it @pytest.mark.fast(trial) with a trial of that tier" in said


def test_a_verdict_without_a_marker_is_said(project):
    project.pytester.makepyfile("def test_it(verdict): ...")
    assert "a test that asks for a verdict needs @pytest.mark.fast(trial)" in errors(project.run())


def test_a_changed_claim_is_refused_after_its_block_has_judged(project):
    project.add("clear").run()
    said = errors(project.add("clear", "replace(YES, margin=.02)").run())
    assert said.count("have changed after the block of seeds 1000 judged its fast trial; give the trial a fresh") == 1
    assert project.add("clear", "replace(YES, margin=.02)", "block=2000").run().ret == 0


def test_a_replication_says_how_many_blocks_have_judged_by_now(project):
    assert "blocks of seeds" not in project.add("clear").run().stdout.str()
    said = project.run("--block", "2000").stdout.str()
    assert "nobody2026/clear [fast] has now been judged on 2\N{NO-BREAK SPACE}blocks of seeds (1000, 2000): at" in said
    assert project.entries()["clear"]["blocks"] == [1000, 2000]
    assert json.loads((project.path / "reports/latest/claims.json").read_text())["replication"] == 2000


def test_a_run_whose_report_cannot_be_written_says_so_and_does_not_end_well(project, monkeypatch):
    def full(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(ClaimRun, "write_report", full)
    result = project.add("clear").run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["there is no report: the disk is full"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_refused_claim_fails_with_its_own_sentence_and_the_others_are_judged(project, workers):
    project.add("clear").run()
    project.add("clear", "replace(YES, margin=.02)").add("other").add("open", "OPEN", "spec=NOISY")
    project.pytester.makepyfile(test_bare="import pytest\n@pytest.mark.fast\ndef test_it(verdict): ...")
    result = project.run(*workers)
    assert result.parseoutcomes() == {"errors": 2, "passed": 1, "inconclusive": 1}
    said = errors(result)
    assert (
        said.count(
            "nobody2026/clear: its settings, windows, margin, rule, error rate or judged seeds have changed after"
        )
        == 1
    )
    assert said.count("test_bare.py::test_it: mark it @pytest.mark.fast(trial)") == 1
    assert set(project.entries()) == {"other", "open"}


UNLOADABLE = {
    "torn": ("import sdd_claims\ndef torn(:", "cannot be imported: SyntaxError: invalid syntax (test_torn.py, line 2)"),
    "lacking": (
        "import sdd_claims\nimport sdd_lacking",
        "ModuleNotFoundError: No module named 'sdd_lacking' (claims/nobody2026/test_lacking.py, line 2)",
    ),
    "failing": (
        "import sdd_claims\n{}['a']",
        "cannot be imported: KeyError: 'a' (claims/nobody2026/test_failing.py, line 2)",
    ),
    "early": (
        "from sdd_claims.registration.windows import windows\nwindows('he2022', 'fest')",
        "there is no 'fest' (did you mean 'fast'?)",
    ),
}


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_claim_module_that_cannot_be_loaded_fails_by_itself_and_the_others_are_judged(project, workers):
    project.add("clear").add("open", "OPEN", "spec=NOISY")
    for name, (text, _) in UNLOADABLE.items():
        (project.path / "claims" / "nobody2026" / f"test_{name}.py").write_text(text)
    result = project.run("-m", "fast", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"errors": len(UNLOADABLE), "passed": 1, "inconclusive": 1}
    said, verdicts = errors(result).split("= verdicts =")
    page = (project.path / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    unloaded = json.loads((project.path / "reports" / "latest" / "claims.json").read_text())["unloaded"]
    assert set(project.entries()) == {"clear", "open"}
    assert len(unloaded) == len(UNLOADABLE)
    for name, (_, why) in UNLOADABLE.items():
        (sentence,) = (each for each in unloaded if each.startswith(f"claims/nobody2026/test_{name}.py"))
        assert sentence.endswith(why) or (name == "early" and why in sentence)
        assert said.count(sentence) == 1
        assert f"not judged: {sentence}" in verdicts
        assert f"Not judged: claims/nobody2026/test_{name}.py" in page
    assert "in <module>" not in said.replace("claims/nobody2026/test_failing.py:2: in <module>", "")


CRASHING = """
import pytest
from sdd_claims.tests.tiny import YES, trial_named


class Crashing(type(YES)):
    def evaluate(self, curves, threshold):
        return 1 / 0


@pytest.mark.fast(trial_named("crashing", Crashing(**vars(YES))))
def test_fast(verdict):
    verdict.check()
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_claim_that_crashes_is_said_in_its_place_and_the_others_are_judged(project, workers):
    project.add("clear").add("open", "OPEN", "spec=NOISY")
    (project.path / "claims" / "nobody2026" / "test_crashing.py").write_text(CRASHING)
    result = project.run(*workers)
    assert result.parseoutcomes() == {"errors": 1, "passed": 1, "inconclusive": 1}
    why = (
        "nobody2026/crashing (fast) crashed while it was judged: ZeroDivisionError: division by zero "
        "(test_crashing.py, line 8); mend its rule"
    )
    assert errors(result).count(why) == 1
    assert set(project.entries()) == {"clear", "open"}
    (unjudged,) = json.loads((project.path / "reports/latest/claims.json").read_text())["unloaded"]
    assert unjudged == f"claims/nobody2026/test_crashing.py::test_fast: {why}"
    assert (
        "Not judged: claims/nobody2026/test\\_crashing.py" in (project.path / "reports/latest/SUMMARY.md").read_text()
    )


def test_a_module_of_somebody_elses_that_cannot_be_loaded_stops_a_run_as_ever(project):
    project.pytester.makepyfile("def torn(:")
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "in importtestmodule" in result.stdout.str()


def test_numbers_of_numpy_are_judged_and_reported_as_those_of_python(project):
    project.add("plain").add(
        "numpy",
        "replace(YES, margin=np.float32(1), windows_=(Window(.9, np.int64(1)), Window(.4, .6)))",
        "levels=np.int64(2), looks=np.array([2, 4]), block=np.int64(1000)",
    )
    module = project.path / "claims" / "nobody2026" / "test_numpy.py"
    module.write_text(f"import numpy as np\n{module.read_text()}")
    assert project.run().parseoutcomes() == {"passed": 2}
    entry = project.entries()["numpy"]
    assert (entry["margin"], entry["windows"]["light"], entry["seeds"]) == (1, [0.9, 1], [1000, 1001])


def test_a_run_from_a_folder_inside_leaves_store_and_report_at_the_top(project, monkeypatch):
    project.add("clear")
    monkeypatch.chdir(project.path / "claims")
    assert project.run().ret == 0
    assert project.entries()["clear"]["verdict"] == "supported"
    assert project.store.exists()
    assert [path.name for path in (project.path / "claims").iterdir()] == ["nobody2026"]


@pytest.mark.parametrize("arguments", [["--report=r\udcff", "--store=s\udcff"], ["-p", "no:t\udcff"]])
def test_a_byte_that_is_not_utf8_is_written_out(project, arguments):
    assert project.add("clear").run(*arguments).ret == 0
    folder = project.path / ("r\udcff" if "--report=r\udcff" in arguments else "reports/latest")
    command = json.loads((folder / "claims.json").read_text(encoding="utf-8"))["environment"]["command"]
    assert command == shlex.join(["pytest", *arguments, "--engine", "serial"]).replace("\udcff", r"\xff")
    assert r"\xff" in (folder / "index.html").read_text(encoding="utf-8")


def test_a_byte_that_no_worker_can_be_told_is_refused_in_one_sentence(project):
    said = errors(project.add("clear").run("-n", "1", "--store=s\udcff", engine=None))
    assert said.count(r"--store=s\xff: workers of pytest-xdist cannot be told a byte that is not UTF-8; leave -n") == 1


TWICE = """
import pytest
pytest_plugins = ["sdd_claims.plugin"]

def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("repetition")
    metafunc.parametrize("repetition", range(2))

@pytest.fixture
def repetition(): ...

def pytest_collection_modifyitems(items):
    items += items[:1]
"""


def test_a_test_that_runs_twice_has_one_verdict(project):
    project.pytester.makeconftest(TWICE)
    result = project.add("clear").add("wrong", "NO").run()
    assert result.parseoutcomes() == {"failed": 2, "passed": 3}
    entries = json.loads((project.path / "reports/latest/claims.json").read_text())["claims"]
    assert [(entry["id"], entry["verdict"]) for entry in entries] == [
        ("nobody2026/clear", "supported"),
        ("nobody2026/wrong", "refuted"),
    ]
    assert result.stdout.str().count("nobody2026/clear [fast]: supported; ") == 1


@pytest.mark.parametrize("from_elsewhere", [False, True])
def test_other_settings_of_pytest_judge_the_same_claims(project, monkeypatch, tmp_path, from_elsewhere):
    project.add("clear")
    (other := tmp_path / "other.toml").write_text("[tool.pytest.ini_options]\n")
    if from_elsewhere:
        monkeypatch.chdir(tmp_path)
    own = ("-p", "sdd_claims.plugin", "-p", "no:cacheprovider")
    result = project.pytester.runpytest_subprocess(*own, "--engine=serial", "-c", other, project.path / "claims")
    assert result.parseoutcomes() == {"passed": 1}
    (entry,) = json.loads((tmp_path / "reports/latest/claims.json").read_text())["claims"]
    assert entry["verdict"] == "supported"
    assert entry["rerun"].endswith("test_clear.py")


@pytest.mark.parametrize("option", ["--store", "--report", "--evidence", "--sdd-store", "--sdd-data-root"])
def test_a_folder_that_pytest_takes_for_one_of_tests_is_said(project, monkeypatch, tmp_path_factory, option):
    folder = tmp_path_factory.mktemp("elsewhere")
    project.add("clear")
    own = ("-p", "sdd_claims.plugin", "-p", "no:cacheprovider", "-m", "fast", "--engine", "serial")
    said = errors(project.pytester.runpytest_subprocess(*own, option, folder))
    assert said.count(f"write it with an equals sign, {option}={folder}") == 1
    assert list(folder.iterdir()) == []


def test_claims_outside_the_register_are_counted_by_nobody(project):
    project.add("clear").add("wrong", "NO").run()
    entries = project.entries()
    assert [(entry["registrations"], entry["p_holm"]) for entry in entries.values()] == [([], None)] * 2
    summary = (project.path / "reports/latest/SUMMARY.md").read_text(encoding="utf-8")
    assert "None of the 57 registered claims were put on trial here. 2 claims that are not in the register" in summary
    assert "Claims that are not in the register:" in summary
    assert 'id="unregistered"' in (project.path / "reports/latest/index.html").read_text(encoding="utf-8")


def test_a_plan_leaves_a_refused_claim_out_and_says_why(project):
    project.add("clear").run()
    project.add("clear", "replace(YES, margin=.02)").add("other", "NO", "levels=3")
    result = project.run("--plan")
    result.stdout.fnmatch_lines(["fast tier, first look: 1 claim asks for 12 levels, *"])
    assert (
        errors(result).count("nobody2026/clear: its settings, windows, margin, rule, error rate or judged seeds have")
        == 1
    )


def test_a_store_at_a_url_serves_every_machine_and_remembers_what_was_judged(project, monkeypatch):
    url = f"file://{project.path}/far"
    project.add("clear")
    monkeypatch.setenv("HOME", str(project.path / "one"))
    assert project.run("--store", url).ret == 0
    entries, before = project.entries(), trained(project.path / "far")
    monkeypatch.setenv("HOME", str(project.path / "other"))
    planned = project.run("--store", url, "--plan")
    planned.stdout.fnmatch_lines(["*first look: *; 8 are stored, 0 to train"])
    assert project.run("--store", url).ret == 0
    assert project.entries() == entries
    assert trained(project.path / "far") == before
    monkeypatch.setenv("HOME", str(project.path / "third"))
    said = errors(project.add("clear", "replace(YES, margin=.02)").run("--store", url))
    assert said.count("have changed after the block of seeds 1000 judged its fast trial; give the trial a fresh") == 1


def test_a_disk_that_fills_up_is_one_sentence_a_claim_and_loses_nothing(project, monkeypatch):
    project.add("clear")
    project.run()
    before = trained(project.store)
    project.add("other", "NO", "spec=NOISY, expected='refuted'")
    fsync = os.fsync
    monkeypatch.setattr(store_module, "SYNCED_FROM", 0.0)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        said = errors(project.run())
    assert "the disk is full; free some space, or choose another folder, and run again" in said
    assert os.fsync is fsync
    assert trained(project.store) == before
    assert project.run().ret == 0
    assert len(trained(project.store)) == 2 * len(before)


def test_a_run_from_the_command_line_ends_well(project):
    project.add("clear").add("wrong", "NO")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--engine", "pool"], cwd=project.path, capture_output=True, text=True
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert f"report: {project.path / 'reports/latest/index.html'}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_claim_whose_data_cannot_be_had_is_skipped_with_what_to_fetch(project):
    (project.path / "data" / "MNIST").mkdir(parents=True)
    project.add("clear").add("lacking", settings="spec=NOISY.but(data={'name': 'mnist'})")
    result = project.run("-rs", "--data-root", "data")
    assert result.parseoutcomes() == {"passed": 1, "skipped": 1}
    result.stdout.fnmatch_lines(["*SKIPPED*holds only a part of mnist*move*away and run again*"])
    assert set(project.entries()) == {"clear"}


def test_a_user_without_a_home_is_told_what_to_give(project, no_home, monkeypatch):
    monkeypatch.delenv("SDD_CLAIMS_DATA", raising=False)
    project.add("clear").add("lacking", settings="spec=NOISY.but(data={'name': 'mnist'})")
    result = project.run("-rs")
    assert result.parseoutcomes() == {"passed": 1, "skipped": 1}
    result.stdout.fnmatch_lines(
        ["*SKIPPED*no such home folder here; name a folder of data sets with --data-root=DIR or*"]
    )
    project.run("--smoke").stdout.fnmatch_lines(["*2 not judged*"])
    said = errors(project.run("--store", f"file://{project.path}/far"))
    assert said.count("there is no such home folder here; set HOME to a folder that keeps a copy of file:///") == 1


def test_the_plugin_leaves_a_project_without_claims_alone(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    pytester.makeini("[pytest]\nmarkers = slow")
    pytester.makepyfile(
        "import os, pytest\n"
        "@pytest.mark.fast\n"
        "def test_threads(): assert 'OMP_NUM_THREADS' not in os.environ\n"
        "@pytest.mark.slow\n"
        "def test_slow(): pass\n"
    )
    result = pytester.runpytest_subprocess("-p", "sdd_claims.plugin", "-p", "no:cacheprovider")
    assert result.parseoutcomes() == {"passed": 2}
    nothing = pytester.runpytest_subprocess("-p", "sdd_claims.plugin", "-p", "no:cacheprovider", "-k", "absent")
    assert "the tiers are" not in nothing.stdout.str()
    assert "verdicts" not in result.stdout.str()
    assert not (pytester.path / "reports").exists()
    assert not (pytester.path / ".sdd_store").exists()


def test_a_project_of_claims_without_settings_of_its_own_judges_them_by_the_register(project):
    project.pytester.makepyprojecttoml('[project]\nname = "other"\n')
    project.add("clear")
    assert project.run("-m", "fast").parseoutcomes() == {"passed": 1}
    assert project.entries()["clear"]["verdict"] == "supported"


@pytest.mark.parametrize("plugin", ["no:capture", "no:terminal"])
def test_a_run_without_capturing_or_without_a_terminal_judges_all_the_same(project, plugin):
    """As its own process: pytest's own tests read what it captures."""
    project.add("clear")
    command = [sys.executable, "-m", "pytest", "--engine", "serial", "-p", plugin]
    ran = subprocess.run(command, cwd=project.path, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert project.entries()["clear"]["verdict"] == "supported"


def test_a_claim_named_without_its_tier_is_told_to_name_it(project):
    project.add("clear")
    result = project.run("-m", "not fast and not full")
    assert "no claim is judged where no tier is named: give -m fast or -m full" in result.stdout.str()
