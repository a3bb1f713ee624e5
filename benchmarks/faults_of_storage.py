"""Whether a store keeps its word when processes die and disks fill: real trainings, killed for real and counted.

    python -m benchmarks.faults_of_storage [--kills 200] [--minutes 10] [--write reports/STORAGE_FAULTS.md]

A small sweep of real trainings is timed once unbroken. Then it is killed by SIGKILL at a random moment, again and
again, alone or beside others on the same store; it meets disks that are too small for it, or read-only. Each time a
process of its own finishes it. What is stored then is compared with the unbroken sweep. The small disks are mounted in
a name space of this user's own, where the system lets users have one; they are skipped where it does not. At last come
random sequences of faults, as `test_store_under_faults.py` and `test_rivals_under_faults.py` of the engines have them.
"""

import argparse
import hashlib
import json
import math
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import measured
from sdd_claims.engines.tests.test_rivals_under_faults import RivalsUnderFaults
from sdd_claims.engines.tests.test_store_under_faults import (
    COUNTED,
    LOST,
    TWICE,
    WRONG,
    StoreUnderFaults,
    levels_of,
    other_sequences,
)
from sdd_claims.errors import StoreError
from sdd_claims.judging.options import limit_threads
from sdd_claims.machine import provenance
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.storage.store import Store
from sdd_claims.tests.crash import REWOUND, train
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, SPEC, numbers, trained
from sdd_claims.training import checkpoint

ROOT = Path(__file__).parents[1]
SWEEP = plan(
    [
        Request(SPEC, (0, 1, 2), 3),
        Request(REWOUND, (0, 1), 2),
        Request(NOISY, (0, 1), 2),
        Request(KEPT, (0,), 2),
        Request(REDENSE, (0,), 2),
    ]
)
TOGETHER = (2, 4, 8)
KIB = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_IN_NAMESPACE = ("unshare", "-rm")


@dataclass
class Tally:
    """What became of the sweeps of one kind.

    Attributes:
        what: how they were broken off, in words.
        runs: how many.
        broken: how many of them were broken off before their end.
        lost: levels that were finished and are not there any more, or that the last process has not finished.
        doubled: levels trained once more than needed.
        wrong: numbers and weights that differ from those of the unbroken sweep, and chains that are damaged.
    """

    what: str
    runs: int = 0
    broken: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.lost or self.doubled or self.wrong)

    def add(self, store: Path, unbroken: Path, sweep: Plan, before: Sequence[tuple[str, int, int]]) -> None:
        """Count what a finished store lacks or has wrong; `before` are the levels it had when it was broken off."""
        opened, whole = Store(store), Store(unbroken)
        for replica in sweep.wanted:
            opened.verify(replica)
        self.wrong += len(opened.warnings)
        found, right = numbers(opened, sweep), numbers(whole, sweep)
        there = {(*key, level) for key, records in found.items() for level in range(len(records))}
        self.lost += len({*levels_of(sweep), *before} - there)
        self.doubled += sum(times - 1 for times in Counter(trained(store)).values())
        self.wrong += sum(
            record != expected
            for key, records in found.items()
            for record, expected in zip(records, right[key], strict=False)
        )
        weights = _weights(store)
        self.wrong += sum(weights.get(name) != digest for name, digest in _weights(unbroken).items())


def finished(store: Path, sweep: Plan) -> list[tuple[str, int, int]]:
    """The levels that count in a store."""
    opened = Store(store)
    return [(*replica.key, level) for replica in sweep.wanted for level in range(opened.levels_done(replica))]


def killed(tally: Tally, folder: Path, unbroken: Path, seconds: float, processes: int, draw: random.Random) -> None:
    """Kill one of some processes that share a store, at a random moment, and have a fresh one finish."""
    store = folder / "store"
    children = [_started(train, store, SWEEP) for _ in range(processes)]
    moment = draw.uniform(0.0, seconds)
    child, ended = children[0]
    select.select([ended], [], [], moment)  # a pipe that closes when the child is gone
    os.kill(child, signal.SIGKILL)
    endings = [_ending(*each) for each in children]
    if {*endings[1:]} - {0} or endings[0] not in (0, -signal.SIGKILL):
        raise SystemExit(f"a sweep ended in an error: {endings}")
    tally.runs += 1
    tally.broken += endings[0] != 0
    _finish(tally, store, unbroken)


