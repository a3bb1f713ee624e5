"""Levels that learn from a teacher, and the images that a replica holds out."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import functional_call

from sdd_claims.data.datasets import load
from sdd_claims.data.preparation import prepare
from sdd_claims.data.sampling import draw_training_set, draw_validation_set
from sdd_claims.errors import InputError
from sdd_claims.models import build
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import (
    DataSpec,
    DistillationSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    PruningSpec,
    RecordSpec,
    RunSpec,
    TrainingSpec,
    canonical_json,
)
from sdd_claims.training import TrainingData
from sdd_claims.training.distillation import logits_on_own_images

CPU = torch.device("cpu")
SEEDS = (3, 4)
SIZE, TOTAL = 100, 512
PLAIN = RunSpec(
    data=DataSpec(name="stand_in:mnist_small", side=7, train_size=SIZE),
    noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
    model=ModelSpec(hidden=(16, 8)),
    training=TrainingSpec(epochs=3, batch_size=32, optimizer=OptimizerSpec(lr=0.05, momentum=0.9)),
    pruning=PruningSpec(fraction=0.3),
    record=RecordSpec(weights="every_level"),
)
TEACHERS = {
    "the same": PLAIN,
    "a wider MLP": PLAIN.but(model={"hidden": (40,)}),
    "a conv net with batch norm": PLAIN.but(model=ModelSpec(name="conv", hidden=(), channels=(4, 6), batch_norm=True)),
}
DATASET = load(PLAIN.data.name)
Level = list[tuple[LevelRecord, ChainState]]


def student(alpha: float, teacher: RunSpec = PLAIN, temperature: float = 4.0) -> RunSpec:
    return PLAIN.but(distillation=DistillationSpec(alpha=alpha, temperature=temperature, teacher=teacher))


def trained(spec_and_seeds: list[tuple[RunSpec, int]], teachers: list[ChainState] | None, levels: int) -> list[Level]:
    """The results of each level."""
    pruning = IterativePruning([Replica(spec, seed) for spec, seed in spec_and_seeds], CPU, None, teachers)
    found: list[Level] = []
    states: list[ChainState | None] = [None] * len(spec_and_seeds)
    for level in range(levels):
        found.append(pruning.next_level(level, states))
        states = [state for _, state in found[-1]]
    return found


def of_seeds(spec: RunSpec) -> list[tuple[RunSpec, int]]:
    return [(spec, seed) for seed in SEEDS]


def states_of(level: Level) -> list[ChainState]:
    return [state for _, state in level]


def assert_close(one: Level, other: Level) -> None:
    for (record, state), (other_record, other_state) in zip(one, other, strict=True):
        assert record.remaining == other_record.remaining
        for name, value in state.trained.items():
            torch.testing.assert_close(value, other_state.trained[name], rtol=1e-4, atol=1e-5)


def assert_same_bits(one: Level, other: Level) -> None:
    for (record, state), (other_record, other_state) in zip(one, other, strict=True):
        assert replace(record, seconds=0.0) == replace(other_record, seconds=0.0)
        assert all(torch.equal(value, other_state.trained[name]) for name, value in state.trained.items())


@pytest.fixture(scope="module")
def teachers() -> dict[str, list[ChainState]]:
    """The dense networks of both seeds, by architecture."""
    return {name: states_of(trained(of_seeds(spec), None, 1)[0]) for name, spec in TEACHERS.items()}


# Students


def test_a_teacher_of_weight_0_changes_nothing_but_rounding(teachers):
    silent, plainly = trained(of_seeds(student(0.0)), teachers["the same"], 2), trained(of_seeds(PLAIN), None, 2)
    for one, other in zip(silent, plainly, strict=True):
        assert_close(one, other)


def test_students_of_several_weights_in_one_stack_are_those_of_stacks_of_their_own(teachers):
    states = teachers["the same"]
    mixed = trained([(student(alpha), seed) for alpha in (0.0, 0.8) for seed in SEEDS], states * 2, 2)
    apart = [trained(of_seeds(student(alpha)), states, 2) for alpha in (0.0, 0.8)]
    for level, results in enumerate(mixed):
        assert_close(results[:2], apart[0][level])
        assert_close(results[2:], apart[1][level])
        assert all(
            not torch.allclose(one.trained[name], other.trained[name], rtol=1e-2, atol=1e-3)
            for one, other in zip(states_of(apart[0][level]), states_of(apart[1][level]), strict=True)
            for name in ("1.weight", "5.weight")
        )


@pytest.mark.parametrize("name", TEACHERS)
def test_a_teacher_says_what_its_network_says_in_evaluation_of_the_students_images(teachers, name):
    architecture = build(TEACHERS[name].model, (1, 7, 7), 10)
    images, _ = prepare(DATASET, 7)
    subsets = [draw_training_set(DATASET, Replica(PLAIN, seed))[0] for seed in SEEDS]
    data = TrainingData(images, torch.from_numpy(np.stack(subsets)), torch.zeros(2, SIZE, dtype=torch.int64))
    told = logits_on_own_images(architecture, teachers[name], data)
    for place, (state, subset) in enumerate(zip(teachers[name], subsets, strict=True)):
        alone = functional_call(architecture.module.eval(), dict(state.trained), (images[subset],))
        torch.testing.assert_close(told[place], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", TEACHERS)
def test_a_student_of_any_teacher_comes_to_say_what_the_teacher_says(teachers, name):
    """With alpha 1 and more epochs the agreement on training images rises far above that of a plain training."""
    images, _ = prepare(DATASET, 7)
    more = {"epochs": 30}
    learned = trained(of_seeds(student(1.0, TEACHERS[name]).but(training=more)), teachers[name], 1)[0]
    alone = trained(of_seeds(PLAIN.but(training=more)), None, 1)[0]
    architecture, own = (build(spec.model, (1, 7, 7), 10) for spec in (TEACHERS[name], PLAIN))

    def agreement(level: Level) -> float:
        same = []
        for seed, (_, state), teacher in zip(SEEDS, level, teachers[name], strict=True):
            subset, _ = draw_training_set(DATASET, Replica(PLAIN, seed))
            said, answered = (
                functional_call(a.module.eval(), dict(s.trained), (images[subset],)).argmax(1)
                for a, s in ((architecture, teacher), (own, state))
            )
            same.append((said == answered).double().mean().item())
        return min(same)

    assert agreement(learned) > agreement(alone) + 0.1


def test_every_level_of_a_student_learns_from_the_teacher(teachers):
    taught, plainly = trained(of_seeds(student(0.8)), teachers["the same"], 3), trained(of_seeds(PLAIN), None, 3)
    for level, (one, other) in enumerate(zip(taught, plainly, strict=True)):
        assert all(a.train_loss != b.train_loss for (a, _), (b, _) in zip(one, other, strict=True)), level


def test_some_students_of_a_stack_go_on_with_their_own_teachers(teachers):
    states = teachers["the same"]
    together = IterativePruning([Replica(student(0.8), seed) for seed in SEEDS], CPU, None, states)
    dense = states_of(together.next_level(0, [None, None]))
    alone = IterativePruning([Replica(student(0.8), SEEDS[1])], CPU, None, states[1:])
    assert_same_bits(together.next_level(1, dense[1:], [1]), alone.next_level(1, dense[1:]))


def lost(state: ChainState) -> ChainState:
    return replace(state, trained={name: value * math.nan for name, value in state.trained.items()})


def test_a_student_whose_teacher_diverged_has_diverged_and_leaves_the_others_to_the_bit(teachers):
    states = teachers["the same"]
    sound = trained(of_seeds(student(0.8)), states, 2)
    for level, mixed in enumerate(trained(of_seeds(student(0.8)), [lost(states[0]), states[1]], 2)):
        record, _ = mixed[0]
        assert record.diverged
        assert (record.test_accuracy, record.train_loss, record.weight_variance) == (None, None, None)
        assert_same_bits(mixed[1:], sound[level][1:])
        assert canonical_json(asdict(record))  # refuses NaN


def test_a_teacher_of_weight_0_is_silent_even_if_it_diverged(teachers):
    states = teachers["the same"]
    silent = trained(of_seeds(student(0.0)), [lost(state) for state in states], 1)[0]
    assert_same_bits(silent, trained(of_seeds(student(0.0)), states, 1)[0])


@pytest.mark.parametrize("given_states", [None, [], ["one"]])
def test_students_without_the_states_of_their_teachers_are_refused(teachers, given_states):
    states = given_states and [teachers["the same"][0], None]
    with pytest.raises(InputError, match="give the trained state of each one's teacher"):
        IterativePruning([Replica(student(0.5), seed) for seed in SEEDS], CPU, None, states)


# Validation images

sizes = st.integers(1, TOTAL - SIZE)


def drawn(seed: int, validation_size: int, train_size: int | None = SIZE) -> tuple[np.ndarray, ...]:
    """Training images, their labels, validation images, their labels."""
    data = {"train_size": train_size, "validation_size": validation_size}
    replica = Replica(PLAIN.but(data=data), seed)
    subset, labels = draw_training_set(DATASET, replica)
    return subset, labels, *draw_validation_set(DATASET, replica, subset)


@given(seed=st.integers(0, 999), size=sizes)
def test_validation_images_are_none_of_the_training_images_and_have_clean_labels(seed, size):
    subset, _, held_out, labels = drawn(seed, size)
    assert len(held_out) == len(set(held_out)) == size
    assert not set(held_out) & set(subset)
    assert labels.tolist() == DATASET.train_labels[held_out].tolist()


@given(seed=st.integers(0, 999), size=sizes)
def test_holding_images_out_changes_neither_training_images_nor_their_labels(seed, size):
    with_images, without = drawn(seed, size), drawn(seed, 0)
    assert with_images[0].tolist() == without[0].tolist()
    assert with_images[1].tolist() == without[1].tolist()
    assert len(without[2]) == len(without[3]) == 0


@given(seed=st.integers(0, 999), size=st.integers(1, TOTAL - 1))
def test_all_images_are_those_that_validation_leaves(seed, size):
    subset, _, held_out, _ = drawn(seed, size, None)
    assert sorted([*subset, *held_out]) == list(range(TOTAL))


def test_seeds_hold_out_images_of_their_own():
    assert set(drawn(0, 50)[2]) != set(drawn(1, 50)[2])


def test_every_image_beyond_the_training_images_may_be_held_out():
    counts = np.zeros(TOTAL)
    for seed in range(300):
        counts[drawn(seed, 103)[2]] += 1
    # About 300 x (1 - 100/512) x 103/412 = 60 times each.
    assert 30 < counts.min() <= counts.max() < 95


@pytest.mark.parametrize(
    ("train_size", "validation_size"), [(SIZE, TOTAL - SIZE + 1), (None, TOTAL), (None, TOTAL + 9)]
)
def test_more_images_than_there_are_are_refused(train_size, validation_size):
    spec = PLAIN.but(data={"train_size": train_size, "validation_size": validation_size})
    with pytest.raises(InputError, match=r"lower train_size or validation_size"):
        IterativePruning([Replica(spec, 0)], CPU)


def test_validation_accuracy_is_that_of_the_trained_network_on_clean_held_out_images():
    spec = PLAIN.but(data={"validation_size": 150})
    images, _ = prepare(DATASET, 7)
    architecture = build(PLAIN.model, (1, 7, 7), 10)
    for results in trained(of_seeds(spec), None, 2):
        for seed, (record, state) in zip(SEEDS, results, strict=True):
            _, _, held_out, labels = drawn(seed, 150)
            logits = functional_call(architecture.module, dict(state.trained), (images[held_out],))
            right = (logits.argmax(1) == torch.from_numpy(labels)).double().mean().item()
            assert record.measure("validation_accuracy") == pytest.approx(right, abs=1e-9)


def test_holding_images_out_changes_no_other_number():
    plainly, held_out = (trained(of_seeds(PLAIN.but(data={"validation_size": n})), None, 2) for n in (0, 150))
    for one, other in zip(plainly, held_out, strict=True):
        assert_same_bits(one, [(replace(record, validation_accuracy=None), state) for record, state in other])


def test_a_diverged_network_has_no_validation_accuracy_either():
    wild = PLAIN.but(data={"validation_size": 50}, training={"optimizer": {"weight_decay": 1e20}})
    record, _ = trained([(wild, 0)], None, 1)[0][0]
    assert record.diverged
    assert record.measure("validation_accuracy") is None


@pytest.mark.parametrize("level", range(3))
def test_weights_that_are_left_are_what_varies_and_pruned_ones_are_the_zeros(level):
    results = trained(of_seeds(PLAIN), None, level + 1)[level]
    for record, state in results:
        left = torch.cat([state.trained[name][mask] for name, mask in state.masks.items()])
        assert record.weight_variance == pytest.approx(left.double().var().item(), rel=1e-9)
        pruned = sum(int((~mask).sum()) for mask in state.masks.values())
        entries = sum(value.numel() for value in state.trained.values() if value.ndim > 1)
        assert record.zero_fraction == pytest.approx(pruned / entries, abs=2 / entries)
