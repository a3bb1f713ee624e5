"""How often each claim's own trial errs and finds: `python -m sdd_claims.characteristics DIR --write FILE`.

DIR is the folder of a published run, or of a `--pilots` run where no seed has judged yet; several make one page.
Studies are simulated with the mean and the covariance of the numbers that its seeds gave, and judged as the trial is:
all parts, tests and looks, at its level, with its control. Measured is how often a claim is supported where it is just
false, how often its contrary is established where that is just false, and what comes out where the measured effect is
the true one. Where a rate of errors came out above its level, ten times as many fresh studies say whether it is: the
largest of many rates lies above by chance. A figure of power against effect is written beside FILE.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sdd_claims.errors import InputError
from sdd_claims.judging.verdict import Verdict
from sdd_claims.machine.provenance import commit, hardware
from sdd_claims.registration.register import the_register
from sdd_claims.rejudge import Rules, Trials, judged_anew, tried_out
from sdd_claims.report import claims_json, evidence, forest, numbers, sentences
from sdd_claims.report.alone import alone
from sdd_claims.report.claims_json import (
    CharacteristicsEntry,
    ClaimEntry,
    ClaimsDocument,
    ErrorsEntry,
    MeanPowerEntry,
    TrialErrorsEntry,
)
from sdd_claims.report.delivery import deliver
from sdd_claims.report.power_curve import power_curve
from sdd_claims.report.templating import environment
from sdd_claims.shares import share_interval
from sdd_claims.stats.calibration import DESIGNS
from sdd_claims.stats.edges import edges_of_claim, edges_of_contrary
from sdd_claims.stats.hypotheses import Hypotheses, Mean, Some
from sdd_claims.stats.sequential import nominal_p
from sdd_claims.stats.stability import Design, Ruling, power
from sdd_claims.storage.files import write_atomically

STUDIES = 10_000
AGAIN = 10
"""How many times as many fresh studies are simulated where errors came out above their level."""

EFFECTS = tuple(round(0.05 * step, 2) for step in range(61))
"""The distances from the margin that it shows, in standard deviations over seeds."""


@dataclass(frozen=True)
class Errors:
    """How often one verdict came out where it was false.

    Attributes:
        counts: the studies that came to it, at each edge of its null.
        studies: their number at each edge.
        again: of the edges, by position, where they were more than its level allows: those of `AGAIN` times as many
            fresh studies that came to it.
    """

    counts: tuple[int, ...]
    studies: int
    again: Mapping[int, int] = field(default_factory=dict)

    @property
    def measured(self) -> list[tuple[int, int]]:
        """Of each edge, the studies that count there: those that came to the verdict, and their number."""
        return [
            (self.again[edge], AGAIN * self.studies) if edge in self.again else (count, self.studies)
            for edge, count in enumerate(self.counts)
        ]

    @property
    def largest(self) -> float:
        """The largest rate."""
        return max(wrong / studies for wrong, studies in self.measured)

    @property
    def bound(self) -> float:
        """The largest upper end of the rates' 95 % Clopper-Pearson intervals."""
        return max(share_interval(wrong, studies)[1] for wrong, studies in self.measured)

    def is_above(self, level: float) -> bool:
        """Whether the whole interval of a rate lies above a level."""
        return any(share_interval(wrong, studies)[0] > level for wrong, studies in self.measured)


@dataclass(frozen=True)
class Characteristics:
    """What the trial of one claim does.

    Attributes:
        claim: as published, or as tried out on pilots.
        protocol: by which the simulated studies were judged.
        design: how it is judged.
        alpha: its error rate over all looks.
        false_support: where the claim is just false.
        false_contrary: where its contrary is.
        chances: of each ruling, where the measured effect is the true one.
        stability: the chance that fresh seeds come to the same verdict; None of pilots, too.
    """

    claim: ClaimEntry
    protocol: str
    design: Design
    alpha: float
    false_support: Errors
    false_contrary: Errors
    chances: dict[Ruling, float]
    stability: float | None


