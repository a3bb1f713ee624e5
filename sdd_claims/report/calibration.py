"""The calibration as tables: measured size of every rule under every null, and power under every alternative."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sdd_claims.report.claims_json import CalibrationEntry, PowerEntry, SizeEntry
from sdd_claims.shares import share_interval


@dataclass(frozen=True, slots=True)
class SizeRow:
    """One rule, verdict and number of seeds; a null that was not measured is None."""

    verdict: str
    seeds: int
    cells: tuple[SizeEntry | None, ...]


@dataclass(frozen=True, slots=True)
class SizeTable:
    """The nulls name the columns; each rule has one row for every (verdict, seeds) that was measured."""

    nulls: tuple[str, ...]
    rules: dict[str, tuple[SizeRow, ...]]


@dataclass(frozen=True, slots=True)
class PowerTable:
    """The numbers of seeds name the columns; the rows are (rule, alternative)."""

    seeds: tuple[int, ...]
    rows: dict[tuple[str, str], tuple[PowerEntry | None, ...]]


def measured(folder: Path) -> CalibrationEntry | None:
    """What `python -m benchmarks.calibration` measured beforehand; None where its file is missing."""
    path = folder / "calibration.json"
    return cast(CalibrationEntry, json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def size_table(calibration: CalibrationEntry) -> SizeTable:
    """Arrange the measured sizes, everything in the order of its first appearance."""
    entries = calibration["size"]
    nulls = tuple(dict.fromkeys(entry["null"] for entry in entries))
    found = {(entry["rule"], entry["verdict"], entry["seeds"], entry["null"]): entry for entry in entries}
    rules: dict[str, tuple[SizeRow, ...]] = {}
    for rule, verdict, seeds in dict.fromkeys((entry["rule"], entry["verdict"], entry["seeds"]) for entry in entries):
        cells = tuple(found.get((rule, verdict, seeds, null)) for null in nulls)
        rules[rule] = (*rules.get(rule, ()), SizeRow(verdict, seeds, cells))
    return SizeTable(nulls, rules)


def exceeds(entry: SizeEntry, nominal: float) -> bool:
    """Whether a measured size is above `nominal` with its whole 95 % Clopper-Pearson interval."""
    low, _ = share_interval(round(entry["rate"] * entry["repetitions"]), entry["repetitions"])
    return low > nominal


def power_table(calibration: CalibrationEntry) -> PowerTable:
    """Arrange the measured power, one column a number of seeds."""
    entries = calibration["power"]
    seeds = tuple(sorted({entry["seeds"] for entry in entries}))
    found = {(entry["rule"], entry["alternative"], entry["seeds"]): entry for entry in entries}
    keys = dict.fromkeys((entry["rule"], entry["alternative"]) for entry in entries)
    return PowerTable(seeds, {key: tuple(found.get((*key, number)) for number in seeds) for key in keys})


def repetitions(calibration: CalibrationEntry) -> str:
    """The repetitions behind a rate: one number, or the range where they differ."""
    numbers = [entry["repetitions"] for entry in calibration["size"]]
    numbers += [entry["repetitions"] for entry in calibration["power"]]
    if not numbers:
        return "no"
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
