"""A student waits for its teacher, whatever happens to either, and learns from the level that was asked for."""

from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.engines import work as work_module
from sdd_claims.planning.plan import Plan, Request, Stack, plan
from sdd_claims.record import Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import DistillationSpec
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, SEEDS, InstantPruning, fill, instant_level, numbers, trained

TEACHER = KEPT.but(data={"validation_size": 32})
STUDENT = TEACHER.but(
    record={"weights": "newest"}, distillation=DistillationSpec(alpha=0.8, temperature=4, teacher=TEACHER)
)
PUPIL = STUDENT.but(distillation={"teacher_level": "best_validation", "teacher_levels": 4})
DENSE_TAUGHT = plan([Request(STUDENT, SEEDS, 2)])
BEST_TAUGHT = plan([Request(PUPIL, SEEDS, 2)])
PLANS = pytest.mark.parametrize(
    ("wanted", "levels"), [(DENSE_TAUGHT, 1), (BEST_TAUGHT, 4)], ids=["a dense teacher", "the best of four levels"]
)


@pytest.fixture
def steps(monkeypatch):
    """What is trained, in the order of its training: (teacher or student, level, seeds)."""
    seen: list[tuple[str, int, list[int]]] = []

    class Watching(InstantPruning):
        def next_level(self, level, states, members=None):
            now = [self.replicas[member] for member in members]
            seen.append(("teacher" if now[0].teacher is None else "student", level, [each.seed for each in now]))
            return super().next_level(level, states, members)

    monkeypatch.setattr(work_module, "IterativePruning", Watching)
    return seen


def all_steps(levels: int) -> list[tuple[str, int, list[int]]]:
    taught = [("student", level, list(SEEDS)) for level in range(2)]
    return [*(("teacher", level, list(SEEDS)) for level in range(levels)), *taught]


def expect_numbers(store: Path, folder: Path, wanted: Plan) -> None:
    """Each student from the teacher it asked for, and every level once."""
    fill(Store(folder), wanted)
    assert numbers(Store(store), wanted) == numbers(Store(folder), wanted)
    once = Counter((r.spec.digest, r.seed, level) for r, levels in wanted.wanted.items() for level in range(levels))
    assert Counter(trained(store)) == once


# The plan


@PLANS
def test_a_plan_counts_the_levels_of_the_teacher(wanted, levels):
    student = wanted.stacks[1].replicas[0].spec
    seeds = {Replica(student, seed): 2 for seed in SEEDS} | {Replica(TEACHER, seed): levels for seed in SEEDS}
    assert wanted.wanted == seeds
    assert wanted.asked == wanted.needed == len(SEEDS) * (2 + levels)
    assert wanted.stacks[1].chains == wanted.stacks[0]
    assert wanted.stacks[0] == Stack(tuple(Replica(TEACHER, seed) for seed in SEEDS), (levels,) * len(SEEDS))


def test_students_who_share_a_teacher_ask_for_it_once():
    other = STUDENT.but(distillation={"alpha": 0.4})
    made = plan([Request(STUDENT, SEEDS, 2), Request(other, SEEDS, 2), Request(TEACHER, SEEDS, 3)])
    assert made.wanted[Replica(TEACHER, SEEDS[0])] == 3
    assert made.needed == len(SEEDS) * (2 + 2 + 3)
    assert made.asked == len(SEEDS) * (2 + 1 + 2 + 1 + 3)


def test_students_in_a_wide_stack_who_share_a_teacher_need_it_once(tmp_path, steps):
    other = STUDENT.but(distillation={"alpha": 0.4})
    wide = plan([Request(STUDENT, SEEDS, 2), Request(other, SEEDS, 2)], wide=True)
    teachers, students = wide.stacks
    assert len(students.replicas) == 2 * len(SEEDS)
    assert students.chains == teachers == Stack(tuple(Replica(TEACHER, seed) for seed in SEEDS), (1,) * len(SEEDS))
    work_module.work_through([students], WorkerConfig(tmp_path / "store"))
    expect_numbers(tmp_path / "store", tmp_path / "expected", wide)


# The engines


@PLANS
@pytest.mark.parametrize("queue", ["in order", "backwards", "without the teachers"])
def test_students_wait_for_their_teachers(tmp_path, steps, wanted, levels, queue):
    stacks = {"in order": wanted.stacks, "backwards": wanted.stacks[::-1], "without the teachers": wanted.stacks[1:]}
    work_module.work_through(stacks[queue], WorkerConfig(tmp_path / "store"))
    assert steps == all_steps(levels)
    expect_numbers(tmp_path / "store", tmp_path / "expected", wanted)


@PLANS
def test_a_run_stopped_between_any_two_levels_goes_on(tmp_path, monkeypatch, wanted, levels):
    for last in range(1, levels + 2):
        calls = count()

        class Stopping(InstantPruning):
            def next_level(self, level, states, members=None, calls=calls, last=last):
                if next(calls) == last:
                    raise KeyboardInterrupt
                return super().next_level(level, states, members)

        monkeypatch.setattr(work_module, "IterativePruning", Stopping)
        store = tmp_path / str(last)
        with pytest.raises(KeyboardInterrupt):
            SerialEngine().run(wanted, WorkerConfig(store))
        assert wanted.stored(Store(store)) == last * len(SEEDS)
        SerialEngine().run(wanted, WorkerConfig(store))
        expect_numbers(store, tmp_path / f"expected-{last}", wanted)


