"""Whether the suite's own tests notice a broken pipeline: faults are planted one at a time, and each must be caught.

    python -m benchmarks.planted_faults [--room stats] [--only NAME] [--processes 2] [--write reports/FAULTS.md]

`planted_faults.toml` names each fault: the file, the text that is replaced, what replaces it, and the tests that should
fail then. The files that git tracks are copied to a temporary folder; the checkout itself stays as it is. A fault is
caught where a named test fails with it and passes without it: code that cannot be read at all is no catch.
"""

import argparse
import hashlib
import itertools
import json
import multiprocessing
import os
import queue
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
import types
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import pytest
import scipy.stats  # noqa: F401  imported once, for all tests
import torch  # noqa: F401

from benchmarks.measured import measured
from sdd_claims.errors import InputError
from sdd_claims.machine import provenance

ROOT = Path(__file__).parents[1]
FAULTS = Path(__file__).with_suffix(".toml")
RESULTS = Path(tempfile.gettempdir()) / "sdd_claims_planted_faults.json"
"""The last result of each fault, kept between runs: a fault that is run again replaces its row alone."""

_FORK = multiprocessing.get_context("fork")
_REPLACED = ("sdd_claims", "claims", "fixtures", "benchmarks", "conftest")  # which the copy has itself
_REWRITTEN = ("hypothesis", "_hypothesis")  # pytest wants to import them itself, and warns where it is too late
_LIMIT = 900  # seconds; a fault can make a test run for ever
_FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """A fault in one file.

    Attributes:
        name: its name in the table.
        room: the package of the suite that it is planted in.
        file: the file, from the root of the repository.
        old: the text that is replaced; it stands in the file exactly once.
        new: what replaces it.
        why: what would go wrong unnoticed.
        tests: the tests that are expected to fail, as pytest takes them.
    """

    name: str
    room: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Changes with what is planted: a result belongs to a fault as it stands."""
        return hashlib.sha256("\0".join((self.file, self.old, self.new)).encode()).hexdigest()[:16]

    def check(self, root: Path) -> None:
        """Check that the fault can be planted and its tests exist.

        Raises:
            InputError: the code has moved, or a test has.
        """
        path = root / self.file
        if not path.is_file():
            raise InputError(f"fault {self.name!r}: there is no {self.file}; name the file that the code moved to")
        count = path.read_text(encoding="utf-8").count(self.old)
        if count != 1:
            raise InputError(
                f"fault {self.name!r}: its old text stands {count} times in {self.file}; "
                "the code has moved: give text that stands there once"
            )
        if self.old == self.new:
            raise InputError(f"fault {self.name!r}: old and new text are the same; plant something")
        for test in self.tests:
            file, *names = test.split("::")
            if not (root / file).is_file():
                raise InputError(f"fault {self.name!r}: there is no test file {file}; name one that exists")
            function = names[-1].split("[")[0] if names else ""
            if function and f"def {function}(" not in (root / file).read_text(encoding="utf-8"):
                raise InputError(f"fault {self.name!r}: {file} has no test {function}; name one that exists")


@dataclass(frozen=True)
class Result:
    """What became of a fault.

    Attributes:
        name: name of the fault.
        digest: digest of the fault.
        caught_by: the test that failed, as pytest names it; None where the fault survived.
        note: for a survivor, how the tests ended.
        seconds: time of its tests, without the import of the large libraries, which happens once for all.
        measured: when, of which version and where; results of several versions may stand on one page.
    """

    name: str
    digest: str
    caught_by: str | None
    note: str
    seconds: float
    measured: str = ""


class _AnyExample:
    """Has hypothesis stop at the first example that fails: nobody asks here for the smallest."""

    _is_set = False

    @pytest.hookimpl(trylast=True)
    def pytest_collect_file(self) -> None:
        """Set it up after the suite's own profile, once: a profile on top of itself file by file recurses too deep."""
        if self._is_set:
            return
        self._is_set = True
        import hypothesis  # that of the run

        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("planted", hypothesis.settings(), phases=phases)
        hypothesis.settings.load_profile("planted")


