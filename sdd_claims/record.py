"""What one level of one replica leaves behind: numbers to keep, and a state from which the next level goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdd_claims import series
from sdd_claims.errors import InputError, nearest
from sdd_claims.spec import RunSpec

if TYPE_CHECKING:  # who reads records, and published verdicts, does without PyTorch
    from torch import Tensor


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
        # The digest is worked out once a spec; the hash of its fields would be every time.
        return hash(self.key)

    @property
    def key(self) -> tuple[str, int]:
        """Identity in the store: the spec's digest and the seed."""
        return self.spec.digest, self.seed


@dataclass(frozen=True)
class LevelRecord:
    """The measures of one trained level. None stands for a measure that a diverged network does not have.

    Attributes:
        level: number of prunings before this training.
        density: fraction of prunable weights left, counted.
        remaining: weights left in each prunable tensor.
        train_accuracy: on the labels trained on, noise included, in [0, 1], after the last epoch.
        train_loss: on the same labels: cross-entropy in nats, or the mean squared error.
        test_accuracy: on clean test labels, in [0, 1], after the last epoch.
        test_loss: cross-entropy in nats.
        learning_distance: l2, from the dense initialization, pruned weights counting as zero.
        diverged: a weight or a loss became infinite or NaN; all measures are then None.
        train_flops: matrix products of this level's training, counted dense.
        kept_train_flops: the same, each layer's counted by the fraction of its weights that is left.
        seconds: this replica's share of the wall time of its stack.
        epoch_test_accuracy: on the first test images of `RecordSpec.epoch_images`, after every epoch.
        sharpness: curvature of the training loss in nats, see `sdd_claims.measures.sharpness`.
        line_train_loss: in nats, at even steps along the line from the parent's solution to this one.
        line_train_accuracy: at the same steps, in [0, 1].
        validation_accuracy: on held-out training images with clean labels, in [0, 1], after the last epoch.
        weight_variance: of the prunable weights that are left.
        zero_fraction: of the weight matrices' entries, exact zeros.
        small_fraction: of the weight matrices' entries, those with absolute value at most 1e-3.
        nonzero_fraction: of a weight matrix's entries, those with absolute value above 1e-3, averaged over the matrices
            of a ReLU network; what Parhi et al. 2021 call sparsity.
        rank: numerical rank of the matrix between the hidden layers of a ReLU network.
        parallel_rows: rows of that matrix's right factor that repeat its strongest pattern, of a factored one.
        active_neurons: hidden neurons of a ReLU network that the next layer still hears and that differ.
    """

    level: int
    density: float
    remaining: Mapping[str, int]
    train_accuracy: float | None
    train_loss: float | None
    test_accuracy: float | None
    test_loss: float | None
    learning_distance: float | None
    diverged: bool
    train_flops: float
    seconds: float
    epoch_test_accuracy: tuple[float, ...] | None = None
    sharpness: float | None = None
    line_train_loss: tuple[float, ...] | None = None
    line_train_accuracy: tuple[float, ...] | None = None
    kept_train_flops: float | None = None
    validation_accuracy: float | None = None
    weight_variance: float | None = None
    zero_fraction: float | None = None
    small_fraction: float | None = None
    nonzero_fraction: float | None = None
    rank: float | None = None
    parallel_rows: float | None = None
    active_neurons: float | None = None

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "LevelRecord":
        """A record from JSON, which knows no tuples."""
        fields: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in content.items()}
        return cls(**fields)

    def measure(self, name: str) -> float | None:
        """A number of this level: a field, or what `SUMMARIES` makes of one; None where the network diverged.

        Raises:
            InputError: no such measure, or one that the spec did not ask to record.
        """
        if name in SUMMARIES:
            source, summary = SUMMARIES[name]
            numbers = getattr(self, source)
            value = None if numbers is None else summary(numbers)
        elif name in _NUMBERS:
            source, value = name, getattr(self, name)
        else:
            raise InputError(no_measure(name))
        if value is None and not self.diverged:
            raise InputError(f"{name} was not recorded: {_ASKED_BY.get(source, 'this level has none')}")
        return None if value is None else float(value)


_NUMBERS = (
    "density",
    "train_accuracy",
    "train_loss",
    "test_accuracy",
    "test_loss",
    "learning_distance",
    "train_flops",
    "kept_train_flops",
    "seconds",
    "sharpness",
    "validation_accuracy",
    "weight_variance",
    "zero_fraction",
    "small_fraction",
    "nonzero_fraction",
    "rank",
    "parallel_rows",
    "active_neurons",
)
_ASKED_BY = {
    "epoch_test_accuracy": "set RecordSpec.epoch_images; of what is derived from a chain it is never recorded",
    "sharpness": "set RecordSpec.directions; of what is derived, re-dense and independent training have it",
    "validation_accuracy": "set DataSpec.validation_size",
    "line_train_loss": "there is a line only from a chain to the re-dense and independent training derived from it",
}


SUMMARIES: Mapping[str, tuple[str, Callable[[Sequence[float]], float]]] = {
    "best_epoch_test_accuracy": ("epoch_test_accuracy", max),
    "last_epoch_test_accuracy": ("epoch_test_accuracy", series.last),
    "late_drift": ("epoch_test_accuracy", series.late_drift),
    "last_drift": ("epoch_test_accuracy", series.last_drift),
    "line_fall": ("line_train_loss", series.fall),
    "line_climb": ("line_train_loss", series.largest_climb),
}
"""Measures that sum up a series of numbers: name -> (field, how)."""


MEASURES = tuple(sorted((*SUMMARIES, *_NUMBERS)))
"""All names that `LevelRecord.measure` knows."""


def no_measure(name: object) -> str:
    """That there is no measure of that name, and which there are."""
    return f"there is no measure {name!r}{nearest(name, MEASURES)}; use one of {', '.join(MEASURES)}"


def unrecorded(spec: RunSpec, measure: str) -> str | None:
    """Why the runs of a spec would come without a measure; None where they have it."""
    source = SUMMARIES[measure][0] if measure in SUMMARIES else measure
    regression, deep = spec.path.over == "epochs", len(spec.model.hidden) > 1
    compared = spec.derivation.kind in ("redense", "independent")
    refit = spec.path.over.endswith("_refit")
    of_regression = {"density", "train_loss", "train_flops", "seconds", "nonzero_fraction", "active_neurons"}
    if deep:
        of_regression.add("rank")
    if spec.model.functional_width:
        of_regression.add("parallel_rows")
    elsewhere = {
        "epoch_test_accuracy": bool(spec.record.epoch_images) and spec.derivation.kind == "none" and not refit,
        "sharpness": bool(spec.record.directions) and (compared or spec.derivation.kind == "none") and not refit,
        "validation_accuracy": bool(spec.data.validation_size),
        "line_train_loss": compared,
        "learning_distance": not refit,
        "weight_variance": not refit,
        **dict.fromkeys(("nonzero_fraction", "active_neurons", "rank", "parallel_rows"), False),
    }
    if source in of_regression if regression else elsewhere.get(source, True):
        return None
    return f"{measure} is not recorded: {_ASKED_BY.get(source, f'{spec} has none')}"


@dataclass(frozen=True)
class ChainState:
    """What the next level, and what is derived from this one, needs of it, on the CPU.

    Attributes:
        masks: boolean, of the prunable tensors, as this level was trained.
        trained: all weights after training.
        rewind_point: the dense network's weights at the rewinding iteration, None where the seed gives them
            (iteration 0).
    """

    masks: "Mapping[str, Tensor]"
    trained: "Mapping[str, Tensor]"
    rewind_point: "Mapping[str, Tensor] | None"
