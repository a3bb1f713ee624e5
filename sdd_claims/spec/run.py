"""A whole run, which its digest names, and the teacher that it may learn from, which is a run itself."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from sdd_claims.errors import InputError
from sdd_claims.spec.base import Spec, changed
from sdd_claims.spec.data import DataSpec, NoiseSpec
from sdd_claims.spec.digest import as_dict, canonical_json, sha256
from sdd_claims.spec.model import ModelSpec
from sdd_claims.spec.path import PATHS, PathSpec
from sdd_claims.spec.pruning import DerivationSpec, PruningSpec
from sdd_claims.spec.record import RecordSpec
from sdd_claims.spec.training import TrainingSpec


@dataclass(frozen=True, kw_only=True)
class DistillationSpec(Spec):
    """A teacher from whom every level of a chain learns (Quétu & Milovanović 2023, eq. 1).

    The loss is (1 - alpha) x cross-entropy + alpha x temperature squared x KL(teacher || student), both softened by the
    temperature. The teacher is the same seed's network: it has seen the same images and, where its noise is the
    student's, the same labels.

    Attributes:
        alpha: weight of the teacher; 0 learns from the labels alone.
        temperature: divides both networks' logits.
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


@dataclass(frozen=True, kw_only=True)
class RunSpec(Spec):
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
                f"the teacher was trained on {teacher.data!r}, the student on {self.data!r}: they must share data set, "
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
        """The axis along which the levels of this run lie: "density", or the name of its path's."""
        return self.path.axis

    def position(self, level: int) -> float:
        """The position of a level along the axis: its scheduled density, or the value of that point of the path.

        Raises:
            InputError: the path has no such point.
        """
        at = self.chain_level(level)
        return self.pruning.density(at) if self.path.over == "none" else self.path.position(at)

    def chain_level(self, level: int) -> int:
        """The level of the chain that a level of this run belongs to: its own, or that which it is derived from."""
        return level + self.derivation.from_level

    def point(self, level: int) -> "RunSpec":
        """The training behind one point of a path, as a run of its own."""
        strength = self.position(level) if self.path.over == "penalty_strength" else self.training.penalty.strength
        return self.but(path=PathSpec(), training={"penalty": {"strength": strength}})

    @property
    def parent(self) -> "RunSpec | None":
        """The chain that this run is derived from, level by level; None for a chain."""
        return None if self.derivation.kind == "none" else self.but(derivation=DerivationSpec())

    def as_dict(self) -> dict[str, Any]:
        """All settings that enter the digest, see `sdd_claims.spec.digest`."""
        return as_dict(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: the key of the results, beside the seed."""
        return sha256(self.as_dict())

    def but(self, **changes: Any) -> "RunSpec":
        """This spec with some settings changed; nested ones by a mapping.

        >>> RunSpec().but(noise={"kind": "pairflip", "rate": 0.2}).noise.rate
        0.2
        """
        return changed(self, changes)

    def stack_key(self) -> str:
        """The settings that replicas must share to be trained as one tensor: not the numbers that may differ in it.

        Noise changes labels and pruning changes masks; weight decay, penalty strength and distillation weight are
        numbers a replica. Shapes, iterations, learning rate, the form of the penalty and the teacher are common.
        """
        common = self.but(
            noise={"kind": "none", "rate": 0.0},
            training={"optimizer": {"weight_decay": 0.0}, "penalty": {"strength": 0.0}},
            distillation={"alpha": 0.0},
        )
        if self.path.over == "none":
            common = common.but(pruning={"criterion": "magnitude", "own": None, "fraction": 0.5})
        return canonical_json(common.as_dict())

    def __str__(self) -> str:
        # Commas separate the phrases: a report tells runs apart by those in which they differ.
        training, pruning, optimizer = self.training, self.pruning, self.training.optimizer
        phrases = [
            f"{self.model} on {self.data}",
            str(self.noise),
            "identity masks" if pruning.criterion == "none" else f"{pruning.criterion_in_words} pruning",
            pruning.retraining.replace("_", " "),
            f"{training.epochs} epoch{'s' if training.epochs > 1 else ''} at learning rate {optimizer.lr:g}",
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
            first = f" from level {self.derivation.from_level} on" if self.derivation.from_level else ""
            phrases.append(self.derivation.kind.replace("_", " ") + draw + first)
        if self.path.over != "none":
            # What a path does not do is not said.
            phrases = [phrases[0], *phrases[4:]] if self.noise.kind == "none" else [*phrases[:2], *phrases[4:]]
        if training.penalty.name != "none":
            phrases.append(str(training.penalty))
        return ", ".join(phrases)