def on_small_disks(unbroken: Path) -> list[Tally]:
    """Sweeps on disks that are too small for them, and on ones that become read-only. Needs the right to mount."""
    full, read_only = (
        Tally("on a disk that is full, and larger later"),
        Tally("on a disk that is read-only for a while"),
    )
    for size in KIB:
        with tempfile.TemporaryDirectory() as folder:
            _mount("-t", "tmpfs", "-o", f"size={size}k", "none", folder)
            _refused(full, Path(folder), unbroken, lambda folder: _mount("-o", "remount,size=64m", folder))
            subprocess.run(["umount", folder], check=True)
    for levels in range(3):
        with tempfile.TemporaryDirectory() as folder:
            _mount("-t", "tmpfs", "none", folder)
            _ending(*_started(train, Path(folder) / "store", plan([Request(SPEC, (0, 1, 2), levels)])))
            Store(Path(folder) / "store")
            _mount("-o", "remount,ro", folder)
            _refused(read_only, Path(folder), unbroken, lambda folder: _mount("-o", "remount,rw", folder))
            subprocess.run(["umount", folder], check=True)
    return [full, read_only]


def as_markdown(
    tallies: Sequence[Tally], sequences: Mapping[str, Counter[str]], notes: Sequence[str], header: str
) -> str:
    """All counts, as a page."""
    faults = sum(each.lost + each.doubled + each.wrong for each in tallies)
    faults += sum(seen[fault] for seen in sequences.values() for fault in (LOST, TWICE, WRONG))
    columns = (*COUNTED, LOST, TWICE, WRONG)
    lines = [
        "# Faults of storage",
        "",
        "A small sweep of real trainings was broken off again and again, and each time finished by a fresh process.",
        "Lost are levels that had been finished, or could not be finished later; trained twice are levels that had",
        "been finished before; wrong are numbers and weights that differ in any bit from those of the unbroken sweep.",
        "`python -m benchmarks.faults_of_storage` repeats it.",
        "",
        header,
        "",
        f"Lost, trained twice or wrong in all: {faults}.",
        "",
        "| the sweep | runs | broken off | levels lost | trained twice | wrong |",
        "|---|---:|---:|---:|---:|---:|",
        *(f"| {t.what} | {t.runs} | {t.broken} | {t.lost} | {t.doubled} | {t.wrong} |" for t in tallies),
        "",
        "Random sequences of runs and judgements that fail at any call or die half way through writing, of files",
        "that rot and of clocks that jump, with training that takes no time:",
        "",
        f"| by | {' | '.join(columns)} |",
        "|---|" + "---:|" * len(columns),
        *(f"| {who} | {' | '.join(str(seen[name]) for name in columns)} |" for who, seen in sequences.items()),
        *(f"\n{note}" for note in notes),
    ]
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Break off sweeps; 1 where something is lost, trained twice or wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults_of_storage", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="sweeps to break off alone; a tenth each beside others")
    parser.add_argument("--minutes", type=float, default=math.inf, help="kill no sweep after these")
    parser.add_argument("--sequences", type=int, default=200, help="random sequences of faults")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the counts as a page")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)  # in a name space of its own
    given = parser.parse_args(arguments)
    limit_threads()
    checkpoint.INTERVAL = 0.0
    with tempfile.TemporaryDirectory(prefix="storage-faults-") as name:
        folder = Path(name)
        os.environ["TMPDIR"] = tempfile.tempdir = name  # waits for nobody else's training
        unbroken = folder / "unbroken"
        train(unbroken, SWEEP)  # forks need not import and load again
        if given.inside:
            print(json.dumps([asdict(tally) for tally in on_small_disks(given.inside)]))
            return 0
        began = time.perf_counter()
        _ending(*_started(train, folder / "timed", SWEEP))
        seconds = time.perf_counter() - began
        draw = random.Random(given.seed)
        beside = {number: f"beside {number - 1} on the same store" for number in TOGETHER}
        by_number = {n: Tally(f"killed at a random moment, {beside.get(n, 'alone')}") for n in (1, *TOGETHER)}
        for processes, tally in by_number.items():
            wanted = given.kills if processes == 1 else -(-given.kills // 10)
            # A sweep that ends before its moment has not been broken off; one that always does ends this too.
            while (
                tally.broken < wanted and tally.runs < 10 * wanted and time.perf_counter() - began < 60 * given.minutes
            ):
                with tempfile.TemporaryDirectory(dir=folder) as one:
                    killed(tally, Path(one), unbroken, seconds, processes, draw)
                if tally.runs % 20 == 0:
                    print(tally, flush=True)
        tallies = [*by_number.values()]
        disks, why = _on_small_disks_inside(unbroken)
        tallies += disks
        # The sequences come last: they have their own kind of training.
        sequences = {
            "one process at a time, which two others read beside": other_sequences(StoreUnderFaults, given.sequences),
            "two that interleave, on a store or on copies at a URL": other_sequences(
                RivalsUnderFaults, given.sequences
            ),
        }
    with_torch = f"torch {provenance.versions()['torch']}"
    header = (
        f"{measured(with_torch)}. The unbroken sweep has {len(levels_of(SWEEP))} levels in "
        f"{len(SWEEP.stacks)} stacks and took {seconds:.1f} s; moments were drawn with seed {given.seed}."
    )
    page = as_markdown(tallies, sequences, [why] if why else [], header)
    print(page)
    if given.write:
        given.write.write_text(page, encoding="utf-8")
    return 0 if all(tally.is_clean for tally in tallies) else 1


def _on_small_disks_inside(unbroken: Path) -> tuple[list[Tally], str]:
    """The same from outside; why it was skipped, if it was."""
    try:
        probe = subprocess.run(
            [*_IN_NAMESPACE, "mount", "-t", "tmpfs", "none", str(unbroken)], capture_output=True, text=True
        )
    except FileNotFoundError:
        return [], "Small disks were skipped: there is no `unshare` here."
    if probe.returncode:
        return [], f"Small disks were skipped: this system lets users mount nothing ({probe.stderr.strip()})."
    command = [*_IN_NAMESPACE, sys.executable, "-m", "benchmarks.faults_of_storage", "--inside", str(unbroken)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [Tally(**row) for row in json.loads(done.stdout.splitlines()[-1])], ""


def _refused(tally: Tally, disk: Path, unbroken: Path, mend: Callable[[str], None]) -> None:
    """A sweep on a disk that refuses it, then mended, and a fresh process that finishes."""
    ending = _ending(*_started(train, disk / "store", SWEEP))
    if ending not in (0, _REFUSED):
        raise SystemExit("a sweep ended in an error that is none of the store's")
    tally.runs += 1
    tally.broken += ending == _REFUSED
    mend(str(disk))
    _finish(tally, disk / "store", unbroken)


def _finish(tally: Tally, store: Path, unbroken: Path) -> None:
    before = finished(store, SWEEP)
    if _ending(*_started(train, store, SWEEP)) != 0:
        raise SystemExit("the process that was to finish a sweep did not")
    tally.add(store, unbroken, SWEEP, before)


_REFUSED = 3


def _started(function: Callable[..., None], *args: Any) -> tuple[int, int]:
    """A fork of this process that runs a function, and a pipe that closes when it is gone."""
    ended, held = os.pipe()
    child = os.fork()
    if child:
        os.close(held)
        return child, ended
    try:
        function(*args)
        os._exit(0)
    except StoreError:
        os._exit(_REFUSED)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def _ending(child: int, ended: int) -> int:
    os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _weights(store: Path) -> dict[str, str]:
    """Digests of the weights from which chains go on, and of what they rewind to."""
    return {
        path.relative_to(store).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in store.glob("runs/*/*/*.safetensors")
    }


if __name__ == "__main__":
    sys.exit(main())
