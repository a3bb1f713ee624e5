"""A result is kept under everything that it depends on, and computed again where any of that differs."""

import hashlib
import json
import os
from dataclasses import make_dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.curves import SparsityCurve
from sdd_claims.report.axes import Axes
from sdd_claims.report.lines import Line
from sdd_claims.stats.hypotheses import All, Hypotheses, Mean
from sdd_claims.storage import memo
from sdd_claims.storage.memo import result_of, results_kept

ELSEWHERE, IN_TESTS = (make_dataclass("Class", ["number"]) for _ in range(2))
ELSEWHERE.__module__, IN_TESTS.__module__ = "elsewhere", __name__
"""Classes whose sources do not count."""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def called():
    return list[tuple[object, ...]]()


@pytest.fixture
def compute(called):
    def compute(*arguments: object) -> str:
        called.append(arguments)
        return f"result {len(called)}"

    return compute


def hypotheses(excess: float) -> Hypotheses:
    return Hypotheses(Mean(np.array([1.0, excess])), All((Mean(np.array([2.0])),)))


def line(value: float) -> Line:
    return Line("a", "b", "test_accuracy", SparsityCurve((0,), np.array([1.0, 0.5]), np.array([[value, 0.5]])))


def axes(value: float) -> Axes:
    return Axes.around([line(value)])


@pytest.mark.parametrize("of", [hypotheses, line, axes], ids=lambda of: of.__name__)
def test_a_result_is_computed_once_for_equal_arguments(cache, compute, called, of):
    with results_kept():
        assert result_of(compute, of(0.25), 3) == result_of(compute, of(0.25), 3) == "result 1"
        assert result_of(compute, of(0.5), 3) == "result 2"
        assert result_of(compute, of(0.25), 4) == "result 3"
    with results_kept():
        assert result_of(compute, of(0.25), 3) == "result 1"


def test_without_the_keeping_everything_is_computed(cache, compute):
    with results_kept():
        result_of(compute, 1)
    assert result_of(compute, 1) == "result 2"


def test_other_sources_have_results_of_their_own(cache, compute, monkeypatch):
    with results_kept():
        result_of(compute, 1)
    monkeypatch.setattr(memo, "_STATE", "changed")
    with results_kept():
        assert result_of(compute, 1) == "result 2"
    assert {path.name.partition("-")[0] for path in (cache / "sdd_claims").iterdir()} == {"results"}


def test_what_is_damaged_is_computed_again(cache, compute):
    with results_kept():
        result_of(compute, 1)
        (path,) = cache.rglob("*.json")
        path.write_bytes(path.read_bytes()[:-1])
        assert result_of(compute, 1) == "result 2"
        assert json.loads(path.read_bytes()) == "result 2"


def test_once_sources_have_changed_nothing_is_kept_under_those_that_were_imported(cache, compute, monkeypatch):
    monkeypatch.setattr(memo, "_TIMES", memo._TIMES[1:])
    with results_kept():
        result_of(compute, 1)
        assert result_of(compute, 1) == "result 2"
    assert not list(cache.rglob("*.json"))


def test_every_source_counts_wherever_the_package_lies(tmp_path):
    """Below a folder that is called tests, too; tests of the package do not count."""
    package = tmp_path / "tests" / "package"
    (package / "room" / "tests").mkdir(parents=True)
    assert memo._state(package) == ""
    source = package / "room" / "module.py"
    source.write_text("1")
    first = memo._state(package)
    (package / "room" / "tests" / "test_module.py").write_text("1")
    assert memo._state(package) == first != ""
    source.write_text("2")
    assert memo._state(package) != first


def test_other_libraries_are_another_state(monkeypatch):
    before = memo._state(memo._PACKAGE)
    assert before == memo._STATE
    monkeypatch.setattr(memo, "version", lambda name: "0")
    assert memo._state(memo._PACKAGE) != before


def test_few_states_stay(cache, monkeypatch):
    lately = cache.stat().st_mtime - 3600
    (cache / "sdd_claims" / "compiled-1").mkdir(parents=True)
    os.utime(cache / "sdd_claims" / "compiled-1", (lately, lately))
    for number in range(5):
        monkeypatch.setattr(memo, "_STATE", str(number))
        with results_kept():
            pass
        os.utime(cache / "sdd_claims" / f"results-{number}", (lately + number, lately + number))
    kept = {path.name for path in (cache / "sdd_claims").iterdir()}
    assert kept == {"results-2", "results-3", "results-4", "compiled-1"}


UNKNOWN = {"class": ELSEWHERE(1), "class of tests": IN_TESTS(1), "function": lambda: 1, "objects": np.array([None])}


@pytest.mark.parametrize("unknown", UNKNOWN.values(), ids=UNKNOWN)
def test_of_arguments_that_nobody_knows_nothing_is_kept(cache, compute, unknown):
    with results_kept():
        result_of(compute, [unknown])
        assert result_of(compute, [unknown]) == "result 2"
    assert not list(cache.rglob("*.json"))


def test_where_no_folder_can_be_written_everything_is_computed(tmp_path, compute, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with results_kept():
        result_of(compute, 1)
        assert result_of(compute, 1) == "result 2"


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.tuples(inner) | st.lists(inner).map(tuple) | st.tuples(inner, inner))


def digest(*values: object) -> str:
    content = hashlib.sha256()
    for value in values:
        memo._add(content, value)
    return content.hexdigest()


@given(VALUES, VALUES)
def test_different_values_have_different_bytes(one, other):
    assert (digest(one) == digest(other)) == (repr(one) == repr(other))


def test_arrays_differ_by_shape_type_and_numbers():
    array = np.arange(6.0)
    others = [array.reshape(2, 3), array.astype(np.float32), array + 1, list(array), array.view(np.int64)]
    assert len({digest(each) for each in [array, *others]}) == 6
    assert digest(array[::2]) == digest(array[::2].copy())


def test_every_field_of_a_dataclass_counts():
    one = line(0.25)
    assert digest(one) != digest(replace(one, label="c"))
    assert digest(one) != digest(replace(one, digest="d"))
