"""Full-batch regression on a few points, measured at the epochs of a path (Parhi et al. 2021)."""

import time
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from sdd_claims.data import regression
from sdd_claims.errors import InputError
from sdd_claims.measures import relu, training_flops_per_image
from sdd_claims.models import build, initial_weights
from sdd_claims.randomness import Stream, draws, numpy_stream
from sdd_claims.record import LevelRecord, Replica
from sdd_claims.spec import RunSpec
from sdd_claims.training import Checkpointer, CheckpointSlot, Weights, portable
from sdd_claims.training.arithmetic import check_arithmetic
from sdd_claims.training.relu_stack import NativeReluTraining, ReluStack, ReluTraining


def train_regression(
    replicas: Sequence[Replica], device: torch.device, checkpoint_slot: CheckpointSlot | None = None
) -> list[tuple[LevelRecord, ...]]:
    """Train some seeds of one spec as one stack, and measure them after the epochs of its path.

    Every seed draws its own targets and its own weights. A network whose loss or weights become infinite has diverged
    from then on; the others go on.

    Args:
        replicas: seeds of one spec.
        device: where they train.
        checkpoint_slot: where the state of their training is kept; None to keep none.

    Returns:
        For each replica a record at each of the path's epochs.

    Raises:
        InputError: replicas of several specs, or a spec that asks for what this training does not do.
    """
    spec = replicas[0].spec
    if any(replica.spec != spec for replica in replicas):
        raise InputError("a regression stack trains seeds of one setting; put the others into a stack of their own")
    points = regression.inputs(spec.data.name)
    _check(spec, len(points))
    check_arithmetic(spec, device)
    shape = (points.shape[1], 1, 1)
    architecture = build(spec.model, shape, 1)
    flops_per_epoch = training_flops_per_image(architecture, shape) * len(points)
    targets = [regression.targets(len(points), numpy_stream(r.seed, Stream.TARGETS)) for r in replicas]
    drawn = [draws(r.seed, Stream.INITIALIZATION, portable=portable(spec)) for r in replicas]
    training = _training(
        spec,
        [initial_weights(architecture, each, spec.model.initialization) for each in drawn],
        torch.from_numpy(points).to(device),
        torch.from_numpy(np.stack(targets)).to(device),
    )
    records: list[list[LevelRecord]] = [[] for _ in replicas]
    epoch, began, moved = 0, time.perf_counter(), {"all": training.parameters}
    checkpointer = None if checkpoint_slot is None else Checkpointer(checkpoint_slot)
    if checkpointer is not None and (found := checkpointer.restore(moved, training.optimizer)) is not None:
        left, _ = found
        records = [[LevelRecord.read(record) for record in path] for path in left["records"]]
        epoch, began = left["epoch"], began - left["seconds"]
    looks = [0, *map(int, spec.path.values)]
    for level in range(len(records[0]), len(spec.path.values)):
        while epoch < looks[level + 1]:
            epochs = min(training.stride, looks[level + 1] - epoch)
            training.take(epochs)
            epoch += epochs
            if checkpointer is not None and checkpointer.due:
                done = [[asdict(record) for record in path] for path in records]
                facts = {"epoch": epoch, "seconds": time.perf_counter() - began, "records": done}
                checkpointer.write(facts, moved, training.optimizer)
        seen = [relu.measures(*each) for each in training.seen()]
        flops = float(flops_per_epoch * (looks[level + 1] - looks[level]))
        seconds = (time.perf_counter() - began) / len(replicas)
        began = time.perf_counter()
        for path, measures in zip(records, seen, strict=True):
            if path and path[-1].diverged:
                measures = {}
            path.append(
                LevelRecord(
                    level=level,
                    density=1.0,
                    remaining={},
                    diverged=not measures,
                    train_flops=flops,
                    seconds=seconds,
                    **measures,
                )
            )
    return [tuple(path) for path in records]


def _training(spec: RunSpec, weights: Sequence[Weights], points: Tensor, targets: Tensor) -> ReluTraining:
    """The training in the arithmetic that is asked for."""
    if not portable(spec):
        return NativeReluTraining(ReluStack(weights, points, targets), spec.training)
    from sdd_claims.training.compiled_relu_stack import CompiledReluTraining  # late: it needs Numba

    return CompiledReluTraining(weights, points, targets, spec.training)


def _check(spec: RunSpec, points: int) -> None:
    """Raise if a spec asks for something that this training does not do."""
    training, whole = spec.training, len(spec.model.hidden) > 1 and not spec.model.functional_width
    asked = {
        "NoiseSpec.kind must be 'none': targets are numbers": spec.noise.kind == "none",
        "DataSpec takes all points: leave side, train_size and validation_size alone": (
            spec.data.side is None and spec.data.train_size is None and spec.data.validation_size == 0
        ),
        "ModelSpec.name must be 'relu_network'": spec.model.name == "relu_network",
        "TrainingSpec.loss must be 'mean_squared_error'": training.loss == "mean_squared_error",
        f"TrainingSpec.batch_size must be {points} or more: every step sees all points": training.batch_size >= points,
        "OptimizerSpec.name must be 'adam' with weight_decay 0 (the penalty 'l2' is the paper's weight decay)": (
            training.optimizer.name == "adam" and training.optimizer.weight_decay == 0
        ),
        "ScheduleSpec.name must be 'constant'": training.schedule.name == "constant",
        "PenaltySpec.name must be 'none', 'l2' or 'rbv2'": training.penalty.name in ("none", "l2", "rbv2"),
        "the penalty 'rbv2' needs factored matrices: set ModelSpec.functional_width": not (
            training.penalty.name == "rbv2" and whole
        ),
        "RecordSpec must be the default: a path keeps no weights, and there are no test images": (
            spec.record.epoch_images == 0 and spec.record.directions == 0
        ),
    }
    if wrong := [remedy for remedy, holds in asked.items() if not holds]:
        raise InputError(f"the regression on {spec.data.name!r} cannot train this setting: {'; '.join(wrong)}")
