"""An audit by sampling: train some chains of a published run again, and compare every number of theirs.

Numbers in portable arithmetic are the same on every processor, so each must come out to the last bit; but for a rank or
a count that reads singular values, which are LAPACK's, and for refits of a last layer, which are scikit-learn's. Native
ones do so only with the instruction set, the libraries and the stack that trained them; elsewhere they tell how far
rounding carries a chain. All are trained on the CPU, so what asks for a GPU's precision is never drawn.
"""

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdd_claims.engines import engine
from sdd_claims.engines.config import WorkerConfig
from sdd_claims.errors import InputError, nearest
from sdd_claims.measures.relu import BY_LAPACK
from sdd_claims.planning.plan import Request, plan, stack_size
from sdd_claims.registration.trial import Trial
from sdd_claims.report.evidence import Evidence
from sdd_claims.spec import RunSpec
from sdd_claims.storage.store import Store


@dataclass(frozen=True)
class Chain:
    """One seed of a run whose numbers were published.

    Attributes:
        spec: the settings.
        seed: the seed.
        levels: how many were published.
        measures: what was published of it.
        claims: the claims that read it.
    """

    spec: RunSpec
    seed: int
    levels: int
    measures: tuple[str, ...]
    claims: tuple[str, ...]

    def __str__(self) -> str:
        return f"seed {self.seed} of {self.claims[0]} ({self.spec}; {self.levels} levels)"


@dataclass(frozen=True)
class Compared:
    """A chain that was trained again.

    Attributes:
        chain: the chain.
        numbers: how many numbers were compared.
        different: of those, how many are others.
        first: where the first difference is, in words; "" without one.
        measures: those of which a number is another.
    """

    chain: Chain
    numbers: int
    different: int
    first: str
    measures: frozenset[str] = frozenset()


def chains(found: Evidence, trials: Sequence[Trial], claims: Sequence[str] = ()) -> list[Chain]:
    """Every chain of a run that a trial of today could train again, in one order.

    Args:
        found: the evidence of the run.
        trials: the registered trials.
        claims: only those of these claims, by their ids or names; all where empty.

    Raises:
        InputError: a claim that is none of the run, or nothing that could be trained again.
    """
    read: dict[str, tuple[RunSpec, set[str]]] = {}
    for trial in trials:
        for curve in trial.all_curves:
            if curve.spec.training.precision == "float32":
                read.setdefault(curve.spec.digest, (curve.spec, set()))[1].add(trial.claim.id)
    here = {claim for digest, _ in found.runs if digest in read for claim in read[digest][1]}
    names = {name: claim for claim in here for name in (claim, claim.rpartition("/")[2])}
    for claim in claims if here else ():
        if claim not in names:
            raise InputError(f"there is no claim {claim!r}{nearest(claim, names)}; name one of the published run")
    wanted = {names[claim] for claim in claims if claim in names}
    together: dict[tuple[str, int], dict[str, int]] = {}
    for (digest, measure), run in found.runs.items():
        if digest in read and (not wanted or wanted & read[digest][1]):
            for seed, row in run.rows.items():
                together.setdefault((digest, seed), {})[measure] = len(row)
    if not together:
        raise InputError(
            "no chain of this run can be trained again here: its settings are not those of any registered trial, or "
            "they ask for a GPU's precision; check out the commit that published it"
        )
    return [
        Chain(read[digest][0], seed, max(measures.values()), tuple(sorted(measures)), tuple(sorted(read[digest][1])))
        for (digest, seed), measures in sorted(together.items())
    ]


def drawn(of: Sequence[Chain], count: int, seed: int) -> list[Chain]:
    """Some chains at random, the same for the same seed of the draw."""
    return random.Random(seed).sample(list(of), min(count, len(of)))


def trained_again(chain: Chain, found: Evidence, data_root: Path | None = None) -> Compared:
    """Train a chain in an empty store, with the seeds of its stack, and compare it with what was published.

    Args:
        chain: the chain.
        found: the evidence of the run.
        data_root: folder of data sets; None for the default.

    Raises:
        InputError: its data cannot be had.
    """
    size = stack_size(chain.spec)
    first = chain.seed - chain.seed % 100 % size
    with tempfile.TemporaryDirectory(prefix="sdd-claims-") as folder:
        store = Store(Path(folder))
        together = {seed for run in found.runs.items() if run[0][0] == chain.spec.digest for seed in run[1].rows}
        stack = tuple(sorted(together & set(range(first, first + size))))
        wanted = plan([Request(chain.spec, stack, chain.levels)])
        engine("serial").run(wanted, WorkerConfig(store.path, data_root=data_root))
        numbers, different, where, measures = 0, 0, "", set[str]()
        for measure in chain.measures:
            run = found.runs[chain.spec.digest, measure]
            published = run.rows[chain.seed]
            again = store.curve(chain.spec.digest, measure, (chain.seed,), len(published)).values[0].tolist()
            for level, (before, now) in enumerate(zip(published, again, strict=True)):
                numbers += 1
                if not _same(before, now):
                    different += 1
                    measures.add(measure)
                    at = chain.spec.chain_level(level)
                    where = where or f"{measure} at level {at}: published {before}, now {now}"
    return Compared(chain, numbers, different, where, frozenset(measures))


def _same(before: float | None, now: float) -> bool:
    """Whether two numbers are the same; one that a diverged network does not have is None, or no number."""
    if before is None or now != now:
        return before is None and now != now
    return before == now


def audit(
    found: Evidence,
    trials: Sequence[Trial],
    count: int,
    say: Callable[[str], object],
    *,
    claims: Sequence[str] = (),
    seed: int = 0,
    data_root: Path | None = None,
) -> bool:
    """Train some chains again, and say of each whether its numbers are those that were published.

    Args:
        found: the evidence of the run.
        trials: the registered trials.
        count: how many chains.
        say: shows a line.
        claims: only chains of these claims; all where empty.
        seed: of the draw.
        data_root: folder of data sets; None for the default.

    Returns:
        Whether all numbers are the same.

    Raises:
        InputError: as of `chains` and `trained_again`.
    """
    chosen = drawn(chains(found, trials, claims), count, seed)
    same = True
    for chain in chosen:
        say(f"training {chain}")
        compared = trained_again(chain, found, data_root)
        same = same and not compared.different
        if not compared.different:
            say(f"  {compared.numbers} of {compared.numbers} numbers as published, to the last bit")
            continue
        say(f"  DIFFERS: {compared.different} of {compared.numbers} numbers; first {compared.first}")
        if chain.spec.training.arithmetic == "native":
            say(
                "  native arithmetic: another instruction set or version of PyTorch rounds otherwise, and training "
                "amplifies it; compare the verdicts, not the numbers"
            )
        elif chain.spec.path.over.endswith("_refit"):
            say(
                "  a last layer that scikit-learn has fitted: whether the network was trained otherwise, or LAPACK and "
                "BLAS have other last bits here, cannot be told"
            )
        elif compared.measures <= frozenset(BY_LAPACK):
            others = ", ".join(measure for measure in chain.measures if measure not in BY_LAPACK)
            say(
                "  only counts of singular values, norms or cosines, whose last bits are those of LAPACK and BLAS; "
                f"{others} came out as published, so that a value lies on its threshold"
                if others
                else "  nothing but counts of singular values, norms or cosines was published of this chain: whether "
                "it was trained otherwise, or LAPACK and BLAS have other last bits here, cannot be told"
            )
    return same
