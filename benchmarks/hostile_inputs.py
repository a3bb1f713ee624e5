"""Hostile input by the hundred thousand: whether each is taken, or refused in one sentence, and nothing else happens.

    python -m benchmarks.hostile_inputs --inputs 100000 [--write reports/INPUTS.md]

The surfaces are those of `sdd_claims/tests/hostile_surfaces.py`, which the suite's own tests try with a few inputs
each. Here others are drawn every time, unless --draw is given. While an input is read, nothing may be executed, and
nothing written outside a folder of its own: an audit hook of Python sees to it.
"""

import argparse
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import randrange
from typing import Any

from benchmarks.harness import positive
from benchmarks.measured import measured
from sdd_claims.errors import crash
from sdd_claims.machine import provenance
from sdd_claims.tests.hostile import Broken, Surface
from sdd_claims.tests.hostile_surfaces import SURFACES


@dataclass(frozen=True)
class Tried:
    """What became of the inputs of a surface.

    Attributes:
        surface: its name.
        refused: how many were refused.
        accepted: how many were accepted.
        failures: a line on each kind of what was neither, with their number.
        seconds: that it took.
    """

    surface: str
    refused: int
    accepted: int
    failures: Mapping[str, int]
    seconds: float

    @property
    def inputs(self) -> int:
        """How many there were."""
        return self.refused + self.accepted + sum(self.failures.values())


def tried(surface: Surface, inputs: int, draw: int) -> Tried:
    """Try a surface; a failure does not end it."""
    began, failures = time.perf_counter(), Counter[str]()

    def check(drawn: Any, folder: Path) -> bool:
        try:
            return surface.check(drawn, folder)
        except (Exception, Broken) as error:
            if (said := crash(error)[:200]) not in failures:
                print(f"{surface.name}: {repr(drawn)[:2000]}")
                traceback.print_exc()
            failures[said] += 1
            return False

    counts = replace(surface, check=check).run(max(1, round(inputs * surface.share)), draw=draw)
    refused = counts["refused"] - sum(failures.values())
    return Tried(surface.name, refused, counts["accepted"], failures, time.perf_counter() - began)


def as_markdown(found: Sequence[Tried], draw: int) -> str:
    """The table, as a page."""
    versions = provenance.versions()
    with_versions = (f"Python {versions['python']}", f"NumPy {versions['numpy']}", f"torch {versions['torch']}")
    total, failures = sum(each.inputs for each in found), sum(sum(each.failures.values()) for each in found)
    lines = [
        "# Hostile inputs",
        "",
        "What is drawn at random and given to every place that reads: files with values of another kind, names that",
        "lead elsewhere, markup, control characters, numbers too large, nesting too deep, pickles that call, archives",
        "that lie, checksums made right; and words of the command line. Each must be taken, or refused in one",
        "sentence; nothing in it may be executed, and nothing be written outside the folder given. On a page and in a",
        "table a text must stay a text. `python -m benchmarks.hostile_inputs` repeats it.",
        "",
        f"{measured(*with_versions, 'one process', f'draw {draw}')}.",
        "",
        f"{total:,} inputs, {failures:,} failures.",
        "",
        "| input | tried | refused | accepted | failures | seconds |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for each in found:
        counts = (each.inputs, each.refused, each.accepted, sum(each.failures.values()))
        lines.append(f"| {each.surface} | {' | '.join(f'{count:,}' for count in counts)} | {each.seconds:.0f} |")
    for each in found:
        lines += ["", *(f"- {each.surface}: {number} times `{said}`" for said, number in each.failures.items())]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all surfaces; 1 where an input was neither taken nor refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile_inputs", description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=positive, default=1000, metavar="N", help="over all surfaces (default: 1000)")
    parser.add_argument("--surface", action="append", metavar="NAME", help="only this one; may be given again")
    parser.add_argument("--draw", type=int, metavar="SEED", help="draw the inputs of that run again")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as a page")
    given = parser.parse_args(arguments)
    for name in given.surface or ():
        if name not in SURFACES:
            parser.error(f"there is no surface {name!r}; use one of: {'; '.join(SURFACES)}")
    draw = randrange(2**32) if given.draw is None else given.draw
    warnings.simplefilter("error")  # as in the suite's own tests
    found = []
    for name in given.surface or SURFACES:
        found.append(tried(SURFACES[name], given.inputs, draw))
        print(f"{name}: {found[-1].inputs} in {found[-1].seconds:.0f} s, {dict(found[-1].failures)}", flush=True)
    page = as_markdown(found, draw)
    print(page)
    if given.write:
        given.write.write_text(page, encoding="utf-8")
    return 1 if any(each.failures for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
