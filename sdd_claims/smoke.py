"""A trial shrunk until it trains in a moment: the same way through engine, store and report, and nothing to judge."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sdd_claims.claim import CurveOf, Trial
from sdd_claims.data import stand_in
from sdd_claims.data.datasets import why_unavailable

LEVELS = 2
SEEDS = (0, 1)
"""Pilot seeds: a smoke run does not touch a block that judges."""

_IMAGES = 256


def smoke_curves(trial: Trial, data_root: Path | None) -> tuple[Mapping[str, CurveOf], Mapping[str, CurveOf]]:
    """The shrunk curves of a trial and of its control."""
    return (
        {name: shrunk(curve, data_root) for name, curve in trial.curves.items()},
        {name: shrunk(curve, data_root) for name, curve in trial.control_curves.items()},
    )


def shrunk(curve: CurveOf, data_root: Path | None) -> CurveOf:
    """Two levels of one epoch on a few images of the same setting, on stand-in images where the data set is absent.

    Where the setting rewinds, there is a second epoch, so that an iteration to rewind to exists whatever the batch.
    """
    spec, name = curve.spec, curve.spec.data.name
    rewind = min(1, spec.pruning.rewind_iteration)
    small = spec.but(
        data={
            "name": name if why_unavailable(name, data_root) is None else stand_in.PREFIX + name,
            "train_size": min(_IMAGES, spec.data.train_size or _IMAGES),
        },
        training={"epochs": 1 + rewind, "schedule": {"name": "constant", "milestones": ()}},
        pruning={"rewind_iteration": rewind},
    )
    return replace(curve, spec=small, levels=LEVELS)
