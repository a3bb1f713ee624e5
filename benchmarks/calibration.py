"""How often every rule errs, and how often it finds what is there, in simulated studies.

    python -m benchmarks.calibration --processes 2 --write fixtures/calibration.json

The file is what a report shows of its rules. Each case is drawn from a seed of its own, so that the numbers do not
depend on the number of processes. 20,000 studies a case take about half an hour of one core.
"""

import argparse
import json
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.measured import measured
from sdd_claims.locations import bundled
from sdd_claims.registration.register import the_register
from sdd_claims.stats.calibration import calibrate, pilots_covariance

_STUDIES = 20_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Calibrate the rules at the level of the register; print the result as JSON, or write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--studies", type=int, default=_STUDIES, help=f"simulated studies a case (default: {_STUDIES:,})"
    )
    parser.add_argument("--processes", type=int, default=1, help="how many cases are measured at once (default: 1)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write to this file, not to standard output")
    given = parser.parse_args(arguments)
    for option in ("studies", "processes"):
        if getattr(given, option) < 1:
            parser.error(f"--{option} must be 1 or more, got {getattr(given, option)}")
    register = the_register()
    error_rate = register.alpha / register.registered
    pilots = pilots_covariance(bundled("fixtures") / "pilots_he2022.json")
    if given.processes == 1:
        with threadpool_limits(1):
            found = calibrate(given.studies, error_rate, pilots)
    else:
        with multiprocessing.get_context("spawn").Pool(given.processes, threadpool_limits, (1,)) as pool:
            found = calibrate(given.studies, error_rate, pilots, mapped=pool.imap)
    command = f"python -m benchmarks.calibration --studies {given.studies}"
    text = json.dumps({**found, "command": command, "measured": measured()}, indent=1, allow_nan=False) + "\n"
    if given.write is None:
        print(text, end="")
        return
    draft = given.write.with_suffix(".partial")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, given.write)


if __name__ == "__main__":
    main()
