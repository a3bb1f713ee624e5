"""The way from one level of a chain to the next, and trainings that are derived from a level."""

from dataclasses import dataclass
from typing import Literal

from sdd_claims.spec.base import Spec
from sdd_claims.spec.own import OWN, OwnCallable

Criterion = Literal["magnitude", "gradient", "random", "none", "own"]
RetrainingMethod = Literal["lottery_ticket_rewinding", "finetuning", "learning_rate_rewinding", "scratch"]
DerivationKind = Literal["none", "redense", "same_mask", "reinitialized", "independent"]


@dataclass(frozen=True, kw_only=True)
class PruningSpec(Spec):
    """The way from a level to the next: which weights go, and what training starts from.

    Attributes:
        criterion: which weights go, see `sdd_claims.pruning.criteria`; "none" keeps all (identity masks).
        fraction: share of the prunable weights left that each level takes.
        retraining: the weights that training starts from, see `sdd_claims.pruning.retraining`.
        rewind_iteration: iteration of the dense training to which weights and schedule go back.
        own: the criterion, where it is the user's own ("own"), see `sdd_claims.pruning.own`.
    """

    criterion: Criterion = "magnitude"
    fraction: float = 0.2
    retraining: RetrainingMethod = "lottery_ticket_rewinding"
    rewind_iteration: int = 0
    own: OwnCallable | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("fraction", 0 < self.fraction < 1, "between 0 and 1, both excluded")
        self._require("own", (self.own is not None) == (self.criterion == OWN), f"given for {OWN!r} only")
        self._require("rewind_iteration", self.rewind_iteration >= 0, "at least 0")

    @property
    def criterion_in_words(self) -> str:
        """The name of the criterion; of the user's own, that of its callable."""
        return str(self.own or self.criterion)

    def density(self, level: int) -> float:
        """Fraction of prunable weights that the schedule leaves at a level; 1 at level 0."""
        return float((1 - self.fraction) ** level)


@dataclass(frozen=True, kw_only=True)
class DerivationSpec(Spec):
    """A training that starts from each level of a chain and leads nowhere: the chain goes on without it.

    Attributes:
        kind: "none" for the chain itself, else see `sdd_claims.pruning.derivations`.
        draw: number of the repetition: of the batch order and, where the kind draws one, of the initialization.
        from_level: level of the chain that the first training starts from, where those before are not asked for. It
            decides which trainings there are, and none of their numbers.
    """

    kind: DerivationKind = "none"
    draw: int = 1
    from_level: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("draw", self.draw >= 1, "at least 1")
        self._require("draw", self.kind != "none" or self.draw == 1, "1 for the chain itself, which draws no other")
        self._require("from_level", self.from_level >= 0, "at least 0")
        self._require("from_level", self.kind != "none" or self.from_level == 0, "0 for the chain itself")
