"""Paths: in place of pruning levels, points along the strength of a penalty or along the epochs of one training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from sdd_claims.iterative import IterativePruning
from sdd_claims.record import LevelRecord, Replica
from sdd_claims.regression import train_regression


def train_path(
    replicas: Sequence[Replica], device: torch.device, data_root: Path | None = None
) -> list[tuple[LevelRecord, ...]]:
    """Train all points of one path for some seeds.

    Returns:
        For each replica the records of its points, in the path's order.
    """
    if replicas[0].spec.path.over == "epochs":
        return train_regression(replicas, device)
    return _over_strengths(replicas, device, data_root)


def _over_strengths(
    replicas: Sequence[Replica], device: torch.device, data_root: Path | None
) -> list[tuple[LevelRecord, ...]]:
    """A training at each strength, those of all seeds and strengths in one stack."""
    points = len(replicas[0].spec.path.values)
    trainings = [Replica(replica.spec.point(point), replica.seed) for replica in replicas for point in range(points)]
    results = IterativePruning(trainings, device, data_root).next_level(0, [None] * len(trainings))
    paths = [results[first : first + points] for first in range(0, len(results), points)]
    return [tuple(replace(record, level=point) for point, (record, _) in enumerate(path)) for path in paths]
