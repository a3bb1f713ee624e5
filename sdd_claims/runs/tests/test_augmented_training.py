"""Chains whose images are augmented are measured on the images as they are; teachers see what their students see."""

import pytest
import torch

from sdd_claims.record import Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import (
    DataSpec,
    DistillationSpec,
    ModelSpec,
    OptimizerSpec,
    PruningSpec,
    RecordSpec,
    RunSpec,
    TrainingSpec,
)

CPU = torch.device("cpu")
PLAIN = RunSpec(
    data=DataSpec(name="stand_in:cifar10", train_size=24),
    model=ModelSpec(name="conv", hidden=(), channels=(4, 8), batch_norm=True),
    training=TrainingSpec(epochs=2, batch_size=8, optimizer=OptimizerSpec(lr=0.05, momentum=0.9)),
    pruning=PruningSpec(fraction=0.5),
)
SHIFTED = PLAIN.but(data={"augmentation": "flip_and_shift"})


def trained(spec: RunSpec, seeds=(0, 1), teachers=None):
    pruning = IterativePruning([Replica(spec, seed) for seed in seeds], CPU, None, teachers)
    first = pruning.next_level(0, [None] * len(seeds))
    return [first, pruning.next_level(1, [state for _, state in first])]


def test_augmentation_changes_what_is_learned():
    plain, shifted = trained(PLAIN), trained(SHIFTED)
    assert plain[0][0][0].train_loss != shifted[0][0][0].train_loss
    assert not any(record.diverged for level in shifted for record, _ in level)


def test_the_same_seed_is_augmented_alike_whoever_is_beside_it():
    pair, alone = trained(SHIFTED), trained(SHIFTED, seeds=(1,))
    for level in range(2):
        for name, value in pair[level][1][1].trained.items():
            torch.testing.assert_close(value, alone[level][0][1].trained[name], rtol=1e-3, atol=1e-4)


def test_measures_are_of_the_images_as_they_are():
    """A network that is hardly trained says the same of training images, augmented in training or not."""
    still = {"training": {"epochs": 1, "optimizer": {"lr": 1e-12, "momentum": 0.0}}, "model": {"batch_norm": False}}
    plain, shifted = trained(PLAIN.but(**still)), trained(SHIFTED.but(**still))
    assert plain[0][0][0].train_loss == pytest.approx(shifted[0][0][0].train_loss, abs=1e-5)


def test_a_teacher_sees_the_students_batches():
    teacher = SHIFTED.but(record=RecordSpec(weights="every_level"))
    states = [state for _, state in trained(teacher)[0]]
    spec = SHIFTED.but(distillation=DistillationSpec(alpha=0.5, temperature=2.0, teacher=teacher))
    taught = trained(spec, teachers=states)
    assert taught[0][0][0].train_loss != trained(SHIFTED)[0][0][0].train_loss
    silent = trained(spec.but(distillation={"alpha": 0.0}), teachers=states)
    for name, value in silent[0][0][1].trained.items():
        torch.testing.assert_close(value, trained(SHIFTED)[0][0][1].trained[name], rtol=1e-3, atol=1e-5)
