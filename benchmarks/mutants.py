"""Whether the tests notice small random changes of the code: mutants by cosmic-ray's operators, run one at a time.

    pip install --target FOLDER cosmic-ray                     # apart from the suite's own environment
    PYTHONPATH=FOLDER python -m benchmarks.mutants draw MUTANTS.json --room stats --room pruning --sample 100
    python -m benchmarks.mutants run MUTANTS.json --minutes 40 [--write TABLE.md]

First a place in the code is drawn, then one of the changes that are possible there: an arithmetic operator alone has
ten. Annotations, and switches such as strict=True, are left out, for they decide nothing. The tests that import a
changed module run first, then the other ones of its room, then those of the modules that use it, up to the first that
fails. Nothing in the checkout is changed. A run that was broken off goes on where it stopped.

A survivor that cannot be told from the code as it stands is written into equivalent_mutants.toml, with the reason. It
is no part of the score.
"""

import argparse
import ast
import difflib
import hashlib
import importlib
import json
import random
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import measured
from benchmarks.planted_faults import ROOT, Tree, copy_tracked
from sdd_claims.errors import InputError
from sdd_claims.shares import share_interval

EQUIVALENT = ROOT / "benchmarks" / "equivalent_mutants.toml"

SLOW = (
    *("stats/tests/test_calibration.py", "stats/tests/test_sequential.py", "stats/tests/test_multiplicity.py"),
    *("judging/tests/test_smoke.py", "runs/tests/test_checkpoints.py", "planning/tests/test_disk.py"),
    *("runs/tests/test_penalty_paths.py", "runs/tests/test_refits.py", "runs/tests/test_regression.py"),
    *("sdd_claims/tests/test_own.py", "sdd_claims/tests/test_characteristics.py", "registration/tests/test_pilots.py"),
)
"""Tests that take long; they run for the modules alone that they import."""


@dataclass
class Mutant:
    """One change of one file, and what became of it.

    Attributes:
        file: the file, from the root of the repository.
        line: where the change begins.
        operator: cosmic-ray's name of what is changed.
        occurrence: its place among all changes of that kind in the file.
        before: the line as it stands.
        after: the line changed; empty where it is left out.
        digest: of the file as it stands.
        changed: the file changed.
        killed_by: the test that failed; None where all passed or it has not been run.
        note: how the tests ended, where none failed; empty where it has not been run.
        seconds: that its tests took.
    """

    file: str
    line: int
    operator: str
    occurrence: int
    before: str
    after: str
    digest: str
    changed: str
    killed_by: str | None = None
    note: str = ""
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, str]:
        """What `equivalents` knows it by: other lines of the file may come and go."""
        return self.file, self.before, self.after


def modules(rooms: Sequence[str]) -> list[Path]:
    """The modules of some rooms, their tests left out.

    Raises:
        InputError: no such room.
    """
    found = []
    for room in rooms:
        folder = ROOT / "sdd_claims" / room
        if not folder.is_dir():
            raise InputError(f"there is no room {room!r} in sdd_claims; give one such as stats")
        found += sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    return found


def inert(source: str) -> set[tuple[int, int]]:
    """The positions, line and column, of what decides nothing: annotations, names of types, and switches that only
    refuse a programmer's mistakes."""
    found: list[ast.AST] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            found.append(node.annotation)
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias" and node.value:
                found.append(node.value)
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            found.append(node.returns)
        if isinstance(node, ast.keyword) and node.arg in ("frozen", "slots", "strict", "kw_only"):
            found.append(node.value)
    return {
        (line, column)
        for node in found
        for inner in [node]
        for line in range(inner.lineno, inner.end_lineno + 1)  # type: ignore[attr-defined]
        for column in _columns(inner, line)
    }


def _columns(node: Any, line: int) -> range:
    first = node.col_offset if line == node.lineno else 0
    last = node.end_col_offset if line == node.end_lineno else 1000
    return range(first, last)


