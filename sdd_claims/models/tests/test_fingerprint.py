"""Callables of one source are told apart by what they read."""

import functools
import itertools
import sys
import textwrap
import threading
import types

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.models.fingerprint import fingerprint


@pytest.fixture
def notebook(tmp_path):
    """Runs code as the cells of a notebook: one namespace, whose functions have sources and belong to no file."""
    names, cells = {"__name__": "__main__"}, itertools.count()

    def run(text):
        path = tmp_path / f"cell_{next(cells)}.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
        return types.SimpleNamespace(**names)

    return run


def closing_over(value):
    def build(shape, classes):
        return value

    return build


@given(st.integers() | st.text() | st.floats(allow_nan=False) | st.lists(st.integers()) | st.sets(st.text()))
def test_equal_values_have_one_fingerprint(value):
    assert fingerprint(closing_over(value)) == fingerprint(closing_over(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (100, 3),
        (1, 1.0),
        (0, False),
        ("a", b"a"),
        ([1, 2], (1, 2)),
        ([1, 2], [2, 1]),
        ({"width": 1}, {"width": 2}),
        ({1, 2}, {1, 3}),
        (torch.ones(2), torch.tensor([1.0, 2.0])),
        (torch.ones(2), torch.ones(2, 1)),
        (torch.ones(2), torch.ones(2, dtype=torch.bfloat16)),
        (np.ones(2), np.ones(2, np.float32)),
        (np.array([1, "a"], object), np.array([1, "b"], object)),
        (np.random.default_rng(0), np.random.default_rng(1)),
        (torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (closing_over(1), closing_over(2)),
        (types.SimpleNamespace(width=1), types.SimpleNamespace(width=2)),
        (torch.nn.Dropout(0.1), torch.nn.Dropout(0.2)),
        (None, ...),
    ],
)
def test_other_values_have_another(one, other):
    assert fingerprint(closing_over(one)) != fingerprint(closing_over(other))


def test_a_global_that_a_notebook_changes_counts_and_one_that_is_not_read_does_not(notebook):
    cells = notebook(
        """
        WIDTH = DEPTH = 1
        def inner():
            return WIDTH
        def build(shape, classes):
            return inner()
        """
    )
    before = fingerprint(cells.build)
    notebook("DEPTH = 2")
    assert fingerprint(cells.build) == before
    notebook("WIDTH = 2")
    assert fingerprint(cells.build) != before


def test_an_attribute_of_a_class_or_of_an_object_counts(notebook):
    cells = notebook(
        """
        class Builder:
            depth = 1
            def __init__(self, width):
                self.width = width
            def build(self, shape, classes):
                return self.width
            __call__ = build
        """
    )
    one, other = cells.Builder(1), cells.Builder(2)
    assert fingerprint(one.build) == fingerprint(cells.Builder(1).build) != fingerprint(other.build)
    assert fingerprint(one) != fingerprint(other)
    before = fingerprint(one)
    cells.Builder.depth = 2
    assert fingerprint(one) != before


def test_what_is_read_of_a_module_of_the_users_counts(notebook, monkeypatch):
    settings = types.ModuleType("my_settings")
    vars(settings).update(width=1, depth=1, unread=1)
    monkeypatch.setitem(sys.modules, "my_settings", settings)
    cells = notebook(
        """
        import my_settings
        def inner():
            return my_settings.depth
        def build(shape, classes):
            return my_settings.width, inner()
        """
    )
    found = [fingerprint(cells.build)]
    for name in ("unread", "width", "depth"):
        setattr(settings, name, 2)
        found.append(fingerprint(cells.build))
    assert found[0] == found[1]
    assert len({*found}) == 3


def test_defaults_and_decorators_count(notebook):
    text = """
        import functools
        def times(n):
            def wrap(function):
                @functools.wraps(function)
                def inner(*given):
                    return n * function(*given)
                return inner
            return wrap
        def build(shape, classes, width={width}):
            return width
        wrapped = times({n})(build)
    """
    found = {
        (fingerprint(cells.build), fingerprint(cells.wrapped))
        for cells in (notebook(text.format(width=width, n=n)) for width, n in ((1, 1), (1, 2), (2, 1)))
    }
    assert len({plain for plain, _ in found}) == 2
    assert len({wrapped for _, wrapped in found}) == 3


def test_objects_that_hold_themselves_end():
    mine: list[object] = [1]
    mine.append(mine)
    other: list[object] = [2]
    other.append(other)
    assert fingerprint(closing_over(mine)) != fingerprint(closing_over(other))


def test_what_nobody_can_compare_is_refused_by_its_name():
    with pytest.raises(InputError, match="value is read, a lock, of which nobody can tell"):
        fingerprint(closing_over(threading.Lock()))
    with pytest.raises(InputError, match=r"value\['a'\]\[0\] is read, a generator"):
        fingerprint(closing_over({"a": [(each for each in "abc")]}))
    with pytest.raises(InputError, match="a Tensor, of which nobody can tell"):
        fingerprint(closing_over(torch.eye(2).to_sparse()))
