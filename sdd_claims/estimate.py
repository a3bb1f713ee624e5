"""What a plan will cost, before any of it is trained."""

import time

import torch

from sdd_claims.data import catalogue, regression, stand_in
from sdd_claims.measures import training_flops_per_image
from sdd_claims.models import build
from sdd_claims.plan import Plan
from sdd_claims.record import Replica
from sdd_claims.spec import RunSpec
from sdd_claims.store import Store

_SHARE_OF_MATMUL = 0.4
"""A stacked step reaches about this share of the machine's matrix-product rate (see benchmarks/)."""


def level_flops(spec: RunSpec) -> float:
    """Floating-point operations of the matrix products of one level of one replica, counted dense.

    The points of a path over epochs share one training; each counts as an even part of it.
    """
    if spec.data.name in regression.PROBLEMS:
        count, entries = regression.inputs(spec.data.name).shape
        an_epoch = count * training_flops_per_image(build(spec.model, (entries, 1, 1), 1), (entries, 1, 1))
        return an_epoch * spec.training.epochs / len(spec.path.values)
    entry = catalogue.find(spec.data.name.removeprefix(stand_in.PREFIX))
    height, width, *channels = entry.image_shape
    side = spec.data.side
    shape = (channels[0] if channels else 1, side or height, side or width)
    images = (spec.data.train_size or entry.train_count - spec.data.validation_size) * spec.training.epochs
    return float(training_flops_per_image(build(spec.model, shape, entry.classes), shape) * images)


def missing_flops(plan: Plan, store: Store) -> float:
    """Operations of all levels that are needed and not stored."""
    flops = {spec: level_flops(spec) for spec in {replica.spec for replica in plan.wanted}}
    return sum(flops[replica.spec] * _trainings(replica, n, store) for replica, n in plan.wanted.items())


def _trainings(replica: Replica, levels: int, store: Store) -> int:
    """Trainings that the missing levels of a replica take: all points of a path are trained together, or are one."""
    path, missing = replica.spec.path, max(0, levels - store.levels_done(replica))
    if path.over == "none" or not missing:
        return missing
    return len(path.values) if path.over == "penalty_strength" else 1


def rate(plan: Plan, store: Store) -> tuple[float, str]:
    """Operations a second of one training process, and where the figure comes from."""
    records = [record for replica in plan.wanted for record in store.records(*replica.key)]
    if records:
        return sum(r.train_flops for r in records) / sum(r.seconds for r in records), "the stored runs' own rate"
    return _matmul_rate() * _SHARE_OF_MATMUL, "a matrix product timed just now"


def _matmul_rate(size: int = 1024, repeats: int = 5) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        a = torch.rand(size, size)
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            a @ a
            times.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return 2 * size**3 / min(times)