def places(path: Path) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """Each place in a file where something can be changed, with the changes: operator and occurrence."""
    tree = importlib.import_module("cosmic_ray.ast")
    plugins = importlib.import_module("cosmic_ray.plugins")
    source = path.read_text(encoding="utf-8")
    left_out = inert(source)
    nodes = list(tree.ast_nodes(tree.get_ast(source)))
    found: dict[tuple[int, int], list[tuple[str, int]]] = {}
    for name in sorted(plugins.operator_names()):
        if "Variable" in name:
            continue  # these need names to put in
        operator = plugins.get_operator(name)()
        occurrence = 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                if tuple(start) not in left_out:
                    found.setdefault(tuple(start), []).append((name, occurrence))
                occurrence += 1
    return found


def draw(rooms: Sequence[str], sample: int, seed: int) -> list[Mutant]:
    """Draws mutants: places without replacement, and for each a change."""
    mutating = importlib.import_module("cosmic_ray.mutating")
    plugins = importlib.import_module("cosmic_ray.plugins")
    every = [(path, line, changes) for path in modules(rooms) for (line, _), changes in sorted(places(path).items())]
    rng = random.Random(seed)
    found = []
    for path, line, changes in rng.sample(every, min(sample, len(every))):
        operator, occurrence = rng.choice(changes)
        source = path.read_text(encoding="utf-8")
        changed = mutating.mutate_code(source, plugins.get_operator(operator)(), occurrence)
        if changed is None:
            raise InputError(f"cosmic-ray makes no change {occurrence} of {operator} in {path.name}; use version 8.7")
        before, after = _difference(source, changed)
        file = str(path.relative_to(ROOT))
        found.append(Mutant(file, line, operator, occurrence, before, after, digest(source), changed))
    print(f"{len(every)} places, {len(found)} drawn")
    return found


def _difference(source: str, changed: str) -> tuple[str, str]:
    lines = list(difflib.unified_diff(source.splitlines(), changed.splitlines(), n=0))[3:]
    gone, come = ([line[1:].strip() for line in lines if line[0] == sign and line[1:].strip()] for sign in "-+")
    return " ".join(gone), " ".join(come)


