"""Paths: in place of pruning levels, points along the strength of a penalty, the epochs of one training, or refits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from sdd_claims.measures.weights import SMALL
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.refits import Refit, last_layer, learned_features, refits
from sdd_claims.runs.regression import train_regression
from sdd_claims.spec import PathSpec
from sdd_claims.training import CheckpointSlot, portable


def train_path(
    replicas: Sequence[Replica],
    device: torch.device,
    data_root: Path | None = None,
    checkpoint_slot: CheckpointSlot | None = None,
) -> list[tuple[LevelRecord, ...]]:
    """Train all points of one path for some seeds.

    Args:
        replicas: the seeds.
        device: where they train.
        data_root: folder of data sets; None for the default.
        checkpoint_slot: where the state of their training is kept until they are finished; None to keep none.

    Returns:
        For each replica the records of its points, in the path's order.
    """
    return _PATHS[replicas[0].spec.path.over](replicas, device, data_root, checkpoint_slot)


def _over_epochs(
    replicas: Sequence[Replica], device: torch.device, _: Path | None, checkpoint_slot: CheckpointSlot | None
) -> list[tuple[LevelRecord, ...]]:
    """One training of a regression, measured at several epochs; its data are drawn and not read."""
    return train_regression(replicas, device, checkpoint_slot)


def _over_strengths(
    replicas: Sequence[Replica], device: torch.device, data_root: Path | None, checkpoint_slot: CheckpointSlot | None
) -> list[tuple[LevelRecord, ...]]:
    """A training at each strength; all seeds and strengths are in one stack."""
    points = len(replicas[0].spec.path.values)
    trainings = [Replica(replica.spec.point(point), replica.seed) for replica in replicas for point in range(points)]
    results = _trained(trainings, device, data_root, checkpoint_slot)[1]
    paths = [results[first : first + points] for first in range(0, len(results), points)]
    return [tuple(replace(record, level=point) for point, (record, _) in enumerate(path)) for path in paths]


def _over_refits(
    replicas: Sequence[Replica], device: torch.device, data_root: Path | None, checkpoint_slot: CheckpointSlot | None
) -> list[tuple[LevelRecord, ...]]:
    """One training, with its last layer refitted at each strength."""
    trainings = [Replica(replica.spec.but(path=PathSpec()), replica.seed) for replica in replicas]
    pruning, results = _trained(trainings, device, data_root, checkpoint_slot)
    return [
        _refitted(pruning, index, record, state, replica)
        for index, ((record, state), replica) in enumerate(zip(results, replicas, strict=True))
    ]


def _trained(
    trainings: Sequence[Replica], device: torch.device, data_root: Path | None, checkpoint_slot: CheckpointSlot | None
) -> tuple[IterativePruning, list[tuple[LevelRecord, ChainState]]]:
    """Dense trainings in one stack, with their one checkpoint_slot."""
    pruning = IterativePruning(
        trainings, device, data_root, None, None if checkpoint_slot is None else lambda *_: checkpoint_slot
    )
    return pruning, pruning.next_level(0, [None] * len(trainings))


def _refitted(
    pruning: IterativePruning, index: int, trained: LevelRecord, state: ChainState, replica: Replica
) -> tuple[LevelRecord, ...]:
    """The records of a replica's refits: losses are mean squares, fractions those of the last layer's weights."""
    path = replica.spec.path
    blank = replace(
        trained,
        learning_distance=None,
        weight_variance=None,
        validation_accuracy=None,
        epoch_test_accuracy=None,
        sharpness=None,
        train_flops=0.0,
        kept_train_flops=0.0,
        seconds=trained.seconds / len(path.values),
    )
    blanks = [replace(blank, level=level) for level in range(len(path.values))]
    # The training is counted once, with the first point.
    blanks[0] = replace(blanks[0], train_flops=trained.train_flops, kept_train_flops=trained.kept_train_flops)
    if trained.diverged:
        return tuple(blanks)
    setup = pruning.setup.of([index])
    data = setup.training
    features, others = (
        learned_features(setup.architecture, state.trained, images, portable=portable(replica.spec))
        for images in (data.seen(data.subset[0]), setup.test_images)
    )
    labels, unseen = data.labels[0].cpu().numpy(), setup.test_labels.cpu().numpy()
    classes = last_layer(setup.architecture).out_features
    found = refits(path.over.removesuffix("_refit"), features, labels, others, classes, path.values)
    return tuple(_of_refit(record, fit, labels, unseen) for record, fit in zip(blanks, found, strict=True))


def _of_refit(
    record: LevelRecord, fit: Refit, labels: Int[np.ndarray, " images"], unseen: Int[np.ndarray, " others"]
) -> LevelRecord:
    (train_accuracy, train_loss), (test_accuracy, test_loss) = (
        _accuracy_and_loss(scores, right) for scores, right in ((fit.train_scores, labels), (fit.test_scores, unseen))
    )
    return replace(
        record,
        train_accuracy=train_accuracy,
        train_loss=train_loss,
        test_accuracy=test_accuracy,
        test_loss=test_loss,
        zero_fraction=float((fit.weights == 0).mean()),
        small_fraction=float((np.abs(fit.weights) <= SMALL).mean()),
    )


def _accuracy_and_loss(
    scores: Float[np.ndarray, "images classes"], labels: Int[np.ndarray, " images"]
) -> tuple[float, float]:
    targets = np.where(labels[:, None] == np.arange(scores.shape[1]), 1.0, -1.0)
    return float((scores.argmax(1) == labels).mean()), float(np.square(scores - targets).mean())


_Train = Callable[[Sequence[Replica], torch.device, Path | None, CheckpointSlot | None], list[tuple[LevelRecord, ...]]]

_PATHS: Mapping[str, _Train] = {
    "penalty_strength": _over_strengths,
    "epochs": _over_epochs,
    "ridge_refit": _over_refits,
    "lasso_refit": _over_refits,
}