@PLANS
def test_a_teacher_set_aside_is_trained_again_before_its_student(tmp_path, steps, wanted, levels):
    store, lost = Store(tmp_path / "store"), Replica(TEACHER, SEEDS[0])
    fill(store, plan([Request(TEACHER, SEEDS, levels)]))
    (store.path / "runs" / lost.spec.digest / str(lost.seed) / "levels.json").write_text("rot")
    store.verify(lost)
    assert len(store.warnings) == 1
    work_module.work_through(wanted.stacks[1:], WorkerConfig(store.path))
    assert steps == [*(("teacher", level, [SEEDS[0]]) for level in range(levels)), *all_steps(0)]
    fill(Store(tmp_path / "expected"), wanted)
    assert numbers(store, wanted) == numbers(Store(tmp_path / "expected"), wanted)


@PLANS
def test_a_student_goes_on_from_stored_levels_with_the_same_teacher(tmp_path, steps, wanted, levels):
    store, student = Store(tmp_path / "store"), wanted.stacks[1].replicas[0].spec
    fill(store, plan([Request(student, SEEDS[:1], 1)]))
    SerialEngine().run(wanted, WorkerConfig(store.path))
    assert [step for step in steps if step[0] == "student"] == [
        ("student", 0, list(SEEDS[1:])),
        ("student", 1, list(SEEDS)),
    ]
    expect_numbers(store.path, tmp_path / "expected", wanted)


@PLANS
def test_levels_of_the_teacher_that_others_ask_for_change_no_student(tmp_path, steps, wanted, levels):
    further = plan([Request(wanted.stacks[1].replicas[0].spec, SEEDS, 2), Request(TEACHER, SEEDS, 6)])
    SerialEngine().run(further, WorkerConfig(tmp_path / "store"))
    fill(Store(tmp_path / "expected"), wanted)
    assert numbers(Store(tmp_path / "store"), wanted) == numbers(Store(tmp_path / "expected"), wanted)


def test_students_train_for_real_from_stored_teachers(tmp_path):
    """The teacher comes back from a file: its network, not that of another seed or level."""
    SerialEngine().run(BEST_TAUGHT, WorkerConfig(tmp_path))
    store = Store(tmp_path)
    members = [Replica(PUPIL, seed) for seed in SEEDS]
    best = []
    for seed in SEEDS:
        accuracies = [record.validation_accuracy or 0.0 for record in store.records(TEACHER.digest, seed)]
        best.append(store.state(Replica(TEACHER, seed), accuracies.index(max(accuracies))))
    alone = IterativePruning(members, torch.device("cpu"), None, best).next_level(0, [None] * len(SEEDS))
    for seed, (record, _) in zip(SEEDS, alone, strict=True):
        assert replace(store.records(PUPIL.digest, seed)[0], seconds=0.0) == replace(record, seconds=0.0)


# The choice of a level


def teacher_of(path: Path, accuracies: list[float | None], further: list[float]) -> int:
    """The level that is chosen where the teacher's chain has these validation accuracies; None where it diverged."""
    store, teacher = Store(path), Replica(TEACHER, SEEDS[0])
    state = None
    for level, accuracy in enumerate([*accuracies, *further]):
        record, state = instant_level(teacher, level, state)
        record = replace(record, validation_accuracy=accuracy, diverged=accuracy is None)
        store.commit([(teacher, record, state)], {})
    student = PUPIL.but(distillation={"teacher_levels": len(accuracies)})
    chosen = work_module._teacher(Replica(student, SEEDS[0]), store)
    assert chosen is not None
    same = [
        torch.equal(chosen.trained["w"], store.state(teacher, level).trained["w"])
        for level in range(len(accuracies) + len(further))
    ]
    assert sum(same) == 1
    return same.index(True)


@pytest.mark.parametrize(
    ("accuracies", "level"),
    [
        ([0.5, 0.75, 0.625], 1),
        ([0.5, 0.75, 0.75], 1),
        ([0.75, 0.5, 0.75], 0),
        ([0.25, 0.5, 0.75], 2),
        ([None, 0.25, 0.125], 1),
        ([0.25, None, 0.5], 2),
        ([None, None, 0.0], 2),
        ([None, None, None], 0),
    ],
)
def test_the_densest_of_the_best_levels_teaches_and_one_that_diverged_only_where_all_have(tmp_path, accuracies, level):
    assert teacher_of(tmp_path, accuracies, []) == level


def test_levels_beyond_those_to_choose_from_are_not_looked_at(tmp_path):
    assert teacher_of(tmp_path, [0.25, 0.5], [0.75]) == 1


def test_nobody_teaches_a_chain_without_a_teacher(tmp_path):
    assert work_module._teacher(Replica(TEACHER, SEEDS[0]), Store(tmp_path)) is None
