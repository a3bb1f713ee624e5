"""Retraining: from which weights, and from where in the schedule, a pruned network is trained again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from sdd_claims.errors import InputError
from sdd_claims.spec import PruningSpec


@dataclass(frozen=True)
class Start:
    """Where training of a level begins: weights (the mask is applied later) and iteration of the schedule."""

    weights: Mapping[str, Tensor]
    iteration: int


@dataclass(frozen=True)
class Past:
    """What a retraining method can start from.

    Attributes:
        rewind_point: the dense network's weights at `rewind_iteration` of its training.
        trained: the weights at the end of the level before.
    """

    rewind_point: Mapping[str, Tensor]
    trained: Mapping[str, Tensor]


Retraining = Callable[[PruningSpec, Past], Start]


def lottery_ticket_rewinding(spec: PruningSpec, past: Past) -> Start:
    """Weights and learning rate as at iteration t of the dense network (Frankle & Carbin 2019; He et al. 2022, A.2)."""
    return Start(past.rewind_point, spec.rewind_iteration)


RETRAINING: dict[str, Retraining] = {"lottery_ticket_rewinding": lottery_ticket_rewinding}


def start_of_level(spec: PruningSpec, past: Past) -> Start:
    """Where the spec's retraining method begins.

    Raises:
        InputError: no retraining method of that name.
    """
    check_retraining(spec.retraining)
    return RETRAINING[spec.retraining](spec, past)


def check_retraining(name: str) -> None:
    """Raise before anything is trained if there is no retraining method of that name.

    Raises:
        InputError: there is none.
    """
    if name not in RETRAINING:
        raise InputError(f"there is no retraining method {name!r}; use one of: {', '.join(RETRAINING)}")
