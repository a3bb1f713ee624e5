"""The list of planted faults stays alive, and their runner tells a fault that is caught from one that survives."""

import os
import re
import signal
import subprocess
import tempfile
from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.planted_faults import ROOT, Fault, Result, Tree, as_markdown, read, run_all
from sdd_claims.errors import InputError

FAULTS = read()
PACKAGE = "sdd_claims"
ROOMS = [path.parent.name for path in sorted((ROOT / PACKAGE).glob("*/__init__.py"))]
FAULT = Fault("half", "sums", "sums.py", "x + x", "x", "a sum is a sum", ("test_sums.py",))
TESTS = """
import pytest
from sums import double

def test_nothing():
    assert double(0) == 0

def test_double():
    assert double(2) == 4
"""


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "sums.py").write_text("def double(x):\n    return x + x\n", encoding="utf-8")
    (tmp_path / "test_sums.py").write_text(TESTS, encoding="utf-8")
    return Tree(tmp_path)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted_and_its_tests_exist(fault):
    fault.check(ROOT)


def test_every_room_has_faults():
    assert set(ROOMS) <= set(Counter(fault.room for fault in FAULTS))


def test_the_page_has_every_fault_once_as_it_is_planted_now_and_no_other():
    page = (ROOT / "reports" / "FAULTS.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if re.match(r"\| (?!room|---)", line)]
    rows = [(room, name, digest) for room, name, *_, digest in lines]
    assert Counter(rows) == Counter((fault.room, fault.name, fault.digest) for fault in FAULTS)
    assert f"\n{len(FAULTS)} faults, " in page


def test_the_readme_counts_them():
    for name in ("README.md", "docs/why-believe-it.md"):
        assert f"[{len(FAULTS)} planted faults]" in (ROOT / name).read_text(encoding="utf-8")


def test_a_caught_fault_names_the_test_that_fails_and_leaves_the_code_as_it_was(tree):
    (result,) = tree.confirmed([tree.run(FAULT)])
    assert (result.caught_by, result.note) == ("test_sums.py::test_double", "")
    assert "x + x" in (tree.folder / "sums.py").read_text(encoding="utf-8")


def test_several_processes_try_each_fault_once_in_copies_of_their_own(tree, tmp_path_factory, monkeypatch):
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tree.folder, check=True)
    monkeypatch.setattr("benchmarks.planted_faults.ROOT", tree.folder)
    copies = tmp_path_factory.mktemp("copies")
    monkeypatch.setattr(tempfile, "tempdir", str(copies))
    zero = replace(FAULT, name="zero", new="0 * x + 1")
    found = {result.name: result.caught_by for result in run_all([FAULT, zero], 2)}
    assert found == {"half": "test_sums.py::test_double", "zero": "test_sums.py::test_nothing"}
    assert "x + x" in (tree.folder / "sums.py").read_text(encoding="utf-8")
    assert list(copies.iterdir()) == []
    with pytest.raises(InputError, match=r"faults cannot be planted: .*its old text stands 0 times"):
        list(run_all([replace(FAULT, old="x * x")], 2))
    assert list(copies.iterdir()) == []


def test_a_process_that_is_killed_ends_the_run(tree, monkeypatch):
    monkeypatch.setattr("benchmarks.planted_faults.copy_tracked", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(InputError, match="a process that plants faults has died"):
        list(run_all([FAULT], 1))


def test_a_fault_that_no_test_notices_survives(tree):
    result = tree.run(replace(FAULT, tests=("test_sums.py::test_nothing",)))
    assert (result.caught_by, result.note) == (None, "all its tests pass")


def test_tests_that_are_skipped_are_no_tests(tree):
    """As where an extra that they need is not installed."""
    skips = "import pytest\n\n\ndef test_extra():\n    pytest.importorskip('no_such_extra')\n"
    (tree.folder / "test_sums.py").write_text(skips, encoding="utf-8")
    result = tree.run(FAULT)
    assert result.caught_by is None
    assert result.note.startswith("no test was run: 1 skipped")


def test_code_that_cannot_be_read_is_no_catch(tree):
    result = tree.run(replace(FAULT, new="x +"))
    assert result.caught_by is None
    assert result.note.startswith("no test was run")


def test_a_test_that_fails_without_the_fault_is_no_catch(tree):
    (tree.folder / "test_sums.py").write_text(TESTS.replace("== 4", "== 5"), encoding="utf-8")
    (result,) = tree.confirmed([tree.run(FAULT)])
    assert (result.caught_by, result.note) == (None, "test_sums.py::test_double fails without the fault too")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"old": "x * x"}, "its old text stands 0 times in sums.py; the code has moved"),
        ({"old": "x"}, "its old text stands 3 times"),
        ({"file": "sum.py"}, "there is no sum.py"),
        ({"new": "x + x"}, "old and new text are the same"),
        ({"tests": ("test_sum.py",)}, "there is no test file test_sum.py"),
        ({"tests": ("test_sums.py::test_triple",)}, "test_sums.py has no test test_triple"),
    ],
)
def test_a_fault_whose_code_or_test_has_moved_is_refused_with_its_name(tree, changes, message):
    with pytest.raises(InputError, match=f"fault 'half': {message}"):
        replace(FAULT, **changes).check(tree.folder)


def test_a_row_that_lacks_something_is_refused(tmp_path):
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nname = "half"\n', encoding="utf-8")
    with pytest.raises(InputError, match="fault 'half': lacks or should not have file, new, old"):
        read(path)


def test_the_page_counts_what_was_caught_and_shows_survivors(tree):
    survivor = replace(FAULT, name="other", tests=("test_sums.py::test_nothing",))
    results = {fault.name: tree.run(fault) for fault in (FAULT, survivor)}
    page = as_markdown([FAULT, survivor], results)
    assert "2 faults, 1 caught" in page
    assert "| sums | half | `test_sums.py::test_double` |" in page
    assert "| sums | other | **survived**: all its tests pass |" in page


def test_the_page_says_where_results_were_measured_and_how_many_at_each_place(tree):
    faults = [replace(FAULT, name=name) for name in ("first", "second", "third")]
    here, there = (Result("", "", "test_sums.py::test_double", "", 1.0, place) for place in ("Here", "There"))
    assert "\nHere.\n" in as_markdown(faults[:2], {"first": here, "second": here})
    assert "\n- 2: There.\n- 1: Here.\n" in as_markdown(faults, {"first": here, "second": there, "third": there})
