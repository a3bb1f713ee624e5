"""What the tests of the line share: settings that train in a moment, training that takes none, and stores to spoil."""

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from sdd_claims.curves import SparsityCurve
from sdd_claims.engines import WorkerConfig
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.registration.claim import Claim
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.report.claims_json import EnvironmentEntry
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import DataSpec, ModelSpec, NoiseSpec, PruningSpec, RunSpec, TrainingSpec
from sdd_claims.stats import Effect, Outcome, Window
from sdd_claims.stats.window import check_phases
from sdd_claims.storage.checksummed_json import unseal
from sdd_claims.storage.store import Store

SPEC = RunSpec(
    data=DataSpec(side=7, train_size=64),
    model=ModelSpec(hidden=(8,)),
    training=TrainingSpec(epochs=1, batch_size=32),
    pruning=PruningSpec(fraction=0.5),
)
NOISY = SPEC.but(noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.5))
KEPT = SPEC.but(record={"weights": "every_level"})
REDENSE = KEPT.but(derivation={"kind": "redense"})
SEEDS = (1000, 1001, 1002)
ENVIRONMENT = EnvironmentEntry(
    commit="0123456789abcdef",
    versions={"torch": "2.14.1"},
    hardware="a machine",
    started="2026-11-27T00:00:00+00:00",
    duration=1.0,
    device="cpu",
    command="pytest -m fast",
)
"""Of a run that nobody made."""


def stack_of_three(levels: int) -> Plan:
    """One stack."""
    return plan([Request(SPEC, SEEDS, levels)])


def numbers(store: Store, wanted: Plan) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """The records that a plan asks for, but for the seconds they took, which are no result."""
    return {
        replica.key: [{**asdict(record), "seconds": None} for record in store.records(*replica.key)[:levels]]
        for replica, levels in wanted.wanted.items()
    }


def trained(store: Path) -> list[tuple[str, int, int]]:
    """Every (digest, seed, level) that any training ever committed, repetitions and all."""
    passes = [unseal(path.read_bytes()) for path in (store / "passes").glob("*.json")]
    return sorted((r["digest"], r["seed"], r["level"]) for each in passes for r in each["replicas"])


class InstantPruning(IterativePruning):
    """Takes the place of IterativePruning: every number follows from spec, seed, level, teacher and the state before.

    A chain that goes on from a wrong state, or from another replica's, ends with wrong numbers, and so does one that
    learns from a wrong teacher.
    """

    def __init__(
        self,
        replicas: Sequence[Replica],
        device: torch.device,
        data_root: Path | None = None,
        teachers: Sequence[ChainState | None] | None = None,
        checkpoint_slot: object = None,
    ) -> None:
        self.replicas = list(replicas)
        self._states = teachers or [None] * len(replicas)

    def next_level(
        self, level: int, states: Sequence[ChainState | None], members: Sequence[int] | None = None
    ) -> list[tuple[LevelRecord, ChainState]]:
        return [
            instant_level(self.replicas[member], level, state, self._states[member])
            for member, state in zip(members or range(len(self.replicas)), states, strict=True)
        ]


def instant_level(
    replica: Replica, level: int, state: ChainState | None, teacher: ChainState | None = None
) -> tuple[LevelRecord, ChainState]:
    """The next level of a replica, without training: from the level before or, derived, from its level of the chain."""
    assert (state is None) == (level == 0 and replica.parent is None)
    assert (teacher is None) == (replica.teacher is None)
    before = b"".join(
        each.trained["w"].numpy().tobytes() + bytes(each.masks["w"].tolist())
        for each in (state, teacher)
        if each is not None
    )
    drawn = hashlib.sha256(f"{replica.key} {level} ".encode() + before).digest()
    weights = torch.tensor(list(drawn), dtype=torch.float32)
    accuracy = drawn[0] / 255
    record = LevelRecord(
        level=level,
        density=replica.spec.pruning.density(replica.spec.chain_level(level)),
        remaining={"w": 32 >> level},
        train_accuracy=accuracy,
        train_loss=drawn[1] / 7,
        test_accuracy=accuracy,
        test_loss=drawn[3] / 5,
        learning_distance=drawn[2] / 3,
        diverged=False,
        train_flops=1e6,
        seconds=0.25,
        validation_accuracy=drawn[4] / 255 if replica.spec.data.validation_size else None,
    )
    mask = weights > 99
    return record, ChainState({"w": mask}, {"w": weights * mask}, None)


