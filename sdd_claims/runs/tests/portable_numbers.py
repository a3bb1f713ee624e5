"""Short trainings in portable arithmetic, with all that they can record, and the digest of their every bit.

Run as a program it prints the digests and the kernels of NumPy's BLAS, for a test that runs it under other processors.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

import torch
from threadpoolctl import threadpool_info
from torch import nn

from sdd_claims.models import own
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.runs.refits import learned_features
from sdd_claims.spec import (
    DataSpec,
    DerivationSpec,
    DistillationSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    OwnNetwork,
    PathSpec,
    PenaltySpec,
    PruningSpec,
    RecordSpec,
    RunSpec,
    ScheduleSpec,
    TrainingSpec,
)
from sdd_claims.training import draw_setup

CPU = torch.device("cpu")
CHAIN = RunSpec(
    data=DataSpec(name="mnist_small", side=7, train_size=150, validation_size=50),
    noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
    model=ModelSpec(hidden=(21, 10)),
    training=TrainingSpec(
        epochs=3, batch_size=40, optimizer=OptimizerSpec(lr=0.1, momentum=0.9), arithmetic="portable"
    ),
    pruning=PruningSpec(fraction=0.6),
    record=RecordSpec(epoch_images=100, directions=3, weights="every_level"),
)
REDENSE = CHAIN.but(derivation=DerivationSpec(kind="redense"))
ADAM = CHAIN.but(
    training={"optimizer": OptimizerSpec(name="adam", lr=0.01, weight_decay=1e-3)}, pruning={"criterion": "gradient"}
)
ADAMW = CHAIN.but(
    model={"initialization": "pytorch"},
    training={
        "optimizer": OptimizerSpec(name="adamw", lr=0.01, weight_decay=0.1),
        "schedule": ScheduleSpec(name="cosine"),
    },
    pruning={"criterion": "random", "rewind_iteration": 6},
)
MATRIX_NORM = CHAIN.but(training={"penalty": PenaltySpec(name="matrix_norm", strength=1e-2)})
PROXIMAL = CHAIN.but(
    training={
        "penalty": PenaltySpec(name="l1", strength=1e-3, step="proximal"),
        "optimizer": {"momentum": 0.0},
        "schedule": ScheduleSpec(name="step", milestones=(1,)),
    }
)
L1 = CHAIN.but(training={"penalty": PenaltySpec(name="l1", strength=1e-3)})
L2 = CHAIN.but(training={"penalty": PenaltySpec(name="l2", strength=1e-2)})
STRENGTHS = CHAIN.but(
    training={"penalty": PenaltySpec(name="l1"), "epochs": 2},
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="penalty_strength", values=(0.0, 1e-4, 1e-2)),
)


def mlp(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A network as a user makes it."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(49, 21), nn.ReLU(), nn.Linear(21, 10), nn.ReLU(), nn.Linear(10, classes)
    )


FILE, FUNCTION, SOURCE = own.from_object(mlp)
OWN = CHAIN.but(
    model=ModelSpec(
        name="own",
        hidden=(),
        initialization="pytorch",
        own=OwnNetwork(
            function=FUNCTION,
            source=SOURCE,
            versions="",
            prunable=("1.weight", "3.weight"),
            file=FILE,
            default_weights=True,
        ),
    )
)
STUDENT = CHAIN.but(noise={"rate": 0.1}, distillation=DistillationSpec(alpha=0.6, temperature=4.0, teacher=CHAIN))
RELU = RunSpec(
    data=DataSpec(name="grid"),
    model=ModelSpec(name="relu_network", hidden=(21, 10), functional_width=4, initialization="uniform"),
    training=TrainingSpec(
        epochs=60,
        optimizer=OptimizerSpec(name="adam", lr=1e-2),
        penalty=PenaltySpec(name="rbv2", strength=1e-3),
        loss="mean_squared_error",
        arithmetic="portable",
    ),
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="epochs", values=(20, 40, 60)),
)
WHOLE_MATRICES = RELU.but(model={"functional_width": 0}, training={"penalty": PenaltySpec(name="l2", strength=1e-3)})
# So many neurons take the widest tiles, long sums share by share, and leave out what is zero (`compiled.blocks`).
MANY_NEURONS = {"hidden": (270, 70)}


def levels(
    spec: RunSpec, count: int, seeds: Sequence[int] = (1000,), teachers: Sequence[ChainState] | None = None
) -> list[list[tuple[LevelRecord, ChainState]]]:
    """The first levels of some seeds, each a record and a state a seed."""
    pruning = IterativePruning([Replica(spec, seed) for seed in seeds], CPU, teachers=teachers)
    states: list[ChainState | None] = [None] * len(seeds)
    found = []
    for level in range(count):
        found.append(pruning.next_level(level, states))
        states = [state for _, state in found[-1]]
    return found


def digest(results: Sequence[tuple[LevelRecord, ChainState]]) -> str:
    """Of every bit of some records and states, but for the time that they took."""
    found = hashlib.sha256()
    for record, state in results:
        assert not record.diverged
        found.update(json.dumps({**asdict(record), "seconds": None}, sort_keys=True).encode())
        for tensors in (state.masks, state.trained, state.rewind_point or {}):
            for name in sorted(tensors):
                found.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def path_digest(spec: RunSpec) -> str:
    """Of every bit of the records of a path over strengths."""
    (path,) = train_path([Replica(spec, 1000)], CPU)
    assert not any(record.diverged for record in path)
    numbers = [{**asdict(record), "seconds": None} for record in path]
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:16]


def relu_digest(spec: RunSpec) -> str:
    """Of the bits of what portable arithmetic promises of a path over epochs: the loss and the nonzero fraction."""
    (path,) = train_path([Replica(spec, 1000)], CPU)
    assert not any(record.diverged for record in path)
    numbers = [(record.train_loss, record.nonzero_fraction) for record in path]
    return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()[:16]


def features_digest(state: ChainState) -> str:
    """Of the bits of what a refit of the last layer reads of a chain's network."""
    setup = draw_setup([Replica(CHAIN, 1000)], CPU)
    features = learned_features(setup.architecture, state.trained, setup.test_images, portable=True)
    return hashlib.sha256(features.tobytes()).hexdigest()[:16]


