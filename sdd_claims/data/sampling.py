"""Each replica's draws from a data set: its training images, the labels it is given, its validation images."""

from pathlib import Path

import numpy as np

from sdd_claims.data.datasets import Dataset
from sdd_claims.data.human_labels import human_labels
from sdd_claims.data.label_noise import corrupt
from sdd_claims.data.subset import subset as draw_subset
from sdd_claims.errors import InputError
from sdd_claims.randomness import Stream, numpy_stream
from sdd_claims.record import Replica


def draw_training_set(
    dataset: Dataset, replica: Replica, data_root: Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The images a replica trains on and the labels it is given: (indices [size], int64 labels [size])."""
    spec, total = replica.spec, len(dataset.train_labels)
    # Where validation leaves none, one is drawn, and `draw_validation_set` raises the error.
    size = spec.data.train_size or max(1, total - spec.data.validation_size)
    subset = draw_subset(total, size, numpy_stream(replica.seed, Stream.SUBSET))
    given = human_labels(spec.data.name, data_root)[subset] if spec.noise.kind == "human" else None
    noisy = corrupt(
        dataset.train_labels[subset],
        spec.noise.kind,
        spec.noise.rate,
        dataset=dataset.name,
        classes=dataset.classes,
        rng=numpy_stream(replica.seed, Stream.LABEL_NOISE),
        given=given,
    )
    return subset, noisy.labels.astype(np.int64)


def draw_validation_set(dataset: Dataset, replica: Replica, subset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images a replica holds out and their clean labels: (indices [size], int64 labels [size]).

    Args:
        dataset: the data set.
        replica: whose images.
        subset: indices of the images it trains on.

    Raises:
        InputError: the training set has too few images for both.
    """
    size, total = replica.spec.data.validation_size, len(dataset.train_labels)
    if not size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rest = np.setdiff1d(np.arange(total), subset)
    if size > len(rest):
        raise InputError(
            f"DataSpec asks for {len(subset)} training and {size} validation images, but {dataset.name} has {total} in "
            "its training set; lower train_size or validation_size"
        )
    held_out = rest[draw_subset(len(rest), size, numpy_stream(replica.seed, Stream.VALIDATION))]
    return held_out, dataset.train_labels[held_out].astype(np.int64)