def characteristics(
    directory: Path,
    trials: Trials,
    studies: int = STUDIES,
    rules: Rules = "published",
    leave_out: Callable[[str], object] | None = None,
) -> Iterator[Characteristics]:
    """Simulates every registered claim of a published run, or of one over pilots.

    Args:
        directory: the folder of the run.
        trials: those that are registered now.
        studies: at each edge.
        rules: "published", which must be those that are registered now; or "today".
        leave_out: is told of a claim that today's rules cannot judge by this evidence; without it that is an error.

    Raises:
        InputError: no run, evidence that is no more there, or a claim that is judged otherwise by now.
    """
    document = claims_json.read(directory / "claims.json")
    curves = evidence.read(directory)
    for claim in document["claims"]:
        pilots = of_pilots(claim)
        if not sentences.is_registered(claim) or (claim["verdict"] is None and not pilots):
            continue
        try:
            if pilots:
                verdict = tried_out(claim, trials, curves, document)
            else:
                verdict = judged_anew(claim, trials, curves, document, rules)
        except InputError as error:
            if leave_out is None or rules == "published":
                raise
            leave_out(f"{sentences.name(claim)}: {error}")
            continue
        yield _of_claim(claim, verdict, document["alpha"] / document["registered"], studies)


def of_pilots(claim: ClaimEntry) -> bool:
    """Whether pilots say what the trial would come to."""
    return claim["verdict"] is None and bool(claim.get("foreseen"))


def _of_claim(claim: ClaimEntry, verdict: Verdict, alpha: float, studies: int) -> Characteristics:
    tested, control, design = verdict.tested, verdict.control_tested, verdict.design
    if of_pilots(claim):
        looks = tuple(len(seeds) for seeds in verdict.trial.judged_seeds())
        design = Design(looks, nominal_p(alpha, looks), verdict.trial.proxy)
    if tested is None or control is None or design is None:
        raise InputError(f"{sentences.name(claim)} has no numbers to simulate; leave its rule to the calibration")

    def simulated(population: Hypotheses, draws: str = "") -> dict[Ruling, float]:
        return power(design, population, control, sentences.name(claim) + draws, studies)

    def errors(populations: Sequence[Hypotheses], *wrong: Ruling) -> Errors:
        def count(edge: int, draws: str = "") -> int:
            found = simulated(populations[edge], f", {wrong[0]} at edge {edge}{draws}")  # edges err by chance apart
            return round(studies * sum(found[each] for each in wrong))

        counts = tuple(map(count, range(len(populations))))
        again = {
            edge: sum(count(edge, f", again {repetition}") for repetition in range(AGAIN))
            for edge, found in enumerate(counts)
            if found > alpha * studies
        }
        return Errors(counts, studies, again)

    return Characteristics(
        claim,
        verdict.trial.protocol,
        design,
        alpha,
        errors(edges_of_claim(tested), "supported"),
        errors(edges_of_contrary(tested), "refuted", "contrary on a proxy"),
        simulated(tested),
        verdict.stability,
    )


def power_of_a_mean(alpha: float, studies: int = STUDIES) -> dict[tuple[int, ...], list[float]]:
    """Computes the chance to establish a mean at each of `EFFECTS`, by every scheme of looks of a registered trial."""
    ends = np.array([-1.0, 0.0, 1.0])  # of mean 0 and standard deviation 1
    never = Hypotheses(Some(), Some())
    return {
        looks: [
            power(
                Design(looks, nominal_p(alpha, looks), proxy=False),
                Hypotheses(Mean(ends + effect), Some()),
                never,
                "one mean",
                studies,
            )["supported"]
            for effect in EFFECTS
        ]
        for looks in DESIGNS
    }


