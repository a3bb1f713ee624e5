"""Iterative pruning: train, prune a fraction of what is left, retrain, again (Frankle & Carbin 2019, He et al. 2022).

A stack of replicas goes through one level at a time:

    for level 0, 1, 2, ...:
        prune the weights trained at the level before (level 0 is dense)
        go back to where the retraining method starts
        train
        measure
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from sdd_claims import measures
from sdd_claims.data import regression
from sdd_claims.data.augmentation import augmentation
from sdd_claims.data.datasets import Dataset, load
from sdd_claims.data.human_labels import human_labels
from sdd_claims.data.label_noise import corrupt
from sdd_claims.data.preparation import Normalisation, channels_first, prepare
from sdd_claims.data.subset import subset as draw_subset
from sdd_claims.data.view import View
from sdd_claims.errors import InputError
from sdd_claims.measures import EpochWatch
from sdd_claims.models import Architecture, build, initial_weights
from sdd_claims.pruning import (
    DERIVATIONS,
    Candidate,
    Past,
    Start,
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
    Lesson,
    Replays,
    ReplicaNumbers,
    ReplicaStack,
    Shelf,
    StackKeeper,
    TrainingData,
    iterations_per_epoch,
    mean_loss,
    mlp_stack_where_faster,
    products_in,
    seed_dropout,
    sparse_where_faster,
    train,
)


class IterativePruning:
    """Iterative pruning of replicas that can be trained as one stack (equal `RunSpec.stack_key`)."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        device: torch.device,
        data_root: Path | None = None,
        teachers: Sequence[ChainState | None] | None = None,
        shelf: Callable[[Sequence[Replica], int], Shelf] | None = None,
    ) -> None:
        """Load the data and draw what each seed draws before training: subset, label noise, initial weights.

        Args:
            replicas: the chains.
            device: where they train.
            data_root: folder of data sets; None for the default.
            teachers: the trained teacher of each replica; None for none.
            shelf: where the state within the training of some replicas' next level lies; None to keep none.

        Raises:
            InputError: replicas that cannot share a stack, unknown names in the spec, data that cannot be had, or a
                rewinding point beyond the training.
        """
        self.replicas = list(replicas)
        if len({replica.spec.stack_key() for replica in self.replicas}) != 1:
            raise InputError(
                "replicas train as one stack only where their settings differ in numbers alone (`RunSpec.stack_key`); "
                "put the others into a stack of their own"
            )
        self.device = device
        self._shelf = shelf
        first = self.replicas[0].spec
        kind = first.derivation.kind
        self._derivation = None if kind == "none" else DERIVATIONS[kind]
        _check_classification(first)
        dataset = load(first.data.name, data_root)
        train_images, test_images = prepare(dataset, first.data.side)
        channels, height, width = test_images.shape[1:]
        self._architecture = _built(first.model, (channels, height, width), dataset.classes)
        self._test_images = test_images.to(device)
        augmented = augmentation(first.data.augmentation, dataset.train_images.shape[1], first.data.side)
        self._view = None if augmented is None else View(Normalisation.of(dataset, device), height, augmented)
        if self._view is not None:
            train_images = channels_first(dataset.train_images)
        self._test_labels = torch.from_numpy(dataset.test_labels.astype(np.int64)).to(device)
        drawn = [draw_training_set(dataset, replica, data_root) for replica in self.replicas]
        self._data = self._of_all(train_images.to(device), drawn)
        held_out = [draw_validation_set(dataset, r, subset) for r, (subset, _) in zip(replicas, drawn, strict=True)]
        self._validation = self._of_all(self._data.images, held_out)
        self._stacks: dict[tuple[int, ...], ReplicaStack] = {}
        self._lessons: dict[tuple[int, ...], Lesson] = {}
        self._replays: Replays | None = {} if device.type == "cuda" else None
        self._initial = [
            initial_weights(
                self._architecture, torch_stream(replica.seed, Stream.INITIALIZATION), first.model.initialization
            )
            for replica in self.replicas
        ]
        _check_rewinding(first, self._data.size)
        self._cost_per_image = measures.training_cost(self._architecture, (channels, height, width))
        self._teachers, self._told = None, None
        if teacher := first.distillation.teacher:
            self._teachers = [state for state in teachers or () if state is not None]
            if len(self._teachers) != len(self.replicas):
                raise InputError("these replicas learn from teachers; give the trained state of each one's teacher")
            self._teaching = _built(teacher.model, (channels, height, width), dataset.classes)
            if first.data.augmentation == "none":
                self._told = teacher_logits(self._teaching, self._teachers, self._data)

    @property
    def architecture(self) -> Architecture:
        """Of the networks."""
        return self._architecture

    @property
    def test_set(self) -> tuple[Float[Tensor, "images channels height width"], Int[Tensor, " images"]]:
        """The test images and their labels, on the device."""
        return self._test_images, self._test_labels

    def training_data(self, place: int) -> TrainingData:
        """The training images and labels of the replica at this place of the stack."""
        return self._data.of(torch.tensor([place], device=self.device))

    def _of_all(self, images: Tensor, drawn: Sequence[tuple[np.ndarray, np.ndarray]]) -> TrainingData:
        subset, labels = (torch.from_numpy(np.stack(arrays)).to(self.device) for arrays in zip(*drawn, strict=True))
        return TrainingData(images, subset, labels, self._view)

    @products_in("float32")
    def next_level(
        self, level: int, states: Sequence[ChainState | None], members: Sequence[int] | None = None
    ) -> list[tuple[LevelRecord, ChainState]]:
        """Take some replicas through one level together.

        Args:
            level: the level to train.
            states: what each of them had after the level before; None at level 0. For what is derived from a chain:
                what the chain had after this level.
            members: places of these replicas in the stack; None for all.

        Returns:
            For each, its record and the state from which it can go on.
        """
        began = time.perf_counter()
        members = range(len(self.replicas)) if members is None else members
        replicas = [self.replicas[m] for m in members]
        initial = [self._initial[m] for m in members]

        chosen = torch.tensor(members, device=self.device)
        training_data, validation = self._data.of(chosen), self._validation.of(chosen)

        masks = self._masks(replicas, level, states, training_data)
        starts = [self._start(r, level, s, w) for r, s, w in zip(replicas, states, initial, strict=True)]
        numbers = ReplicaNumbers(
            seeds=[r.seed for r in replicas],
            branches=[_branch(replicas[0].spec, level)] * len(replicas),
            weight_decay=[r.spec.training.optimizer.weight_decay for r in replicas],
            penalty_strength=[r.spec.training.penalty.strength for r in replicas],
        )
        stack = self._stack(tuple(members), [start.weights for start in starts], masks, numbers)
        watch = EpochWatch(stack, self._test_images, self._test_labels, replicas[0].spec.record.epoch_images)
        keeper = None if self._shelf is None else StackKeeper(self._shelf(replicas, level), watch.seen)
        rewind_iteration = replicas[0].spec.pruning.rewind_iteration
        snapshots = train(
            stack,
            training_data,
            starts[0].training,
            numbers,
            start_iteration=starts[0].iteration,
            snapshot_iteration=rewind_iteration if level == 0 and rewind_iteration > 0 else None,
            after_epoch=watch.look if self._derivation is None and watch.images else None,
            lesson=self._lesson(tuple(members)),
            replays=self._replays,
            keeper=keeper,
        )
        trained = stack.unstacked()
        rewind_points: Sequence[Mapping[str, Tensor] | None] = (
            snapshots if snapshots else [state.rewind_point if state else None for state in states]
        )
        columns = self._columns(stack, training_data, initial, trained, masks)
        columns |= self._asked_for(replicas, level, states, trained, masks, training_data)
        if validation.size:
            columns["validation_accuracy"] = measures.evaluate_training(stack, validation).accuracy
        images_trained = _images_trained(starts[0].training, training_data.size, starts[0].iteration)
        columns = {name: column.cpu() for name, column in columns.items()}  # waits for a GPU, before the clock is read
        seconds = (time.perf_counter() - began + (keeper.seconds if keeper else 0.0)) / len(replicas)
        results = []
        for place, (mask, weights, rewind_point) in enumerate(zip(masks, trained, rewind_points, strict=True)):
            # A network that diverged has no meaningful measure at all, not even the accuracy of its NaN logits. An
            # infinite weight shows in the distance; finite weights with an infinite loss have diverged as well.
            sound = all(bool(column[place].isfinite().all()) for column in columns.values())
            record = LevelRecord(
                level=level,
                density=kept(mask) / self._architecture.prunable_count,
                remaining={name: int(m.sum()) for name, m in mask.items()},
                **{name: _plain(column[place]) if sound else None for name, column in columns.items()},  # type: ignore[arg-type]
                diverged=not sound,
                train_flops=float(self._cost_per_image.dense * images_trained),
                kept_train_flops=self._cost_per_image.kept(mask) * images_trained,
                seconds=seconds,
            )
            if watch.seen and sound:
                record = replace(record, epoch_test_accuracy=watch.of(place))
            results.append((record, ChainState(mask, weights, rewind_point)))
        return results

    def _stack(
        self,
        members: tuple[int, ...],
        weights: Sequence[Mapping[str, Tensor]],
        masks: Sequence[Mapping[str, Tensor]],
        numbers: ReplicaNumbers,
    ) -> ReplicaStack:
        """The networks of some replicas at the start of a level, in the form that trains fastest.

        Where steps are captured, the replicas keep one stack for all levels, at whose tensors they look.
        """
        if members in self._stacks:
            self._stacks[members].load(weights, masks)
            return self._stacks[members]
        # A company that has lost or won a replica does not come back: what was kept of it would only take memory.
        self._stacks.clear()
        self._lessons.clear()
        if self._replays is not None:
            self._replays.clear()
        stack = ReplicaStack(self._architecture, weights, masks, self.device)
        stack = mlp_stack_where_faster(stack, self._architecture, numbers, self.replicas[0].spec.training.precision)
        if self._replays is None:
            return sparse_where_faster(stack, self._architecture, numbers)
        self._stacks[members] = stack
        return stack

    def _lesson(self, members: tuple[int, ...]) -> Lesson | None:
        """What the teachers of some replicas say, the same at every level; None where nobody teaches."""
        if self._teachers is not None and members not in self._lessons:
            self._lessons[members] = self._drawn_up(members, self._teachers)
        return self._lessons.get(members)

    def _drawn_up(self, members: tuple[int, ...], teachers: Sequence[ChainState]) -> Lesson:
        lessons = [self.replicas[place].spec.distillation for place in members]
        alpha = torch.tensor([lesson.alpha for lesson in lessons], device=self.device)
        if self._told is None:
            present = [teachers[place] for place in members]
            return Lesson(stack_of(self._teaching, present, self.device), alpha, lessons[0].temperature)
        # A teacher of weight 0 is silent even where it diverged: 0 times NaN is NaN.
        told = self._told[list(members)].where(alpha[:, None, None] > 0, 0.0)
        return Lesson(told, alpha, lessons[0].temperature)

    def _masks(
        self, replicas: Sequence[Replica], level: int, states: Sequence[ChainState | None], training_data: TrainingData
    ) -> list[dict[str, Tensor]]:
        """The masks of a level: pruned from the level before or, for what is derived, those of its chain or none."""
        if self._derivation is None:
            return self._prune(replicas, level, states, training_data)
        origins = [_origin(state) for state in states]
        if not self._derivation.masked:
            return [dense_masks(self._initial[0], self._architecture.prunable) for _ in replicas]
        return [_in_order(origin.masks, self._architecture.prunable) for origin in origins]

    def _prune(
        self, replicas: Sequence[Replica], level: int, states: Sequence[ChainState | None], training_data: TrainingData
    ) -> list[dict[str, Tensor]]:
        """The masks of a level: all ones at level 0, later what the criterion keeps of the level before."""
        prunable = self._architecture.prunable
        if level == 0:
            return [dense_masks(self._initial[0], prunable) for _ in replicas]
        before = [state for state in states if state is not None]
        # Ties are broken by position.
        ordered = [_in_order(state.masks, prunable) for state in before]

        @cache
        def gradients() -> list[dict[str, Tensor]]:
            return batch_gradients(stack_of(self._architecture, before, self.device), training_data, replicas, level)

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
        draws = torch_stream(replica.seed, Stream.INITIALIZATION, *_fresh_branch(spec, level))
        rewind_point = initial if state.rewind_point is None else state.rewind_point
        past = Past(
            rewind_point,
            state.trained,
            lambda: initial_weights(self._architecture, draws, spec.model.initialization),
        )
        start = self._derivation.start(spec, past) if self._derivation else start_of_level(spec, past)
        if all(bool(weights.isfinite().all()) for weights in state.trained.values()):
            return start
        # A diverged network has no magnitudes to be pruned by: its chain stays diverged, openly.
        return replace(start, weights=state.trained)

    def _columns(
        self,
        stack: ReplicaStack,
        training_data: TrainingData,
        initial: Sequence[dict[str, Tensor]],
        trained: Sequence[dict[str, Tensor]],
        masks: Sequence[dict[str, Tensor]],
    ) -> dict[str, Tensor]:
        """The measures of every level, by the names of their fields, each [replicas]."""
        on_train = measures.evaluate_training(stack, training_data)
        on_test = measures.evaluate_test(stack, self._test_images, self._test_labels)
        start, end = (
            {name: torch.stack([w[name] for w in weights]).to(self.device) for name in stack.parameters}
            for weights in (initial, trained)
        )
        return {
            "train_accuracy": on_train.accuracy,
            "train_loss": on_train.loss,
            "test_accuracy": on_test.accuracy,
            "test_loss": on_test.loss,
            "learning_distance": measures.learning_distance(start, end),
            "weight_variance": measures.weight_variance(trained, masks),
            "zero_fraction": measures.zero_fraction(trained),
            "small_fraction": measures.small_fraction(trained),
        }

    def _asked_for(
        self,
        replicas: Sequence[Replica],
        level: int,
        states: Sequence[ChainState | None],
        trained: Sequence[dict[str, Tensor]],
        masks: Sequence[dict[str, Tensor]],
        training_data: TrainingData,
    ) -> dict[str, Tensor]:
        """The measures that the spec asks for, by the names of their fields, each [replicas] or [replicas, points]."""
        spec, found = replicas[0].spec, {}
        if spec.record.directions and (self._derivation is None or self._derivation.compared):
            draws = [torch_stream(r.seed, Stream.DIRECTIONS, *_branch(r.spec, level)) for r in replicas]
            found["sharpness"] = measures.sharpness(
                self._architecture, trained, masks, training_data, draws, spec.record.directions
            )
        if self._derivation and self._derivation.compared:
            line = measures.along_line(
                self._architecture, [_origin(state).trained for state in states], trained, training_data
            )
            found |= {"line_train_loss": line.loss, "line_train_accuracy": line.accuracy}
        return found


