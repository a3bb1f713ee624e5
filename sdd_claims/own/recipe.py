"""How a network of one's own is trained, pruned and judged."""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from sdd_claims.errors import InputError
from sdd_claims.pruning import own as own_criterion
from sdd_claims.registration.claim import BLOCK
from sdd_claims.registration.own import check_counts
from sdd_claims.spec import (
    OWN,
    DataSpec,
    ModelSpec,
    OptimizerSpec,
    OwnData,
    OwnNetwork,
    PruningSpec,
    RunSpec,
    ScheduleSpec,
    TrainingSpec,
)
from sdd_claims.training import own as own_penalty

FEWEST_LEVELS = 4

_WANTED: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "epochs": (lambda n: n >= 1, "the epochs of a level, 1 or more, such as 30"),
    "fraction": (
        lambda share: 0.15 <= share < 1,  # below, windows of neighbouring levels overlap
        "the share of weights that goes at a level, from 0.15 on and below 1, such as 0.5",
    ),
    "lr": (lambda rate: 0 < rate < math.inf, "a learning rate above 0, such as 0.1"),
    "momentum": (lambda number: 0 <= number < 1, "a number from 0 on and below 1, such as 0.9"),
    "batch_size": (lambda n: n >= 1, "the images of a step, 1 or more, such as 128"),
    "weight_decay": (lambda strength: 0 < strength < math.inf, "a strength above 0, such as 0.01"),
}
"""What numbers of a recipe must be."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a user's network is trained, pruned and judged.

    Attributes:
        noise: share of the training labels that are made wrong.
        epochs: of every level.
        levels: of a curve, the dense one included.
        fraction: share of the weights left that goes at each level.
        lr: learning rate of SGD at the start of every level, from where it falls to 0 along a cosine.
        momentum: its momentum.
        batch_size: images a step.
        seeds: number of seeds that judge.
        pilots: number of seeds that set windows before.
        block: first seed that judges; another one after a change of what has judged.
        weight_decay: the strength that is asked to take the dip away.
        prunable: names of the parameters or layers that are pruned; none for all linear and convolutional layers but
            the last.
        criterion: which weights go: "magnitude", "gradient" or "random", "my.py:score", a callable, or the name by
            which an installed package offers one.
        penalty: added to the loss: "l1", "l2", "matrix_norm", "my.py:penalty", a callable, the name by which an
            installed package offers one, or None for none.
        penalty_strength: its factor.
    """

    noise: float = 0.2
    epochs: int = 30
    levels: int = 10
    fraction: float = 0.5
    lr: float = 0.1
    momentum: float = 0.9
    batch_size: int = 128
    seeds: int = 12
    pilots: int = 12
    block: int = BLOCK
    weight_decay: float = 0.01
    prunable: tuple[str, ...] = ()
    criterion: str | Callable[..., Any] = "magnitude"
    penalty: str | Callable[..., Any] | None = None
    penalty_strength: float = 0.0

    def __post_init__(self) -> None:
        """Check what no spec checks.

        Raises:
            InputError: numbers that no verdict can come of.
        """
        for name in ("levels", "seeds", "pilots", "block"):
            try:
                object.__setattr__(self, name, operator.index(getattr(self, name)))
            except TypeError as error:
                raise InputError(f"--{name} {getattr(self, name)!r}: give a whole number") from error
        for name in ("noise", "weight_decay", "penalty_strength"):
            if not isinstance(value := getattr(self, name), Real):
                raise InputError(f"--{name.replace('_', '-')} {value!r}: give a number")
            object.__setattr__(self, name, float(value))
        prunable: Any = self.prunable
        if isinstance(prunable, str):
            raise InputError(f"prunable {prunable!r} is one text; give the names in a tuple")
        if not isinstance(prunable, Iterable):
            raise InputError(f"prunable {prunable!r}: give the names in a tuple")
        check_counts(self.seeds, self.pilots, self.block)
        if not FEWEST_LEVELS <= self.levels <= 40:
            raise InputError(f"--levels {self.levels}: give {FEWEST_LEVELS} to 40; a dip and a rise need four")
        for name, (holds, wanted) in _WANTED.items():
            value = getattr(self, name)
            if isinstance(value, int | float) and not holds(value):  # of what is no number a spec speaks
                raise InputError(f"--{name.replace('_', '-')} {value:g}: give {wanted}")
        own_criterion.chosen(self.criterion)
        own_penalty.chosen(self.penalty, self.penalty_strength)

    def clean(self, data: OwnData, network: OwnNetwork, arithmetic: Any) -> RunSpec:
        """The setting without label noise.

        Raises:
            InputError: a number that a spec refuses.
        """
        optimizer = OptimizerSpec(lr=self.lr, momentum=self.momentum)
        return RunSpec(
            data=DataSpec(name=OWN, own=data),
            model=ModelSpec(name="own", hidden=(), initialization="pytorch", own=network),
            training=TrainingSpec(
                epochs=self.epochs,
                batch_size=self.batch_size,
                optimizer=optimizer,
                schedule=ScheduleSpec(name="cosine"),
                penalty=own_penalty.chosen(self.penalty, self.penalty_strength),
                arithmetic=arithmetic,
            ),
            pruning=PruningSpec(fraction=self.fraction, **own_criterion.chosen(self.criterion)),
        )


def recipe(changes: Mapping[str, Any]) -> Recipe:
    """A recipe with some numbers changed.

    Raises:
        InputError: there is no such number, or it may not have that value.
    """
    known = {each.name for each in fields(Recipe)}
    if unknown := sorted(set(changes) - known):
        raise InputError(f"there is no setting {unknown[0]!r}; use {', '.join(sorted(known))}")
    return Recipe(**changes)