def to_markdown(
    found: Sequence[Characteristics],
    documents: Sequence[ClaimsDocument],
    figure: str,
    seconds: float,
    rules: Rules = "published",
    left_out: Sequence[str] = (),
) -> str:
    """The table as GitHub-flavoured Markdown.

    Args:
        found: of every claim.
        documents: the runs.
        figure: name of the figure's file.
        seconds: that the simulation took.
        rules: by which they were judged.
        left_out: the claims that today's rules cannot judge by this evidence, and why.
    """
    pooled = {kind: _pooled([getattr(each, kind) for each in found]) for kind in ("false_support", "false_contrary")}
    template = environment(autoescape=False).get_template("characteristics.md.j2")
    return template.render(
        rows=[_row(each) for each in found],
        pooled=pooled,
        documents=documents,
        pilots=all(of_pilots(each.claim) for each in found),
        rules=rules,
        left_out=left_out,
        alphas=sorted({each.alpha for each in found}),
        figure=figure,
        seconds=seconds,
        studies=f"{found[0].false_support.studies:,}",
        again=f"{AGAIN * found[0].false_support.studies:,}",
        commit=commit()[:10],
        hardware=hardware(),
        today=_today(),
    )


def to_entry(
    found: Sequence[Characteristics], power_of_means: Mapping[tuple[int, ...], Sequence[float]]
) -> CharacteristicsEntry:
    """The same for the pages of runs, of the trials that were simulated at the level that is registered now.

    Raises:
        InputError: they are of several tiers, or looked at pilots.
    """
    if len(tiers := {each.claim["tier"] for each in found}) > 1 or any(of_pilots(each.claim) for each in found):
        raise InputError("--fixture takes what has judged in one tier, for the pages of runs; name runs of one tier")
    register = the_register()
    level, studies = register.alpha / register.registered, found[0].false_support.studies
    return CharacteristicsEntry(
        tier=tiers.pop(),
        command="python -m sdd_claims.characteristics",
        measured=f"Simulated {_today()} at commit {commit()[:10]} on {hardware()}",
        studies=studies,
        level=level,
        effects=list(EFFECTS),
        power=[
            MeanPowerEntry(looks=list(looks), chances=[round(chance, 4) for chance in chances])
            for looks, chances in power_of_means.items()
        ],
        trials=[_errors_of(each) for each in found if math.isclose(each.alpha, level)],
    )


def _errors_of(found: Characteristics) -> TrialErrorsEntry:
    return TrialErrorsEntry(
        id=found.claim["id"],
        network=sentences.network(found.claim),
        protocol=found.protocol,
        looks=list(found.design.looks),
        false_support=_errors_entry(found.false_support, found.alpha),
        false_contrary=_errors_entry(found.false_contrary, found.alpha),
    )


def _errors_entry(errors: Errors, alpha: float) -> ErrorsEntry | None:
    if not errors.counts:
        return None
    rate, upper, above = errors.largest, errors.bound, errors.is_above(alpha)
    return ErrorsEntry(rate=rate, upper=float(f"{upper:.4g}"), places=len(errors.counts), above=above)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _pooled(errors: Sequence[Errors]) -> dict[str, str]:
    """Of all edges together, by the first studies, whatever came out; and the largest, by those that count there."""
    counts = [count for each in errors for count in each.counts]
    if not counts:  # no claim here can come out so
        return dict.fromkeys(("rate", "upper", "worst", "worst_upper"), numbers.ABSENT) | {"edges": "0", "again": "0"}
    studies = errors[0].studies * len(counts)
    possible = [each for each in errors if each.counts]
    return {
        "edges": str(len(counts)),
        "rate": numbers.per_ten_thousand(sum(counts) / studies),
        "upper": numbers.per_ten_thousand(share_interval(sum(counts), studies)[1]),
        "worst": numbers.per_ten_thousand(max(each.largest for each in possible)),
        "worst_upper": numbers.per_ten_thousand(max(each.bound for each in possible)),
        "again": str(sum(len(each.again) for each in errors)),
    }


