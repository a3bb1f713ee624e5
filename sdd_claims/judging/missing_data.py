"""Data sets that a trial needs and that cannot be had."""

from collections.abc import Iterable
from pathlib import Path

from sdd_claims.data import own, regression
from sdd_claims.data.datasets import forget, load, why_unavailable
from sdd_claims.data.human_labels import human_labels
from sdd_claims.errors import InputError, MissingDataError
from sdd_claims.planning.plan import Request
from sdd_claims.spec import OwnData


class DataSets:
    """The data sets that trials are trained on; one that can be read is read once."""

    def __init__(self, root: Path | None, kept: bool) -> None:
        """Nothing is read yet.

        Args:
            root: the data root; None for the default.
            kept: this process will train on them. Where others do, it does not hold gigabytes of images for days.
        """
        self._root, self._kept = root, kept
        self._readable, self._own = set[tuple[str, bool]](), set[OwnData]()

    def missing(self, requests: Iterable[Request]) -> InputError | None:
        """The error of the first data set that some requests train on and that cannot be read.

        Returns:
            A `MissingDataError` where the set is absent, an `InputError` where it is damaged; None where all can be
            read.
        """
        specs = [request.spec for request in requests]
        for data in {spec.data.own for spec in specs if spec.data.own is not None} - self._own:
            try:
                own.kept(data)
            except InputError as error:
                return error
            finally:
                if not self._kept:
                    own.forget()
            self._own.add(data)
        used = {
            (spec.data.name, each.noise.kind == "human")
            for spec in specs
            for each in (spec, spec.distillation.teacher)  # which sees the same images, under noise of its own
            if each is not None and spec.data.own is None and spec.data.name not in regression.PROBLEMS
        }
        for name, by_humans in sorted(used - self._readable):
            try:
                load(name, self._root)
                if by_humans:
                    human_labels(name, self._root)
            except InputError as error:
                absent = why_unavailable(name, self._root) is not None
                return MissingDataError(str(error)) if absent else error
            finally:
                if not self._kept:
                    forget()
            self._readable.add((name, by_humans))
        return None
