"""`evidence.json.gz`: every curve that the rules and controls of a run have read, seed by seed, to the last bit.

It is beside `claims.json`, which holds its SHA-256. From the two, every verdict can be judged again and the page be
drawn, without a store and without training. A number that a diverged network does not have is null.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.parsing import from_json
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument, EvidenceEntry, RunEntry, misfit
from sdd_claims.report.lines import CurveSource
from sdd_claims.storage.files import write_atomically

SCHEMA = 1
NAME = "evidence.json.gz"


@dataclass(frozen=True)
class MeasuredRun:
    """One measure of one run, for all seeds that were read of it.

    Attributes:
        axis: axis of the levels, see `SparsityCurve`.
        position: position of each level on the axis.
        rows: by seed, the measure at each level; some seeds may have fewer levels. None where the network diverged.
        sound: these are the numbers that were written.
    """

    axis: str
    position: Sequence[float]
    rows: Mapping[int, Sequence[float | None]]
    sound: bool = True


@dataclass(frozen=True)
class Evidence:
    """The curves of a run, by digest of the settings and by measure.

    Attributes:
        runs: the curves.
        sha256: SHA-256 of the text in the file.
    """

    runs: Mapping[tuple[str, str], MeasuredRun]
    sha256: str

    @property
    def numbers(self) -> int:
        """How many numbers there are."""
        return sum(len(row) for run in self.runs.values() for row in run.rows.values())

    @property
    def entry(self) -> EvidenceEntry:
        """Its entry in `claims.json`."""
        return EvidenceEntry(file=NAME, sha256=self.sha256, curves=len(self.runs), numbers=self.numbers)

    def curve(self, digest: str, measure: str, seeds: Sequence[int], levels: int) -> SparsityCurve:
        """The table seed x level of one measure, as the store gives it; NaN where a replica diverged.

        Raises:
            InputError: a curve, a seed or a level that is not in the evidence.
        """
        run = self.runs.get((digest, measure))
        if run is None:
            raise InputError(
                f"the evidence holds no {measure} of run {digest[:12]}; run the claims again with --report, or take "
                "the whole published folder"
            )
        table = []
        for seed in seeds:
            row = run.rows.get(seed, ())
            if len(row) < levels:
                raise InputError(
                    f"the evidence holds {len(row)} of the {levels} levels of {measure} of seed {seed} of run "
                    f"{digest[:12]}; take the whole published folder"
                )
            table.append([np.nan if value is None else value for value in row[:levels]])
        position = np.array(run.position[:levels], float)  # JSON has whole numbers past any of NumPy's
        return SparsityCurve(tuple(seeds), position, np.array(table, float), run.axis)


def collect(claims: Iterable[ClaimEntry], source: CurveSource) -> Evidence:
    """Every curve that these claims and their controls read; curves that `source` cannot give are left out."""
    runs: dict[tuple[str, str], MeasuredRun] = {}
    for read in (run for claim in claims for run in curves_of(claim)):
        try:
            curve = source.curve(read["digest"], read["measure"], tuple(read["seeds"]), read["levels"])
        except (StoreError, ValueError, LookupError, OSError):
            continue  # the page says which curve it lacks
        key = read["digest"], read["measure"]
        known = runs.get(key, MeasuredRun(curve.axis, (), {}))
        rows = dict(known.rows)
        for seed, row in zip(curve.seeds, curve.values.tolist(), strict=True):
            if len(row) > len(rows.get(seed, ())):
                rows[seed] = [None if value != value else value for value in row]
        position = max(known.position, curve.position.tolist(), key=len)
        runs[key] = MeasuredRun(curve.axis, position, rows)
    return Evidence(runs, hashlib.sha256(_text(runs)).hexdigest())


def curves_of(claim: ClaimEntry) -> Iterator[RunEntry]:
    """The curves that a claim, its control and the pilots of its windows read."""
    yield from claim["runs"].values()
    yield from claim["control"]["runs"].values()
    yield from claim.get("pilots", {}).values()


def write(directory: Path, evidence: Evidence) -> None:
    """Write the evidence into a folder, the same bytes for the same curves.

    Raises:
        StoreError: the folder is read-only or the disk is full; an older file is left as it was.
    """
    write_atomically(directory / NAME, gzip.compress(_text(evidence.runs), mtime=0))


def read(directory: Path) -> Evidence:
    """Read a file that `write` wrote. Curves whose numbers were changed since are marked as not sound.

    Raises:
        InputError: no such file, cut short, or of another schema.
    """
    path, remedy = directory / NAME, "take the published folder anew, or run the claims again with --report"
    try:
        text = gzip.decompress(path.read_bytes())
        content = from_json(text)
    except OSError as error:
        raise InputError(f"no evidence can be read at {path} ({error.strerror or error}); {remedy}") from error
    except (EOFError, zlib.error, ValueError) as error:
        raise InputError(f"{path} is cut short or damaged ({error}); {remedy}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else None
        raise InputError(f"{path} has schema {found}, this version of sdd_claims reads schema {SCHEMA}; {remedy}")
    try:
        runs = dict(_read_run(run) for run in content["curves"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} holds a curve that is none ({error!r}); {remedy}") from error
    return Evidence(runs, hashlib.sha256(text).hexdigest())


def beside(directory: Path, document: ClaimsDocument) -> tuple[Evidence, str | None]:
    """The evidence of a run, none in one that was published before there was any; and what a reader should know of it.

    Raises:
        InputError: `claims.json` says that there is some, and it cannot be read.
    """
    if "evidence" not in document:
        return Evidence({}, ""), "This run was published without its evidence, so that no curve can be drawn."
    found = read(directory)
    if found.sha256 == document["evidence"]["sha256"]:
        return found, None
    return found, f"{NAME} is not the file that this run was published with: its SHA-256 is another."


def as_far_as_there(directory: Path, document: ClaimsDocument) -> tuple[Evidence, str | None, bool]:
    """The same; no curves where they cannot be read: verdicts stand in `claims.json` alone.

    Returns:
        The evidence, what a reader should know of it, and whether it could not be read.
    """
    try:
        return (*beside(directory, document), False)
    except InputError as error:
        return Evidence({}, ""), f"No curve can be drawn: {error}.", True


class _Run(TypedDict):
    digest: str
    measure: str
    axis: str
    position: list[float]
    rows: dict[str, list[float | None]]
    sha256: str


def _read_run(run: _Run) -> tuple[tuple[str, str], MeasuredRun]:
    if wrong := misfit(run, _Run, "a curve"):
        raise ValueError(wrong)
    rows = {int(seed): row for seed, row in run["rows"].items()}
    if twice := [seed for seed in run["rows"] if seed != str(int(seed))]:
        raise ValueError(f"a seed is written {twice[0]!r}")
    return (run["digest"], run["measure"]), MeasuredRun(
        run["axis"], run["position"], rows, _checksum(run) == run["sha256"]
    )


def _text(runs: Mapping[tuple[str, str], MeasuredRun]) -> bytes:
    """JSON in one order, a line a curve. Python writes a float so that it is read back to the last bit."""
    curves = []
    for (digest, measure), run in sorted(runs.items()):
        content: dict[str, Any] = {
            "digest": digest,
            "measure": measure,
            "axis": run.axis,
            "position": list(run.position),
            "rows": {str(seed): list(row) for seed, row in sorted(run.rows.items())},
        }
        curves.append(json.dumps(content | {"sha256": _checksum(content)}, allow_nan=False, separators=(",", ":")))
    lines = ",\n".join(curves)
    return f'{{"schema":{SCHEMA},"curves":[\n{lines}\n]}}\n'.encode()


def _checksum(run: Mapping[str, Any]) -> str:
    content = {name: value for name, value in run.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