def digest(source: str) -> str:
    """Tells whether a file is the one that a mutant was drawn from."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def asked_tests(folder: Path, file: str) -> list[list[str]]:
    """The tests of a module: those that import it, then all others of its room, then those of the modules that use it.

    Of the last two the slow ones are left out. A module is used by those in other rooms that import it or its room.
    """
    module = file.removesuffix(".py").replace("/", ".")
    room = (folder / file).parent
    own = _tests_of(room, module)
    rest = [path for path in sorted(room.glob("tests/test_*.py")) if path not in own and not _is_slow(path)]
    own.sort(key=lambda path: (_is_slow(path), path.stem[5:] != Path(file).stem))
    uses = re.compile(rf"^from ({re.escape(module)}|{re.escape(module.rpartition('.')[0])}) import ", re.MULTILINE)
    users = [
        path
        for path in sorted((folder / "sdd_claims").rglob("*.py"))
        if room not in path.parents and "tests" not in path.parts and uses.search(path.read_text(encoding="utf-8"))
    ]
    found = {
        path
        for user in users
        for path in _tests_of(user.parent, ".".join(user.relative_to(folder).with_suffix("").parts))
        if not _is_slow(path)
    }
    stages = (own, rest, sorted(found))
    return [[str(path.relative_to(folder)) for path in paths] for paths in stages if paths]


def _is_slow(path: Path) -> bool:
    return path.as_posix().endswith(SLOW)


def _tests_of(room: Path, module: str) -> list[Path]:
    imports = re.compile(rf"^from {re.escape(module)} import ", re.MULTILINE)
    name = module.rpartition(".")[2]
    tests = sorted(room.glob("tests/test_*.py"))
    return [path for path in tests if path.stem[5:] == name or imports.search(path.read_text(encoding="utf-8"))]


def check_sound(tree: Tree, mutants: Sequence[Mutant]) -> None:
    """Check that the tests pass as long as nothing is changed: else every mutant would be killed by what fails anyway.

    Raises:
        InputError: one fails.
    """
    waiting = [each.file for each in mutants if not each.note]
    files = {test for file in waiting for tests in asked_tests(tree.folder, file) for test in tests}
    code, failed, output = tree.pytest(sorted(files)) if files else (0, [], "")
    if code != 0:
        raise InputError(f"without any change {failed[0] if failed else output[-500:]} fails; mend it first")


def run(mutant: Mutant, tree: Tree) -> None:
    """Plants one mutant and writes down what the tests say.

    Raises:
        InputError: the code has changed since it was drawn.
    """
    if digest((tree.folder / mutant.file).read_text(encoding="utf-8")) != mutant.digest:
        raise InputError(f"{mutant.file} has changed since its mutants were drawn; draw them again")
    began = time.perf_counter()
    with tree.changed(mutant.file, mutant.changed):
        for tests in asked_tests(tree.folder, mutant.file):
            code, failed, output = tree.pytest(tests)
            if code != 0:
                break
    mutant.seconds = round(time.perf_counter() - began, 1)
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    mutant.killed_by = failed[0] if failed else None if code == 0 else "(no test could start, or none ended)"
    mutant.note = "all tests pass" if code == 0 else last[:200]


def equivalents() -> dict[tuple[str, str, str], str]:
    """File, line before and line after of the mutants that no test could notice -> why."""
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {(row["file"], row["before"], row["after"]): row["why"] for row in rows}


def summary(mutants: Sequence[Mutant]) -> str:
    """A line on those that were run."""
    known = equivalents()
    done = [each for each in mutants if each.note and each.key not in known]
    killed = sum(each.killed_by is not None for each in done)
    low, high = share_interval(killed, len(done))
    if not done:
        return "none was run"
    return (
        f"{len(done)} mutants, {killed} killed, {len(done) - killed} survived: {killed / len(done):.0%} "
        f"(95 % Clopper-Pearson interval {low:.0%} to {high:.0%})"
    )


def as_markdown(mutants: Sequence[Mutant], command: str) -> str:
    """What came out, as a page: the score of each room, and the survivors."""
    rooms = sorted({each.file.split("/")[1] for each in mutants})
    lines = [
        "# Mutants",
        "",
        f"{measured('one process')}: `{command}`.",
        "",
        *(f"- {room}: {summary([each for each in mutants if each.file.split('/')[1] == room])}." for room in rooms),
        "",
        "Survivors. Those with a reason are equivalent: no test could notice them, and they are no part of the score.",
        "",
        "| file, line | before | after | why no test can |",
        "|---|---|---|---|",
    ]
    known = equivalents()
    for each in mutants:
        if each.note and each.killed_by is None:
            before, after = (text.replace("|", "\\|") for text in (each.before, each.after))
            where = f"{each.file.removeprefix('sdd_claims/')}, {each.line}"
            lines.append(f"| {where} | `{before}` | `{after}` | {known.get(each.key, '')} |")
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws mutants, or runs those that were drawn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=("draw", "run"))
    parser.add_argument("mutants", type=Path, help="JSON file of the mutants and what became of them")
    parser.add_argument("--room", action="append", default=[], help="of the modules to change; may be given again")
    parser.add_argument("--sample", type=int, default=100, help="mutants to draw (default 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default 0)")
    parser.add_argument("--minutes", type=float, default=60, help="start no further mutant after these (default 60)")
    parser.add_argument("--write", type=Path, help="write what came out as a page")
    given = parser.parse_args(arguments)
    if given.action == "draw":
        _keep(given.mutants, draw(given.room, given.sample, given.seed))
        return
    mutants = [Mutant(**row) for row in json.loads(given.mutants.read_text(encoding="utf-8"))]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy_tracked(ROOT, Path(folder))
        tree = Tree(Path(folder))
        check_sound(tree, mutants)
        ends = time.monotonic() + 60 * given.minutes
        for mutant in mutants:
            if mutant.note:
                continue
            if time.monotonic() > ends:
                break
            run(mutant, tree)
            _keep(given.mutants, mutants)
            print(f"{mutant.seconds:6.1f} s  {mutant.file}:{mutant.line}  {mutant.killed_by or 'SURVIVED'}", flush=True)
            if mutant.killed_by is None:
                print(f"    - {mutant.before}\n    + {mutant.after}", flush=True)
    print(summary(mutants))
    if given.write:
        given.write.write_text(as_markdown(mutants, "python -m benchmarks.mutants run"), encoding="utf-8")


def _keep(path: Path, mutants: Sequence[Mutant]) -> None:
    path.write_text(json.dumps([asdict(each) for each in mutants], indent=1), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
