import pytest
import torch

from sdd_claims.pruning import RETRAINING, Past
from sdd_claims.spec import RunSpec

EARLY, LATE, NEW = {"w": torch.zeros(1)}, {"w": torch.ones(1)}, {"w": torch.full((1,), 2.0)}
STEPS = RunSpec().but(
    training={
        "epochs": 160,
        "optimizer": {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4},
        "schedule": {"name": "step", "milestones": (80, 120)},
    }
)


def start(retraining: str, iteration: int = 0):
    spec = STEPS.but(pruning={"retraining": retraining, "rewind_iteration": iteration})
    return RETRAINING[retraining](spec, Past(rewind_point=EARLY, trained=LATE, fresh=lambda: NEW))


def test_lottery_ticket_rewinding_goes_back_in_weights_and_in_schedule():
    begun = start("lottery_ticket_rewinding", 7)
    assert (begun.weights, begun.iteration, begun.training) == (EARLY, 7, STEPS.training)


def test_learning_rate_rewinding_goes_back_in_schedule_only():
    begun = start("learning_rate_rewinding", 7)
    assert (begun.weights, begun.iteration, begun.training) == (LATE, 7, STEPS.training)


def test_scratch_begins_anew_in_both():
    begun = start("scratch")
    assert (begun.weights, begun.iteration, begun.training) == (NEW, 0, STEPS.training)


def test_finetuning_goes_on_at_the_last_rate_for_as_many_epochs():
    begun = start("finetuning")
    assert (begun.weights, begun.iteration) == (LATE, 0)
    assert begun.training.schedule.name == "constant"
    assert begun.training.optimizer.lr == pytest.approx(0.001)  # the paper's table B for ResNet and VGG
    assert begun.training.epochs == 160
    assert begun.training.optimizer.weight_decay == 1e-4