def digests() -> dict[str, str]:
    """Of every training of this module."""
    chain = [level[0] for level in levels(CHAIN, 3)]
    dense = chain[0][1]
    derived = IterativePruning([Replica(REDENSE, 1000)], CPU).next_level(2, [chain[2][1]])
    assert derived[0][0].line_train_loss is not None
    others = {"adam": ADAM, "adamw": ADAMW, "matrix norm": MATRIX_NORM, "proximal": PROXIMAL}
    others |= {"l1": L1, "l2": L2, "own network": OWN}
    return {
        "momentum": digest(chain),
        "redense": digest(derived),
        **{name: digest([level[0] for level in levels(spec, 3)]) for name, spec in others.items()},
        "student": digest([level[0] for level in levels(STUDENT, 2, teachers=[dense])]),
        "strengths": path_digest(STRENGTHS),
        "features": features_digest(dense),
        "relu, eq. 2": relu_digest(RELU),
        "relu, weight decay": relu_digest(WHOLE_MATRICES),
        "many neurons, eq. 2": relu_digest(RELU.but(model=MANY_NEURONS)),
        "many neurons, weight decay": relu_digest(WHOLE_MATRICES.but(model=MANY_NEURONS)),
    }


def blas_kernels() -> list[str]:
    """The processors that the kernels of every OpenBLAS in use are written for; none where another computes."""
    return sorted({of["architecture"] for of in threadpool_info() if of["internal_api"] == "openblas"})


if __name__ == "__main__":
    print(json.dumps({"digests": digests(), "kernels": blas_kernels()}))