_built = cache(build)
"""One module for all stacks of a network in a process: what is compiled of it is compiled once."""


def _origin(state: ChainState | None) -> ChainState:
    if state is None:
        raise InputError(
            "what is derived from a level needs the state that this level's chain had; give it for every replica"
        )
    return state


def _branch(spec: RunSpec, level: int) -> tuple[int, ...]:
    """Where the random streams of one level's training part: a derived training draws its own batches."""
    kind = spec.derivation.kind
    return (level,) if kind == "none" else (level, DERIVATIONS[kind].number, spec.derivation.draw)


def _fresh_branch(spec: RunSpec, level: int) -> tuple[int, ...]:
    """Which initialization a level draws: scratch one of its own, reinitialized tickets the same at every level."""
    return (0, spec.derivation.draw) if spec.derivation.kind == "reinitialized" else _branch(spec, level)


def _in_order(masks: Mapping[str, Tensor], prunable: Sequence[str]) -> dict[str, Tensor]:
    """A state read from a file has lost the order of its tensors."""
    return {name: masks[name] for name in prunable}


def _plain(numbers: Tensor) -> float | tuple[float, ...]:
    return float(numbers) if numbers.ndim == 0 else tuple(numbers.tolist())


def _check_classification(spec: RunSpec) -> None:
    """Raise if a spec asks for what only regression trains; a regression problem itself is refused by `load`."""
    if spec.data.name not in regression.PROBLEMS and spec.training.loss != "cross_entropy":
        raise InputError(
            f"the loss {spec.training.loss!r} wants targets that are numbers, and {spec.data.name!r} has classes; set "
            f"the loss to 'cross_entropy', or train on {', '.join(regression.PROBLEMS)} by a path over epochs"
        )
    if spec.model.name == "relu_network":
        raise InputError(
            "a 'relu_network' is trained by a path over epochs and never pruned; choose another model for images, or a "
            f"path over epochs on {', '.join(regression.PROBLEMS)}"
        )
    if spec.training.penalty.name == "rbv2":
        raise InputError(
            "the penalty 'rbv2' is that of ReLU networks on a path over epochs; choose another one for images, or set "
            f"PathSpec.over to 'epochs' and DataSpec.name to one of {', '.join(regression.PROBLEMS)}"
        )


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
    images = training_data.seen(training_data.subset.gather(1, batch))
    if stack.has_dropout:
        seed_dropout(replicas[0].seed, level)
    mean_loss(stack.logits(images), training_data.labels.gather(1, batch)).backward()  # type: ignore[no-untyped-call]
    whole = {name: value.grad.cpu() for name, value in stack.parameters.items() if value.grad is not None}
    return [{name: value[place] for name, value in whole.items()} for place in range(len(stack))]


