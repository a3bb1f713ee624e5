"""Every network of the papers goes through iterative pruning, alone, as a teacher and as a student."""

from collections.abc import Sequence
from itertools import chain

import pytest
import torch

from sdd_claims.models import build
from sdd_claims.pruning import scheduled_count
from sdd_claims.record import ChainState, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import (
    DataSpec,
    DistillationSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    PruningSpec,
    RunSpec,
    TrainingSpec,
    TransformerSpec,
)
from sdd_claims.training import ReplicaStack, seed_dropout

CPU = torch.device("cpu")
RESNET = ModelSpec(name="resnet18", hidden=(), batch_norm=True)
VGG = ModelSpec(name="vgg_like", hidden=(), batch_norm=True, channels=(4, 8))
VIT = ModelSpec(
    name="vit",
    hidden=(),
    transformer=TransformerSpec(patch=7, width=8, depth=2, heads=2, mlp=8),
    initialization="pytorch",
)


def spec_of(model, **changes):
    return RunSpec(
        data=DataSpec(name="stand_in:mnist_small", side=7 if model is RESNET else 14, train_size=16),
        noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
        model=model,
        training=TrainingSpec(epochs=1, batch_size=8, optimizer=OptimizerSpec(name="adamw", lr=0.01)),
        pruning=PruningSpec(fraction=0.5, retraining="learning_rate_rewinding"),
    ).but(**changes)


def levels(spec, count=2, seeds=(0, 1), teachers=None):
    pruning = IterativePruning([Replica(spec, seed) for seed in seeds], CPU, None, teachers)
    states: Sequence[ChainState | None] = [None] * len(seeds)
    results = []
    for level in range(count):
        results.append(pruning.next_level(level, states))
        states = [state for _, state in results[-1]]
    return results


def check(results):
    """Two replicas, each pruned to the scheduled count, each with a training of its own."""
    for level, replicas in enumerate(results):
        for record, state in replicas:
            prunable = sum(mask.numel() for mask in state.masks.values())
            assert sum(record.remaining.values()) == scheduled_count(prunable, 0.5**level)
            assert not record.diverged
            assert not any(state.trained[name][~mask].any() for name, mask in state.masks.items())
        one, other = replicas
        assert one[0].learning_distance != other[0].learning_distance


@pytest.mark.parametrize("model", [VGG, VIT], ids=str)
def test_a_network_learns_and_is_pruned_to_the_scheduled_count(model):
    check(levels(spec_of(model)))


@pytest.mark.parametrize("criterion", ["magnitude", "gradient"])
def test_training_with_dropout_gives_the_same_bits_whatever_was_drawn_before(criterion):
    spec = spec_of(VIT, pruning={"criterion": criterion})
    first = levels(spec)
    torch.rand(7)
    for one, again in zip(chain(*first), chain(*levels(spec)), strict=True):
        assert all(torch.equal(one[1].trained[name], again[1].trained[name]) for name in one[1].trained)
        assert one[0].train_loss == again[0].train_loss


def test_dropout_differs_between_replicas_levels_and_epochs_and_is_off_in_evaluation():
    architecture = build(VIT, (1, 14, 14), 10)
    (_, state), _ = levels(spec_of(VIT), 1)[0]
    twins = ReplicaStack(architecture, [state.trained] * 2, [state.masks] * 2, CPU)
    images = torch.ones(3, 1, 14, 14)
    seen = []
    for counters in ((0, 0), (0, 1), (1, 0), (0, 0)):
        seed_dropout(5, *counters)
        seen.append(twins.logits_shared(images).detach())
    assert torch.equal(seen[0], seen[3])
    assert len({tuple(logits[0, 0].tolist()) for logits in seen}) == 3
    assert not torch.equal(seen[0][0], seen[0][1])
    with twins.evaluating():
        one, other = twins.logits_shared(images)
        assert torch.equal(one, other)
        assert torch.equal(one, twins.logits_shared(images)[0])


@pytest.mark.parametrize(("teacher", "student"), [(VIT, VGG), (VGG, VIT), (VGG, ModelSpec(hidden=(8,)))], ids=str)
def test_a_student_learns_from_a_teacher_of_another_architecture(teacher, student):
    taught = spec_of(teacher, record={"weights": "every_level"})
    states = [state for _, state in levels(taught, 1)[0]]
    alone = spec_of(student)
    distillation = DistillationSpec(alpha=0.8, temperature=10, teacher=taught)
    (record, _), _ = levels(alone.but(distillation=distillation), 1, teachers=states)[0]
    (untaught, _), _ = levels(alone, 1)[0]
    assert not record.diverged
    assert record.train_loss != untaught.train_loss


def test_a_resnet_learns_and_teaches_a_vgg_like_student():
    taught = spec_of(RESNET, record={"weights": "every_level"})
    results = levels(taught, 1)
    check(results)
    distillation = DistillationSpec(alpha=0.8, temperature=10, teacher=taught)
    student = spec_of(VGG, data=taught.data, distillation=distillation)
    (record, _), _ = levels(student, 1, teachers=[state for _, state in results[0]])[0]
    assert not record.diverged


def test_bfloat16_and_float32_give_equivalent_curves():
    """Of a network that learns: no level's mean test accuracy differs by more than seeds scatter."""
    exact = RunSpec(
        data=DataSpec(side=7, train_size=300),
        model=ModelSpec(hidden=(32, 16)),
        training=TrainingSpec(epochs=12, batch_size=32, optimizer=OptimizerSpec(lr=0.1, momentum=0.9)),
        pruning=PruningSpec(fraction=0.7),
    )
    curves = [
        torch.tensor([[record.test_accuracy for record, _ in level] for level in levels(spec, 4, range(6))])
        for spec in (exact, exact.but(training={"precision": "bfloat16"}))
    ]
    assert curves[0].mean() > 0.5
    assert not torch.equal(*curves)
    assert (curves[0].mean(1) - curves[1].mean(1)).abs().max() < 0.03
