"""Portable arithmetic against the stacked path: `python -m benchmarks.compiled_engine` (with names of cases).

Each case is trained as its claims train it, in one process with one thread: by compiled code, one replica at a time; by
PyTorch, six replicas as a stack; and, for the first level alone, by plain PyTorch, one model at a time. Drawing data,
pruning and all measures are in the times of the first two; compilation is in none.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from benchmarks.harness import Case, Comparison, interleaved, positive
from claims.he2022.settings import FAST as HE
from claims.quetu2023.settings import FAST as QUETU
from claims.zhang2024.settings import FAST as ZHANG
from claims.zhang2024.settings import MATRIX_NORM
from sdd_claims.judging.options import limit_threads
from sdd_claims.planning.plan import STACK_SIZE
from sdd_claims.record import ChainState, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.spec import DataSpec, ModelSpec, OptimizerSpec, PruningSpec, RunSpec, TrainingSpec
from sdd_claims.training import draw_setup

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Setting:
    """What is trained.

    Attributes:
        words: what it is.
        spec: its settings, in native arithmetic.
        levels: number of levels, or of points of a path.
        aim: how many times as fast compiled code should be.
    """

    words: str
    spec: RunSpec
    levels: int
    aim: float


SETTINGS: Mapping[str, Setting] = {
    "chain": Setting("He et al.'s chain of the fast tier, nothing recorded in detail", HE.noisy(0.4), HE.levels, 3.0),
    "decay": Setting(
        "Quétu and Milovanović's chain of the fast tier with lambda_opt", QUETU.optimal(), QUETU.levels, 2.5
    ),
    "path": Setting(
        "Zhang's path of the fast tier, widest network, matrix norm",
        ZHANG.path(MATRIX_NORM, ZHANG.widths[-1]),
        len(ZHANG.strengths),
        4.0,
    ),
    "lenet": Setting(
        "LeNet-300-100 on 512 random images of MNIST's form, 40 epochs a level, 30 levels at 20 %",
        RunSpec(
            data=DataSpec(name="stand_in:mnist", train_size=None),
            model=ModelSpec(hidden=(300, 100)),
            training=TrainingSpec(epochs=40, batch_size=128, optimizer=OptimizerSpec(lr=0.1)),
            pruning=PruningSpec(fraction=0.2),
        ),
        30,
        2.0,
    ),
}


def compare(setting: Setting, repetitions: int, replicas: int = STACK_SIZE) -> Comparison:
    """Measure the ways in turns."""
    limit_threads()
    spec = setting.spec
    seeds = range(replicas)
    portable = spec.but(training={"arithmetic": "portable"})
    stack = [Replica(spec, seed) for seed in seeds]
    alone = [[Replica(portable, seed)] for seed in seeds]
    trainings = float(replicas * setting.levels)
    run(alone[0], setting.levels)  # compiles
    cases = [
        Case(f"stack of {replicas}", partial(run, stack, setting.levels), 1, trainings),
        Case("plain PyTorch, level 0", plainly(stack[0]), 1, 1.0),
        Case("compiled", partial(run_each, alone, setting.levels), 1, trainings),
        Case("compiled, level 0", partial(run, alone[0], 1), 1, 1.0),
    ]
    if spec.path.over != "none":
        cases = [cases[0], cases[2]]
    timings = interleaved(cases, repetitions)
    product = timings[2] if len(timings) > 2 else timings[1]
    return Comparison(
        benchmark="compiled_engine",
        settings={
            "trained": f"{setting.words}: {spec}; {setting.levels} levels or points, {replicas} replicas",
            "unit": "a level, or a point of a path, of one replica; one process, one thread",
        },
        yardsticks=tuple(timing for timing in timings if timing is not product),
        product=product,
        rate="levels/s",
        scale=1.0,
        aim=setting.aim,
    )


def run(replicas: list[Replica], levels: int) -> None:
    """Train some replicas as the product does."""
    if replicas[0].spec.path.over != "none":
        train_path(replicas, _CPU)
        return
    pruning = IterativePruning(replicas, _CPU)
    states: list[ChainState | None] = [None] * len(replicas)
    for level in range(levels):
        states = [state for _, state in pruning.next_level(level, states)]


def run_each(groups: list[list[Replica]], levels: int) -> None:
    """Train groups of replicas one after the other."""
    for replicas in groups:
        run(replicas, levels)


def plainly(replica: Replica) -> Callable[[], None]:
    """A dense training of one model as one would write it in PyTorch, without any measure."""
    setup = draw_setup([replica], _CPU)
    training = replica.spec.training

    def train() -> None:
        weights = {name: value.clone().requires_grad_() for name, value in setup.initial[0].items()}
        optimizer = torch.optim.SGD(
            weights.values(),
            lr=training.optimizer.lr,
            momentum=training.optimizer.momentum,
            weight_decay=training.optimizer.weight_decay,
        )
        images, labels = setup.training.seen(setup.training.subset[0]), setup.training.labels[0]
        for _ in range(training.epochs):
            order = torch.randperm(len(labels))
            for start in range(0, len(labels), training.batch_size):
                batch = order[start : start + training.batch_size]
                optimizer.zero_grad()
                loss = cross_entropy(
                    functional_call(setup.architecture.module, weights, (images[batch],)), labels[batch]
                )
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    return train


def main() -> None:
    """Print a table and a JSON line for each case."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compiled_engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("settings", nargs="*", help=f"of {', '.join(SETTINGS)} (default: all)")
    parser.add_argument(
        "-n", "--repetitions", type=positive, default=3, help="of all ways, in turns (default 3: 5 min)"
    )
    options = parser.parse_args()
    if unknown := set(options.settings) - set(SETTINGS):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; choose from {', '.join(SETTINGS)}")
    for name in options.settings or SETTINGS:
        comparison = compare(SETTINGS[name], options.repetitions)
        print(comparison.table())
        print(comparison.as_json())
        print()


if __name__ == "__main__":
    main()