def draw_training_set(
    dataset: Dataset, replica: Replica, data_root: Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The images a replica trains on and the labels it is given: (indices [size], int64 labels [size])."""
    spec, total = replica.spec, len(dataset.train_labels)
    # Where validation leaves none, one is drawn, and `draw_validation_set` says what there is too much of.
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
    rest = np.setdiff1d(np.arange(total), subset)
    if size > len(rest):
        raise InputError(
            f"DataSpec asks for {len(subset)} training and {size} validation images, but {dataset.name} has {total} in "
            "its training set; lower train_size or validation_size"
        )
    if not size:
        return rest[:0], np.empty(0, np.int64)
    held_out = rest[draw_subset(len(rest), size, numpy_stream(replica.seed, Stream.VALIDATION))]
    return held_out, dataset.train_labels[held_out].astype(np.int64)


@torch.no_grad()
@products_in("float32")
def teacher_logits(
    architecture: Architecture, teachers: Sequence[ChainState], data: TrainingData
) -> Float[Tensor, "replicas size classes"]:
    """What each replica's teacher, in evaluation mode, says of that replica's training images."""
    stack = stack_of(architecture, teachers, data.images.device)
    with stack.evaluating():
        return torch.cat([stack.logits(data.seen(places)) for places in torch.split(data.subset, measures.CHUNK, 1)], 1)


def stack_of(architecture: Architecture, states: Sequence[ChainState], device: torch.device) -> ReplicaStack:
    """Trained networks as a stack."""
    masks = [_in_order(state.masks, architecture.prunable) for state in states]
    return ReplicaStack(architecture, [state.trained for state in states], masks, device)
