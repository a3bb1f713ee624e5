"""What a training process costs before it trains: `python -m benchmarks.start` prints memory and CPU seconds.

He et al.'s chain of the fast tier, all levels with one epoch each, is trained in portable arithmetic by a process that
imports and does what a worker of the pool does: first with no compiled code on disk, then with it. What it has compiled
by another process is counted, too.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping

from benchmarks import machine
from claims.he2022.settings import FAST
from sdd_claims.spec.digest import canonical_json

LEVELS = FAST.levels
REPETITIONS = 3

BARS = {"peak MB": 700.0, "import s": None, "first level s": 2.0, "compile s": 8.0}
"""What is aimed at: nobody should need more for one process."""

_PROGRAM = """
import sys, time
from sdd_claims.engines.compilation import compile_ahead
from sdd_claims.engines import work
imported = time.process_time()
import json, resource
import torch
from sdd_claims.record import Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec.reading import run_of
spec = run_of(sys.argv[1])
compile_ahead([spec])
pruning = IterativePruning([Replica(spec, 0)], torch.device("cpu"))
states = [None]
for level in range(int(sys.argv[2])):
    states = [state for _, state in pruning.next_level(level, states)]
    if level == 0:
        first = time.process_time()
own, other = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "peak": max(own.ru_maxrss, other.ru_maxrss) / 1024,
    "imported": imported,
    "first": first,
    "all": time.process_time() + other.ru_utime + other.ru_stime,
}))
"""


def measured(compiled: str, spec: str) -> Mapping[str, float]:
    """What one process says of itself, with its compiled code in a folder."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": compiled, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _PROGRAM, spec, str(LEVELS)]
    found: Mapping[str, float] = json.loads(
        subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    )
    return found


def main() -> None:
    """Print a table, with the bars beside what was measured."""
    spec = FAST.noisy().but(training={"epochs": 1, "arithmetic": "portable"})
    text = canonical_json(spec.as_dict())
    rows: dict[str, list[float]] = {name: [] for name in ("cold: peak MB", "cached: peak MB", *list(BARS)[1:])}
    for _ in range(REPETITIONS):
        with tempfile.TemporaryDirectory() as folder:
            cold, cached = measured(folder, text), measured(folder, text)
        rows["cold: peak MB"].append(cold["peak"])
        rows["cached: peak MB"].append(cached["peak"])
        rows["import s"].append(cached["imported"])
        rows["first level s"].append(cached["first"])
        rows["compile s"].append(cold["all"] - cached["all"])
    print(f"{'':16} {'minimum':>8} {'median':>8} {'bar':>6}   n = {REPETITIONS}, CPU seconds")
    for name, values in rows.items():
        bar = BARS[name.removeprefix("cold: ").removeprefix("cached: ")]
        middle, aim = statistics.median(values), "" if bar is None else f"{bar:.0f}"
        print(f"{name:16} {min(values):8.1f} {middle:8.1f} {aim:>6}")
    machine.main()


if __name__ == "__main__":
    main()
