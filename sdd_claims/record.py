"""The result of one level of one replica: a record of its measures, and the state from which the next level starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sdd_claims import series
from sdd_claims.errors import InputError, nearest
from sdd_claims.spec import RunSpec

if TYPE_CHECKING:  # reading records and published verdicts does not need PyTorch
    from torch import Tensor


Key: TypeAlias = tuple[str, int]
"""Identity of a replica in the store: the spec's digest and the seed."""


@dataclass(frozen=True)
class Replica:
    """One seed's whole chain of iterative pruning under one spec."""

    spec: RunSpec
    seed: int

    @property
    def parent(self) -> "Replica | None":
        """The same seed of the chain that this run is derived from; None for a chain."""
        return None if self.spec.parent is None else Replica(self.spec.parent, self.seed)

    @property
    def teacher(self) -> "Replica | None":
        """The same seed of the chain that this run learns from; None where nobody teaches."""
        teacher = self.spec.distillation.teacher
        return None if teacher is None else Replica(teacher, self.seed)

    def __hash__(self) -> int:
        # The digest is computed once a spec; the hash of its fields would be computed every time.
        return hash(self.key)

    @property
    def key(self) -> Key:
        """Identity in the store."""
        return self.spec.digest, self.seed


RunKind = Literal["chain", "refit", "regression"]
"""The source of a run's measures: networks trained on images, refits of a last layer, or a regression."""


def run_kind(spec: RunSpec) -> RunKind:
    """The kind of the runs of a spec."""
    if spec.path.over == "epochs":
        return "regression"
    return "refit" if spec.path.over.endswith("_refit") else "chain"


@dataclass(frozen=True)
class Recorded:
    """The runs that have a measure.

    Attributes:
        kinds: kinds of run that can have it.
        asked_by: tells whether a spec of one of these kinds requests it.
        remedy: advice, the setting that requests it.
        series: it is not one number but a series, which `SUMMARIES` turns into numbers.
    """

    kinds: tuple[RunKind, ...]
    asked_by: Callable[[RunSpec], bool]
    remedy: str
    series: bool


_MEASURE = "recorded"


def _measure(
    *kinds: RunKind,
    asked_by: Callable[[RunSpec], bool] = lambda spec: True,
    remedy: str = "",
    series: bool = False,
    required: bool = False,
) -> Any:
    """A field of `LevelRecord` that is a measure. It is None where a network diverged, or where it is not recorded."""
    metadata = {_MEASURE: Recorded(kinds, asked_by, remedy, series)}
    return field(metadata=metadata) if required else field(default=None, metadata=metadata)


def _is_compared(spec: RunSpec) -> bool:
    return spec.derivation.kind in ("redense", "independent")


def _is_chain(spec: RunSpec) -> bool:
    return spec.derivation.kind == "none"


