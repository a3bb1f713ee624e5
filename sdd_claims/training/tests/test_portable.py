"""Portable arithmetic trains the networks that plain PyTorch trains, one at a time, up to rounding."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdd_claims.compiled.tests.precision import DTYPE, rounding
from sdd_claims.errors import InputError
from sdd_claims.record import ChainState, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import (
    DataSpec,
    DistillationSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    PenaltySpec,
    PruningSpec,
    RunSpec,
    ScheduleSpec,
    TrainingSpec,
)
from sdd_claims.spec.training import PenaltyName
from sdd_claims.training import (
    Distillation,
    ReplicaNumbers,
    ReplicaStack,
    StackCheckpointer,
    TrainingData,
    Weights,
    batches,
    draw_setup,
    loop,
    train,
)
from sdd_claims.training.compiled_stack import CompiledStack, CompiledSteps
from sdd_claims.training.tests import plain
from sdd_claims.training.tests.test_sparse import network

arithmetic_module = import_module("sdd_claims.training.arithmetic")  # the package has a function of this name

CPU = torch.device("cpu")
OPTIMIZERS = {
    "sgd": OptimizerSpec(lr=0.1),
    "momentum": OptimizerSpec(lr=0.1, momentum=0.9),
    "adam": OptimizerSpec(name="adam", lr=0.01),
    "adamw": OptimizerSpec(name="adamw", lr=0.01),
}


def data(size: int = plain.SIZE) -> TrainingData:
    whole = plain.data(3, DTYPE)
    return replace(whole, subset=whole.subset[:, :size].contiguous(), labels=whole.labels[:, :size].contiguous())


def in_double_precision(of: TrainingData) -> TrainingData:
    return replace(of, images=of.images.double())


def compiled(stack: ReplicaStack, numbers: ReplicaNumbers | None = None, penalty: str = "none") -> CompiledStack:
    return CompiledStack(stack, numbers, penalty)


def trained(
    spec: TrainingSpec, numbers: ReplicaNumbers, stack: ReplicaStack | None = None, **more: Any
) -> list[Weights]:
    made = compiled(stack or plain.stack(3, DTYPE), numbers, spec.penalty.name)
    train(made, more.pop("of", data()), spec, numbers, **more)
    return [*made.unstacked()]


def assert_close(found: Weights, expected: Mapping[str, Tensor]) -> None:
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value.to(DTYPE), rtol=rounding(3e-5), atol=rounding(1e-6))


def same_bits(ones: Sequence[Weights], others: Sequence[Weights]) -> bool:
    return all(torch.equal(one[name], other[name]) for one, other in zip(ones, others, strict=True) for name in one)


# The numbers of plain PyTorch


@pytest.mark.parametrize(
    ("optimizer", "penalty"), [*product(OPTIMIZERS, ["none", "l1", "l2", "matrix_norm"]), ("sgd", "proximal")]
)
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_an_epoch_is_that_of_plain_pytorch(optimizer, decay, penalty):
    """Whose replicas are dense, half and a third; the last batch holds 6 images."""
    kind = PenaltySpec(name="l1", step="proximal") if penalty == "proximal" else PenaltySpec(name=penalty)
    strength = [0.0] * 3 if penalty == "none" else [0.001, 0.01, 0.05]
    spec = TrainingSpec(epochs=1, batch_size=8, optimizer=OPTIMIZERS[optimizer], penalty=kind)
    numbers = plain.numbers([decay, 0.0, 2 * decay], strength)
    found = trained(spec, numbers)
    for replica in range(3):
        assert_close(
            found[replica], plain.trained_alone(replica, in_double_precision(data()), spec, numbers, torch.float64)
        )
    for weights, mask in zip(found, plain.networks(3, torch.float32)[1], strict=True):
        assert all(bool((weights[key][~kept.bool()] == 0).all()) for key, kept in mask.items())
    if penalty == "proximal":
        assert any(bool((found[2][key] == 0).any()) for key in ("1.bias", "3.bias", "5.weight"))


@settings(max_examples=80)
@given(
    seeds=st.lists(st.integers(0, 10**6), min_size=3, max_size=3),
    density=st.lists(st.sampled_from([0.0, 0.02, 0.1, 0.3, 1.0]), min_size=3, max_size=3),
    optimizer=st.sampled_from([*OPTIMIZERS]),
    batch_size=st.sampled_from([1, 3, 8, 16, 100]),
    size=st.sampled_from([1, 2, 17, plain.SIZE]),
    decay=st.sampled_from([0.0, 0.05]),
    alpha=st.none() | st.sampled_from([0.0, 0.4, 1.0]),
    temperature=st.sampled_from([1.0, 5.0]),
)
def test_an_epoch_is_that_of_masked_training_in_double_precision(
    seeds, density, optimizer, batch_size, size, decay, alpha, temperature
):
    """Layers may be empty and units dead."""
    weights, masks = zip(*(network(seed, share) for seed, share in zip(seeds, density, strict=True)), strict=True)
    single = [{name: value.to(DTYPE) / 3 for name, value in each.items()} for each in weights]
    double = [{name: value.double() for name, value in each.items()} for each in single]
    spec = TrainingSpec(epochs=1, batch_size=batch_size, optimizer=replace(OPTIMIZERS[optimizer], lr=0.01))
    numbers, images = plain.numbers([0.0, decay, decay]), data(size)
    told = torch.randn(3, size, 4, generator=torch.Generator().manual_seed(9), dtype=DTYPE)
    distillation, doubled = (
        None if alpha is None else Distillation(each, torch.tensor([alpha] * 3, dtype=each.dtype), temperature)
        for each in (told, told.double())
    )
    masked = ReplicaStack(plain.ARCHITECTURE, double, masks, CPU)
    train(masked, in_double_precision(images), spec, numbers, distillation=doubled)
    stack = ReplicaStack(plain.ARCHITECTURE, single, masks, CPU)
    found = trained(spec, numbers, stack, of=images, distillation=distillation)
    for one, other, mask in zip(found, masked.unstacked(), masks, strict=True):
        assert_close(one, other)
        assert all(not one[name][~kept].any() for name, kept in mask.items())


@pytest.mark.parametrize("schedule", [ScheduleSpec(name="cosine"), ScheduleSpec(name="step", milestones=(1, 2))])
def test_the_learning_rate_follows_its_schedule(schedule):
    spec = TrainingSpec(epochs=3, batch_size=8, optimizer=OPTIMIZERS["momentum"], schedule=schedule)
    numbers = plain.numbers([0.0] * 3)
    for replica, weights in enumerate(trained(spec, numbers)):
        expected = plain.trained_alone(replica, in_double_precision(data()), spec, numbers, torch.float64)
        assert_close(weights, expected)


PENALTIES_OF_NO_EFFECT: list[tuple[PenaltyName, list[float]]] = [
    ("none", [0.0] * 3),
    ("off", [0.5] * 3),
    ("l1", [0.0] * 3),
]


@pytest.mark.parametrize("decay", [0.0, 0.01])  # without decay, sparse networks are trained sparsely
def test_a_penalty_that_is_off_changes_nothing_and_a_strength_of_zero_neither(decay):
    none, off, zero = (
        trained(
            TrainingSpec(epochs=2, batch_size=8, penalty=PenaltySpec(name=name)), plain.numbers([decay] * 3, strength)
        )
        for name, strength in PENALTIES_OF_NO_EFFECT
    )
    assert same_bits(none, off)
    assert same_bits(none, zero)


def test_sparse_and_dense_forms_train_alike_over_epochs():
    spec = TrainingSpec(epochs=3, batch_size=8, optimizer=OPTIMIZERS["momentum"])
    numbers = plain.numbers([0.0] * 3)
    dense = CompiledStack(plain.stack(3), plain.numbers([0.0] * 3, [0.1] * 3), "l2")  # of which all is trained
    sparse = CompiledStack(plain.stack(3), numbers)
    assert [bool(each.network.sparse[0]) for each in dense.forms] == [False] * 3
    assert [bool(each.network.sparse[0]) for each in sparse.forms] == [False, False, True]
    for stack in (dense, sparse):
        train(stack, data(), spec, numbers)
    for one, other in zip(sparse.unstacked(), dense.unstacked(), strict=True):
        assert_close(one, other)


# One at a time


@pytest.mark.parametrize("optimizer", ["momentum", "adamw"])
def test_a_replica_has_the_bits_it_has_alone(optimizer):
    decay, strength = [0.0, 0.01, 0.1], [0.0, 0.01, 0.1]
    spec = TrainingSpec(epochs=2, batch_size=8, optimizer=OPTIMIZERS[optimizer], penalty=PenaltySpec(name="l1"))
    numbers = plain.numbers(decay, strength)
    together = trained(spec, numbers)
    weights, masks = plain.networks(3, torch.float32)
    for i in range(3):
        alone = ReplicaNumbers([numbers.seeds[i]], [numbers.branches[i]], [decay[i]], [strength[i]])
        stack = ReplicaStack(plain.ARCHITECTURE, [weights[i]], [masks[i]], CPU)
        assert same_bits(trained(spec, alone, stack, of=data().of(torch.tensor([i]))), [together[i]])


def test_every_other_replica_goes_on_where_one_diverges():
    spec = TrainingSpec(epochs=2, batch_size=8, optimizer=OPTIMIZERS["momentum"])
    numbers = plain.numbers([0.0] * 3)
    weights, masks = plain.networks(3, torch.float32)
    weights[1] = {name: value * float("nan") for name, value in weights[1].items()}
    found = trained(spec, numbers, ReplicaStack(plain.ARCHITECTURE, weights, masks, CPU))
    expected = trained(spec, numbers)
    assert same_bits([found[0], found[2]], [expected[0], expected[2]])
    assert any(bool(value.isnan().any()) for value in found[1].values())


def test_images_that_are_no_numbers_end_in_weights_that_are_none():
    images = data()
    images.images[images.subset[0, 0]] = float("nan")
    found = trained(TrainingSpec(epochs=1, batch_size=8), plain.numbers([0.0] * 3), of=images)
    assert bool(found[0]["5.bias"].isnan().all())


# Stopped and rewound


class Slot:
    """In memory; its process ends when it has been written `writes` times."""

    every_epoch = True

    def __init__(self, writes: int = -1) -> None:
        self.held: tuple[Mapping[str, Any], Mapping[str, Tensor]] | None = None
        self.left = writes

    def read(self) -> tuple[Mapping[str, Any], Mapping[str, Tensor]] | None:
        return self.held

    def write(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        self.held, self.left = (facts, tensors), self.left - 1
        if self.left == 0:
            raise StoppedError


class StoppedError(Exception):
    """The end of a process."""


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_training_restored_after_every_epoch_has_the_bits_of_an_unbroken_one(optimizer):
    spec = TrainingSpec(epochs=4, batch_size=8, optimizer=OPTIMIZERS[optimizer])
    numbers = plain.numbers([0.0, 0.0, 0.01])
    unbroken = trained(spec, numbers)
    assert same_bits(trained(spec, numbers, checkpointer=StackCheckpointer(Slot(), [])), unbroken)
    for stop in range(1, 4):
        slot = Slot(stop)
        with pytest.raises(StoppedError):
            trained(spec, numbers, checkpointer=StackCheckpointer(slot, []))
        assert slot.held is not None
        assert {int(slot.held[1][f"steps/{replica}"]) for replica in range(3)} == {stop * 3}
        assert same_bits(trained(spec, numbers, checkpointer=StackCheckpointer(slot, [])), unbroken)


@pytest.mark.parametrize("iteration", range(9))
def test_going_on_from_a_snapshot_takes_the_remaining_steps_to_the_same_end(iteration):
    """Within epochs of three steps as well. Without momentum a rewound training repeats the first one."""
    spec = TrainingSpec(epochs=3, batch_size=8, schedule=ScheduleSpec(name="cosine"))
    numbers = plain.numbers([0.0, 0.0, 0.01])
    whole = compiled(plain.stack(3), numbers)
    snapshot = train(whole, data(), spec, numbers, snapshot_iteration=iteration)
    assert snapshot is not None
    rewound = ReplicaStack(plain.ARCHITECTURE, snapshot, plain.networks(3, torch.float32)[1], CPU)
    assert same_bits(trained(spec, numbers, rewound, start_iteration=iteration), whole.unstacked())
    assert iteration == 0 or not same_bits(snapshot, plain.stack(3).unstacked())
    assert not same_bits(snapshot, whole.unstacked())


# Settings

SPEC = RunSpec(
    data=DataSpec(name="mnist_small", side=7, train_size=100),
    noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
    model=ModelSpec(hidden=(16, 8)),
    training=TrainingSpec(
        epochs=2, batch_size=32, optimizer=OptimizerSpec(lr=0.05, momentum=0.9), arithmetic="portable"
    ),
    pruning=PruningSpec(fraction=0.5),
)
NATIVE = SPEC.but(training={"arithmetic": "native"})


def levels(spec: RunSpec, count: int, seeds: Sequence[int] = (0, 1)) -> list[Any]:
    pruning = IterativePruning([Replica(spec, seed) for seed in seeds], CPU)
    states: list[ChainState | None] = [None] * len(seeds)
    found = []
    for level in range(count):
        found.append(pruning.next_level(level, states))
        states = [state for _, state in found[-1]]
    return found


def test_data_labels_and_order_are_those_of_native_arithmetic(monkeypatch):
    drawn: dict[str, list[tuple[Tensor, Tensor]]] = {"native": [], "portable": []}
    draw = batches.draw_epoch
    for spec in (NATIVE, SPEC):

        def noting(*args: Any, seen: Any = drawn[spec.training.arithmetic]) -> Any:
            epoch = draw(*args)
            seen.append((epoch.chosen, epoch.labels))
            return epoch

        monkeypatch.setattr(loop, "draw_epoch", noting)
        levels(spec, 2)
    assert len(drawn["native"]) == len(drawn["portable"]) == 4
    for (chosen, labels), (others, other_labels) in zip(drawn["native"], drawn["portable"], strict=True):
        assert torch.equal(chosen, others)
        assert torch.equal(labels, other_labels)


def test_as_many_weights_are_left_as_in_native_arithmetic_and_the_curves_are_alike():
    for native, portable in zip(levels(NATIVE, 4), levels(SPEC, 4), strict=True):
        for (record, _), (other, state) in zip(native, portable, strict=True):
            assert record.density == other.density
            assert sum(record.remaining.values()) == sum(other.remaining.values())
            assert other.remaining == {name: int(mask.sum()) for name, mask in state.masks.items()}
            assert record.train_flops == other.train_flops
            assert not other.diverged


def test_the_same_masks_and_counts_follow_from_the_same_weights():
    """With the initial weights of portable draws, native training prunes what portable training prunes."""
    initial = draw_setup([Replica(SPEC, seed) for seed in (0, 1)], CPU).initial
    portable = levels(SPEC, 2)
    pruning = IterativePruning([Replica(NATIVE, seed) for seed in (0, 1)], CPU)
    pruning.setup = replace(pruning.setup, initial=initial)
    dense = pruning.next_level(0, [None, None])
    native = pruning.next_level(1, [state for _, state in dense])
    for (record, state), (other, masked) in zip(portable[1], native, strict=True):
        assert record.remaining == other.remaining
        assert same_bits([state.masks], [masked.masks])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"model": ModelSpec(name="conv", hidden=(), channels=(3,), batch_norm=True)},
            "portable arithmetic trains plain MLPs, and ReLU networks on a path over epochs; the model is 'conv'; set "
            "TrainingSpec.arithmetic to 'native'",
        ),
        (
            {"data": {"augmentation": "crop_and_flip", "side": None}},
            "portable arithmetic knows no augmentation; set DataSpec.augmentation to 'none' or TrainingSpec.arithmetic",
        ),
        (
            {"distillation": DistillationSpec(alpha=0.5, teacher=NATIVE.but(record={"weights": "every_level"}))},
            "a student in portable arithmetic has the bits of its teacher, which is trained in native arithmetic; set",
        ),
    ],
)
def test_what_has_no_portable_arithmetic_is_said(change, said):
    with pytest.raises(InputError) as refused:
        draw_setup([Replica(SPEC.but(**change), 0)], CPU)
    assert said in str(refused.value)


def test_a_gpu_has_no_portable_arithmetic():
    with pytest.raises(
        InputError, match=r"portable arithmetic is that of a CPU, and the device is cuda:0; use --device"
    ):
        draw_setup([Replica(SPEC, 0)], torch.device("cuda:0"))


@pytest.mark.parametrize("why", ["Numba is not installed", "Numba cannot be imported (no LLVM)"])
def test_where_nothing_can_be_compiled_nothing_is_stored_as_portable(monkeypatch, why):
    monkeypatch.setattr(arithmetic_module, "_why_missing", lambda: why)
    with pytest.raises(
        InputError, match=re.escape(f"portable arithmetic needs compiled code, and {why}; install Numba")
    ):
        draw_setup([Replica(SPEC, 0)], CPU)
    draw_setup([Replica(NATIVE, 0)], CPU)


def test_where_code_can_be_compiled_the_steps_are_compiled(monkeypatch):
    taken = []
    advance = CompiledSteps.advance

    def noting(steps: CompiledSteps, *args: Any) -> Any:
        taken.append(steps)
        return advance(steps, *args)

    monkeypatch.setattr(CompiledSteps, "advance", noting)
    levels(NATIVE, 1)
    assert taken == []
    levels(SPEC, 1)
    assert len(taken) == 2


def test_a_replica_that_diverges_is_recorded_as_diverged_and_the_others_are_not():
    wild = SPEC.but(training={"optimizer": {"lr": 1e20}})
    assert [record.diverged for record, _ in levels(wild, 1)[0]] == [True, True]
    wild = SPEC.but(training={"optimizer": {"weight_decay": 1e30}})
    pruning = IterativePruning([Replica(each, 0) for each in (SPEC, wild)], CPU)
    (sound, state), (lost, gone) = pruning.next_level(0, [None, None])
    assert (sound.diverged, lost.diverged) == (False, True)
    assert same_bits([state.trained], [levels(SPEC, 1, (0,))[0][0][1].trained])
    again, still = pruning.next_level(1, [state, gone])
    assert (again[0].diverged, still[0].diverged) == (False, True)
