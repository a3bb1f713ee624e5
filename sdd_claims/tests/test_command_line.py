"""The options beside those of other plugins, which may have the same names."""

import importlib
import os
from pathlib import Path

import pytest

from sdd_claims.command_line import OPTIONS
from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.tests.tiny import stack_of_three

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]

OURS = 'pytest_plugins = ["sdd_claims.plugin"]\n'

BROWSERS = """
def pytest_addoption(parser):
    parser.getgroup("browsers").addoption("--device", default="laptop", help="of a browser")

def pytest_report_header(config):
    return f"a browser on a {config.getoption('--device')}"
"""

CLAIM = """
import pytest
from sdd_claims.tests.tiny import YES, trial_named

@pytest.mark.full(trial_named("clear", YES, tier="full"))
def test_full(verdict):
    verdict.check()
"""

WITHOUT_A_CONFTEST = ("-p", "sdd_claims.plugin")


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory):
    """An inner run forgets the modules that it was first to import; some of them cannot be imported twice."""
    importlib.import_module("sdd_claims.report.html")
    SerialEngine().run(stack_of_three(1), WorkerConfig(tmp_path_factory.mktemp("imported")))


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{pytester.path}")
    for of_outside in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(of_outside, raising=False)
    pytester.syspathinsert()
    pytester.makepyprojecttoml("[tool.pytest.ini_options]")
    pytester.makepyfile(test_clear=CLAIM, browsers=BROWSERS)
    return lambda *args: pytester.runpytest_inprocess("-p", "no:cacheprovider", *args)


@pytest.mark.parametrize(
    ("conftest", "plugins"),
    [
        (OURS, ("-p", "browsers", "--engine=serial")),
        ("", ("-p", "browsers", *WITHOUT_A_CONFTEST, "--engine=serial")),
        ("", (*WITHOUT_A_CONFTEST, "-p", "browsers", "--engine=serial")),
        (BROWSERS + OURS, ("-n", "1")),
        (BROWSERS, (*WITHOUT_A_CONFTEST, "-n", "1")),
    ],
    ids=["plugin, conftest", "plugin before", "plugin after", "one conftest", "plugin, then conftest"],
)
def test_a_short_name_that_another_plugin_has_is_left_to_it(pytester, run, conftest, plugins):
    pytester.makeconftest(conftest)
    done = run(*plugins, "--device=phone", "--sdd-device=cpu", "--seeds=1000-1001", "--store", "new")
    assert done.ret == 0
    done.stdout.fnmatch_lines_random(
        [
            "a browser on a phone",
            "sdd_claims: --device is another plugin's option here; give --sdd-device",
            "*1 passed*",
        ]
    )
    assert (pytester.path / "new" / "store.json").exists()


@pytest.mark.parametrize(("conftest", "plugins"), [(BROWSERS + OURS, ()), (BROWSERS, WITHOUT_A_CONFTEST)])
def test_the_help_has_a_long_name_where_the_short_one_is_taken_and_only_there(pytester, run, conftest, plugins):
    pytester.makeconftest(conftest)
    shown = run(*plugins, "--help").stdout.str()
    assert "--sdd-device=NAME" in shown
    assert "--store=DIR" in shown
    assert "--sdd-store=" not in shown


@pytest.mark.parametrize(("conftest", "plugins"), [(OURS, ()), ("", WITHOUT_A_CONFTEST)])
def test_every_option_has_a_name_of_the_suites_own_and_a_short_one(pytester, run, conftest, plugins):
    pytester.makeconftest(conftest)
    given = {option: [] if not option.metavar else ["1"] for option in OPTIONS}
    for form in ("short", "long"):
        words = ["=".join([getattr(option, form), *value]) for option, value in given.items()]
        # Together they contradict each other: that is said, and all have been read.
        done = run(*plugins, *words)
        assert done.ret == pytest.ExitCode.USAGE_ERROR
        assert "--smoke, --pilots, --seeds and --block exclude each other" in done.stderr.str()
        assert "unrecognized" not in done.stderr.str()


def test_the_options_page_names_every_option_and_says_how_else_it_is_called():
    page = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert [option.name for option in OPTIONS if f"`{option.short}" not in page] == []
    assert "`--sdd-" in page