@dataclass(frozen=True, kw_only=True)
class LevelRecord:
    """One trained level in numbers. A new measure is declared here and computed in `sdd_claims.measures.level`.

    Attributes:
        level: number of prunings before this training; of what is derived from a level on, counted from that level.
        density: fraction of prunable weights left, counted.
        remaining: weights left in each prunable tensor.
        diverged: a weight or a loss became infinite or NaN; all measures below `seconds` are then None.
        train_flops: matrix products of this level's training, counted dense.
        kept_train_flops: the same, each layer's counted by the fraction of its weights that is left.
        seconds: this replica's share of the wall time of its stack.
        train_accuracy: accuracy on the labels trained on, noise included, in [0, 1], after the last epoch.
        train_loss: loss on the same labels: cross-entropy in nats, or the mean squared error.
        test_accuracy: accuracy on clean test labels, in [0, 1], after the last epoch.
        test_loss: cross-entropy on the same labels, in nats.
        learning_distance: l2 distance from the dense initialization, pruned weights counting as zero.
        weight_variance: variance of the prunable weights that are left.
        zero_fraction: fraction of the weight matrices' entries that are exactly zero.
        small_fraction: fraction of the weight matrices' entries with absolute value at most 1e-3.
        validation_accuracy: accuracy on held-out training images with clean labels, in [0, 1], after the last epoch.
        epoch_test_accuracy: accuracy on the first `RecordSpec.epoch_images` test images, after every epoch.
        sharpness: curvature of the training loss in nats, see `sdd_claims.measures.sharpness`.
        line_train_loss: training loss in nats, at even steps along the line from the parent's solution to this one.
        line_train_accuracy: training accuracy at the same steps, in [0, 1].
        nonzero_fraction: fraction of a weight matrix's entries with absolute value above 1e-3, averaged over the
            matrices of a ReLU network; Parhi et al. 2021 call it sparsity.
        active_neurons: number of hidden neurons of a ReLU network that act on the next layer and differ.
        rank: numerical rank of the matrix between the hidden layers of a ReLU network.
        parallel_rows: number of rows of that matrix's right factor that repeat its strongest pattern, where the matrix
            is factored.
    """

    level: int
    density: float = _measure("chain", "refit", "regression", required=True)
    remaining: Mapping[str, int]
    diverged: bool
    train_flops: float = _measure("chain", "refit", "regression", required=True)
    kept_train_flops: float | None = _measure("chain", "refit")
    seconds: float = _measure("chain", "refit", "regression", required=True)
    train_accuracy: float | None = _measure("chain", "refit")
    train_loss: float | None = _measure("chain", "refit", "regression")
    test_accuracy: float | None = _measure("chain", "refit")
    test_loss: float | None = _measure("chain", "refit")
    learning_distance: float | None = _measure("chain")
    weight_variance: float | None = _measure("chain")
    zero_fraction: float | None = _measure("chain", "refit")
    small_fraction: float | None = _measure("chain", "refit")
    validation_accuracy: float | None = _measure(
        "chain",
        asked_by=lambda spec: spec.data.validation_size > 0,
        remedy="set DataSpec.validation_size; of refits it is never recorded",
    )
    epoch_test_accuracy: tuple[float, ...] | None = _measure(
        "chain",
        asked_by=lambda spec: spec.record.epoch_images > 0 and _is_chain(spec),
        remedy="set RecordSpec.epoch_images; of what is derived from a chain it is never recorded",
        series=True,
    )
    sharpness: float | None = _measure(
        "chain",
        asked_by=lambda spec: spec.record.directions > 0 and (_is_chain(spec) or _is_compared(spec)),
        remedy="set RecordSpec.directions; of what is derived, re-dense and independent training have it",
    )
    line_train_loss: tuple[float, ...] | None = _measure(
        "chain",
        asked_by=_is_compared,
        remedy="there is a line only from a chain to the re-dense and independent training derived from it",
        series=True,
    )
    line_train_accuracy: tuple[float, ...] | None = _measure("chain", asked_by=_is_compared, series=True)
    nonzero_fraction: float | None = _measure("regression")
    active_neurons: float | None = _measure("regression")
    rank: float | None = _measure("regression", asked_by=lambda spec: len(spec.model.hidden) > 1)
    parallel_rows: float | None = _measure("regression", asked_by=lambda spec: spec.model.functional_width > 0)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "LevelRecord":
        """A record from JSON, which knows no tuples."""
        given: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in content.items()}
        return cls(**given)

    def measure(self, name: str) -> float | None:
        """A number of this level: a field, or a summary of one (`SUMMARIES`); None where the network diverged.

        Raises:
            InputError: no such measure, or one that the spec did not ask to record.
        """
        if name not in MEASURES:
            raise InputError(no_measure(name))
        source, summary = SUMMARIES.get(name, (name, float))
        found = getattr(self, source)
        if found is None and not self.diverged:
            raise InputError(f"{name} was not recorded: {RECORDED[source].remedy or 'this level has none'}")
        return None if found is None else float(summary(found))


RECORDED: Mapping[str, Recorded] = {
    each.name: each.metadata[_MEASURE] for each in fields(LevelRecord) if _MEASURE in each.metadata
}
"""For each field of `LevelRecord` that is a measure, the runs that have it."""

SUMMARIES: Mapping[str, tuple[str, Callable[[Any], float]]] = {
    "best_epoch_test_accuracy": ("epoch_test_accuracy", max),
    "last_epoch_test_accuracy": ("epoch_test_accuracy", series.last),
    "late_drift": ("epoch_test_accuracy", series.late_drift),
    "last_drift": ("epoch_test_accuracy", series.last_drift),
    "line_fall": ("line_train_loss", series.fall),
    "line_climb": ("line_train_loss", series.largest_climb),
}
"""Measures that sum up a series of numbers: name -> (field, how)."""

MEASURES = tuple(sorted([*SUMMARIES, *(name for name, each in RECORDED.items() if not each.series)]))
"""All names that `LevelRecord.measure` knows."""


def no_measure(name: object) -> str:
    """The message that there is no measure of that name, with the names that exist."""
    return f"there is no measure {name!r}{nearest(name, MEASURES)}; use one of {', '.join(MEASURES)}"


def recorded(spec: RunSpec, name: str) -> bool:
    """Whether the runs of a spec have a field of `LevelRecord` that is a measure."""
    return run_kind(spec) in RECORDED[name].kinds and RECORDED[name].asked_by(spec)


def unrecorded(spec: RunSpec, measure: str) -> str | None:
    """The reason why the runs of a spec lack a measure; None where they have it."""
    source, _ = SUMMARIES.get(measure, (measure, None))
    if recorded(spec, source):
        return None
    return f"{measure} is not recorded: {RECORDED[source].remedy or f'{spec} has none'}"


@dataclass(frozen=True)
class ChainState:
    """The state after a level, on the CPU, from which the next level and derived trainings start.

    Attributes:
        masks: boolean masks of the prunable tensors, as this level was trained.
        trained: all weights after training.
        rewind_point: the dense network's weights at the rewinding iteration, None where the seed gives them
            (iteration 0).
    """

    masks: "Mapping[str, Tensor]"
    trained: "Mapping[str, Tensor]"
    rewind_point: "Mapping[str, Tensor] | None"
