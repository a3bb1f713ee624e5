"""Settings that differ in a number, in one stack against one after the other: `python -m benchmarks.stacked_path`.

Six seeds, one compute thread, one level, and three numbers that may differ within a stack: the strength of a penalty (a
path of eight points), weight decay (four values) and the weight of a teacher (three). The product trains all values in
one stack; the yardstick gives each value a stack of its six seeds. Drawing data and weights, measuring and all else
that a level does is in the times.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from benchmarks.harness import Case, Comparison, interleaved, parser
from sdd_claims.judging.options import limit_threads
from sdd_claims.record import ChainState, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.spec import (
    DataSpec,
    DistillationSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    PathSpec,
    PenaltySpec,
    PruningSpec,
    RecordSpec,
    RunSpec,
    TrainingSpec,
)

SEEDS = range(6)
SIZE = 1024
CPU = torch.device("cpu")

PATH = RunSpec(
    data=DataSpec(name="mnist_small", side=14, train_size=SIZE),
    noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
    model=ModelSpec(hidden=(25,)),
    training=TrainingSpec(epochs=8, batch_size=32, optimizer=OptimizerSpec(lr=0.05), penalty=PenaltySpec(name="l1")),
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="penalty_strength", values=(0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)),
)
TWO_LAYERS = PATH.but(
    model={"hidden": (128, 64)},
    training=TrainingSpec(epochs=8, batch_size=128, optimizer=OptimizerSpec(lr=0.05, momentum=0.9)),
    pruning=PruningSpec(),
    path=PathSpec(),
    record=RecordSpec(weights="every_level"),
)
DECAYS = [TWO_LAYERS.but(training={"optimizer": {"weight_decay": decay}}) for decay in (0.0, 1e-4, 1e-3, 1e-2)]
STUDENTS = [
    TWO_LAYERS.but(distillation=DistillationSpec(alpha=alpha, temperature=4, teacher=TWO_LAYERS))
    for alpha in (0.0, 0.4, 0.8)
]


def in_one_stack(specs: Sequence[RunSpec], teachers: Sequence[ChainState] = ()) -> list[ChainState]:
    """The dense level of all seeds of some settings; the teachers are those of the seeds."""
    members = [Replica(spec, seed) for spec in specs for seed in SEEDS]
    pruning = IterativePruning(members, CPU, teachers=[*teachers] * len(specs))
    return [state for _, state in pruning.next_level(0, [None] * len(members))]


def one_after_the_other(specs: Sequence[RunSpec], teachers: Sequence[ChainState] = ()) -> None:
    """The same in stacks of one setting each."""
    for spec in specs:
        in_one_stack([spec], teachers)


def path_in_one_stack() -> None:
    """The whole path as the product trains it."""
    train_path([Replica(PATH, seed) for seed in SEEDS], CPU)


def comparisons(repetitions: int) -> list[Comparison]:
    """Measure both ways in turns, for each of the three numbers."""
    limit_threads()
    points = [PATH.point(point) for point in range(len(PATH.path.values))]
    teachers = in_one_stack([TWO_LAYERS])
    return [
        _compare("strengths of an l1 penalty", points, path_in_one_stack, (), repetitions),
        _compare("weight decays", DECAYS, partial(in_one_stack, DECAYS), (), repetitions),
        _compare("weights of a teacher", STUDENTS, partial(in_one_stack, STUDENTS, teachers), teachers, repetitions),
    ]


def _compare(
    number: str, specs: Sequence[RunSpec], stacked: Callable[[], object], teachers: Sequence[ChainState], n: int
) -> Comparison:
    training, widths = specs[0].training, "-".join(map(str, specs[0].model.hidden))
    amount = float(len(specs) * len(SEEDS) * training.epochs * SIZE)
    cases = [
        Case("one after the other", partial(one_after_the_other, specs, teachers), 1, amount),
        Case("in one stack", stacked, 1, amount),
    ]
    yardstick, product = interleaved(cases, n)
    return Comparison(
        benchmark="stacked_path",
        settings={
            "stack": f"{len(specs)} {number} x {len(SEEDS)} seeds of MLP 196-{widths}-10",
            "level": f"{training.epochs} epochs of {SIZE:,} images in batches of {training.batch_size}; float32, one "
            "process, one thread; times are for all values",
        },
        yardsticks=(yardstick,),
        product=product,
        rate="images/s",
        scale=1.0,
        aim=1.0,
    )


def main() -> None:
    """Print a table and a JSON line for each of the three numbers."""
    given = parser("stacked_path", __doc__, of="both ways", repetitions=3, takes="1 min").parse_args()
    for comparison in comparisons(given.repetitions):
        print(comparison.table())
        print(comparison.as_json())
        print()


if __name__ == "__main__":
    main()
