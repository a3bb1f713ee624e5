"""Retraining: from which weights, and by which schedule, a pruned network is trained again (He et al. 2022, A.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from sdd_claims.spec import RunSpec, ScheduleSpec, TrainingSpec
from sdd_claims.training import learning_rate


@dataclass(frozen=True)
class Start:
    """Where training of a level begins.

    Attributes:
        weights: weights before the mask is applied.
        training: the schedule that is followed.
        iteration: iteration of that schedule.
    """

    weights: Mapping[str, Tensor]
    training: TrainingSpec
    iteration: int = 0


@dataclass(frozen=True)
class Past:
    """The weights that a retraining method can start from.

    Attributes:
        rewind_point: the dense network's weights at `rewind_iteration` of its training.
        trained: the weights at the end of the level before.
        fresh: draws new initial weights, others at every level.
    """

    rewind_point: Mapping[str, Tensor]
    trained: Mapping[str, Tensor]
    fresh: Callable[[], Mapping[str, Tensor]]


Retraining = Callable[[RunSpec, Past], Start]


def lottery_ticket_rewinding(spec: RunSpec, past: Past) -> Start:
    """Weights and learning rate as at iteration t of the dense network (Frankle & Carbin 2019)."""
    return Start(past.rewind_point, spec.training, spec.pruning.rewind_iteration)


def finetuning(spec: RunSpec, past: Past) -> Start:
    """The trained weights, as many epochs as the dense network at the last rate of its schedule (Han et al. 2015)."""
    training, optimizer = spec.training, spec.training.optimizer
    last = learning_rate(training.schedule, optimizer.lr, training.epochs - 1, training.epochs)
    constant = replace(training, schedule=ScheduleSpec(), optimizer=replace(optimizer, lr=last))
    return Start(past.trained, constant)


def learning_rate_rewinding(spec: RunSpec, past: Past) -> Start:
    """The trained weights, and the schedule from iteration t on (Renda et al. 2020)."""
    return Start(past.trained, spec.training, spec.pruning.rewind_iteration)


def scratch(spec: RunSpec, past: Past) -> Start:
    """New random weights at every level, and the whole schedule."""
    return Start(past.fresh(), spec.training)


RETRAINING: dict[str, Retraining] = {
    "lottery_ticket_rewinding": lottery_ticket_rewinding,
    "finetuning": finetuning,
    "learning_rate_rewinding": learning_rate_rewinding,
    "scratch": scratch,
}