def _run_pytest(folder: Path, arguments: Sequence[str], output: str) -> None:
    """Run pytest in a folder, as its own process would: in a fork, whose large libraries are imported already."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # tests end processes by it, as they would elsewhere
    with open(output, "w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.modules["__main__"] = types.ModuleType("__main__")  # processes that a test starts need not know of this one
    for name in [*sys.modules]:
        if name.partition(".")[0] in _REPLACED or name.startswith(_REWRITTEN):
            del sys.modules[name]
    os.chdir(folder)
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in ("", str(ROOT)))]
    own = {"NUMBA_CACHE_DIR": str(folder / ".compiled"), "XDG_CACHE_HOME": str(folder / ".cache")}
    os.environ |= {"PYTHONPATH": str(folder), **own}
    sys.exit(int(pytest.main([*arguments], plugins=[_AnyExample()])))


class Tree:
    """A copy of the code, in which faults are planted and tests run."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that may be changed."""
        self.folder = folder
        # Caches of compiled code look at a file's time and size: every change of a file gets a time of its own.
        self._times = itertools.count(int(time.time()) - 10**8)

    @contextmanager
    def planted(self, fault: Fault) -> Iterator[None]:
        """Have the fault in the code, within the context."""
        fault.check(self.folder)
        sound = (self.folder / fault.file).read_text(encoding="utf-8")
        with self.changed(fault.file, sound.replace(fault.old, fault.new)):
            yield

    @contextmanager
    def changed(self, file: str, text: str) -> Iterator[None]:
        """Have another text in one file, within the context."""
        path = self.folder / file
        sound = path.read_text(encoding="utf-8")
        self._write(path, text)
        try:
            yield
        finally:
            self._write(path, sound)

    def run(self, fault: Fault) -> Result:
        """Plant a fault, and see whether its tests notice."""
        began = time.perf_counter()
        with self.planted(fault):
            code, failed, output = self.pytest(fault.tests)
        seconds = time.perf_counter() - began
        if code == 1 and failed:
            return Result(fault.name, fault.digest, failed[0], "", seconds)
        ends = {0: "all its tests pass", 1: "no test failed, though one could not start", -1: f"over {_LIMIT} s"}
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
        if code == 0 and "passed" not in last:  # all of them are skipped, such as where an extra is not installed
            code = 5
        return Result(fault.name, fault.digest, None, ends.get(code, f"no test was run: {last}"), seconds)

    def confirmed(self, results: Sequence[Result]) -> list[Result]:
        """The same results, but for catches by a test that fails without a fault too; all such tests run at once."""
        tests = sorted({result.caught_by for result in results if result.caught_by})
        code, failed, output = self.pytest(tests, every=True) if tests else (0, [], "")
        if code not in (0, 1):
            raise InputError(
                f"the tests that caught faults cannot be run without them: {output[-500:]}; mend them first"
            )
        return [
            replace(result, caught_by=None, note=f"{result.caught_by} fails without the fault too")
            if result.caught_by in failed
            else result
            for result in results
        ]

    def pytest(self, tests: Sequence[str], *, every: bool = False) -> tuple[int, list[str], str]:
        """Exit status, failed tests, output; up to the first failure, or of every test."""
        arguments = ["-q", "-rf", "-p", "no:cacheprovider", *([] if every else ["-x"]), *tests]
        with tempfile.NamedTemporaryFile() as output:
            child = _FORK.Process(target=_run_pytest, args=(self.folder, arguments, output.name))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # on threads of a library, which are idle now
                child.start()
            try:
                child.join(_LIMIT)
                if child.is_alive():
                    return -1, [], ""
            finally:
                child.kill()  # without effect where it has ended
                child.join()
            text = Path(output.name).read_text(encoding="utf-8", errors="replace")
        files = tuple(test.partition("::")[0] for test in tests)  # a test may run pytest itself, and show its words
        return child.exitcode or 0, [name for name in _FAILED.findall(text) if name.startswith(files)], text

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        moment = next(self._times)
        os.utime(path, (moment, moment))


