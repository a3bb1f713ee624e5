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
from dataclasses import replace
from functools import cache
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
    Candidate,
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
from sdd_claims.spec import RunSpec, TrainingSpec
from sdd_claims.training import (
    ReplicaNumbers,
    ReplicaStack,
    TrainingData,
    iterations_per_epoch,
    mean_loss,
    train,
)


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

        chosen = torch.tensor(members, device=self.device)
        training_data = TrainingData(self._images, self._subset[chosen], self._labels[chosen])

        masks = self._prune(replicas, level, states, training_data)
        starts = [self._start(r, level, s, w) for r, s, w in zip(replicas, states, initial, strict=True)]
        stack = ReplicaStack(self._architecture, [start.weights for start in starts], masks, self.device)
        rewind_iteration = replicas[0].spec.pruning.rewind_iteration
        snapshots = train(
            stack,
            training_data,
            starts[0].training,
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
        images_trained = _images_trained(starts[0].training, training_data.size, starts[0].iteration)
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
        self, replicas: Sequence[Replica], level: int, states: Sequence[ChainState | None], training_data: TrainingData
    ) -> list[dict[str, Tensor]]:
        """The masks of a level: all ones at level 0, later what the criterion keeps of the level before."""
        prunable = self._architecture.prunable
        if level == 0:
            return [dense_masks(self._initial[0], prunable) for _ in replicas]
        before = [state for state in states if state is not None]
        # Ties are broken by position, and a state read from a file has lost the order of its tensors.
        ordered = [{name: state.masks[name] for name in prunable} for state in before]

        @cache
        def gradients() -> list[dict[str, Tensor]]:
            stack = ReplicaStack(self._architecture, [state.trained for state in before], ordered, self.device)
            return batch_gradients(stack, training_data, replicas, level)

        masks = []
        for place, (replica, state) in enumerate(zip(replicas, before, strict=True)):
            pruning = replica.spec.pruning
            draws = torch_stream(replica.seed, Stream.PRUNING_SCORES, level)
            network = Candidate(state.trained, ordered[place], lambda place=place: gradients()[place], draws)  # type: ignore[misc]
            count = scheduled_count(self._architecture.prunable_count, pruning.density(level))
            masks.append(prune(pruning.criterion, network, count))
        return masks

    def _start(self, replica: Replica, level: int, state: ChainState | None, initial: dict[str, Tensor]) -> Start:
        spec = replica.spec
        if state is None:
            return Start(initial, spec.training)

        def fresh() -> dict[str, Tensor]:
            return initial_weights(self._architecture, torch_stream(replica.seed, Stream.INITIALIZATION, level))

        rewind_point = initial if state.rewind_point is None else state.rewind_point
        start = start_of_level(spec, Past(rewind_point, state.trained, fresh))
        if all(bool(weights.isfinite().all()) for weights in state.trained.values()):
            return start
        # A diverged network has no magnitudes to be pruned by: its chain stays diverged, openly.
        return replace(start, weights=state.trained)

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


def _images_trained(training: TrainingSpec, size: int, start_iteration: int) -> int:
    epochs, batches = divmod(start_iteration, iterations_per_epoch(size, training.batch_size))
    return (training.epochs - epochs) * size - batches * training.batch_size


def batch_gradients(
    stack: ReplicaStack, training_data: TrainingData, replicas: Sequence[Replica], level: int
) -> list[dict[str, Tensor]]:
    """The gradient of each replica's mean loss on one random batch of its own training set, noise included."""
    size = min(replicas[0].spec.training.batch_size, training_data.size)
    places = np.stack(
        [
            numpy_stream(replica.seed, Stream.PRUNING_SCORES, level).choice(training_data.size, size, replace=False)
            for replica in replicas
        ]
    )
    batch = torch.from_numpy(places).to(training_data.subset.device)
    images = training_data.images[training_data.subset.gather(1, batch)]
    mean_loss(stack.logits(images), training_data.labels.gather(1, batch)).backward()  # type: ignore[no-untyped-call]
    whole = {name: value.grad.cpu() for name, value in stack.parameters.items() if value.grad is not None}
    return [{name: value[place] for name, value in whole.items()} for place in range(len(stack))]


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
