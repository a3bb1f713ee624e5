"""Callables of one source are told apart by what they read."""

import functools
import itertools
import os
import re
import subprocess
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
        (re.compile("a"), re.compile("b")),
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


def test_two_functions_on_one_line_are_two(notebook):
    cells = notebook("of = [lambda s, c: s * 4, lambda s, c: s * 5, lambda s, c: s + 4, lambda s, c: c * 4]")
    assert len({fingerprint(each) for each in cells.of}) == 4


def test_what_runs_counts_and_not_what_the_file_says_by_now(notebook, tmp_path):
    cells = notebook("def build(shape, classes):\n    return 1\n")
    before = fingerprint(cells.build)
    (tmp_path / "cell_0.py").write_text("def build(shape, classes):\n    return 2\n", encoding="utf-8")
    assert fingerprint(cells.build) == before


@pytest.mark.parametrize("decorator", ["functools.cache", "functools.lru_cache(3)", "numba.njit", "staticmethod"])
def test_what_a_decorator_wraps_counts(notebook, decorator):
    text = """
        import functools, numba
        @{decorator}
        def scale():
            return {number}
        def build(shape, classes):
            return scale()
    """
    one, other = (notebook(text.format(decorator=decorator, number=number)) for number in (1, 2))
    again = notebook(text.format(decorator=decorator, number=1))
    assert fingerprint(again.build) != fingerprint(other.scale)
    found = [fingerprint(closing_over(each.scale)) for each in (one, again, other)]
    assert found[0] == found[1] != found[2]


def test_properties_and_methods_behind_decorators_are_followed(notebook):
    cells = notebook(
        """
        import functools
        K = 1
        def times(n):
            def wrap(method):
                @functools.wraps(method)
                def inner(self):
                    return n * method(self)
                return inner
            return wrap
        class Net:
            @functools.cached_property
            def cached(self):
                return K
            @property
            def plain(self):
                return 1
            @times(2)
            def method(self):
                return 1
        """
    )
    found = [fingerprint(cells.Net)]
    notebook("K = 2")
    found.append(fingerprint(cells.Net))
    notebook("Net.method = times(3)(Net.method.__wrapped__)")
    found.append(fingerprint(cells.Net))
    notebook("Net.plain = property(lambda self: 2)")
    found.append(fingerprint(cells.Net))
    assert len({*found}) == 4


def test_imports_within_a_function_are_followed(notebook, monkeypatch):
    package = types.ModuleType("my_package")
    layers = types.ModuleType("my_package.layers")
    vars(layers).update(width=1, unread=1)
    monkeypatch.setitem(sys.modules, "my_package", package)
    monkeypatch.setitem(sys.modules, "my_package.layers", layers)
    cells = notebook("def build(shape, classes):\n    from my_package.layers import width\n    return width\n")
    found = [fingerprint(cells.build)]
    for name in ("unread", "width"):
        setattr(layers, name, 2)
        found.append(fingerprint(cells.build))
    assert found[0] == found[1] != found[2]


def test_an_attribute_is_no_global(notebook):
    cells = notebook("def build(shape, classes):\n    return [each.data for each in shape]\n")
    before = fingerprint(cells.build)
    notebook("import threading\ndata = threading.Lock()\n")
    assert fingerprint(cells.build) == before


def test_what_a_global_generator_has_drawn_is_not_the_callables(notebook):
    cells = notebook(
        "import numpy, random\nR = numpy.random.mtrand._rand\ndef build(shape, classes):\n    return R, random._inst\n"
    )
    before = fingerprint(cells.build)
    notebook("numpy.random.rand(), random.random()")
    assert fingerprint(cells.build) == before


def test_classes_that_hold_settings_alone_are_told(notebook):
    text = """
        import dataclasses
        @dataclasses.dataclass
        class Config:
            width: int = {width}
        class Plain:
            width = {width}
        def build(shape, classes):
            return Config(), Plain
    """
    one, other = (fingerprint(notebook(text.format(width=width)).build) for width in (1, 2))
    assert one != other


