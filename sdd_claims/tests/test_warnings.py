"""Warnings fail the suite's own tests, and no run of whoever judges claims."""

import os
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]

CLAIM = """
import pytest, warnings
from sdd_claims.tests.tiny import YES, trial_named

@pytest.mark.fast(trial_named("clear", YES))
def test_fast(verdict):
    warnings.warn("a library has something to say")
    verdict.check()
"""

PLUGIN = """
import pytest, warnings

def pytest_configure(config):
    warnings.warn(pytest.PytestDeprecationWarning("this plugin is old"))

def pytest_collection_modifyitems(items):
    warnings.warn("this plugin is old")
"""


def test_a_warning_is_an_error_in_a_test_of_the_suites_own():
    with pytest.raises(UserWarning, match="of no consequence"):
        warnings.warn("of no consequence", stacklevel=1)


@pytest.mark.filterwarnings("ignore:of no consequence")
def test_a_test_may_expect_a_warning():
    warnings.warn("of no consequence", stacklevel=1)


def test_what_only_warns_stops_no_run(tmp_path):
    """Another plugin, a library, an optimising interpreter, a checkout in which pytest cannot keep its cache."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "test_clear.py").write_text(CLAIM)
    (tmp_path / "old_plugin.py").write_text(PLUGIN)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["sdd_claims.plugin"]')
    (tmp_path / ".pytest_cache").touch()
    lines = [f"{name} = {value if isinstance(value, list) else repr(value)}" for name, value in SETTINGS.items()]
    lines = [line.replace("True", "true") for line in lines if not line.startswith(("pythonpath", "testpaths"))]
    (tmp_path / "pyproject.toml").write_text("\n".join(["[tool.pytest.ini_options]", *lines]))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "PYTHONOPTIMIZE": "1"}
    for last in ("--plan", "--engine=serial"):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "old_plugin", "-m", "fast", "--store=elsewhere", last],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "could not create cache path" in done.stdout
