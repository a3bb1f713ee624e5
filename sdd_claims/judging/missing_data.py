"""Data sets that a trial needs and that cannot be had."""

from collections.abc import Iterable
from pathlib import Path

from sdd_claims.data import own, regression
from sdd_claims.data.datasets import load, why_unavailable
from sdd_claims.data.human_labels import human_labels
from sdd_claims.errors import InputError, MissingDataError
from sdd_claims.planning.plan import Request


def missing_data(requests: Iterable[Request], data_root: Path | None) -> InputError | None:
    """The error of the first data set that some requests train on and that cannot be read.

    Returns:
        A `MissingDataError` where the set is absent, an `InputError` where it is damaged; None where all can be read.
    """
    specs = [request.spec for request in requests]
    try:
        for data in {spec.data.own for spec in specs if spec.data.own is not None}:
            own.kept(data)
    except InputError as error:
        return error
    used = {
        (spec.data.name, each.noise.kind)
        for spec in specs
        for each in (spec, spec.distillation.teacher)  # which sees the same images, under noise of its own
        if each is not None and spec.data.own is None
    }
    for name, noise in sorted((name, noise) for name, noise in used if name not in regression.PROBLEMS):
        try:
            load(name, data_root)
            if noise == "human":
                human_labels(name, data_root)
        except InputError as error:
            absent = why_unavailable(name, data_root) is not None
            return MissingDataError(str(error)) if absent else error
    return None
