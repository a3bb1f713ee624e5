"""Frozen settings that say everything about a run, and the digest under which its results are stored.

Device, worker count and paths are not here: they must not change a result. Nor are the numbers of seeds and levels:
they are asked for, and asking for more extends what is stored.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_origin

from sdd_claims.errors import InputError

SCHEMA = 2
"""Layout of a spec. Raise it when fields are added, renamed or removed."""

PIPELINE = 1
"""Meaning of a spec. Raise it by hand when the same spec would train to other numbers."""


def canonical_json(content: object) -> str:
    """One text for one content: sorted keys, no spaces, no NaN or infinity."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


_IN_WORDS: Mapping[Any, str] = {
    str: "a name",
    bool: "True or False",
    int: "a whole number",
    int | None: "a whole number or None",
}


class _Spec:
    """Shared by all specs: one type a field, so that what is equal shares a digest (1 and 1.0, a list and a tuple)."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            name, value = each.name, getattr(self, each.name)
            if each.type is float:
                finite = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                self._require(name, finite, "a finite number")
                object.__setattr__(self, name, float(value) + 0.0)
            elif get_origin(each.type) is tuple:
                whole = isinstance(value, tuple | list) and all(type(item) is int for item in value)
                self._require(name, whole, "a tuple of whole numbers")
                object.__setattr__(self, name, tuple(value))
            else:
                expected = _IN_WORDS.get(each.type, f"a {getattr(each.type, '__name__', each.type)}")
                fits = isinstance(value, each.type) and isinstance(value, bool) == (each.type is bool)  # type: ignore[arg-type]
                self._require(name, fits, expected)

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise InputError(f"{type(self).__name__}.{name} must be {expected}, got {getattr(self, name)!r}")

    def _require_one_of(self, name: str, known: tuple[str, ...]) -> None:
        self._require(name, getattr(self, name) in known, "one of " + ", ".join(known))


@dataclass(frozen=True, kw_only=True)
class DataSpec(_Spec):
    """Which images a replica sees.

    Attributes:
        name: data set, see `sdd_claims.data`.
        side: images are averaged down to side x side pixels; None keeps them as they are.
        train_size: images that each seed draws from the training set without replacement; None takes all.
    """

    name: str = "mnist_small"
    side: int | None = None
    train_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("train_size", self.train_size is None or self.train_size >= 1, "at least 1, or None for all")


@dataclass(frozen=True, kw_only=True)
class NoiseSpec(_Spec):
    """Label noise on the training set; test labels are always clean.

    Attributes:
        kind: see `sdd_claims.data.label_noise`.
        rate: fraction of training labels it is applied to.
    """

    kind: str = "none"
    rate: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("rate", 0 <= self.rate <= 1, "between 0 and 1")
        if self.kind == "given":
            raise InputError(
                "NoiseSpec.kind 'given' needs human annotators' labels, which a spec cannot name yet; corrupt labels "
                "with them through sdd_claims.data.label_noise, or choose another kind"
            )
        self._require(
            "rate", (self.kind == "none") == (self.rate == 0), "0 for kind 'none' and above 0 for every other"
        )


@dataclass(frozen=True, kw_only=True)
class ModelSpec(_Spec):
    """The network. Weights Kaiming normal, biases zero (He et al. 2022, B).

    Attributes:
        name: architecture, "mlp" or "conv", see `sdd_claims.models`.
        hidden: widths of the hidden layers of an MLP; (300, 100) is LeNet-300-100. A conv net has none.
        channels: outputs of the convolutions of a conv net.
        batch_norm: whether batch norm follows each convolution.
    """

    name: str = "mlp"
    hidden: tuple[int, ...] = (300, 100)
    channels: tuple[int, ...] = ()
    batch_norm: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("hidden", all(width > 0 for width in self.hidden), "positive whole widths")
        conv = self.name == "conv"
        self._require("hidden", not (conv and self.hidden), "() for 'conv', whose only linear layer is its last")
        self._require("channels", all(width > 0 for width in self.channels), "positive whole widths")
        self._require("channels", bool(self.channels) == conv, "given for 'conv' and only for it")
        self._require("batch_norm", conv or not self.batch_norm, "False for all but 'conv'")

    def __str__(self) -> str:
        if self.name == "mlp":
            return "-".join(["MLP", *map(str, self.hidden)])
        if self.name == "conv":
            norm = "with batch norm" if self.batch_norm else "without batch norm"
            return f"conv net of {' and '.join(map(str, self.channels))} channels {norm}"
        return self.name


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(_Spec):
    """The optimizer.

    Attributes:
        name: "sgd", "adam", or "adamw" (Adam with decoupled weight decay).
        lr: learning rate at the start of the schedule.
        momentum: of SGD; Adam's are PyTorch's defaults (0.9, 0.999).
        weight_decay: as PyTorch applies it to all parameters: added to the gradient, or decoupled for "adamw".
    """

    name: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_one_of("name", ("sgd", "adam", "adamw"))
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

    name: str = "constant"
    milestones: tuple[int, ...] = ()
    factor: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_one_of("name", ("constant", "step", "cosine"))
        rising = list(self.milestones) == sorted(set(self.milestones)) and all(epoch > 0 for epoch in self.milestones)
        self._require("milestones", rising, "rising epochs above 0")
        self._require("milestones", bool(self.milestones) == (self.name == "step"), "given for 'step' and only for it")


@dataclass(frozen=True, kw_only=True)
class PenaltySpec(_Spec):
    """A term strength x penalty(parameters) of the loss.

    Attributes:
        name: "none", "l1" or "l2", see `sdd_claims.training.penalties`.
        strength: its factor.
    """

    name: str = "none"
    strength: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_one_of("name", ("none", "l1", "l2"))
        self._require("strength", self.strength >= 0, "at least 0")
        self._require("strength", self.name != "none" or self.strength == 0, "0 for penalty 'none'")


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(_Spec):
    """How one level is trained: `epochs` passes over the training images in random batches, the last one smaller."""

    epochs: int = 200
    batch_size: int = 128
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    penalty: PenaltySpec = field(default_factory=PenaltySpec)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("epochs", self.epochs >= 1, "at least 1")
        self._require("batch_size", self.batch_size >= 1, "at least 1")


@dataclass(frozen=True, kw_only=True)
class PruningSpec(_Spec):
    """How a level's mask and starting weights follow from the level before.

    Attributes:
        criterion: which weights go, see `sdd_claims.pruning.criteria`; "none" keeps all (identity masks).
        fraction: of the prunable weights left, taken at each level.
        retraining: what training starts from, see `sdd_claims.pruning.retraining`.
        rewind_iteration: of the dense training, to which weights and schedule go back.
    """

    criterion: str = "magnitude"
    fraction: float = 0.2
    retraining: str = "lottery_ticket_rewinding"
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
    weights: str = "newest"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("epoch_images", self.epoch_images >= 0, "at least 0")
        self._require("directions", self.directions >= 0, "at least 0")
        self._require_one_of("weights", ("newest", "every_level"))


@dataclass(frozen=True, kw_only=True)
class DerivationSpec(_Spec):
    """A training that starts from every level of a chain and leads nowhere: the chain goes on without it.

    Attributes:
        kind: "none" for the chain itself, else see `sdd_claims.pruning.derivations`.
        draw: number of the repetition: of the batch order and, where the kind draws one, of the initialization.
    """

    kind: str = "none"
    draw: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("draw", self.draw >= 1, "at least 1")
        self._require("draw", self.kind != "none" or self.draw == 1, "1 for the chain itself, which draws no other")


@dataclass(frozen=True, kw_only=True)
class RunSpec(_Spec):
    """Everything that decides the numbers of an iterative-pruning chain, but for the seed."""

    data: DataSpec = field(default_factory=DataSpec)
    noise: NoiseSpec = field(default_factory=NoiseSpec)
    model: ModelSpec = field(default_factory=ModelSpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)
    pruning: PruningSpec = field(default_factory=PruningSpec)
    record: RecordSpec = field(default_factory=RecordSpec)
    derivation: DerivationSpec = field(default_factory=DerivationSpec)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.derivation.kind != "none" and self.record.weights != "every_level":
            raise InputError(
                f"a {self.derivation.kind!r} training starts from the weights of every level, but this chain keeps "
                "those of its newest only; set RecordSpec.weights to 'every_level'"
            )

    @property
    def parent(self) -> "RunSpec | None":
        """The chain that this run is derived from, level by level; None for a chain."""
        return None if self.derivation.kind == "none" else self.but(derivation=DerivationSpec())

    def as_dict(self) -> dict[str, Any]:
        """All settings, defaults written out, with schema and pipeline number."""
        return {"schema": SCHEMA, "pipeline": PIPELINE, **asdict(self)}

    @property
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

        Noise changes labels and pruning changes masks; weight decay and penalty strength are numbers a replica. Shapes,
        iterations, learning rate and the form of the penalty are common.
        """
        return canonical_json(
            self.but(
                noise={"kind": "none", "rate": 0.0},
                pruning={"criterion": "magnitude", "fraction": 0.5},
                training={"optimizer": {"weight_decay": 0.0}, "penalty": {"strength": 0.0}},
            ).as_dict()
        )

    def __str__(self) -> str:
        # Commas separate the phrases: a report tells runs apart by those in which they differ.
        kind = self.noise.kind.replace("_", " ")
        training, pruning = self.training, self.pruning
        phrases = [
            f"{self.model} on {self.data.name}",
            "clean labels" if self.noise.kind == "none" else f"{self.noise.rate:.0%} noise ({kind})",
            "identity masks" if pruning.criterion == "none" else f"{pruning.criterion} pruning",
            pruning.retraining.replace("_", " "),
            f"{training.epochs} epochs at learning rate {training.optimizer.lr:g}",
        ]
        if self.derivation.kind != "none":
            draw = f" (draw {self.derivation.draw})" if self.derivation.draw > 1 else ""
            phrases.append(self.derivation.kind.replace("_", " ") + draw)
        return ", ".join(phrases)


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