def test_it_is_the_same_in_another_process(notebook, tmp_path):
    """Whatever the seed of Python's hashes."""
    path = tmp_path / "mine.py"
    path.write_text(
        textwrap.dedent(
            """
            import re
            import numpy as np
            import torch
            from sklearn.preprocessing import StandardScaler
            WORDS, PATTERN, SCALER = {"a", "bb", "ccc"}, re.compile("a+"), StandardScaler().fit(np.eye(3))
            class Net(torch.nn.Linear):
                kind = frozenset(["x", "yy"])
            NET = Net(2, 2)
            torch.nn.init.ones_(NET.weight), torch.nn.init.ones_(NET.bias)
            def build(shape, classes):
                return [each in {"a", "bb", "cc"} for each in WORDS], PATTERN, SCALER, NET
            if __name__ == "__main__":
                from sdd_claims.models.fingerprint import fingerprint
                print(fingerprint(build))
            """
        ),
        encoding="utf-8",
    )
    found = {
        subprocess.run(
            [sys.executable, path],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_objects_that_hold_themselves_end():
    mine: list[object] = [1]
    mine.append(mine)
    other: list[object] = [2]
    other.append(other)
    assert fingerprint(closing_over(mine)) != fingerprint(closing_over(other))


def test_what_nobody_can_compare_is_refused_by_its_name(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(InputError, match="value is read, a TextIOWrapper, of"):
        fingerprint(closing_over(file))
    with pytest.raises(InputError, match=r"value\['a'\]\[0\] is read, a generator"):
        fingerprint(closing_over({"a": [(each for each in "abc")]}))
    with pytest.raises(InputError, match="a Tensor, of which nobody can tell"):
        fingerprint(closing_over(torch.empty(2, device="meta")))


def test_locks_and_loggers_are_no_settings():
    assert fingerprint(closing_over(threading.Lock())) == fingerprint(closing_over(threading.Lock()))
    one, other = (fingerprint(closing_over({"lock": threading.Lock(), "scale": scale})) for scale in (1, 2))
    assert one != other


def test_sets_of_what_refers_to_them_end_and_so_do_sets_within_sets(notebook):
    cells = notebook(
        """
        class Base:
            known = set()
            def __init_subclass__(cls):
                Base.known.add(cls)
        class One(Base):
            width = 1
        class Two(Base):
            pass
        """
    )
    before = fingerprint(cells.Base)
    notebook("One.width = 2")
    assert fingerprint(cells.Base) != before
    deep: frozenset[object] = frozenset([1])
    for each in range(40):
        deep = frozenset([deep, (deep, each)])
    assert fingerprint(closing_over(deep)) == fingerprint(closing_over(deep))


@pytest.mark.parametrize(
    "code",
    [
        """
        import functools
        class Scaled:
            def __init__(self, function, by):
                functools.update_wrapper(self, function)
                self.by = by
            def __call__(self):
                return self.by
        def plain():
            return 1
        found = Scaled(plain, NUMBER)
        """,
        """
        import functools
        class Net:
            def __init__(self, by):
                self.by = by
        class Sub(Net):
            __init__ = functools.partialmethod(Net.__init__, by=NUMBER)
        found = Sub
        """,
        """
        import functools
        class Net:
            @functools.lru_cache
            def __call__(self):
                return NUMBER
        found = Net
        """,
        """
        class Meta(type):
            @property
            def by(cls):
                return NUMBER
        class Net(metaclass=Meta):
            pass
        found = Net
        """,
        """
        import enum
        class Kind(str, enum.Enum):
            A = "a"
            def by(self):
                return NUMBER
        found = Kind.A
        """,
        """
        class Width(int):
            by = NUMBER
        found = Width(1)
        """,
        """
        import functools
        @functools.singledispatch
        def by(given):
            return 1
        @by.register
        def _(given: int):
            return NUMBER
        found = by
        """,
        """
        import types
        found = types.MappingProxyType({"by": NUMBER})
        """,
        """
        import torch
        found = torch.eye(2).mul(NUMBER).to_sparse()
        """,
        """
        import threading, torch
        class Net:
            lock = {"lock": threading.Lock(), "by": NUMBER}
        found = Net
        """,
        """
        import types
        settings = types.ModuleType("my_settings")
        settings.by = NUMBER
        found = [settings]
        """,
        """
        import types
        settings = types.ModuleType("my_settings")
        settings.by = NUMBER
        def found():
            return getattr(settings, "by")
        """,
        """
        found = (lambda a, *b: len(b)) if NUMBER == 1 else (lambda *a, b=0: len(a))
        """,
    ],
)
def test_what_an_object_does_and_holds_counts(notebook, code):
    one, again, other = (fingerprint(closing_over(notebook(code.replace("NUMBER", n)).found)) for n in "112")
    assert one == again != other


def test_nothing_is_imported_to_tell_what_a_function_would_import(notebook, monkeypatch, tmp_path):
    (tmp_path / "never_run.py").write_text("raise SystemExit('started')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    cells = notebook("def build(shape, classes):\n    import never_run, never_there\n    return never_run.width\n")
    before = fingerprint(cells.build)
    assert "never_run" not in sys.modules
    (tmp_path / "never_run.py").write_text("width = 1\n", encoding="utf-8")
    assert fingerprint(cells.build) != before


def test_imports_behind_hundreds_of_names_are_read_too(notebook, monkeypatch):
    layers = types.ModuleType("my_layers")
    vars(layers)["width"] = 1
    monkeypatch.setitem(sys.modules, "my_layers", layers)
    names = ", ".join(f"x.a{each}" for each in range(300))
    numbers = ", ".join(f"{each}.5" for each in range(300))
    cells = notebook(
        f"def build(x, y):\n    {names}\n    [{numbers}].pop()\n    from my_layers import width\n    return width\n"
    )
    before = fingerprint(cells.build)
    vars(layers)["width"] = 2
    assert fingerprint(cells.build) != before
