"""Frozen settings that say everything about a run, and the digest under which its results are stored.

Device, worker count and paths are not here: they must not change a result. Nor are the numbers of seeds and levels:
they are asked for, and asking for more extends what is stored.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache, cached_property
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sdd_claims.errors import InputError, nearest

SCHEMA = 3
"""Layout of a spec. Raise it when fields are added, renamed or removed."""

PIPELINE = 1
"""Meaning of a spec. Raise it by hand when the same spec would train to other numbers."""


LATER: Mapping[str, str] = {"augmentation": "none", "precision": "float32"}
"""Settings that came after results had been stored under this schema, with the value that all runs had until then.

With that value a setting is left out of the digest, so that what was stored keeps its key. The value stands here and is
not taken from the default: a changed default is still a changed digest.
"""


DataName = Literal["mnist_small", "mnist", "fashion_mnist", "cifar10", "cifar100", "tiny_imagenet", "grid"]
NoiseKind = Literal["none", "symmetric_permute", "symmetric_always_wrong", "asymmetric", "pairflip", "human"]
Network = Literal["mlp", "conv", "vgg_like", "vgg16", "resnet18", "resnet101", "relu_network", "vit"]
Initialization = Literal["kaiming_normal", "pytorch", "uniform"]
Criterion = Literal["magnitude", "gradient", "random", "none"]
RetrainingMethod = Literal["lottery_ticket_rewinding", "finetuning", "learning_rate_rewinding", "scratch"]
PenaltyName = Literal["none", "off", "l1", "l2", "matrix_norm", "rbv2"]
Precision = Literal["float32", "tf32", "bfloat16"]
PathOver = Literal["none", "penalty_strength", "epochs", "ridge_refit", "lasso_refit"]
DerivationKind = Literal["none", "redense", "same_mask", "reinitialized", "independent"]

STAND_IN = "stand_in:"
"""Before a data set's name: random images of its shape, for smoke runs where it is absent."""


