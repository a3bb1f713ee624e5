"""Nothing that is read is executed: no code of the package unpickles, and PyTorch and NumPy are told not to."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNPICKLES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
"""Modules whose readers execute what they read."""

HARMLESS = {"pickle.UnpicklingError"}
"""What torchvision raises, which unpickles CIFAR's published files, once their checksums are the published ones."""

SAFE = {
    # reader: the option that must be given, and its value
    "torch.load": ("weights_only", True),
    "numpy.load": ("allow_pickle", False),
    "numpy.lib.format.read_array": ("allow_pickle", False),
}
EXECUTES = {"eval", "exec", "pandas.read_pickle", "torch.hub.load", "torch.package.PackageImporter", "torch.jit.load"}


def complaints(code: str) -> list[str]:
    """What in this code reads something that could be executed, a line each."""
    tree = ast.parse(code)
    names = dict(_imported(tree))
    found = [
        f"imports {full}" for full in names.values() if full.partition(".")[0] in UNPICKLES and full not in HARMLESS
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (called := _full_name(node.func, names)):
            given = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
            option, value = SAFE.get(called, ("", None))
            if called in EXECUTES or (called in SAFE and given.get(option) is not value):
                found.append(f"line {node.lineno}: {called}" + (f" without {option}={value}" if option else ""))
    return found


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Every name that an import binds, with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield (each.asname, each.name) if each.asname else (each.name.partition(".")[0],) * 2
                if "." in each.name:
                    yield each.name, each.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((each.asname or each.name, f"{node.module}.{each.name}") for each in node.names)


def _full_name(function: ast.expr, names: dict[str, str]) -> str:
    """The dotted name of what is called, by its module's own name; empty where it is no name."""
    if isinstance(function, ast.Name):
        return names.get(function.id, function.id)
    if isinstance(function, ast.Attribute) and (of := _full_name(function.value, names)):
        return f"{of}.{function.attr}"
    return ""


def _code() -> list[Path]:
    folders = ("sdd_claims", "claims", "fixtures", "benchmarks")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "tests" not in path.parts]


def test_no_code_of_the_package_executes_what_it_reads():
    found = {str(path.relative_to(ROOT)): complaints(path.read_text(encoding="utf-8")) for path in _code()}
    assert {path: said for path, said in found.items() if said} == {}


def test_the_readers_that_must_be_told_are_in_use():
    """Else the test above could pass for want of anything to find."""
    used = {
        name
        for path in _code()
        for tree in [ast.parse(path.read_text(encoding="utf-8"))]
        for names in [dict(_imported(tree))]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (name := _full_name(node.func, names)) in SAFE
    }
    assert used == set(SAFE)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import pickle", "imports pickle"),
        ("from pickle import loads as read", "imports pickle.loads"),
        ("def late():\n    import joblib", "imports joblib"),
        ("import torch\ntorch.load(path)", "line 2: torch.load without weights_only=True"),
        ("import torch\ntorch.load(path, weights_only=False)", "line 2: torch.load without weights_only=True"),
        ("import torch\ntorch.load(path, weights_only=trusted)", "line 2: torch.load without weights_only=True"),
        ("from torch import load\nload(path)", "line 2: torch.load without weights_only=True"),
        ("import numpy as np\nnp.load(path)", "line 2: numpy.load without allow_pickle=False"),
        ("import numpy as np\nnp.load(path, allow_pickle=True)", "line 2: numpy.load without allow_pickle=False"),
        ("eval(words)", "line 1: eval"),
        ("import torch.hub\ntorch.hub.load(name)", "line 2: torch.hub.load"),
    ],
)
def test_what_would_execute_is_found(code, complaint):
    assert complaints(code) == [complaint]


@pytest.mark.parametrize(
    "code",
    [
        "import pickletools",
        "import torch\ntorch.load(path, weights_only=True)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "import json\njson.load(file)",
        "module.eval()",
    ],
)
def test_what_executes_nothing_is_left_alone(code):
    assert complaints(code) == []


def test_the_linter_looks_for_it_too():
    """S301: pickle and what is built on it; S307: eval. Nowhere is one of the two switched off."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    off = [*rules["ignore"], *(rule for some in rules["per-file-ignores"].values() for rule in some)]
    assert {"S301", "S307"} <= set(rules["select"])
    assert not [rule for rule in off if "S301".startswith(rule) or "S307".startswith(rule)]