def read(path: Path = FAULTS) -> list[Fault]:
    """Read the faults of a file.

    Raises:
        InputError: a row that lacks something, says too much, or has another's name.
    """
    needed = {field.name for field in fields(Fault)}
    faults = []
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]:
        if set(row) != needed:
            wrong = ", ".join(sorted(set(row) ^ needed))
            raise InputError(f"{path.name}, fault {row.get('name')!r}: lacks or should not have {wrong}; mend the row")
        faults.append(Fault(**{**row, "tests": tuple(row["tests"])}))
    names = [fault.name for fault in faults]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path.name}: fault {name!r} stands there twice; give one another name")
    return faults


def copy_tracked(root: Path, folder: Path) -> None:
    """Copy the files that git tracks, as they are in the checkout now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, stdout=subprocess.PIPE, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)


def kept_results(path: Path) -> dict[str, Result]:
    """The results of earlier runs, by name."""
    if not path.exists():
        return {}
    return {row["name"]: Result(**row) for row in json.loads(path.read_text(encoding="utf-8"))}


def keep(path: Path, results: Mapping[str, Result]) -> None:
    """Write results down, for `kept_results`."""
    path.write_text(json.dumps([asdict(result) for result in results.values()], indent=1), encoding="utf-8")


def as_markdown(faults: Sequence[Fault], results: Mapping[str, Result]) -> str:
    """The table of all faults, as a page."""
    rows = [(fault, results[fault.name]) for fault in faults]
    caught = sum(result.caught_by is not None for _, result in rows)
    median = statistics.median(result.seconds for _, result in rows)
    lines = [
        "# Planted faults",
        "",
        "Each row is a fault that was planted in a copy of the code, alone, and the first of its tests that failed.",
        "That test passes without the fault. `python -m benchmarks.planted_faults` repeats it;",
        "`benchmarks/planted_faults.toml` has the faults themselves, and why each matters. A fault is tried",
        "again when what is planted changes: the digest is that of its file's name, of what is replaced, and by what.",
        "",
        *_measured_where([result for _, result in rows]),
        "",
        f"{len(rows)} faults, {caught} caught, median {median:.1f} s a fault.",
        "",
        "| room | fault | caught by | seconds | digest |",
        "|---|---|---|---:|---|",
    ]
    for fault, result in sorted(rows, key=lambda row: row[0].room):
        by = f"`{_short(result.caught_by)}`" if result.caught_by else f"**survived**: {result.note}"
        lines.append(f"| {fault.room} | {fault.name} | {by} | {result.seconds:.1f} | {fault.digest} |")
    return "\n".join([*lines, ""])


def _measured_where(results: Sequence[Result]) -> list[str]:
    """Where all were measured or, of several places, how many at each."""
    counts = Counter(result.measured for result in results)
    if len(counts) == 1:
        return [f"{measured}." for measured in counts]
    return [f"- {count}: {measured}." for measured, count in counts.most_common()]


def _short(test: str) -> str:
    """A test without the folders of its file, and without its parameters."""
    file, _, rest = test.partition("::")
    return f"{Path(file).name}::{rest.partition('[')[0]}".replace("|", "\\|")


def run_all(faults: Sequence[Fault], processes: int) -> Iterator[Result]:
    """Runs faults in so many processes, each with a copy of the code of its own; yields what comes to an end.

    Raises:
        InputError: a fault cannot be planted, or a process has died.
    """
    waiting: multiprocessing.Queue[Fault | None] = _FORK.Queue()
    ended: multiprocessing.Queue[Result | str] = _FORK.Queue()
    for fault in (*faults, *[None] * processes):
        waiting.put(fault)
    # The folders are this process's: they go, however the others end.
    with ExitStack() as held:
        folders = [held.enter_context(tempfile.TemporaryDirectory(prefix="planted-")) for _ in range(processes)]
        workers = [_FORK.Process(target=_work, args=(Path(each), waiting, ended)) for each in folders]
        for worker in workers:
            worker.start()
            held.callback(worker.join)
            held.callback(worker.terminate)
        for _ in faults:
            result = _next_of(ended, workers)
            if isinstance(result, str):
                raise InputError(result)
            yield result
        for worker in workers:
            worker.join()


def _next_of(
    ended: "multiprocessing.Queue[Result | str]", workers: Sequence["multiprocessing.process.BaseProcess"]
) -> Result | str:
    """The next result, as long as there is somebody to find it."""
    while True:
        alive = all(worker.exitcode in (None, 0) for worker in workers)
        try:
            return ended.get(timeout=5 if alive else 0.1)
        except queue.Empty:
            if not alive or all(worker.exitcode == 0 for worker in workers):
                return "a process that plants faults has died; run again with --missing"


def _work(
    folder: Path, waiting: "multiprocessing.Queue[Fault | None]", ended: "multiprocessing.Queue[Result | str]"
) -> None:
    """What one process does: it takes faults one by one until there is none left."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what it has started ends with it
    try:
        copy_tracked(ROOT, folder)
        tree = Tree(folder)
        while (fault := waiting.get()) is not None:
            ended.put(tree.run(fault))
    except Exception as error:
        ended.put(f"faults cannot be planted: {error!r}")  # the others would wait for ever


