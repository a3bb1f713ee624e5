"""Whether runs agree: the same claims and seeds, trained on another processor, with other kernels or libraries.

    python -m benchmarks.agreement OLD NEW [NEW ...] [--about WORDS ...] [--write reports/AGREEMENT.md]

OLD and NEW are folders of runs with their evidence. Every curve is compared seed by seed and level by level. Training
amplifies rounding, so that single numbers of sparse networks say little. What decides is what the claim reads: the
per-seed numbers that its rule tests, such as a difference of window means. Their differences between the two runs go
through the suite's own test of equivalence, at the margin of the claim: two one-sided tests at 0.05, all parts of a
claim together. A claim whose rule has no margin is compared, but not tested. Of a curve of accuracies it is also said
at how many levels the mean difference is established to lie within a point.

Exit status 1 where a claim is established to differ, or a verdict differs that was to be repeated with .99 or more.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.machine.provenance import commit
from sdd_claims.rejudge import Trials, judged_anew, trials_for
from sdd_claims.report import claims_json, difference, evidence, numbers, sentences
from sdd_claims.report.claims_json import ClaimEntry, RunEntry
from sdd_claims.report.delivery import deliver
from sdd_claims.report.evidence import Evidence
from sdd_claims.stats import AllOf, Rule
from sdd_claims.stats.hypotheses import means, weigh, within
from sdd_claims.stats.rules import MINIMUM_SEEDS, effect_margin
from sdd_claims.stats.study import Positions, Values, arrays

ALPHA = 0.05
POINT = 0.01
CERTAIN = 0.99

Agrees = Literal["agree", "differ", "open"]


@dataclass(frozen=True)
class OfCurve:
    """One measure of one setting in both runs.

    Attributes:
        name: its name in the claim, with "control: " before one of the control.
        measure: the measure.
        seeds: how many both have.
        levels: how many both have.
        mean: the mean difference, new - old, over seeds and levels.
        largest: the largest difference of one seed at one level, without its sign.
        position: where on the axis that is.
        within: at how many levels the means agree within a point; None for what is no accuracy.
    """

    name: str
    measure: str
    seeds: int
    levels: int
    mean: float
    largest: float
    position: float
    within: int | None


@dataclass(frozen=True)
class OfPart:
    """The per-seed numbers that a part of a claim tests, in both runs; of several the one that is farthest off.

    Attributes:
        name: the part; "" for a claim without parts.
        margin: the difference that does not count; None where the rule has none.
        unit: of the numbers.
        mean: the mean difference over seeds, new - old.
        largest: the largest of one seed, without its sign.
        p: of agreement within the margin; all numbers of the part must agree.
        p_contrary: of a difference beyond the margin, by Bonferroni over these numbers.
    """

    name: str
    margin: float | None
    unit: str
    mean: float
    largest: float
    p: float | None
    p_contrary: float | None


@dataclass(frozen=True)
class OfClaim:
    """A claim that both runs judged on the same seeds, in the same settings.

    Attributes:
        old: its entry in the older run.
        new: its entry in the newer one.
        seeds: how many both judged; one of them may have looked at more.
        curves: all that it and its control read.
        parts: what its rule tests.
    """

    old: ClaimEntry
    new: ClaimEntry
    seeds: int
    curves: tuple[OfCurve, ...]
    parts: tuple[OfPart, ...]

    @property
    def agrees(self) -> Agrees | None:
        """Whether all numbers agree within their margins; None where a margin is lacking in every part."""
        tested = [
            (part.p, part.p_contrary) for part in self.parts if part.p is not None and part.p_contrary is not None
        ]
        if not tested:
            return None
        if min(1.0, len(tested) * min(contrary for _, contrary in tested)) < ALPHA:
            return "differ"
        return "agree" if max(p for p, _ in tested) < ALPHA else "open"

    @property
    def is_identical(self) -> bool:
        """Whether its verdict and all numbers that it and its control read are the same in both, to the last bit."""
        return self.same_verdict and bool(self.curves) and all(curve.largest == 0 for curve in self.curves)

    @property
    def same_verdict(self) -> bool:
        """Whether both came to the same."""
        return sentences.ruling(self.old) == sentences.ruling(self.new)

    @property
    def is_certain(self) -> bool:
        """Whether fresh seeds would repeat the older verdict with .99 or more: then the same seeds must."""
        return (self.old.get("stability") or 0.0) >= CERTAIN


def between(old: Path, new: Path, trials: Trials | None = None) -> list[OfClaim]:
    """Compare two runs.

    Args:
        old: folder of the older run.
        new: folder of the newer one.
        trials: those that are registered; None for all.

    Raises:
        InputError: a folder without a run or its evidence, or runs without a claim, a setting or seeds in common.
    """
    documents = [claims_json.read(folder / "claims.json") for folder in (old, new)]
    for folder, document in zip((old, new), documents, strict=True):
        if document["environment"].get("taken"):
            raise InputError(
                f"{folder} was read in part from other runs' evidence (--evidence), so that numbers would be compared "
                "with themselves; train it whole"
            )
    held = [evidence.read(folder) for folder in (old, new)]
    trials = trials_for(documents[0]) if trials is None else trials
    found = []
    for pair in difference.compare(*documents).claims:
        if any(claim["verdict"] is None or sentences.is_open_so_far(claim) for claim in (pair.old, pair.new)):
            continue
        shared = tuple(sorted(set(pair.old["seeds"]) & set(pair.new["seeds"])))
        if len(shared) < MINIMUM_SEEDS or _settings(pair.old) != _settings(pair.new):
            raise InputError(
                f"{pair.name}: the two runs have judged other seeds or settings; train the same ones, by --seeds and "
                "at the commit of the older run"
            )
        judging = judged_anew(pair.old, trials, held[0], documents[0], "today").trial
        rule, read = judging.judged_by, judging.curves
        before, after = (
            arrays(
                rule,
                {
                    name: curves.curve(of.spec.digest, of.measure, of.seeds(shared), of.levels)
                    for name, of in read.items()
                    if name in rule.curves()
                },
            )
            for curves in held
        )
        curves_of = tuple(_curves(pair.old, pair.new, *held))
        found.append(OfClaim(pair.old, pair.new, len(shared), curves_of, tuple(_parts(rule, before, after))))
    if not found:
        raise InputError(f"{old} and {new} have no judged claim in common; give two runs of the same claims")
    return found


def _settings(claim: ClaimEntry) -> list[tuple[str, str, str]]:
    return sorted((name, run["digest"], run["measure"]) for name, run in _named(claim))


def _named(claim: ClaimEntry) -> Iterator[tuple[str, RunEntry]]:
    """The curves of a claim, and those of its control that it does not read itself."""
    yield from claim["runs"].items()
    for name, run in claim["control"]["runs"].items():
        if run != claim["runs"].get(name):
            yield f"control: {name}", run


def _curves(claim: ClaimEntry, again: ClaimEntry, old: Evidence, new: Evidence) -> Iterator[OfCurve]:
    others = dict(_named(again))
    for name, run in _named(claim):
        seeds = [seed for seed in run["seeds"] if seed in others[name]["seeds"]]
        before, after = (each.curve(run["digest"], run["measure"], seeds, run["levels"]) for each in (old, new))
        yield _curve(name, run["measure"], before, after)


def _curve(name: str, measure: str, old: SparsityCurve, new: SparsityCurve) -> OfCurve:
    apart = _apart(old.values, new.values)
    far = np.abs(apart)
    where = int(np.nanargmax(far) % far.shape[1]) if np.isfinite(far).any() else 0
    accuracies = measure.endswith("accuracy")
    return OfCurve(
        name,
        measure,
        len(apart),
        len(apart.T),
        float(np.mean(apart)),
        float(np.max(far)),
        float(old.position[where]),
        int((weigh(within(apart.T, POINT)).support < ALPHA).sum()) if accuracies else None,
    )


def _apart(old: Float[np.ndarray, "..."], new: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """New - old; a number that both lack, such as the place of a dip that is not there, is the same in both."""
    same = (old == new) | (np.isnan(old) & np.isnan(new))  # minus infinity where a seed without a place counts as off
    return np.where(same, 0.0, np.where(same, 0.0, new) - np.where(same, 0.0, old))


def _parts(
    rule: Rule, old: tuple[Positions, Values], new: tuple[Positions, Values], name: str = ""
) -> Iterator[OfPart]:
    """The numbers of every part; a rule that spells out none gives none."""
    if isinstance(rule, AllOf):
        for part, each in rule.parts.items():
            yield from _parts(each, old, new, f"{name}: {part}" if name else part)
        return
    tested = [rule.hypotheses(*study) for study in (old, new)]
    if tested[0] is None or tested[1] is None:
        return
    both = [list(means(each.claim)) for each in tested if each is not None]
    apart = np.array([_apart(before.excess, after.excess) for before, after in zip(*both, strict=True)])
    of_signs = any(mean.by == "signs" for mean in both[0])
    size = effect_margin(rule)
    margin = None if of_signs or not size else abs(size)
    worst = int(np.argmax(np.abs(np.mean(apart, axis=1))))
    p, contrary = _tested(apart, margin)
    yield OfPart(
        name,
        margin,
        getattr(rule, "unit", "accuracy" if rule.name.startswith("dip") else ""),
        float(np.mean(apart[worst])),
        float(np.max(np.abs(apart))),
        p,
        contrary,
    )


def _tested(apart: Float[np.ndarray, "numbers seeds"], margin: float | None) -> tuple[float | None, float | None]:
    if margin is None:
        return None, None
    weighed = weigh(within(apart, margin))
    return float(np.max(weighed.support)), min(1.0, len(apart) * float(np.min(weighed.contrary)))


def to_markdown(found: Mapping[Path, Sequence[OfClaim]], old: Path, about: Sequence[str]) -> str:
    """The page: a section for every newer run."""
    before = claims_json.read(old / "claims.json")["environment"]
    lines = [
        "# Do runs agree that were trained elsewhere or otherwise?",
        "",
        f"Made by `python -m benchmarks.agreement` on {datetime.now(UTC).date()}, commit {commit()[:10]}; do not edit.",
        "",
        "The same claims and the same seeds, trained again on another processor, with other kernels or with other",
        "libraries. In portable arithmetic all numbers must be the same. In native arithmetic training amplifies",
        "rounding: one seed of a sparse network may end as far from itself as from another seed. What must agree",
        "is what a claim reads. So the numbers that its rule tests, one a seed, are compared between the two runs",
        f"by the suite's own test of equivalence: two one-sided tests at {ALPHA:g}, within the margin of the claim,",
        "all parts of it together. Without a margin nothing is tested. Of an accuracy it is said at how many",
        "levels the mean difference is established to lie within a point.",
        "",
        f"The older run: {before['hardware']}, {before['capability']}, {_versions(before['versions'])}.",
    ]
    for (folder, claims), words in zip(found.items(), [*about, *[""] * len(found)], strict=False):
        lines += ["", f"## {words or folder.name}", "", *_section(old, folder, claims)]
    return "\n".join([*lines, ""])


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {versions[name]}" for name in ("torch", "numpy", "scipy") if name in versions)


def _section(old: Path, folder: Path, claims: Sequence[OfClaim]) -> Iterator[str]:
    after = claims_json.read(folder / "claims.json")["environment"]
    yield f"{after['hardware']}, {after['capability']}, {_versions(after['versions'])}."
    certain = [claim for claim in claims if claim.is_certain]
    agreeing = sum(claim.agrees == "agree" for claim in claims)
    tested = sum(claim.agrees is not None for claim in claims)
    yield (
        f"{agreeing} of {tested} claims with a margin agree; {sum(claim.same_verdict for claim in claims)} of "
        f"{len(claims)} verdicts are the same, of those with stability {CERTAIN:g} or more "
        f"{sum(claim.same_verdict for claim in certain)} of {len(certain)}."
    )
    if left_out := sum(claim.is_identical for claim in claims):
        yield f"{left_out} of {len(claims)} have the same verdict and numbers, to the last bit, and stand in no table."
    claims = [claim for claim in claims if not claim.is_identical]
    if not claims:
        return
    yield from (
        "",
        "| claim | part | seeds | mean difference | largest of a seed | margin | p of agreement | |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    )
    for claim in claims:
        yield (
            f"| `{claim.old['id']}` | the verdict | {claim.seeds} | | | | | "
            f"{claim.agrees or 'not tested'}; {sentences.ruling(claim.old)}, then {sentences.ruling(claim.new)} |"
        )
        for part in claim.parts:
            yield (
                f"| | {part.name or 'its numbers'} | | {numbers.amount(part.mean, part.unit)} | "
                f"{numbers.amount(part.largest, part.unit)} | {numbers.amount(part.margin, part.unit)} | "
                f"{numbers.probability(part.p)} | |"
            )
    yield from (
        "",
        "| claim | curve | measure | seeds x levels | mean difference | largest of a seed | within a point |",
        "|---|---|---|--:|--:|--:|--:|",
    )
    for claim in claims:
        for curve in claim.curves:
            unit = "accuracy" if curve.within is not None else ""
            levels = numbers.ABSENT if curve.within is None else f"{curve.within} of {curve.levels} levels"
            yield (
                f"| `{claim.old['id'].rpartition('/')[2]}` | {curve.name} | {curve.measure} | "
                f"{curve.seeds} x {curve.levels} | {numbers.amount(curve.mean, unit)} | "
                f"{numbers.amount(curve.largest, unit)} at {curve.position:.3g} | {levels} |"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and write the page or print it; an error of the user's is one sentence and exit status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.agreement",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path, help="folder of the older run, with its evidence")
    parser.add_argument("new", type=Path, nargs="+", help="folder of a run of the same claims and seeds")
    parser.add_argument("--about", action="append", default=[], help="what is other in a newer run, in their order")
    parser.add_argument("--write", type=Path, help="file to write; without it the page goes to standard output")
    given = parser.parse_args(arguments)
    found: dict[Path, list[OfClaim]] = {}

    def page() -> str:
        found.update({folder: between(given.old, folder) for folder in given.new})
        return to_markdown(found, given.old, given.about)

    if status := deliver(page, given.write):
        return status
    of_all = [claim for claims in found.values() for claim in claims]
    broken = any(claim.agrees == "differ" or (claim.is_certain and not claim.same_verdict) for claim in of_all)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
