"""Curves that published runs hold, which are read in place of trainings: `--evidence`.

A claim that is open so far goes on from there: only the further seeds are trained. What is read is settled before
anything is trained. Numbers in portable arithmetic are the same wherever they were trained. In native arithmetic the
networks of a seed that belong together come from one place. claims.json says which seeds were read, and from where.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.planning.plan import stack_size
from sdd_claims.record import Key, LevelRecord, Replica
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.report import claims_json, evidence, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument, TakenEntry
from sdd_claims.report.evidence import Evidence
from sdd_claims.report.history import published_paths
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.locks import lock
from sdd_claims.storage.store import Store


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

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.path.resolve().parent.name

    def levels(self, digest: str, seed: int, measure: str) -> int:
        """The number of levels that it has of one measure of a network, from its first on."""
        run = self.evidence.runs.get((digest, measure))
        return 0 if run is None else len(run.rows.get(seed, ()))

    def holds(self, digest: str, seed: int, measure: str, levels: int) -> bool:
        """Whether it has so many of them."""
        return self.levels(digest, seed, measure) >= levels

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


def sources(
    runs: Sequence[EvidenceRun], asked: Iterable[tuple[CurveOf, tuple[int, ...]]], store: Store
) -> dict[Key, dict[str, EvidenceRun]]:
    """The networks that are read from published runs, with the run of each measure; all others are stored, or trained.

    In portable arithmetic every measure is read as far as it is published, though others of the same network may have
    to be trained: the numbers are the same. In native arithmetic everything that belongs together is read from one run,
    or nothing of it: a chain, what is derived from it, its teacher and its students, and the seeds that train in one
    stack with any of these.

    Args:
        runs: those to choose from.
        asked: every curve that any look, control or pilot may read, with the seeds that it judges.
        store: the store.
    """
    wanted = dict[Key, tuple[Replica, dict[str, int]]]()
    for curve, judged in asked:
        for seed in curve.seeds(judged):
            replica = Replica(curve.spec, seed)
            _, measures = wanted.setdefault(replica.key, (replica, {}))
            measures[curve.measure] = max(curve.levels, measures.get(curve.measure, 0))
    found = dict[Key, dict[str, EvidenceRun]]()
    for key, (replica, measures) in wanted.items():
        if _usable_levels(store, replica) >= max(measures.values()):
            continue
        longest = {name: _longest(runs, key, name, levels) for name, levels in measures.items()}
        if held := {name: run for name, run in longest.items() if run.holds(*key, name, 1)}:
            found[key] = held
    for family in _families(replica for replica, _ in wanted.values()):
        if found.keys().isdisjoint(family):
            continue  # all of it is stored, or trained
        rows = [(*key, name, levels) for key in family for name, levels in wanted[key][1].items()]
        run = next((run for run in runs if all(run.holds(*row) for row in rows)), None)
        for key in family:
            found.pop(key, None)
            if run is not None:
                found[key] = dict.fromkeys(wanted[key][1], run)
    return found


def _longest(runs: Sequence[EvidenceRun], key: Key, measure: str, levels: int) -> EvidenceRun:
    """The first of the runs that have most of some levels of a network."""
    return max(runs, key=lambda run: min(levels, run.levels(*key, measure)))


def _families(replicas: Iterable[Replica]) -> list[list[Key]]:
    """The networks in native arithmetic, those together that train in one stack, are derived, or are taught."""
    from scipy.cluster.hierarchy import DisjointSet  # late: it is of use to evidence alone

    native = {each.key: each for each in replicas if each.spec.training.arithmetic == "native"}
    joined: Any = DisjointSet(list(native))
    for (digest, seed), replica in native.items():
        stack = (digest, seed // 100, seed % 100 // stack_size(replica.spec))
        for other in (stack, *(each.key for each in (replica.parent, replica.teacher) if each is not None)):
            joined.add(other)
            joined.merge((digest, seed), other)
    return [[key for key in family if key in native] for family in joined.subsets()]


def _usable_levels(store: Store, replica: Replica) -> int:
    """The stored levels of a network; 0 of one that is damaged or cannot be read, unless it is published."""
    try:
        return store.usable_levels(replica)
    except StoreError:
        return 0


@dataclass(frozen=True)
class CurvesAtHand:
    """The curves that can be read: those of the store, and those of published runs.

    Attributes:
        store: the store.
        published: the runs that a network is read from, by digest and seed and then by measure; what they lack is in
            the store.
    """

    store: Store
    published: Mapping[Key, Mapping[str, EvidenceRun]]

    @classmethod
    def of(cls, claims: Iterable[ClaimEntry], store: Store, runs: Sequence[EvidenceRun]) -> "CurvesAtHand":
        """The curves that some entries were judged by, as `marked` has noted it.

        Raises:
            InputError: a run that they name is not among these.
        """
        by_sum = {run.evidence.sha256: run for run in reversed(runs)}
        published = defaultdict[Key, dict[str, EvidenceRun]](dict)
        for read in (run for claim in claims for run in evidence.curves_of(claim)):
            for sha256, seeds in read.get("published", {}).items():
                if sha256 not in by_sum:
                    raise InputError(
                        f"evidence of SHA-256 {sha256[:12]} was read, and is gone since; leave published folders as "
                        "they are while claims are judged, and run again"
                    )
                for seed in seeds:
                    published[read["digest"], seed][read["measure"]] = by_sum[sha256]
        return cls(store, dict(published))

    def curve(self, digest: str, measure: str, seeds: Sequence[int], levels: int) -> SparsityCurve:
        """The table seed x level of one measure; NaN where a replica diverged.

        Raises:
            InputError: a level that is neither stored nor published, no such measure, one that was not recorded, or
                sources that place the levels differently.
            StoreError: what is stored is damaged.
        """
        seeds_of = dict[EvidenceRun | None, list[int]]()
        for seed in seeds:
            seeds_of.setdefault(self._run(digest, seed, measure, levels), []).append(seed)
        first, *others = parts = [
            (self.store if run is None else run.evidence).curve(digest, measure, some, levels)
            for run, some in seeds_of.items()
        ]
        if any(each.axis != first.axis or each.position.tolist() != first.position.tolist() for each in others):
            raise InputError(
                f"the levels of {measure} of run {digest[:12]} do not lie where a published run has them; leave "
                "--evidence out"
            )
        rows = {seed: row for part in parts for seed, row in zip(part.seeds, part.values, strict=True)}
        return replace(first, seeds=tuple(seeds), values=np.array([rows[seed] for seed in seeds]))

    def is_published(self, curve: CurveOf, seed: int) -> bool:
        """Whether a published run has what a curve reads of one seed."""
        return self._run(curve.spec.digest, seed, curve.measure, curve.levels) is not None

    def records(self, digest: str, seed: int) -> tuple[LevelRecord, ...]:
        """The stored levels of a replica; none of one in native arithmetic that is read from a published run."""
        return () if self._is_foreign(digest, seed) else self.store.records(digest, seed)

    def provenance(self, digest: str, seed: int) -> tuple[Mapping[str, Any], ...]:
        """The provenance of each of these."""
        return () if self._is_foreign(digest, seed) else self.store.provenance(digest, seed)

    def marked(self, claim: ClaimEntry) -> ClaimEntry:
        """An entry, with the seeds of each of its curves that are read from a published run."""
        for read in evidence.curves_of(claim):
            seeds_of = dict[str, list[int]]()
            for seed in read["seeds"]:
                if run := self._run(read["digest"], seed, read["measure"], read["levels"]):
                    seeds_of.setdefault(run.evidence.sha256, []).append(seed)
            if seeds_of:
                read["published"] = seeds_of
        return claim

    def taken(self, claims: Iterable[ClaimEntry]) -> list[TakenEntry]:
        """What these claims and their controls read from published runs, most levels first.

        A level of which two runs have given something counts for the first, and one that is stored, too, for none.
        """
        levels, of = dict[Key, int](), dict[Key, EvidenceRun]()
        for read in (run for claim in claims for run in evidence.curves_of(claim)):
            for seed in read["seeds"]:
                key = read["digest"], seed
                if run := self._run(*key, read["measure"], read["levels"]):
                    levels[key] = max(read["levels"], levels.get(key, 0))
                    of.setdefault(key, run)
        found = Counter[EvidenceRun]()
        for key, count in levels.items():
            found[of[key]] += max(0, count - len(self.records(*key)))
        return [run.entry(count) for run, count in found.most_common()]

    def _run(self, digest: str, seed: int, measure: str, levels: int) -> EvidenceRun | None:
        """The published run that has these levels."""
        run = self.published.get((digest, seed), {}).get(measure)
        return run if run is not None and run.holds(digest, seed, measure, levels) else None

    def _is_foreign(self, digest: str, seed: int) -> bool:
        """Whether the numbers that are read of a network are others than those that may be stored of it."""
        return (digest, seed) in self.published and any(
            about.get("arithmetic") != "portable" for about in self.store.provenance(digest, seed)
        )


def agreed(
    path: Path, found: Mapping[Key, Mapping[str, EvidenceRun]], runs: Sequence[EvidenceRun]
) -> Mapping[Key, Mapping[str, EvidenceRun]]:
    """The sources that the first of several processes has found, for all of them; `path` is a file that they share."""
    held = lock(path.with_suffix(".lock"), wait=True, what="the choice of what is read from evidence")
    try:
        if not path.exists():
            rows = [[*key, name, runs.index(run)] for key, of in found.items() for name, run in of.items()]
            write_atomically(path, json.dumps(rows).encode())
            return found
        said = defaultdict[Key, dict[str, EvidenceRun]](dict)
        for digest, seed, name, number in json.loads(path.read_bytes()):
            said[digest, seed][name] = runs[number]
        return dict(said)
    finally:
        if held is not None:
            held.release()
