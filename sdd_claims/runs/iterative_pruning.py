"""Iterative pruning: train, prune a fraction of what is left, retrain, again (Frankle & Carbin 2019, He et al. 2022).

    for level 0, 1, 2, ...:
        prune the weights trained at the level before (level 0 is dense)
        go back to where the retraining method starts
        train
        measure

All replicas of a stack go through a level together.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import torch

from sdd_claims.errors import InputError
from sdd_claims.measures import EpochWatch, TrainedLevel, training_cost
from sdd_claims.pruning import Start, kept, level_branch, masks_of_level, start_of_level
from sdd_claims.randomness import Stream, draws
from sdd_claims.record import ChainState, LevelRecord, Replica, recorded
from sdd_claims.training import (
    CheckpointSlot,
    Distillation,
    ReplicaNumbers,
    StackCheckpointer,
    StackForms,
    Teachers,
    Weights,
    built,
    draw_setup,
    iterations_per_epoch,
    portable,
    products_in,
    train,
)

Trained: TypeAlias = tuple[LevelRecord, ChainState]
"""The result of a level of one replica: its record, and the state from which the next level starts."""


class IterativePruning:
    """Iterative pruning of replicas that can be trained as one stack (equal `RunSpec.stack_key`)."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        device: torch.device,
        data_root: Path | None = None,
        teachers: Sequence[ChainState | None] | None = None,
        checkpoint_slot: Callable[[Sequence[Replica], int], CheckpointSlot] | None = None,
    ) -> None:
        """Load the data and draw what each seed draws before training: subset, label noise, initial weights.

        Args:
            replicas: the chains.
            device: where they train.
            data_root: folder of data sets; None for the default.
            teachers: the trained teacher of each replica; None for none.
            checkpoint_slot: where the state within the training of some replicas' next level is kept; None to keep
                none.

        Raises:
            InputError: as of `draw_setup`, and where a teacher is missing.
        """
        self.replicas = list(replicas)
        self.setup = draw_setup(replicas, device, data_root)
        self._slot = checkpoint_slot
        spec, architecture = self.setup.spec, self.setup.architecture
        self._forms = StackForms(architecture, spec.training, device, portable=portable(spec))
        self._cost = training_cost(architecture, self.setup.input_shape)
        self._teachers: Teachers | None = None
        if teacher := spec.distillation.teacher:
            given = [state for state in teachers or () if state is not None]
            if len(given) != len(self.replicas):
                raise InputError("these replicas learn from teachers; give the trained state of each one's teacher")
            network = built(teacher.model, self.setup.input_shape, self.setup.classes)
            self._teachers = Teachers(network, given, self.setup.training, portable=portable(teacher))

    def levels(
        self,
        done: Sequence[int],
        wanted: Sequence[int],
        state: Callable[[Replica, int], ChainState | None],
        stopped: Callable[[], bool],
    ) -> Iterator[list[tuple[Replica, LevelRecord, ChainState]]]:
        """Go through the levels that are missing, one at a time; those furthest behind go first.

        Args:
            done: number of levels that each replica has.
            wanted: number of levels that each is to have.
            state: the stored state that a replica's level starts from: that of the level before (None at level 0) or,
                for a derived training, that of the level of its chain that it is derived from.
            stopped: tells whether to begin no further level.

        Yields:
            The replicas that went through a level, each with its record and state. They are to be stored before the
            next level begins.
        """
        done = list(done)
        left: dict[int, ChainState] = {}
        while not stopped() and (unfinished := [i for i, levels in enumerate(wanted) if done[i] < levels]):
            level = min(done[i] for i in unfinished)
            members = [i for i in unfinished if done[i] == level]
            states = [left.pop(i, None) or state(self.replicas[i], level) for i in members]
            results = self.next_level(level, states, members)
            yield [(self.replicas[i], *result) for i, result in zip(members, results, strict=True)]
            for i, (_, end) in zip(members, results, strict=True):
                done[i] = level + 1
                if self.replicas[i].parent is None:
                    left[i] = end

    @products_in("float32")
    def next_level(
        self, level: int, states: Sequence[ChainState | None], members: Sequence[int] | None = None
    ) -> list[Trained]:
        """Take some replicas through one level together.

        Args:
            level: the level to train.
            states: state of each replica after the level before; None at level 0. For a training derived from a chain:
                state of the chain after the level that it is derived from.
            members: indices of these replicas; None for all.
        """
        began = time.perf_counter()
        members = range(len(self.replicas)) if members is None else members
        setup, spec = self.setup.of(members), self.setup.spec
        at = spec.chain_level(level)
        masks = masks_of_level(setup.architecture, setup.replicas, setup.training, at, states, setup.initial)
        starts = [
            start_of_level(setup.architecture, replica, at, state, initial)
            for replica, state, initial in zip(setup.replicas, states, setup.initial, strict=True)
        ]
        numbers = ReplicaNumbers.of(setup.replicas, level_branch(spec, at))
        stack = self._forms.build(members, [start.weights for start in starts], masks, numbers)
        watch = EpochWatch(stack, setup.test_images, setup.test_labels, spec.record.epoch_images)
        checkpointer = None if self._slot is None else StackCheckpointer(self._slot(setup.replicas, level), watch.seen)
        rewinds = at == 0 and spec.pruning.rewind_iteration > 0
        snapshots = train(
            stack,
            setup.training,
            starts[0].training,
            numbers,
            start_iteration=starts[0].iteration,
            snapshot_iteration=spec.pruning.rewind_iteration if rewinds else None,
            after_epoch=watch.look if recorded(spec, "epoch_test_accuracy") else None,
            distillation=self._distillation(members),
            replays=self._forms.replays,
            checkpointer=checkpointer,
        )
        end = TrainedLevel(
            setup,
            stack,
            trained=stack.unstacked(),
            masks=masks,
            origins=[state.trained for state in states if state is not None],
            generators=[
                draws(r.seed, Stream.DIRECTIONS, *level_branch(spec, at), portable=portable(spec))
                for r in setup.replicas
            ],
            epoch_accuracies=watch.seen,
        )
        measures = end.measures()
        before = checkpointer.seconds if checkpointer else 0.0
        seconds = (time.perf_counter() - began + before) / len(members)
        images = _images_trained(starts[0], setup.training.size)
        records = [
            LevelRecord(
                level=level,
                density=kept(mask) / setup.architecture.prunable_count,
                remaining={name: int(m.sum()) for name, m in mask.items()},
                diverged=not measured,
                train_flops=float(self._cost.dense * images),
                kept_train_flops=self._cost.kept(mask) * images,
                seconds=seconds,
                **measured,
            )
            for mask, measured in zip(masks, measures, strict=True)
        ]
        rewind_points: Sequence[Weights | None] = snapshots or [each.rewind_point if each else None for each in states]
        left = [ChainState(*parts) for parts in zip(masks, end.trained, rewind_points, strict=True)]
        return list(zip(records, left, strict=True))

    def _distillation(self, members: Sequence[int]) -> Distillation | None:
        """The distillation of some replicas, the same at every level; None where they have no teachers."""
        if self._teachers is None:
            return None
        specs = [self.replicas[i].spec.distillation for i in members]
        return self._teachers.of(members, [spec.alpha for spec in specs], specs[0].temperature)


def _images_trained(start: Start, size: int) -> int:
    training = start.training
    epochs, batches = divmod(start.iteration, iterations_per_epoch(size, training.batch_size))
    return (training.epochs - epochs) * size - batches * training.batch_size
