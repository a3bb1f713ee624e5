"""A trial shrunk until it trains in a moment: the same way through engine, store and report, and nothing to judge."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sdd_claims.data import human_labels, regression
from sdd_claims.data.datasets import why_unavailable
from sdd_claims.judging.networks import check_network
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Trial
from sdd_claims.spec import STAND_IN, PathSpec, RunSpec, TransformerSpec

LEVELS = 2
SEEDS = (0, 1)
"""Pilot seeds: a smoke run does not touch a block that judges."""

_IMAGES, _HELD_OUT = 256, 64

_LARGE: Mapping[str, Mapping[str, object]] = {
    "vgg16": {"name": "vgg_like", "channels": (4, 8)},
    "resnet18": {"name": "conv", "channels": (4, 8)},
    "resnet101": {"name": "conv", "channels": (4, 8)},
    "vgg_like": {"channels": (4, 8)},
    "vit": {"transformer": TransformerSpec(width=32, depth=1, heads=2, mlp=32)},
}
"""Networks that take seconds a level on a CPU, and small ones of their kind; they see fewer and smaller images, too."""

_WHOLE = ("vgg16", "resnet18", "resnet101")
"""Large networks that are trained whole where labels are clean and magnitude prunes lottery tickets.

Their products are then in float32: on a CPU without instructions for bfloat16 the gradient of a convolution takes tens
of times as long in it. The small networks keep the precision of their setting.
"""

_FEW, _SIDE = 8, 8
_LEAST_SIDE = {"vgg16": 16}
"""The least side of networks that cannot do with so few pixels."""


def smoke_curves(trial: Trial, data_root: Path | None) -> tuple[Mapping[str, CurveOf], Mapping[str, CurveOf]]:
    """The shrunk curves of a trial and of its control.

    Raises:
        InputError: a network that does not fit its images, whole as it is.
    """
    for curve in trial.all_curves:
        check_network(curve.spec)
    return (
        {name: shrunk(curve, data_root) for name, curve in trial.curves.items()},
        {name: shrunk(curve, data_root) for name, curve in trial.control_curves.items()},
    )


def shrunk(curve: CurveOf, data_root: Path | None) -> CurveOf:
    """Two levels, or three points of a path, of one epoch on a few images of the same setting, the network made small.

    The images are stand-ins where the data set is absent, and always for large networks, which would take minutes for a
    real test set. A path over epochs takes as many as it has points. Where the setting rewinds, there is a second
    epoch, so that an iteration to rewind to exists whatever the batch.
    """
    small = _small(curve.spec, _images(curve.spec, data_root))
    return replace(curve, spec=small, levels=len(small.path.values) or LEVELS)


def _images(spec: RunSpec, data_root: Path | None) -> str:
    """The data set, or its stand-in: for a large network, or where the set or its annotators' labels are absent."""
    name, teacher = spec.data.name, spec.distillation.teacher
    absent = "the network is large" if spec.model.name in _LARGE else why_unavailable(name, data_root)
    if "human" in (spec.noise.kind, teacher and teacher.noise.kind):
        absent = absent or human_labels.why_unavailable(name, data_root)
    return STAND_IN + name if absent else name


def _small(spec: RunSpec, images: str) -> RunSpec:
    lesson, large = spec.distillation, spec.model.name in _LARGE
    most = _FEW if large else _IMAGES
    tickets = spec.pruning.criterion == "magnitude" and spec.pruning.retraining == "lottery_ticket_rewinding"
    whole = spec.model.name in _WHOLE and spec.noise.kind == "none" and tickets
    rewind = min(1, spec.pruning.rewind_iteration)
    points = _points(spec.path)
    return spec.but(
        data={
            "name": images,
            "train_size": None if images in regression.PROBLEMS else min(most, spec.data.train_size or most),
            "validation_size": min(_HELD_OUT, spec.data.validation_size),
            "side": _LEAST_SIDE.get(spec.model.name, _SIDE) if large else spec.data.side,
        },
        model={} if whole else _LARGE.get(spec.model.name, {}),
        training={
            **({"precision": "float32"} if whole else {}),
            "epochs": int(points[-1]) if spec.path.over == "epochs" else 1 + rewind,
            "schedule": {"name": "constant", "milestones": ()},
        },
        pruning={"rewind_iteration": rewind},
        derivation={"from_level": min(1, spec.derivation.from_level)},
        record={
            "epoch_images": min(most, spec.record.epoch_images),
            "directions": min(1, spec.record.directions),
        },
        # The teacher sees the student's images, so it shrinks as the student does.
        distillation={
            "teacher": None if lesson.teacher is None else _small(lesson.teacher, images),
            "teacher_levels": min(LEVELS, lesson.teacher_levels),
        },
        path={"values": points},
    )


def _points(path: PathSpec) -> tuple[float, ...]:
    """The first, a middle and the last point; of epochs the first three, from 0 on where the path looks there."""
    if path.over == "none":
        return ()
    if path.over == "epochs":
        first = min(1.0, path.values[0])
        return (first, first + 1, first + 2)
    return (path.values[0], path.values[len(path.values) // 2], path.values[-1])
