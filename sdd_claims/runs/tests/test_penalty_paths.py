"""A path over penalty strengths: one stack, and every point what a run of its own would be."""

from collections import Counter
from dataclasses import asdict
from itertools import count

import pytest
import torch

from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.planning.plan import Request, plan
from sdd_claims.record import LevelRecord, Replica
from sdd_claims.runs import penalty_path as paths_module
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.spec import (
    DataSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    PathSpec,
    PenaltySpec,
    PruningSpec,
    RunSpec,
    TrainingSpec,
    canonical_json,
)
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import numbers, trained

CPU = torch.device("cpu")
SEEDS = (0, 1)
PATH = RunSpec(
    data=DataSpec(name="stand_in:mnist_small", side=7, train_size=64),
    noise=NoiseSpec(kind="symmetric_permute", rate=0.2),
    model=ModelSpec(hidden=(8,)),
    training=TrainingSpec(epochs=3, batch_size=16, optimizer=OptimizerSpec(lr=0.05), penalty=PenaltySpec(name="l1")),
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="penalty_strength", values=(0.0, 1e-3, 0.01, 0.1)),
)
POINTS = len(PATH.path.values)
MEASURES = ("train_loss", "test_loss", "learning_distance", "weight_variance")
WANTED = plan([Request(PATH, SEEDS, POINTS)])


def path_of(spec: RunSpec, seeds: tuple[int, ...] = SEEDS) -> list[tuple[LevelRecord, ...]]:
    return train_path([Replica(spec, seed) for seed in seeds], CPU)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_the_points_of_a_path_are_separate_runs_at_their_strengths(penalty):
    spec = PATH.but(training={"penalty": {"name": penalty}})
    paths = path_of(spec)
    for point in range(POINTS):
        alone = IterativePruning([Replica(spec.point(point), seed) for seed in SEEDS], CPU).next_level(0, [None, None])
        for path, (record, _) in zip(paths, alone, strict=True):
            assert path[point].level == point
            for measure in MEASURES:
                assert path[point].measure(measure) == pytest.approx(record.measure(measure), rel=1e-4), measure
            assert path[point].density == record.density == 1
            assert path[point].train_flops == record.train_flops


def test_stronger_penalties_leave_smaller_weights():
    for path in path_of(PATH):
        variances = [record.measure("weight_variance") or 0.0 for record in path]
        assert variances == sorted(variances, reverse=True)
        assert variances[-1] < 0.9 * variances[0]


def test_the_seeds_of_a_path_do_not_touch_each_other():
    together, alone = path_of(PATH), path_of(PATH, SEEDS[1:])
    for one, other in zip(together[1], alone[0], strict=True):
        assert one.measure("test_loss") == pytest.approx(other.measure("test_loss"), rel=1e-4)
    assert together[0][0].test_loss != together[1][0].test_loss


def test_a_strength_that_diverges_is_marked_and_its_neighbours_go_on():
    wild = (0.0, 0.01, 1e37, 1e38)
    tame = (0.0, 0.01, 0.02, 0.03)
    mixed, sound = (path_of(PATH.but(path={"values": values})) for values in (wild, tame))
    for one, other in zip(mixed, sound, strict=True):
        assert [record.diverged for record in one] == [False, False, True, True]
        for record in one[2:]:
            assert [record.measure(measure) for measure in (*MEASURES, "test_accuracy")] == [None] * 5
        for point in (0, 1):
            assert {**asdict(one[point]), "seconds": 0} == {**asdict(other[point]), "seconds": 0}
        assert all(canonical_json(asdict(record)) for record in one)  # refuses NaN


# Through the engine


@pytest.fixture
def unbroken(tmp_path_factory):
    path = tmp_path_factory.mktemp("unbroken")
    SerialEngine().run(WANTED, WorkerConfig(path))
    return path


def test_a_path_is_stored_point_by_point(unbroken):
    store = Store(unbroken)
    assert WANTED.stored(store) == WANTED.needed == POINTS * len(SEEDS)
    curve = store.curve(PATH.digest, "test_loss", SEEDS, POINTS)
    for place, path in enumerate(path_of(PATH)):
        assert curve.values[place].tolist() == [record.test_loss for record in path]
    assert not list(unbroken.glob("runs/*/*/state-*"))  # nothing starts from a point
    for replica in WANTED.wanted:
        store.verify(replica)
    assert store.warnings == []


def test_the_cost_of_a_plan_counts_every_strength():
    (stack,) = WANTED.stacks
    assert stack.epochs == len(SEEDS) * POINTS * PATH.training.epochs
    assert stack.chains is None


@pytest.mark.parametrize("commits", range(POINTS))
def test_a_run_stopped_between_commits_ends_with_the_same_numbers_and_stores_nothing_twice(
    tmp_path, monkeypatch, unbroken, commits
):
    calls, commit = count(), Store.commit

    def stopping(store, results, about):
        if next(calls) == commits:
            raise KeyboardInterrupt
        commit(store, results, about)

    monkeypatch.setattr(Store, "commit", stopping)
    with pytest.raises(KeyboardInterrupt):
        SerialEngine().run(WANTED, WorkerConfig(tmp_path))
    assert WANTED.stored(Store(tmp_path)) == commits * len(SEEDS)
    SerialEngine().run(WANTED, WorkerConfig(tmp_path))
    assert numbers(Store(tmp_path), WANTED) == numbers(Store(unbroken), WANTED)
    assert Counter(trained(tmp_path)) == Counter(
        (PATH.digest, seed, point) for seed in SEEDS for point in range(POINTS)
    )


def test_a_path_that_is_stored_is_not_trained_again(unbroken, monkeypatch):
    monkeypatch.setattr(paths_module, "IterativePruning", None)
    SerialEngine().run(WANTED, WorkerConfig(unbroken))
    SerialEngine().run(plan([Request(PATH, SEEDS, 2)]), WorkerConfig(unbroken))


def test_further_seeds_train_without_those_that_are_stored(tmp_path, monkeypatch):
    seen = []

    class Watching(IterativePruning):
        def __init__(self, replicas, *rest):
            seen.append(sorted({replica.seed for replica in replicas}))
            super().__init__(replicas, *rest)

    monkeypatch.setattr(paths_module, "IterativePruning", Watching)
    for seeds in (SEEDS[:1], (*SEEDS, 2)):
        SerialEngine().run(plan([Request(PATH, seeds, POINTS)]), WorkerConfig(tmp_path))
    assert seen == [[0], [1, 2]]
    assert Store(tmp_path).curve(PATH.digest, "test_loss", (0, 1, 2), POINTS).values.shape == (3, POINTS)


def test_asking_for_fewer_points_trains_the_whole_path(tmp_path, unbroken):
    """Points stand in one stack, and its rounding must not depend on how many are asked for."""
    SerialEngine().run(plan([Request(PATH, SEEDS, 2)]), WorkerConfig(tmp_path))
    assert numbers(Store(tmp_path), WANTED) == numbers(Store(unbroken), WANTED)
