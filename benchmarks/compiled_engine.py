"""Portable arithmetic against the stacked path: `python -m benchmarks.compiled_engine` (with names of cases).

Each case is trained as its claims train it, in one process with one thread: by compiled code, one replica at a time; by
PyTorch, six replicas as a stack; and by plain PyTorch, one model at a time: the first level of a chain, a point of a
path of penalties, a whole training of a regression, each against compiled code that does the same.
Drawing data, pruning and all measures are in the times of the first two; compilation is in none. LeNet-300-100 takes
one epoch on the 60,000 images of MNIST, from SDD_CLAIMS_DATA, at each of four densities. Times are CPU seconds, so that
other work on the machine hardly counts.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from benchmarks.harness import Case, Comparison, interleaved, parser
from claims.he2022.settings import FAST as HE
from claims.parhi2021.settings import FAST as PARHI
from claims.parhi2021.settings import eq2
from claims.quetu2023.settings import FAST as QUETU
from claims.zhang2024.settings import FAST as ZHANG
from claims.zhang2024.settings import MATRIX_NORM
from sdd_claims.data import regression
from sdd_claims.judging.options import limit_threads
from sdd_claims.models import build, initial_weights
from sdd_claims.planning.plan import STACK_SIZE
from sdd_claims.pruning import dense_masks, keep_highest, scheduled_count
from sdd_claims.randomness import Stream, draws, numpy_stream
from sdd_claims.record import ChainState, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.spec import DataSpec, ModelSpec, OptimizerSpec, RunSpec, TrainingSpec
from sdd_claims.training import ReplicaNumbers, StackForms, draw_setup, portable, train
from sdd_claims.training.penalties import PENALTIES

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Setting:
    """What is trained.

    Attributes:
        words: what it is.
        spec: its settings; their arithmetic does not matter.
        levels: number of levels, of points of a path, or of epochs.
        aim: how many times as fast compiled code should be.
        density: where an epoch at one density is trained, and neither pruned nor measured.
    """

    words: str
    spec: RunSpec
    levels: int
    aim: float
    density: float | None = None


_LENET = RunSpec(
    data=DataSpec(name="mnist", train_size=None),
    model=ModelSpec(hidden=(300, 100)),
    training=TrainingSpec(epochs=1, batch_size=128, optimizer=OptimizerSpec(lr=0.1)),
)

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
    "parhi": Setting(
        "Parhi et al.'s network of theorem 1 with eq. 2, 2,000 epochs on the grid",
        PARHI.factored(eq2()).but(training={"epochs": 2_000}, path={"values": (500, 1_000, 2_000)}),
        3,
        2.5,
    ),
    "lenet": Setting("LeNet-300-100 on 60,000 images, 20 % a level, an epoch each", _LENET, 30, 2.0),
    **{
        f"lenet {density:g}": Setting(
            f"LeNet-300-100, an epoch of 60,000 images at density {density:g}", _LENET, 1, 1.0, density
        )
        for density in (1.0, 0.3, 0.1, 0.01)
    },
}


def compare(setting: Setting, repetitions: int, replicas: int = STACK_SIZE) -> Comparison:
    """Measure the ways in turns."""
    limit_threads()
    seeds = range(replicas)
    native, compiled = (setting.spec.but(training={"arithmetic": kind}) for kind in ("native", "portable"))
    stack = [Replica(native, seed) for seed in seeds]
    alone = [[Replica(compiled, seed)] for seed in seeds]
    trainings = float(replicas * setting.levels)
    of_stack: Callable[[], object]
    of_each: Callable[[], object]
    if setting.density is None:
        run(alone[0], setting.levels)  # compiles
        of_stack, of_each = partial(run, stack, setting.levels), partial(run_each, alone, setting.levels)
    else:
        of_stack, each = epoch_at(setting.density, stack), [epoch_at(setting.density, own) for own in alone]
        of_each = partial(in_turn, each)
        each[0]()
    cases = [Case(f"stack of {replicas}", of_stack, 1, trainings), Case("compiled", of_each, 1, trainings)]
    if setting.density is None:
        over = setting.spec.path.over
        part, write, compiled_part = {
            "none": ("level 0", plainly, partial(run, alone[0], 1)),
            "penalty_strength": ("a point", plainly, partial(run, [_last_point(alone[0][0])], 1)),
            "epochs": ("a training", regress_plainly, partial(run, alone[0], setting.levels)),
        }[over]
        one = _last_point(stack[0]) if over == "penalty_strength" else stack[0]
        trained = float(setting.levels) if over == "epochs" else 1.0
        cases += [
            Case(f"plain PyTorch, {part}", write(one), 1, trained),
            Case(f"compiled, {part}", compiled_part, 1, trained),
        ]
    timings = interleaved(cases, repetitions, time.process_time)
    product = timings[1]
    return Comparison(
        benchmark="compiled_engine",
        settings={
            "trained": f"{setting.words}: {setting.spec}; {replicas} replicas",
            "unit": "a level, a point of a path, or an epoch, of one replica; one process, one thread, CPU seconds",
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


def epoch_at(density: float, replicas: list[Replica]) -> Callable[[], object]:
    """A function that trains some replicas for their epochs, without any measure, at a density."""
    setup = draw_setup(replicas, _CPU)
    spec, architecture = setup.spec, setup.architecture
    masks = [dense_masks(weights, architecture.prunable) for weights in setup.initial]
    if density < 1:
        count = scheduled_count(architecture.prunable_count, density)
        masks = [keep_highest(*pair, count) for pair in zip(setup.initial, masks, strict=True)]
    numbers = ReplicaNumbers.of(replicas, (0,))
    forms = StackForms(architecture, spec.training, _CPU, portable=portable(spec))
    stack = forms.build(range(len(replicas)), setup.initial, masks, numbers)
    return partial(train, stack, setup.training, spec.training, numbers)


def in_turn(functions: list[Callable[[], object]]) -> None:
    """Call one function after the other."""
    for function in functions:
        function()


def run_each(groups: list[list[Replica]], levels: int) -> None:
    """Train groups of replicas one after the other."""
    for replicas in groups:
        run(replicas, levels)


def _last_point(replica: Replica) -> Replica:
    """The training at the last strength of a path."""
    return Replica(replica.spec.point(len(replica.spec.path.values) - 1), replica.seed)


def plainly(replica: Replica) -> Callable[[], None]:
    """A dense training of one model as one would write it in PyTorch, without any measure."""
    setup = draw_setup([replica], _CPU)
    training = replica.spec.training
    penalty = PENALTIES.get(training.penalty.name)

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
                if penalty is not None:
                    loss = loss + training.penalty.strength * penalty(each[None] for each in weights.values())[0]
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    return train


def regress_plainly(replica: Replica) -> Callable[[], None]:
    """A training of one ReLU network under eq. 2 of Parhi et al. 2021, as one would write it in PyTorch."""
    spec = replica.spec
    points = torch.from_numpy(regression.inputs(spec.data.name))
    targets = torch.from_numpy(regression.targets(len(points), numpy_stream(replica.seed, Stream.TARGETS)))
    architecture = build(spec.model, (points.shape[1], 1, 1), 1)
    initial = initial_weights(architecture, draws(replica.seed, Stream.INITIALIZATION), spec.model.initialization)
    norms: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "W": lambda w: w.square().sum(),
        "V": lambda v: v.abs().sum(0).square().sum(),
        "C": lambda c: c.abs().sum(),
    }

    def train() -> None:
        weights = {name: value.clone().requires_grad_() for name, value in initial.items()}
        optimizer = torch.optim.Adam(weights.values(), lr=spec.training.optimizer.lr)
        for _ in range(spec.training.epochs):
            optimizer.zero_grad()
            loss = (functional_call(architecture.module, weights, (points,)) - targets).square().mean()
            for name, parameter in weights.items():
                if norm := norms.get(name.rpartition(".")[2]):
                    loss = loss + spec.training.penalty.strength * norm(parameter)
            loss.backward()
            optimizer.step()

    return train


def main() -> None:
    """Print a table and a JSON line for each case."""
    words = parser("compiled_engine", __doc__, of="all ways", repetitions=3, takes="10 min")
    words.add_argument("settings", nargs="*", help=f"of {', '.join(SETTINGS)} (default: all)")
    options = words.parse_args()
    if unknown := set(options.settings) - set(SETTINGS):
        words.error(f"there is no case {', '.join(sorted(unknown))}; choose from {', '.join(SETTINGS)}")
    for name in options.settings or SETTINGS:
        comparison = compare(SETTINGS[name], options.repetitions)
        print(comparison.table())
        print(comparison.as_json())
        print()


if __name__ == "__main__":
    main()
