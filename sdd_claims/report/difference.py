"""Two runs side by side: which verdicts differ, in what, and whether they may be compared at all."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdd_claims.report import claims_json, evidence, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.evidence import Evidence

Change = tuple[Any, Any]
"""Something before and after."""

_CLOSE = 1e-9
"""Relative: sums are rounded by the processor's vector width."""

_OF_CLAIM = (
    *("verdict", "openness", "reason", "expected", "proxy", "deviations", "protocol", "rule", "windows", "margin"),
    *("effect", "p", "p_contrary", "p_holm", "threshold", "seeds", "looks"),
)
_OF_ENVIRONMENT = ("commit", "hardware", "capability", "device", "training", "taken")


@dataclass(frozen=True)
class ClaimDifference:
    """A claim that both runs put on trial.

    Attributes:
        old: its entry in the older run.
        new: its entry in the newer one.
        changed: by name, the fields that are not the same; settings by the names of their curves.
    """

    old: ClaimEntry
    new: ClaimEntry
    changed: Mapping[str, Change]

    @property
    def name(self) -> str:
        """The claim with its tier and network."""
        return sentences.name(self.new)

    @property
    def verdict_differs(self) -> bool:
        """Whether both runs have judged it to the end, and not alike."""
        if any(map(sentences.is_open_so_far, (self.old, self.new))):
            return False
        return None not in (verdicts := (self.old["verdict"], self.new["verdict"])) and verdicts[0] != verdicts[1]

    @property
    def is_comparable(self) -> bool:
        """Whether the same was fixed before the seeds judged: settings, control, rule, windows and seeds."""
        return self.old["protocol"] == self.new["protocol"]


@dataclass(frozen=True)
class Numbers:
    """The numbers of evidence that both runs hold.

    Attributes:
        common: how many there are.
        other: how many of them are not the same to the last bit.
    """

    common: int
    other: int


@dataclass(frozen=True)
class Difference:
    """Two runs side by side, claims sorted by tier, name and network.

    Attributes:
        claims: those that both put on trial.
        added: those of the newer run alone.
        gone: those of the older run alone.
        environment: by name, what is not the same of where and how the runs were made.
        numbers: of their evidence; None where one of them has none.
    """

    claims: Sequence[ClaimDifference]
    added: Sequence[ClaimEntry]
    gone: Sequence[ClaimEntry]
    environment: Mapping[str, Change]
    numbers: Numbers | None = field(default=None)

    @property
    def differing(self) -> list[ClaimDifference]:
        """The claims with two verdicts."""
        return [claim for claim in self.claims if claim.verdict_differs]

    def as_json(self) -> dict[str, Any]:
        """All of it, for scripts."""
        return {
            "same_verdicts": not self.differing,
            "claims": [
                {
                    **_key(claim.new),
                    "verdict_differs": claim.verdict_differs,
                    "comparable": claim.is_comparable,
                    "old": _outcome(claim.old),
                    "new": _outcome(claim.new),
                    "changed": {name: {"old": old, "new": new} for name, (old, new) in claim.changed.items()},
                }
                for claim in self.claims
            ],
            "added": [{**_key(claim), **_outcome(claim)} for claim in self.added],
            "gone": [{**_key(claim), **_outcome(claim)} for claim in self.gone],
            "environment": {name: {"old": old, "new": new} for name, (old, new) in self.environment.items()},
            "evidence": None if self.numbers is None else {"common": self.numbers.common, "other": self.numbers.other},
        }


def between(old: Path, new: Path) -> Difference:
    """Compare the runs in two folders.

    Raises:
        InputError: a folder holds no run, or one that cannot be read.
    """
    documents = [claims_json.read(folder / "claims.json") for folder in (old, new)]
    read = [
        evidence.beside(folder, document)[0] if "evidence" in document else None
        for folder, document in zip((old, new), documents, strict=True)
    ]
    found = compare(*documents)
    if read[0] is None or read[1] is None:
        return found
    elsewhere = _read_elsewhere(documents[0]) | _read_elsewhere(documents[1])
    return Difference(found.claims, found.added, found.gone, found.environment, _numbers(read[0], read[1], elsewhere))


