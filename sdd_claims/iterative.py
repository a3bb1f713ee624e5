"""Iterative pruning: train, prune a fraction of what is left, retrain, again (Frankle & Carbin 2019, He et al. 2022).

A stack of replicas goes through one level at a time:

    for level 0, 1, 2, ...:
        prune the weights trained at the level before (level 0 is dense)
        go back to where the retraining method starts
        train
        measure
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sdd_claims import measures
from sdd_claims.data.datasets import Dataset, load
from sdd_claims.data.label_noise import corrupt
from sdd_claims.data.preparation import prepare
from sdd_claims.data.subset import subset as draw_subset
from sdd_claims.errors import InputError
from sdd_claims.models import build, initial_weights
from sdd_claims.pruning import (
    Past,
    Start,
    check_criterion,
    check_retraining,
    dense_masks,
    kept,
    prune,
    scheduled_count,
    start_of_level,
)
from sdd_claims.randomness import Stream, numpy_stream, torch_stream
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.spec import RunSpec
from sdd_claims.training import ReplicaNumbers, ReplicaStack, TrainingData, iterations_per_epoch, train


class IterativePruning:
    """Iterative pruning of replicas that can be trained as one stack (equal `RunSpec.stack_key`)."""

    def __init__(self, replicas: Sequence[Replica], device: torch.device, data_root: Path | None = None) -> None:
        """Load the data and draw what each seed draws before training: subset, label noise, initial weights.

        Raises:
            InputError: unknown names in the spec, data that cannot be had, or a rewinding point beyond the training.
        """
        self.replicas = list(replicas)
        self.device = device
        for replica in self.replicas:
            check_criterion(replica.spec.pruning.criterion)
            check_retraining(replica.spec.pruning.retraining)
        first = self.replicas[0].spec
        dataset = load(first.data.name, data_root)
        train_images, test_images = prepare(dataset, first.data.side)
        channels, height, width = train_images.shape[1:]
        self._architecture = build(first.model, (channels, height, width), dataset.classes)
        self._images = train_images.to(device)
        self._test_images = test_images.to(device)
        self._test_labels = torch.from_numpy(dataset.test_labels.astype(np.int64)).to(device)
        drawn = [draw_training_set(dataset, replica) for replica in self.replicas]
        self._subset = torch.from_numpy(np.stack([subset for subset, _ in drawn])).to(device)
        self._labels = torch.from_numpy(np.stack([labels for _, labels in drawn])).to(device)
        self._initial = [
            initial_weights(self._architecture, torch_stream(replica.seed, Stream.INITIALIZATION))
            for replica in self.replicas
        ]
        _check_rewinding(first, self._subset.shape[1])
        self._flops_per_image = measures.training_flops_per_image(self._architecture, (channels, height, width))

    def next_level(
        self, level: int, states: Sequence[ChainState | None], members: Sequence[int] | None = None
    ) -> list[tuple[LevelRecord, ChainState]]:
        """Take some replicas through one level together.

        Args:
            level: the level to train.
            states: what each of them had after the level before; None at level 0.
            members: places of these replicas in the stack; None for all.

        Returns:
            For each, its record and the state from which it can go on.
        """
        began = time.perf_counter()
        members = range(len(self.replicas)) if members is None else members
        replicas = [self.replicas[m] for m in members]
        initial = [self._initial[m] for m in members]

        masks = [self._prune(r, level, s, w) for r, s, w in zip(replicas, states, initial, strict=True)]
        starts = [self._start(r, s, w) for r, s, w in zip(replicas, states, initial, strict=True)]
        stack = ReplicaStack(self._architecture, [start.weights for start in starts], masks, self.device)
        chosen = torch.tensor(members, device=self.device)
        training_data = TrainingData(self._images, self._subset[chosen], self._labels[chosen])
        spec = replicas[0].spec
        rewind_iteration = spec.pruning.rewind_iteration
        snapshots = train(
            stack,
            training_data,
            spec.training,
            ReplicaNumbers(
                seeds=[r.seed for r in replicas],
                levels=[level] * len(replicas),
                weight_decay=[r.spec.training.optimizer.weight_decay for r in replicas],
                penalty_strength=[r.spec.training.penalty.strength for r in replicas],
            ),
            start_iteration=starts[0].iteration,
            snapshot_iteration=rewind_iteration if level == 0 and rewind_iteration > 0 else None,
        )
        trained = stack.unstacked()
        rewind_points: Sequence[Mapping[str, Tensor] | None] = (
            snapshots if snapshots else [state.rewind_point if state else None for state in states]
        )
        measured = self._measure(stack, training_data, initial)
        images_trained = _images_trained(spec, training_data.size, starts[0].iteration)
        seconds = (time.perf_counter() - began) / len(replicas)
        return [
            (
                LevelRecord(
                    level=level,
                    density=kept(mask) / self._architecture.prunable_count,
                    remaining={name: int(m.sum()) for name, m in mask.items()},
                    **numbers,
                    diverged=None in numbers.values(),
                    train_flops=float(self._flops_per_image * images_trained),
                    seconds=seconds,
                ),
                ChainState(mask, weights, rewind_point),
            )
            for mask, weights, rewind_point, numbers in zip(masks, trained, rewind_points, measured, strict=True)
        ]

    def _prune(
        self, replica: Replica, level: int, state: ChainState | None, initial: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        if state is None:
            return dense_masks(initial, self._architecture.prunable)
        pruning = replica.spec.pruning
        count = scheduled_count(self._architecture.prunable_count, pruning.density(level))
        # Ties are broken by position, and a state read from a file has lost the order of its tensors.
        masks = {name: state.masks[name] for name in self._architecture.prunable}
        return prune(pruning.criterion, state.trained, masks, count)

    def _start(self, replica: Replica, state: ChainState | None, initial: dict[str, Tensor]) -> Start:
        if state is None:
            return Start(initial, 0)
        if not all(bool(weights.isfinite().all()) for weights in state.trained.values()):
            # A diverged network has no magnitudes to be pruned by: its chain stays diverged, openly.
            return Start(state.trained, replica.spec.pruning.rewind_iteration)
        rewind_point = initial if state.rewind_point is None else state.rewind_point
        return start_of_level(replica.spec.pruning, Past(rewind_point, state.trained))

    def _measure(
        self, stack: ReplicaStack, training_data: TrainingData, initial: Sequence[dict[str, Tensor]]
    ) -> list[dict[str, float | None]]:
        on_train = measures.evaluate_training(stack, training_data)
        on_test = measures.evaluate_test(stack, self._test_images, self._test_labels)
        start = {name: torch.stack([w[name] for w in initial]).to(self.device) for name in stack.parameters}
        columns = {
            "train_accuracy": on_train.accuracy,
            "train_loss": on_train.loss,
            "test_accuracy": on_test.accuracy,
            "test_loss": on_test.loss,
            "learning_distance": measures.learning_distance(start, stack.parameters),
        }
        # A network that diverged has no meaningful measure at all, not even the accuracy of its NaN logits. An infinite
        # weight shows in the distance; finite weights with an infinite loss have diverged as well.
        sound = torch.stack(list(columns.values())).isfinite().all(0)
        return [
            {name: float(column[r]) if sound[r] else None for name, column in columns.items()}
            for r in range(len(stack))
        ]


def _check_rewinding(spec: RunSpec, size: int) -> None:
    last = spec.training.epochs * iterations_per_epoch(size, spec.training.batch_size) - 1
    if spec.pruning.rewind_iteration > last:
        raise InputError(
            f"PruningSpec.rewind_iteration is {spec.pruning.rewind_iteration}, but the iterations of this training are "
            f"0 to {last} ({spec.training.epochs} epochs of {size} images in batches of {spec.training.batch_size}); "
            "rewind to one of them, or train longer"
        )


def _images_trained(spec: RunSpec, size: int, start_iteration: int) -> int:
    epochs, batches = divmod(start_iteration, iterations_per_epoch(size, spec.training.batch_size))
    return (spec.training.epochs - epochs) * size - batches * spec.training.batch_size


def draw_training_set(dataset: Dataset, replica: Replica) -> tuple[np.ndarray, np.ndarray]:
    """The images a replica trains on and the labels it is given: (indices [size], int64 labels [size])."""
    spec, total = replica.spec, len(dataset.train_labels)
    size = spec.data.train_size or total
    subset = draw_subset(total, size, numpy_stream(replica.seed, Stream.SUBSET))
    noisy = corrupt(
        dataset.train_labels[subset],
        spec.noise.kind,
        spec.noise.rate,
        dataset=dataset.name,
        classes=dataset.classes,
        rng=numpy_stream(replica.seed, Stream.LABEL_NOISE),
    )
    return subset, noisy.labels.astype(np.int64)