def fill(store: Store, wanted: Plan) -> None:
    """Store a whole plan without training, a stack and a level at a time."""
    for stack in wanted.stacks:
        states: list[ChainState | None] = [None] * len(stack.replicas)
        teachers = [_teacher(store, replica) for replica in stack.replicas]
        for level in range(max(stack.levels)):
            now = [i for i, levels in enumerate(stack.levels) if level < levels]
            for i in now:
                if (parent := stack.replicas[i].parent) is not None:
                    states[i] = store.state(parent, level)
            results = [
                (stack.replicas[i], *instant_level(stack.replicas[i], level, states[i], teachers[i])) for i in now
            ]
            with store.locked(stack.replicas, wait=True):
                store.commit(results, {"device": "cpu", "arithmetic": stack.replicas[0].spec.training.arithmetic})
            for i, (_, _, state) in zip(now, results, strict=True):
                states[i] = state


def _teacher(store: Store, student: Replica) -> ChainState | None:
    if student.teacher is None:
        return None
    if student.spec.distillation.teacher_level == "dense":
        return store.state(student.teacher, 0)
    records = store.records(*student.teacher.key)[: student.spec.distillation.teacher_levels]
    accuracies = [record.validation_accuracy for record in records]
    return store.state(student.teacher, accuracies.index(max(a for a in accuracies if a is not None)))


@dataclass(frozen=True)
class Answer:
    """A rule that answers as it is told, but "no" on the seeds of a control, which its trial takes from the 500s on.

    Attributes:
        p: of the claim.
        p_contrary: of its contrary.
        open_reason: why the verdict stays open.
        late: seeds at which it answers; with fewer it does not know.
        credulous: it says the same of the control.
        lacking: why the control cannot be measured.
        windows_: light before critical.
    """

    p: float = 1.0
    p_contrary: float = 1.0
    open_reason: str | None = None
    late: int = 0
    credulous: bool = False
    lacking: str | None = None
    windows_: tuple[Window, Window] = (Window(0.9, 1.0), Window(0.4, 0.6))
    margin: float | None = 0.01
    name: str = "answer"
    minimum_seeds: ClassVar[int] = 2

    def curves(self) -> tuple[str, ...]:
        return ("accuracy",)

    def windows(self) -> Mapping[str, Window]:
        return dict(zip(("light", "critical"), self.windows_, strict=True))

    def placed(self) -> list[tuple[str, Window]]:
        return [("accuracy", window) for window in self.windows_]

    def check(self, position: Mapping[str, np.ndarray]) -> None:
        check_phases(self.windows())
        for window in self.windows_:
            window.levels(position["accuracy"])

    def hypotheses(self, position: Any, values: Any) -> None:
        """It tests nothing."""

    def evaluate(self, curves: Mapping[str, SparsityCurve], threshold: float) -> Outcome:
        curve = curves["accuracy"]
        of_control = curve.seeds[0] % 1000 >= 500
        knows = len(curve.seeds) >= self.late and (self.credulous or not of_control)
        return Outcome(
            p=self.p if knows else 1.0,
            p_contrary=self.p_contrary if knows else 1.0,
            effect=Effect(float(curve.values.mean()), 0.25, 0.75, "accuracy"),
            words=f"It was told so on {len(curve.seeds)} seeds.",
            open_reason=self.lacking if of_control else self.open_reason,
        )


YES, NO, OPEN = Answer(p=1e-9), Answer(p_contrary=1e-9), Answer()


def trial_named(name: str, rule: Any = YES, *, spec: RunSpec = SPEC, levels: int = 2, **settings: Any) -> Trial:
    """A trial of two levels and, at its first look, two seeds."""
    settings.setdefault("looks", (2, 4))
    return Trial(
        Claim(
            name,
            "nobody2026",
            "Nobody 2026, A paper",
            "Networks do as they are told.",
            "Figure 0",
            exploratory=settings.pop("exploratory", False),
        ),
        settings.pop("tier", "fast"),
        curves={"accuracy": CurveOf(spec, "test_accuracy", levels)},
        rule=rule,
        control=settings.pop(
            "control", Control("other seeds", {"accuracy": CurveOf(spec, "test_accuracy", levels, 500)})
        ),
        **settings,
    )


def hang(stacks: object, config: WorkerConfig) -> None:
    """Takes the place of an engine's work: says through the FIFO at `config.store` who it is, and never ends."""
    with config.store.open("wb", buffering=0) as fifo:
        fifo.write(f"{os.getpid()}\n".encode())
        threading.Event().wait()