def _row(found: Characteristics) -> dict[str, str]:
    chances = found.chances
    return {
        "claim": f"`{found.claim['id']}`"
        + (f", {network}" if (network := sentences.network(found.claim)) else "")
        + (", proxy" if found.claim["proxy"] else ""),
        "looks": ", ".join(map(str, found.design.looks)),
        "false_support": _rate(found.false_support, found.alpha),
        "false_contrary": _rate(found.false_contrary, found.alpha),
        "supported": numbers.chance(chances["supported"]),
        "contrary": numbers.chance(chances["refuted"] + chances["contrary on a proxy"]),
        "ruling": found.claim["expected"] if of_pilots(found.claim) else sentences.ruling(found.claim),
        "repeats": numbers.ABSENT if found.stability is None else numbers.chance(found.stability),
    }


def _rate(errors: Errors, alpha: float) -> str:
    """The largest rate of all edges and the largest upper bound, an arrow where a whole interval lies above nominal."""
    if not errors.counts:
        return "never"
    rate, bound = numbers.per_ten_thousand(errors.largest), numbers.per_ten_thousand(errors.bound)
    return f"{'↑ ' if errors.is_above(alpha) else ''}{rate} ≤ {bound} ({len(errors.counts)})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes table and figure, or prints the table; an error of the user's is one sentence and exit status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m sdd_claims.characteristics",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, nargs="+", help="the folder of a published run, or of one over pilots")
    parser.add_argument("--studies", type=int, default=STUDIES, help=f"at each edge (default {STUDIES})")
    parser.add_argument(
        "--rules",
        choices=("published", "today"),
        default="published",
        help="published (default): the protocol that judged, which must still be registered; today: the rules and "
        "windows of this version, on the seeds that judged",
    )
    parser.add_argument("--write", type=Path, help="file to write; without it the table goes to standard output")
    parser.add_argument(
        "--fixture",
        type=Path,
        metavar="FILE",
        help="write the rates as JSON, too: what the page of a run shows of them",
    )
    given = parser.parse_args(arguments)
    if given.studies < 1:
        parser.error(f"--studies must be a number of studies, got {given.studies}; give 1 or more")
    from sdd_claims.registration.trials import all_trials  # imports every claim module

    began = datetime.now(UTC)

    def page() -> str:
        documents = [claims_json.read(directory / "claims.json") for directory in given.directory]
        found: list[Characteristics] = []
        left_out: list[str] = []
        for directory in given.directory:
            for each in characteristics(directory, all_trials(), given.studies, given.rules, left_out.append):
                found.append(each)
                print(f"{sentences.name(each.claim)}: {each.false_support}, {each.false_contrary}", file=sys.stderr)
        if not found:
            raise InputError(
                f"{given.directory[0]} holds no verdict on a registered claim that can be judged again; give a run "
                "that judged, or one over pilots"
            )
        if len({of_pilots(each.claim) for each in found}) > 1:
            raise InputError("some of these runs have judged and others looked at pilots; make a page of each kind")
        figure = (given.write or Path("CHARACTERISTICS.md")).with_suffix(".svg")
        took = (datetime.now(UTC) - began).total_seconds()
        text = to_markdown(found, documents, figure.name, took, given.rules, left_out)
        power_of_means = power_of_a_mean(min(each.alpha for each in found), given.studies)
        if given.write is not None:
            distances = [forest.distance(each.claim) for each in found]
            ticks = sorted(abs(each.value) for each in distances if each)
            drawing = alone(power_curve(EFFECTS, power_of_means, ticks))
            write_atomically(figure, drawing.encode())
        if given.fixture is not None:
            entry = to_entry(found, power_of_means)
            write_atomically(given.fixture, (json.dumps(entry, indent=1) + "\n").encode())
        return text

    return deliver(page, given.write)


if __name__ == "__main__":
    sys.exit(main())