def _measured_here(processes: int) -> str:
    versions = (f"{name} {version}" for name, version in provenance.versions().items() if name == "torch")
    return measured(*versions, "one process" if processes == 1 else f"{processes} processes side by side")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the faults; 1 where one survives."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted_faults", description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME", action="append", help="this fault alone; may be given again")
    parser.add_argument("--room", metavar="ROOM", action="append", help="the faults of this room; may be given again")
    parser.add_argument("--missing", action="store_true", help="only those not caught yet, or changed since")
    parser.add_argument("--processes", type=int, default=1, help="how many faults are tried at once (default: 1)")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"where results are kept (default: {RESULTS})")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table of all results as a page")
    given = parser.parse_args(arguments)
    if given.processes < 1:
        parser.error(f"--processes must be a number of processes, got {given.processes}; give 1 or more")
    faults = read()
    for fault in faults:
        fault.check(ROOT)
    known = {fault.name for fault in faults} | {fault.room for fault in faults}
    for name in (*(given.only or ()), *(given.room or ())):
        if name not in known:
            raise InputError(f"there is no fault or room {name!r}; take one of {FAULTS.name}")
    chosen = [
        fault
        for fault in faults
        if (not given.only or fault.name in given.only) and (not given.room or fault.room in given.room)
    ]
    results = kept_results(given.results)
    if given.missing:
        done = {result.digest for result in results.values() if result.caught_by}
        chosen = [fault for fault in chosen if fault.digest not in done]
    of_name = {fault.name: fault for fault in chosen}
    here = _measured_here(given.processes)
    for result in run_all(chosen, min(given.processes, len(chosen))):
        results[result.name] = replace(result, measured=here)
        keep(given.results, results)
        print(_line(of_name[result.name], result), flush=True)
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy_tracked(ROOT, Path(folder))
        tree = Tree(Path(folder))
        # A page says of every result, those of earlier runs too, that its test passes without the fault.
        for result in tree.confirmed(
            [results[f.name] for f in (faults if given.write else chosen) if f.name in results]
        ):
            if result != results[result.name]:
                print(f"{result.name}: {result.note}")
            results[result.name] = result
        keep(given.results, results)
    survivors = [fault.name for fault in chosen if results[fault.name].caught_by is None]
    if chosen:
        median = statistics.median(results[fault.name].seconds for fault in chosen)
        caught = len(chosen) - len(survivors)
        print(f"{len(chosen)} faults, {caught} caught, {len(survivors)} survived, median {median:.1f} s")
    if given.write:
        without = [f.name for f in faults if f.name not in results or results[f.name].digest != f.digest]
        if without:
            raise InputError(f"there is no result yet of {', '.join(without)}; run with --missing first")
        given.write.write_text(as_markdown(faults, results), encoding="utf-8")
    return 1 if survivors else 0


def _line(fault: Fault, result: Result) -> str:
    """A row of the table, printed as soon as it is known."""
    by = _short(result.caught_by) if result.caught_by else f"SURVIVED: {result.note}"
    return f"{fault.room:13}{result.seconds:6.1f} s  {fault.name}\n{'':23}{by}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(str(error))
