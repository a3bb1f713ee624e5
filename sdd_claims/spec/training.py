"""The training of one level: optimizer, learning rate, penalty, loss and precision."""

from dataclasses import dataclass, field
from typing import Literal

from sdd_claims.spec.base import Spec
from sdd_claims.spec.own import OWN, OwnCallable

PenaltyName = Literal["none", "off", "l1", "l2", "matrix_norm", "rbv2", "own"]
Precision = Literal["float32", "tf32", "bfloat16"]
Arithmetic = Literal["native", "portable"]


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(Spec):
    """The optimizer.

    Attributes:
        name: "sgd", "adam", or "adamw" (Adam with decoupled weight decay).
        lr: learning rate at the start of the schedule.
        momentum: SGD's momentum; Adam's are PyTorch's defaults (0.9, 0.999).
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
class ScheduleSpec(Spec):
    """The learning rate over the epochs of one level.

    Attributes:
        name: "constant"; "step": times `factor` at every milestone; "cosine": from lr to 0, epoch by epoch.
        milestones: epochs before which a step is taken, rising.
        factor: factor of one step.
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
class PenaltySpec(Spec):
    """A term strength x penalty(parameters) of the loss.

    Attributes:
        name: "none", "l1", "l2", "matrix_norm" (the published code of Zhang 2024) or "rbv2" (Parhi et al. 2021, eq. 2),
            see `sdd_claims.training.penalties`; "off" penalises nothing whatever its strength, the control of a path.
        strength: its factor.
        step: "gradient" adds it to the loss, with a subgradient where it has a kink; "proximal", for "l1" under SGD
            without momentum, shrinks the parameters after each step, to exact zeros.
        own: the penalty, where it is the user's own ("own"), see `sdd_claims.training.own`.
    """

    name: PenaltyName = "none"
    strength: float = 0.0
    step: Literal["gradient", "proximal"] = "gradient"
    own: OwnCallable | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("strength", self.strength >= 0, "at least 0")
        self._require("strength", self.name != "none" or self.strength == 0, "0 for penalty 'none'")
        self._require("step", self.name == "l1" or self.step == "gradient", "'gradient' for all penalties but 'l1'")
        self._require("own", (self.own is not None) == (self.name == OWN), f"given for {OWN!r} only")

    def __str__(self) -> str:
        if self.name == "off":
            return "penalty off"
        strength = f" of strength {self.strength:g}" if self.strength else ""
        if self.own is not None:
            return f"penalty {self.own}{strength}"
        kind = {"rbv2": "eq. 2", "l2": "squared l2"}.get(self.name, self.name.replace("_", " "))
        return f"{kind} penalty{strength}" + (", proximal steps" if self.step == "proximal" else "")


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(Spec):
    """The training of one level: `epochs` passes over the training images in random batches, the last one smaller.

    Attributes:
        loss: "cross_entropy" in nats, or "mean_squared_error" for targets that are numbers.
        precision: precision of the products in training: "float32"; "tf32", TensorFloat-32 where the chip has it and
            float32 elsewhere; "bfloat16". Weights, their updates and all measures stay in float32.
        arithmetic: "native", PyTorch's, whose sums every processor rounds in its own way; or "portable", whose bits are
            the same on all: float32 by compiled code of this suite's own, for plain MLPs, and for ReLU networks on a
            path over epochs, on a CPU. Refits of a last layer are scikit-learn's in both.
    """

    epochs: int = 200
    batch_size: int = 128
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    penalty: PenaltySpec = field(default_factory=PenaltySpec)
    loss: Literal["cross_entropy", "mean_squared_error"] = "cross_entropy"
    precision: Precision = "float32"
    arithmetic: Arithmetic = "native"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("epochs", self.epochs >= 1, "at least 1")
        self._require("batch_size", self.batch_size >= 1, "at least 1")
        plain = self.optimizer.name == "sgd" and self.optimizer.momentum == 0
        exact = self.arithmetic == "native" or self.precision == "float32"
        self._require("precision", exact, "'float32' in portable arithmetic")
        self._require("penalty", plain or self.penalty.step == "gradient", "taken by 'gradient' but for plain SGD")
