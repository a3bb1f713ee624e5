"""Root of all tests: the plugin; of the suite's own tests: warnings fail, no network, hypothesis without deadlines.

Deadlines would measure the machine and not the code.
"""

import atexit
import functools
import gc
import os
import shutil
import sys
import tempfile
import unittest.mock
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sdd_claims.judging.options import limit_threads

pytest_plugins = ["sdd_claims.plugin"]
limit_threads()

_REFUSED = pytest.StashKey[list[str]]()


def pytest_collect_file(file_path: Path) -> None:
    """Set up what the suite's own tests need before the first of them is read."""
    if _is_suites_own(file_path):
        _load_profile()


@functools.cache
def _load_profile() -> None:
    os.environ.pop("GITHUB_STEP_SUMMARY", None)  # the verdicts of tests are not for the page of a CI run
    # Results that are kept are those of no real run; compiled code stays where it is.
    os.environ.setdefault("NUMBA_CACHE_DIR", os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    os.environ["XDG_CACHE_HOME"] = folder = tempfile.mkdtemp(prefix="sdd_claims-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    import hypothesis  # late: whoever only judges claims need not wait for it

    hypothesis.settings.register_profile("sdd_claims", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("sdd_claims")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Spare who has only judged claims the summary of hypothesis, which imports all of it to say nothing."""
    if "hypothesis" not in sys.modules and (plugin := session.config.pluginmanager.get_plugin("hypothesispytest")):
        session.config.pluginmanager.unregister(plugin)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Make warnings errors in the suite's own tests.

    Not in a setting of pytest's: whoever judges claims may have a read-only checkout, other plugins or new libraries,
    all of which only warn.
    """
    if _is_suites_own(item.path):
        item.add_marker(pytest.mark.filterwarnings("error"), append=False)


def pytest_collection_finish() -> None:
    """Spare every later look for garbage what is imported and collected, which takes it a quarter second."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let none of the suite's own tests, with all its fixtures, reach the network, or wait for the disk.

    Who judges claims may: a cluster, a store at a URL and a data set lie elsewhere. No test cuts the power, and most of
    the time of a training that is only played goes to `fsync`.
    """
    if not _is_suites_own(item.path):
        return (yield)
    from sdd_claims.tests.offline import offline  # late: the wheel has no tests

    with offline() as item.stash[_REFUSED], unittest.mock.patch("os.fsync", fsync):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test whose code took the refusal for a broken network and went on."""
    yield
    if refused := item.stash.get(_REFUSED, []):
        pytest.fail(f"a test may not reach the network: {'; '.join(refused)}")


def fsync(_descriptor: int) -> None:
    """Stands for `os.fsync`, without effect."""


@pytest.fixture
def refused_connections(request: pytest.FixtureRequest) -> list[str]:
    """What this test was refused so far; to be emptied by a test that wants a refusal."""
    return request.node.stash[_REFUSED]


def _is_suites_own(path: Path) -> bool:
    return path.is_relative_to(Path(__file__).parent / "sdd_claims") and "tests" in path.parts