def canonical_json(content: object) -> str:
    """One text for one content: sorted keys, no spaces, no NaN or infinity."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


_IN_WORDS: Mapping[Any, str] = {
    str: "a name",
    bool: "True or False",
    int: "a whole number",
    int | None: "a whole number or None",
}


@cache
def _types(spec: Any) -> dict[str, Any]:
    return get_type_hints(spec)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class _Spec:
    """Shared by all specs: one type a field, so that what is equal shares a digest (1 and 1.0, a list and a tuple)."""

    def __post_init__(self) -> None:
        for name, expected in _types(type(self)).items():  # type: ignore[arg-type]
            value = getattr(self, name)
            if expected is float:
                self._require(name, _is_finite(value), "a finite number")
                object.__setattr__(self, name, float(value) + 0.0)
            elif get_origin(expected) is Literal:
                self._require_one_of(name, get_args(expected))
            elif get_origin(expected) is tuple:
                numbers = float in get_args(expected)
                fits = isinstance(value, tuple | list) and all(
                    _is_finite(item) if numbers else type(item) is int for item in value
                )
                self._require(name, fits, f"a tuple of {'finite' if numbers else 'whole'} numbers")
                object.__setattr__(self, name, tuple(float(item) + 0.0 if numbers else item for item in value))
            else:
                fits = isinstance(value, expected) and isinstance(value, bool) == (expected is bool)
                self._require(name, fits, _IN_WORDS.get(expected, f"a {getattr(expected, '__name__', expected)}"))

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise InputError(f"{type(self).__name__}.{name} must be {expected}, got {getattr(self, name)!r}")

    def _require_one_of(self, name: str, known: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if not isinstance(value, str) or value not in known:
            raise InputError(
                f"{type(self).__name__}.{name} must be one of {', '.join(known)}, got {value!r}{nearest(value, known)}"
            )


@dataclass(frozen=True, kw_only=True)
class DataSpec(_Spec):
    """Which images a replica sees.

    Attributes:
        name: data set, see `sdd_claims.data`.
        side: images are averaged down to side x side pixels; None keeps them as they are.
        train_size: images that each seed draws from the training set without replacement; None takes all that
            validation leaves.
        validation_size: further images of the training set that each seed holds out; their labels stay clean.
        augmentation: of the training images, anew in every epoch, see `sdd_claims.data.augmentation`: "none";
            "flip_and_shift": half of them mirrored, and moved by up to four pixels either way, zeros coming in;
            "crop_and_flip": a random part resized to side x side, and half of them mirrored.
    """

    name: str = "mnist_small"
    side: int | None = None
    train_size: int | None = None
    validation_size: int = 0
    augmentation: Literal["none", "flip_and_shift", "crop_and_flip"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        bare = self.name.removeprefix(STAND_IN)
        if bare not in get_args(DataName):
            raise InputError(
                f"DataSpec.name must be one of {', '.join(get_args(DataName))}, got {self.name!r}"
                f"{nearest(bare, get_args(DataName))}"
            )
        self._require("train_size", self.train_size is None or self.train_size >= 1, "at least 1, or None for all")
        self._require("validation_size", self.validation_size >= 0, "at least 0")


@dataclass(frozen=True, kw_only=True)
class NoiseSpec(_Spec):
    """Label noise on the training set; test labels are always clean.

    Attributes:
        kind: see `sdd_claims.data.label_noise`.
        rate: fraction of training labels it is applied to; 0 for "human", whose rate the annotators set.
    """

    kind: NoiseKind = "none"
    rate: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("rate", 0 <= self.rate <= 1, "between 0 and 1")
        without = self.kind in ("none", "human")
        self._require("rate", without == (self.rate == 0), "0 for kinds 'none' and 'human', above 0 for every other")

    def __str__(self) -> str:
        if self.kind in ("none", "human"):
            return "clean labels" if self.kind == "none" else "human annotators' labels"
        return f"{self.rate:.0%} noise ({self.kind.replace('_', ' ')})"


@dataclass(frozen=True, kw_only=True)
class TransformerSpec(_Spec):
    """A vision transformer's sizes; the defaults are those of the code of Quétu & Milovanović 2023.

    Attributes:
        patch: side of a patch, in pixels.
        width: of the embedding.
        depth: encoder blocks.
        heads: of attention.
        mlp: hidden units of each block's MLP.
        dropout: fraction dropped in training.
    """

    patch: int = 4
    width: int = 512
    depth: int = 6
    heads: int = 8
    mlp: int = 512
    dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("patch", "width", "depth", "heads", "mlp"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        self._require("width", self.width % self.heads == 0, f"a multiple of the {self.heads} heads")
        self._require("dropout", 0 <= self.dropout < 1, "at least 0 and below 1")


@dataclass(frozen=True, kw_only=True)
class ModelSpec(_Spec):
    """The network.

    Attributes:
        name: architecture, see `sdd_claims.models`: "mlp"; "conv"; "vgg_like" (Quétu & Milovanović 2023); "vgg16",
            "resnet18", "resnet101" and "vit" from torchvision, adapted to small images; "relu_network" (Parhi et al.
            2021).
        hidden: widths of the hidden layers of an MLP or a ReLU network; (300, 100) is LeNet-300-100. Others have none.
        channels: outputs of the convolutions of a conv net, of the blocks of a VGG-like one.
        batch_norm: whether batch norm follows each convolution; VGGs and ResNets always have it.
        functional_width: of a ReLU network: the rank to which the matrices between its hidden layers are factored; 0
            for whole matrices.
        transformer: sizes of a "vit".
        initialization: "kaiming_normal" with zero biases (He et al. 2022, B); "pytorch", the layers' own; "uniform",
            all parameters on [-1, 1] (Parhi et al. 2021, 3).
    """

    name: Network = "mlp"
    hidden: tuple[int, ...] = (300, 100)
    channels: tuple[int, ...] = ()
    batch_norm: bool = False
    functional_width: int = 0
    transformer: TransformerSpec | None = None
    initialization: Initialization = "kaiming_normal"

    def __post_init__(self) -> None:
        super().__post_init__()
        with_hidden, with_channels = self.name in ("mlp", "relu_network"), self.name in ("conv", "vgg_like")
        self._require("hidden", all(width > 0 for width in self.hidden), "positive whole widths")
        last = "an MLP without hidden layers has only its last, which is never pruned"
        self._require("hidden", bool(self.hidden) or self.name != "mlp", f"one width or more: {last}")
        self._require("hidden", bool(self.hidden) or self.name != "relu_network", "one width or more")
        self._require("hidden", with_hidden or not self.hidden, f"() for {self.name!r}, which has no hidden widths")
        self._require("channels", all(width > 0 for width in self.channels), "positive whole widths")
        self._require("channels", bool(self.channels) == with_channels, "given for 'conv' and 'vgg_like' only")
        always = self.name in ("vgg_like", "vgg16", "resnet18", "resnet101")
        self._require("batch_norm", self.name == "conv" or self.batch_norm == always, f"{always} for {self.name!r}")
        self._require("functional_width", self.functional_width >= 0, "at least 0")
        factored = self.name == "relu_network" and len(self.hidden) > 1
        self._require("functional_width", factored or not self.functional_width, "0 but for a deep 'relu_network'")
        self._require("transformer", (self.transformer is not None) == (self.name == "vit"), "given for 'vit' only")
        drawn = self.name != "vit" or self.initialization == "pytorch"
        self._require("initialization", drawn, "'pytorch' for a ViT, which begins as torchvision draws it")

    def __str__(self) -> str:
        widths = "-".join(map(str, self.hidden))
        if self.name == "mlp":
            return f"MLP-{widths}"
        if self.name == "relu_network":
            factored = f"factored through {self.functional_width}" if self.functional_width else "with whole matrices"
            return f"ReLU network {widths} " + (factored if len(self.hidden) > 1 else "with one hidden layer")
        if self.name == "conv":
            norm = "with batch norm" if self.batch_norm else "without batch norm"
            return f"conv net of {' and '.join(map(str, self.channels))} channels {norm}"
        if self.name == "vgg_like":
            return f"VGG-like net of {' and '.join(map(str, self.channels))} channels"
        return _NAMES.get(self.name, self.name)


_NAMES = {"vgg16": "VGG-16", "resnet18": "ResNet-18", "resnet101": "ResNet-101", "vit": "ViT"}


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(_Spec):
    """The optimizer.

    Attributes:
        name: "sgd", "adam", or "adamw" (Adam with decoupled weight decay).
        lr: learning rate at the start of the schedule.
        momentum: of SGD; Adam's are PyTorch's defaults (0.9, 0.999).
        weight_decay: as PyTorch applies it to all parameters: added to the gradient, or decoupled for "adamw".
    """

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    lr: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("lr", self.lr > 0, "above 0")
        self._require("momentum", 0 <= self.momentum < 1, "at least 0 and below 1")
        self._require("momentum", self.name == "sgd" or self.momentum == 0, "0 for Adam, whose betas are PyTorch's")
        self._require("weight_decay", self.weight_decay >= 0, "at least 0")


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec(_Spec):
    """The learning rate over the epochs of one level.

    Attributes:
        name: "constant"; "step": times `factor` at every milestone; "cosine": from lr to 0, epoch by epoch.
        milestones: epochs before which a step is taken, rising.
        factor: of one step.
    """

    name: Literal["constant", "step", "cosine"] = "constant"
    milestones: tuple[int, ...] = ()
    factor: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        rising = list(self.milestones) == sorted(set(self.milestones)) and all(epoch > 0 for epoch in self.milestones)
        self._require("milestones", rising, "rising epochs above 0")
        self._require("milestones", bool(self.milestones) == (self.name == "step"), "given for 'step' and only for it")


@dataclass(frozen=True, kw_only=True)
class PenaltySpec(_Spec):
    """A term strength x penalty(parameters) of the loss.

    Attributes:
        name: "none", "l1", "l2", "matrix_norm" (the published code of Zhang 2024) or "rbv2" (Parhi et al. 2021, eq. 2),
            see `sdd_claims.training.penalties`; "off" penalises nothing whatever its strength, the control of a path.
        strength: its factor.
        step: "gradient" adds it to the loss, with a subgradient where it has a kink; "proximal", for "l1" under SGD
            without momentum, shrinks the parameters after each step, to exact zeros.
    """

    name: PenaltyName = "none"
    strength: float = 0.0
    step: Literal["gradient", "proximal"] = "gradient"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("strength", self.strength >= 0, "at least 0")
        self._require("strength", self.name != "none" or self.strength == 0, "0 for penalty 'none'")
        self._require("step", self.name == "l1" or self.step == "gradient", "'gradient' for all penalties but 'l1'")

    def __str__(self) -> str:
        if self.name == "off":
            return "penalty off"
        strength = f" of strength {self.strength:g}" if self.strength else ""
        kind = {"rbv2": "eq. 2", "l2": "squared l2"}.get(self.name, self.name.replace("_", " "))
        return f"{kind} penalty{strength}" + (", proximal steps" if self.step == "proximal" else "")


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(_Spec):
    """How one level is trained: `epochs` passes over the training images in random batches, the last one smaller.

    Attributes:
        loss: "cross_entropy" in nats, or "mean_squared_error" for targets that are numbers.
        precision: of the products in training: "float32"; "tf32", TensorFloat-32 where the chip has it and float32
            elsewhere; "bfloat16". Weights, their updates and all measures stay in float32.
    """

    epochs: int = 200
    batch_size: int = 128
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    penalty: PenaltySpec = field(default_factory=PenaltySpec)
    loss: Literal["cross_entropy", "mean_squared_error"] = "cross_entropy"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("epochs", self.epochs >= 1, "at least 1")
        self._require("batch_size", self.batch_size >= 1, "at least 1")
        plain = self.optimizer.name == "sgd" and self.optimizer.momentum == 0
        self._require("penalty", plain or self.penalty.step == "gradient", "taken by 'gradient' but for plain SGD")


@dataclass(frozen=True, kw_only=True)
class PruningSpec(_Spec):
    """How a level's mask and starting weights follow from the level before.

    Attributes:
        criterion: which weights go, see `sdd_claims.pruning.criteria`; "none" keeps all (identity masks).
        fraction: of the prunable weights left, taken at each level.
        retraining: what training starts from, see `sdd_claims.pruning.retraining`.
        rewind_iteration: of the dense training, to which weights and schedule go back.
    """

    criterion: Criterion = "magnitude"
    fraction: float = 0.2
    retraining: RetrainingMethod = "lottery_ticket_rewinding"
    rewind_iteration: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("fraction", 0 < self.fraction < 1, "between 0 and 1, both excluded")
        self._require("rewind_iteration", self.rewind_iteration >= 0, "at least 0")

    def density(self, level: int) -> float:
        """Fraction of prunable weights that the schedule leaves at a level; 1 at level 0."""
        return float((1 - self.fraction) ** level)


@dataclass(frozen=True, kw_only=True)
class RecordSpec(_Spec):
    """What is recorded of every level of a chain beyond the measures that cost next to nothing.

    Attributes:
        epoch_images: test images on which a chain's accuracy is measured after every epoch; 0 for none.
        directions: random directions along which the sharpness of a chain's solutions is measured, and of those derived
            from them by re-dense and independent training; 0 for none.
        weights: "newest" keeps the weights of the level that the next one starts from, "every_level" those of all, for
            what is derived from them.
    """

    epoch_images: int = 0
    directions: int = 0
    weights: Literal["newest", "every_level"] = "newest"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("epoch_images", self.epoch_images >= 0, "at least 0")
        self._require("directions", self.directions >= 0, "at least 0")


@dataclass(frozen=True, kw_only=True)
class DerivationSpec(_Spec):
    """A training that starts from every level of a chain and leads nowhere: the chain goes on without it.

    Attributes:
        kind: "none" for the chain itself, else see `sdd_claims.pruning.derivations`.
        draw: number of the repetition: of the batch order and, where the kind draws one, of the initialization.
    """

    kind: DerivationKind = "none"
    draw: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("draw", self.draw >= 1, "at least 1")
        self._require("draw", self.kind != "none" or self.draw == 1, "1 for the chain itself, which draws no other")


@dataclass(frozen=True, kw_only=True)
class DistillationSpec(_Spec):
    """A teacher from whom every level of a chain learns (Quétu & Milovanović 2023, eq. 1).

    The loss is (1 - alpha) x cross-entropy + alpha x temperature squared x KL(teacher || student), both softened by the
    temperature. The teacher is the same seed's network: it has seen the same images and, where its noise is the
    student's, the same labels.

    Attributes:
        alpha: weight of the teacher; 0 learns from the labels alone.
        temperature: by which both networks' logits are divided.
        teacher: the teacher's chain; None for none.
        teacher_level: "dense", or "best_validation": the level of the highest validation accuracy, the densest
            of equals.
        teacher_levels: levels of the teacher's chain among which the best is chosen, 1 for a dense teacher.
    """

    alpha: float = 0.0
    temperature: float = 1.0
    teacher: "RunSpec | None" = None
    teacher_level: Literal["dense", "best_validation"] = "dense"
    teacher_levels: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("alpha", 0 <= self.alpha <= 1, "between 0 and 1")
        self._require("alpha", self.teacher is not None or self.alpha == 0, "0 without a teacher")
        self._require("temperature", self.temperature > 0, "above 0")
        chosen = self.teacher_level == "best_validation"
        self._require("teacher_levels", self.teacher_levels >= 1, "at least 1")
        self._require("teacher_levels", chosen or self.teacher_levels == 1, "1 for a dense teacher")
        if self.teacher is None:
            self._require("teacher_level", not chosen, "'dense' without a teacher")
            return
        self._require("teacher", self.teacher.distillation.teacher is None, "a chain that has no teacher itself")
        chain = self.teacher.derivation.kind == "none" and self.teacher.path.over == "none"
        self._require("teacher", chain, "a chain of iterative pruning")
        # A dense teacher too: the chain may be asked for further levels, and would not keep its dense one.
        self._require("teacher", self.teacher.record.weights == "every_level", "a chain that keeps every level")
        self._require("teacher", not chosen or self.teacher.data.validation_size > 0, "a chain with validation images")

    def __str__(self) -> str:
        teacher = (
            "a dense teacher" if self.teacher_level == "dense" else "a teacher pruned to its best validation accuracy"
        )
        return f"alpha {self.alpha:g} of {teacher} at temperature {self.temperature:g}"


PATHS = {
    "penalty_strength": "penalty strength",
    "epochs": "epoch",
    "ridge_refit": "ridge strength",
    "lasso_refit": "lasso strength",
}
"""What a path may lead over, and what the report calls it."""


@dataclass(frozen=True, kw_only=True)
class PathSpec(_Spec):
    """In place of pruning levels, points along something else: level k of the run is point k.

    Attributes:
        over: "none" for iterative pruning. "penalty_strength": a training at each strength, all from the same
            initialization and in the same batches. "epochs": looks at one training after so many epochs. "ridge_refit"
            and "lasso_refit": one training, then its last layer fitted anew by scikit-learn at each strength.
        values: of the points, rising; three or more.
    """

    over: PathOver = "none"
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.over == "none":
            self._require("values", not self.values, "() for iterative pruning, whose levels follow from PruningSpec")
            return
        rising = all(low < high for low, high in pairwise(self.values)) and min(self.values, default=0) >= 0
        self._require("values", rising, "rising numbers from 0 on")
        self._require("values", len(self.values) >= 3, "three points or more: fewer show no course")


@dataclass(frozen=True, kw_only=True)
class RunSpec(_Spec):
    """Everything that decides the numbers of an iterative-pruning chain, or of a path, but for the seed."""

    data: DataSpec = field(default_factory=DataSpec)
    noise: NoiseSpec = field(default_factory=NoiseSpec)
    model: ModelSpec = field(default_factory=ModelSpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)
    pruning: PruningSpec = field(default_factory=PruningSpec)
    record: RecordSpec = field(default_factory=RecordSpec)
    derivation: DerivationSpec = field(default_factory=DerivationSpec)
    distillation: DistillationSpec = field(default_factory=DistillationSpec)
    path: PathSpec = field(default_factory=PathSpec)

    def __post_init__(self) -> None:
        super().__post_init__()
        derived, teacher = self.derivation.kind != "none", self.distillation.teacher
        if derived and self.record.weights != "every_level":
            raise InputError(
                f"a {self.derivation.kind!r} training starts from the weights of every level, but this chain keeps "
                "those of its newest only; set RecordSpec.weights to 'every_level'"
            )
        if teacher is not None and teacher.data != self.data:
            raise InputError(
                f"the teacher was trained on {teacher.data}, the student on {self.data}: they must share data set, "
                "image size and images, or the teacher cannot tell the student's batches; give both the same DataSpec"
            )
        if self.path.over != "none":
            self._check_path()
        if derived and teacher is not None:
            raise InputError("what is derived from a chain is trained without a teacher; set one of the two")

    def _check_path(self) -> None:
        over, values = self.path.over, self.path.values
        if self.pruning != PruningSpec(criterion="none") or self.derivation.kind != "none" or self.distillation.teacher:
            raise InputError(
                f"a path over {PATHS[over]} neither prunes nor derives nor distils; leave these settings at their "
                "defaults, with PruningSpec(criterion='none')"
            )
        penalty = self.training.penalty
        if over == "penalty_strength" and (penalty.name == "none" or penalty.strength):
            raise InputError(
                f"a path over the penalty's strength needs a penalty and sets its strength, got {penalty}; name one, "
                "and leave its strength at 0"
            )
        if over == "epochs" and (values[-1] != self.training.epochs or any(value % 1 for value in values)):
            raise InputError(
                f"a path over epochs looks after whole epochs and ends with the training's {self.training.epochs}, got "
                f"{values}"
            )

    @property
    def axis(self) -> str:
        """What the levels of this run lie along: "density", or what its path leads over."""
        return PATHS.get(self.path.over, "density")

    def position(self, level: int) -> float:
        """Where a level lies along the axis: its scheduled density, or the value of that point of the path.

        Raises:
            InputError: the path has no such point.
        """
        if self.path.over == "none":
            return self.pruning.density(level)
        if level >= len(self.path.values):
            raise InputError(
                f"a path of {len(self.path.values)} points over {self.axis} has no point {level}; ask for fewer"
            )
        return self.path.values[level]

    def point(self, level: int) -> "RunSpec":
        """The training behind one point of a path, as a run of its own."""
        strength = self.position(level) if self.path.over == "penalty_strength" else self.training.penalty.strength
        return self.but(path=PathSpec(), training={"penalty": {"strength": strength}})

    @property
    def parent(self) -> "RunSpec | None":
        """The chain that this run is derived from, level by level; None for a chain."""
        return None if self.derivation.kind == "none" else self.but(derivation=DerivationSpec())

    def as_dict(self) -> dict[str, Any]:
        """All settings, defaults written out, with schema and pipeline number; but see `LATER`."""
        return {"schema": SCHEMA, "pipeline": PIPELINE, **asdict(self, dict_factory=_written_out)}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: the key of the results, beside the seed."""
        return hashlib.sha256(canonical_json(self.as_dict()).encode()).hexdigest()

    def but(self, **changes: Any) -> "RunSpec":
        """This spec with some settings changed; nested ones by a mapping.

        >>> RunSpec().but(noise={"kind": "pairflip", "rate": 0.2}).noise.rate
        0.2
        """
        return _changed(self, changes)

    def stack_key(self) -> str:
        """What replicas must share to be trained as one tensor: all but the numbers that may differ within a stack.

        Noise changes labels and pruning changes masks; weight decay, penalty strength and distillation weight are
        numbers a replica. Shapes, iterations, learning rate, the form of the penalty and the teacher are common.
        """
        common = self.but(
            noise={"kind": "none", "rate": 0.0},
            training={"optimizer": {"weight_decay": 0.0}, "penalty": {"strength": 0.0}},
            distillation={"alpha": 0.0},
        )
        if self.path.over == "none":
            common = common.but(pruning={"criterion": "magnitude", "fraction": 0.5})
        return canonical_json(common.as_dict())

    def __str__(self) -> str:
        # Commas separate the phrases: a report tells runs apart by those in which they differ.
        training, pruning, optimizer = self.training, self.pruning, self.training.optimizer
        phrases = [
            f"{self.model} on {self.data.name}",
            str(self.noise),
            "identity masks" if pruning.criterion == "none" else f"{pruning.criterion} pruning",
            pruning.retraining.replace("_", " "),
            f"{training.epochs} epochs at learning rate {optimizer.lr:g}",
        ]
        if optimizer.weight_decay:
            phrases.append(f"weight decay {optimizer.weight_decay:g}")
        if self.data.augmentation != "none":
            phrases.append(self.data.augmentation.replace("_", " "))
        if training.precision != "float32":
            phrases.append(training.precision)
        if self.distillation.teacher is not None:
            phrases.append(str(self.distillation))
        if self.derivation.kind != "none":
            draw = f" (draw {self.derivation.draw})" if self.derivation.draw > 1 else ""
            phrases.append(self.derivation.kind.replace("_", " ") + draw)
        if self.path.over != "none":
            # What a path does not do is not said.
            phrases = [phrases[0], *phrases[4:]] if self.noise.kind == "none" else [*phrases[:2], *phrases[4:]]
        if training.penalty.name != "none":
            phrases.append(str(training.penalty))
        return ", ".join(phrases)


def _written_out(settings: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in settings if name not in LATER or value != LATER[name]}


def _changed(spec: Any, changes: Mapping[str, Any]) -> Any:
    known = {each.name for each in fields(spec)}
    if unknown := set(changes) - known:
        raise InputError(f"{type(spec).__name__} has no setting {', '.join(sorted(unknown))}; it has {sorted(known)}")
    return replace(
        spec,
        **{
            name: _changed(getattr(spec, name), value) if isinstance(value, Mapping) else value
            for name, value in changes.items()
        },
    )