def _read_elsewhere(document: ClaimsDocument) -> set[tuple[str, str, int]]:
    """Digest, measure and seed of what a run has read from published runs, and nowhere trained."""
    published, trained = set[tuple[str, str, int]](), set[tuple[str, str, int]]()
    for run in (run for claim in document["claims"] for run in evidence.curves_of(claim)):
        read = {seed for seeds in run.get("published", {}).values() for seed in seeds}
        published |= {(run["digest"], run["measure"], seed) for seed in read}
        trained |= {(run["digest"], run["measure"], seed) for seed in run["seeds"] if seed not in read}
    return published - trained


def compare(old: ClaimsDocument, new: ClaimsDocument) -> Difference:
    """Compare two documents."""
    before, after = ({_order(claim): claim for claim in document["claims"]} for document in (old, new))
    claims = [
        ClaimDifference(before[key], after[key], dict(_changes(before[key], after[key])))
        for key in sorted(before.keys() & after.keys())
    ]
    added = [after[key] for key in sorted(after.keys() - before.keys())]
    gone = [before[key] for key in sorted(before.keys() - after.keys())]
    return Difference(claims, added, gone, dict(_environment(old, new)))


def _changes(old: ClaimEntry, new: ClaimEntry) -> Iterator[tuple[str, Change]]:
    before: Mapping[str, Any] = old
    after: Mapping[str, Any] = new
    for name in _OF_CLAIM:
        if not _same(before.get(name), after.get(name)):
            yield name, (before.get(name), after.get(name))
    control: Mapping[str, Any] = old["control"]
    other_control: Mapping[str, Any] = new["control"]
    for name in ("verdict", "setting", "p", "effect"):
        if not _same(control[name], other_control[name]):
            yield f"control {name}", (control[name], other_control[name])
    for where, runs, others in (
        ("setting", old["runs"], new["runs"]),
        ("control's setting", old["control"]["runs"], new["control"]["runs"]),
    ):
        for name in sorted(runs.keys() | others.keys()):
            one, other = runs.get(name), others.get(name)
            read = [run and (run["digest"], run["measure"], run["levels"]) for run in (one, other)]
            if read[0] != read[1]:
                labels = [run and f"{run['label']} ({run['measure']}, {run['levels']} levels)" for run in (one, other)]
                yield f"{where} of {name}", (labels[0], labels[1])


def _environment(old: ClaimsDocument, new: ClaimsDocument) -> Iterator[tuple[str, Change]]:
    for number in ("alpha", "registered"):
        if old[number] != new[number]:
            yield number, (old[number], new[number])
    before: Mapping[str, Any] = old["environment"]
    after: Mapping[str, Any] = new["environment"]
    for name in _OF_ENVIRONMENT:
        if before.get(name) != after.get(name):
            yield name, (before.get(name), after.get(name))
    versions, others = before["versions"], after["versions"]
    for package in sorted(versions.keys() | others.keys()):
        if versions.get(package) != others.get(package):
            yield package, (versions.get(package), others.get(package))


def _numbers(old: Evidence, new: Evidence, read: Collection[tuple[str, str, int]]) -> Numbers:
    """Compare what was trained twice: not what is in `read`, by digest, measure and seed."""
    common = other = 0
    for key in old.runs.keys() & new.runs.keys():
        before, after = old.runs[key].rows, new.runs[key].rows
        for seed in before.keys() & after.keys():
            if (*key, seed) in read:
                continue
            pairs = list(zip(before[seed], after[seed], strict=False))
            common += len(pairs)
            other += sum(one != another for one, another in pairs)
    return Numbers(common, other)


def _same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are the same, numbers up to rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_CLOSE)
    return bool(one == other)


def _order(claim: ClaimEntry) -> tuple[str, str, str]:
    return claim["tier"], claim["id"], sentences.network(claim)


def _key(claim: ClaimEntry) -> dict[str, str]:
    return {"id": claim["id"], "tier": claim["tier"], "network": sentences.network(claim)}


def _outcome(claim: ClaimEntry) -> dict[str, Any]:
    whole: Mapping[str, Any] = claim
    return {name: whole[name] for name in ("verdict", "effect", "p", "seeds", "protocol")}
