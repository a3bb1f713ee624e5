"""Every dependency is justified in docs/dependencies.md, bounded from below, declared and used."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from sdd_claims.machine.provenance import LIBRARIES

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
CONSTRAINTS = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8")

IMPORTED_AS = {"pillow": "PIL", "scikit-learn": "sklearn"}
BROUGHT_BY = {"llvmlite": "numba", "markupsafe": "jinja2", "pynvml": "codecarbon"}
"""Packages that a declared one brings along in all its versions, since it is made of them."""

ASKED_FOR = {"pandas"}
"""Imported where a user asks for what needs it, and an error says so where it is lacking."""

TOOLS = {"pytest-xdist"}
"""Used by its name on the command line, and imported by nobody."""


def bounds(requirements: list[str]) -> dict[str, str]:
    """Package -> lowest version; every requirement has one, and nothing else."""
    found = {each: re.fullmatch(r"([a-z0-9-]+)>=([0-9.]+)", each) for each in requirements}
    assert [each for each, match in found.items() if match is None] == []
    return {match[1]: match[2] for match in found.values() if match}


def group(name: str) -> list[str]:
    """The requirements of a group, with those of the groups that it includes."""
    return [
        each
        for entry in GROUPS[name]
        for each in ([entry] if isinstance(entry, str) else group(entry["include-group"]))
    ]


def table() -> list[list[str]]:
    """The rows of the table of packages: package, lowest version, what for, what else, licence."""
    lines = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[0] == ["package", "lowest", "what for", "what we would write otherwise", "licence"]
    return rows[2:]


def imports(path: Path) -> set[str]:
    """The top-level names of other projects that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    ours = {"sdd_claims", "claims", "fixtures", "benchmarks", "_typeshed"}
    return found - ours - sys.stdlib_module_names


def is_of_tests(path: Path) -> bool:
    """Whether a file is a test, or helps tests or runs them."""
    return "tests" in path.parts or path.name == "planted_faults.py"


def imported(*, by_tests: bool) -> set[str]:
    folders = ("sdd_claims", "claims", "fixtures", "benchmarks")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return set().union(*(imports(path) for path in paths if is_of_tests(path) is by_tests))


def test_the_table_has_every_package_with_its_lowest_version():
    extras = [each for name, extra in PROJECT["optional-dependencies"].items() if name != "dev" for each in extra]
    declared = bounds([*PROJECT["dependencies"], *extras, *group("dev"), *group("browser"), *group("release")])
    assert {row[0]: row[1] for row in table()} == declared
    assert len(table()) == len(declared)


def test_every_package_has_a_reason_and_a_licence():
    assert [row[0] for row in table() if len(row) != 5 or not row[2] or not row[4]] == []


def test_the_group_and_the_extra_for_development_are_the_same():
    assert sorted(group("dev")) == sorted(PROJECT["optional-dependencies"]["dev"])


def test_what_the_package_imports_is_declared_and_what_is_declared_is_used():
    extras = {name for each in ("carbon", "cluster") for name in bounds(PROJECT["optional-dependencies"][each])}
    declared = {*bounds(PROJECT["dependencies"]), *extras}
    found = imported(by_tests=False) - ASKED_FOR
    assert {BROUGHT_BY[name] for name in BROUGHT_BY if name in found} <= declared
    assert found - BROUGHT_BY.keys() == {IMPORTED_AS.get(name, name) for name in declared - TOOLS}


def test_the_libraries_whose_versions_are_recorded_come_with_the_package():
    """A run from a wheel alone has no package of the tests."""
    assert set(LIBRARIES) <= set(bounds(PROJECT["dependencies"]))


def test_what_only_tests_import_is_declared_for_them():
    found = imported(by_tests=True) - imported(by_tests=False) - ASKED_FOR
    assert found == set(bounds(group("test")))


def test_every_package_is_pinned_with_a_hash_and_no_address():
    pins = dict(re.findall(r"^([a-z0-9._-]+)==(\S+) (?:;.*)?\\$", CONSTRAINTS, re.MULTILINE))
    requirements = [
        *PROJECT["dependencies"],
        *(each for some in PROJECT["optional-dependencies"].values() for each in some),
    ]
    lowest = bounds(requirements)
    assert lowest.keys() <= pins.keys()

    def as_numbers(version: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", version)]

    assert [name for name, bound in lowest.items() if as_numbers(pins[name]) < as_numbers(bound)] == []
    hashes = re.findall(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", CONSTRAINTS, re.MULTILINE)
    assert len(pins) + len(hashes) == len(CONSTRAINTS.splitlines())  # no line is anything else
    blocks = re.split(r"^(?=\S)", CONSTRAINTS, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins)
    assert [block for block in blocks if "--hash=" not in block] == []


@pytest.mark.parametrize("requirement", ["torch", "torch>=2.9,<3", "torch==2.9", "torch @ file:///tmp/torch"])
def test_a_requirement_of_another_form_is_found(requirement):
    with pytest.raises(AssertionError):
        bounds([requirement])
