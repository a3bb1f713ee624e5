"""Curves of published runs, which are read where the store lacks them: `--evidence`.

A claim that is open so far goes on from there: only the further seeds are trained. What was read so stands in
claims.json, with the run that it comes from.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.record import LevelRecord
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.report import claims_json, evidence, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument, TakenEntry
from sdd_claims.report.evidence import Evidence
from sdd_claims.storage.store import Store


@dataclass(frozen=True, eq=False)
class PublishedRun:
    """A published run and its curves.

    Attributes:
        path: of its claims.json, whose judged blocks bind whoever reads its curves.
        document: what stands there.
        evidence: its curves.
    """

    path: Path
    document: ClaimsDocument
    evidence: Evidence

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.path.resolve().parent.name

    def holds(self, digest: str, measure: str, seed: int, levels: int) -> bool:
        """Whether it has these levels of one seed."""
        run = self.evidence.runs.get((digest, measure))
        return run is not None and len(run.rows.get(seed, ())) >= levels

    def entry(self, levels: int) -> TakenEntry:
        """What claims.json says of so many levels that were read here."""
        made = self.document["environment"]
        return TakenEntry(
            run=self.name,
            commit=made["commit"],
            started=made["started"],
            sha256=self.evidence.sha256,
            machine=sentences.machine(self.document),
            levels=levels,
        )


def published_runs(folder: Path) -> tuple[PublishedRun, ...]:
    """The runs whose curves a folder has: of one run, or of all in the folders in it; the newest first.

    Raises:
        InputError: no such folder, none with evidence, or evidence that is not what was published.
    """
    if not folder.is_dir():
        raise InputError(f"--evidence {folder}: there is no such folder; give that of a published run")
    within = [folder] if (folder / "claims.json").exists() else [path.parent for path in folder.glob("*/claims.json")]
    found = [_read(each) for each in within if (each / evidence.NAME).exists()]
    if not found:
        raise InputError(
            f"--evidence {folder}: there is no {evidence.NAME} beside a claims.json; give the folder of a published "
            "run, or one that holds such folders"
        )
    return tuple(sorted(found, key=lambda run: (run.document["environment"]["started"], run.name), reverse=True))


def _read(folder: Path) -> PublishedRun:
    document = claims_json.read(folder / "claims.json")
    held, remark = evidence.beside(folder, document)
    changed = sorted(measure for (_, measure), run in held.runs.items() if not run.sound)
    if remark or changed:
        why = remark or f"the evidence of {changed[0]} was changed after it was written."
        raise InputError(f"--evidence {folder}: {why} Take the published folder anew, or leave this option out")
    return PublishedRun(folder / "claims.json", document, held)


@dataclass(frozen=True)
class CurvesAtHand:
    """The curves that can be read: those of the store, and those of published runs for what the store lacks.

    Attributes:
        store: the store.
        published: the runs, in the order in which they are asked.
    """

    store: Store
    published: Sequence[PublishedRun] = ()

    def lacking(self, curve: CurveOf, judged: tuple[int, ...]) -> tuple[int, ...]:
        """The seeds of a curve that no published run has, so that they must be trained, or stored already."""
        digest, measure = curve.spec.digest, curve.measure
        return tuple(seed for seed in curve.seeds(judged) if self._holding(digest, measure, seed, curve.levels) is None)

    def curve(self, digest: str, measure: str, seeds: Sequence[int], levels: int) -> SparsityCurve:
        """The table seed x level of one measure; NaN where a replica diverged.

        Raises:
            InputError: a level that is neither stored nor published, no such measure, or one that was not recorded.
            StoreError: what is stored is damaged.
        """
        seeds_of = dict[int, list[int]]()
        sources: list[Store | Evidence] = [self.store, *(run.evidence for run in self.published)]
        for seed in seeds:
            run = None if self._is_stored(digest, seed, levels) else self._holding(digest, measure, seed, levels)
            seeds_of.setdefault(0 if run is None else 1 + self.published.index(run), []).append(seed)
        parts = [sources[number].curve(digest, measure, some, levels) for number, some in seeds_of.items()]
        rows = {seed: row for part in parts for seed, row in zip(part.seeds, part.values, strict=True)}
        return replace(parts[0], seeds=tuple(seeds), values=np.array([rows[seed] for seed in seeds]))

    def records(self, digest: str, seed: int) -> tuple[LevelRecord, ...]:
        """The stored levels of a replica; of those that are published there are no records."""
        return self.store.records(digest, seed)

    def provenance(self, digest: str, seed: int) -> tuple[Mapping[str, Any], ...]:
        """The provenance of each of these."""
        return self.store.provenance(digest, seed)

    def taken(self, claims: Iterable[ClaimEntry]) -> list[TakenEntry]:
        """What these claims and their controls read of published runs, most levels first; each level counts once."""
        levels = dict[tuple[str, int], tuple[int, int]]()
        for read in (run for claim in claims for run in evidence.curves_of(claim)):
            digest, measure, count = read["digest"], read["measure"], read["levels"]
            for seed in read["seeds"]:
                run = None if self._is_stored(digest, seed, count) else self._holding(digest, measure, seed, count)
                if run is not None:
                    number, known = levels.get((digest, seed), (self.published.index(run), 0))
                    levels[digest, seed] = number, max(known, count)
        found = Counter[int]()
        for number, count in levels.values():
            found[number] += count
        return [self.published[number].entry(count) for number, count in found.most_common()]

    def _is_stored(self, digest: str, seed: int, levels: int) -> bool:
        return len(self.store.records(digest, seed)) >= levels

    def _holding(self, digest: str, measure: str, seed: int, levels: int) -> PublishedRun | None:
        return next((run for run in self.published if run.holds(digest, measure, seed, levels)), None)
