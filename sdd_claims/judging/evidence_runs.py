"""Curves that published runs hold, which are read in place of trainings: `--evidence`.

A claim that is open so far goes on from there: only the further seeds are trained. A network of one seed is read from
one place, its store or one published run, whatever is asked of it; and where that is, is settled before anything is
trained. claims.json says which seeds were read, and from where.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.planning.plan import stack_size
from sdd_claims.record import LevelRecord, Replica
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.report import claims_json, evidence, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument, TakenEntry
from sdd_claims.report.evidence import Evidence
from sdd_claims.report.history import published_paths
from sdd_claims.storage.store import Store

Key: TypeAlias = tuple[str, int]
"""Digest and seed, see `Replica.key`."""


@dataclass(frozen=True, eq=False)
class EvidenceRun:
    """A published run and its curves.

    Attributes:
        path: of its claims.json.
        document: what stands there.
        evidence: its curves.
    """

    path: Path
    document: ClaimsDocument
    evidence: Evidence

    def holds(self, digest: str, measure: str, seed: int, levels: int) -> bool:
        """Whether it has these levels of one seed."""
        run = self.evidence.runs.get((digest, measure))
        return run is not None and len(run.rows.get(seed, ())) >= levels

    def entry(self, levels: int) -> TakenEntry:
        """What claims.json says of so many levels that were read here."""
        made = self.document["environment"]
        return TakenEntry(
            run=self.path.resolve().parent.name,
            commit=made["commit"],
            started=made["started"],
            sha256=self.evidence.sha256,
            machine=sentences.machine(self.document),
            levels=levels,
        )


def evidence_runs(folder: Path) -> tuple[EvidenceRun, ...]:
    """The runs whose curves a folder has: of one run, or of all in the folders in it; the oldest first.

    Raises:
        InputError: no such folder, none with evidence, or evidence that is not what was published.
    """
    try:
        claims = _claims_in(folder)
        found = [_read(path) for path in claims if (path.parent / evidence.NAME).exists()]
    except OSError as error:
        raise InputError(
            f"--evidence {folder} cannot be read ({error.strerror or error}); give the folder of a published run"
        ) from error
    if not found:
        raise InputError(
            f"--evidence {folder}: there is no {evidence.NAME} beside a claims.json; give the folder of a published "
            "run, or one that holds such folders"
        )
    return tuple(sorted(found, key=lambda run: (run.document["environment"]["started"], str(run.path))))


def binding(folder: Path) -> tuple[Path, ...]:
    """The claims.json files of a folder of evidence whose verdicts bind whoever reads it, those without evidence too.

    Raises:
        InputError: there are two runs of one name.
    """
    own = folder / "claims.json"
    return (own,) if own.exists() else tuple(published_paths(folder).values())


def _claims_in(folder: Path) -> list[Path]:
    """The claims.json files of a folder, each once, whatever links lead to it."""
    if not folder.is_dir():
        raise InputError(f"--evidence {folder}: there is no such folder; give that of a published run")
    own = folder / "claims.json"
    return (
        [own] if own.exists() else [*{path.resolve(): path for path in sorted(folder.glob("*/claims.json"))}.values()]
    )


def _read(path: Path) -> EvidenceRun:
    document = claims_json.read(path)
    held, remark = evidence.beside(path.parent, document)
    changed = sorted(measure for (_, measure), run in held.runs.items() if not run.sound)
    if remark or changed:
        why = remark or f"the evidence of {changed[0]} was changed after it was written."
        raise InputError(f"--evidence {path.parent}: {why} Take the published folder anew, or leave this option out")
    return EvidenceRun(path, document, held)


def chosen(
    runs: Sequence[EvidenceRun], asked: Iterable[tuple[CurveOf, tuple[int, ...]]], store: Store
) -> dict[Key, EvidenceRun]:
    """The networks that are read from a published run, by digest and seed; all others are stored, or trained.

    That takes one run with all that is asked of a network. A stored network is read from the store. So is one that
    another, which must be trained, is derived from or learns from. In native arithmetic, which rounds by the members
    of a stack, seeds of one stack are read together or not at all.

    Args:
        runs: those to choose from; of several that have all of a network, the first is read.
        asked: every curve that any look, control or pilot may read, with the seeds that it judges.
        store: the store.
    """
    wanted = dict[Key, tuple[Replica, dict[str, int]]]()
    for curve, judged in asked:
        for seed in curve.seeds(judged):
            replica = Replica(curve.spec, seed)
            _, measures = wanted.setdefault(replica.key, (replica, {}))
            measures[curve.measure] = max(curve.levels, measures.get(curve.measure, 0))
    found, trained, stacks = (
        dict[Key, EvidenceRun](),
        list[Replica](),
        defaultdict[tuple[object, ...], list[Replica]](list),
    )
    for key, (replica, measures) in wanted.items():
        if _levels_done(store, replica) >= max(measures.values()):
            continue
        holding = (run for run in runs if all(run.holds(key[0], name, key[1], n) for name, n in measures.items()))
        if (run := next(holding, None)) is None:
            trained.append(replica)
        else:
            found[key] = run
            stacks[_stack(replica)].append(replica)
    while trained:
        replica = trained.pop()
        for other in (replica.parent, replica.teacher, *stacks[_stack(replica)]):
            if other is not None and found.pop(other.key, None) is not None:
                trained.append(other)
    return found


def _levels_done(store: Store, replica: Replica) -> int:
    """The stored levels of a network; 0 of one that is damaged, and will be trained anew unless it is published."""
    try:
        return store.levels_done(replica)
    except StoreError:
        return 0


def _stack(replica: Replica) -> tuple[object, ...]:
    """What is equal for replicas that are trained in one stack."""
    digest, seed = replica.key
    return digest, seed // 100, seed % 100 // stack_size(replica.spec)


@dataclass(frozen=True)
class CurvesAtHand:
    """The curves that can be read: those of the store, and those of published runs.

    Attributes:
        store: the store.
        published: the run that a network is read from, by digest and seed; those that are not here are in the store.
    """

    store: Store
    published: Mapping[Key, EvidenceRun]

    @classmethod
    def of(cls, claims: Iterable[ClaimEntry], store: Store, runs: Sequence[EvidenceRun]) -> "CurvesAtHand":
        """The curves that some entries were judged by, as `marked` has noted it."""
        by_sum = {run.evidence.sha256: run for run in runs}
        return cls(
            store,
            {
                (read["digest"], seed): by_sum[sha256]
                for claim in claims
                for read in evidence.curves_of(claim)
                for sha256, seeds in read.get("published", {}).items()
                for seed in seeds
            },
        )

    def curve(self, digest: str, measure: str, seeds: Sequence[int], levels: int) -> SparsityCurve:
        """The table seed x level of one measure; NaN where a replica diverged.

        Raises:
            InputError: a level that is neither stored nor published, no such measure, or one that was not recorded.
            StoreError: what is stored is damaged.
        """
        seeds_of = dict[EvidenceRun | None, list[int]]()
        for seed in seeds:
            seeds_of.setdefault(self.published.get((digest, seed)), []).append(seed)
        parts = [
            (self.store if run is None else run.evidence).curve(digest, measure, some, levels)
            for run, some in seeds_of.items()
        ]
        rows = {seed: row for part in parts for seed, row in zip(part.seeds, part.values, strict=True)}
        return replace(parts[0], seeds=tuple(seeds), values=np.array([rows[seed] for seed in seeds]))

    def records(self, digest: str, seed: int) -> tuple[LevelRecord, ...]:
        """The stored levels of a replica; none of one that is read from a published run."""
        return () if (digest, seed) in self.published else self.store.records(digest, seed)

    def provenance(self, digest: str, seed: int) -> tuple[Mapping[str, Any], ...]:
        """The provenance of each of these."""
        return () if (digest, seed) in self.published else self.store.provenance(digest, seed)

    def marked(self, claim: ClaimEntry) -> ClaimEntry:
        """An entry, with the seeds of each of its curves that are read from a published run."""
        for read in evidence.curves_of(claim):
            seeds_of = dict[str, list[int]]()
            for seed in read["seeds"]:
                if run := self.published.get((read["digest"], seed)):
                    seeds_of.setdefault(run.evidence.sha256, []).append(seed)
            if seeds_of:
                read["published"] = seeds_of
        return claim

    def taken(self, claims: Iterable[ClaimEntry]) -> list[TakenEntry]:
        """What these claims and their controls read from published runs, most levels first; each level counts once."""
        levels = dict[Key, int]()
        for read in (run for claim in claims for run in evidence.curves_of(claim)):
            for key in ((read["digest"], seed) for seed in read["seeds"]):
                if key in self.published:
                    levels[key] = max(read["levels"], levels.get(key, 0))
        found = Counter[EvidenceRun]()
        for key, count in levels.items():
            found[self.published[key]] += count
        return [run.entry(count) for run, count in found.most_common()]
