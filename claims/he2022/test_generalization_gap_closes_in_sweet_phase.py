"""The generalization gap is still as wide at the start of the critical phase, and falls steeply by the sweet phase."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater, Phases, Rule, Term, Window

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/generalization_gap_closes_in_sweet_phase")


def gap(weight: float, at: Window) -> tuple[Term, Term]:
    # test error - train error = train accuracy - test accuracy
    return (Term(weight, "train accuracy", at), Term(-weight, "accuracy", at))


def rule(at: Phases) -> Rule:
    return AllOf(
        {
            "the gap is still as wide at the start of the critical phase": Greater(
                Contrast((*gap(1, at.critical_start), *gap(-1, at.light))), margin=-0.01
            ),
            "it falls by more than half until the sweet phase": Greater(
                Contrast((*gap(0.5, at.critical_start), *gap(-1, at.sweet)))
            ),
        }
    )


def trial(setting: Setting) -> Trial:
    noisy, clean = setting.noisy(), setting.clean
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"accuracy": setting.curve(noisy), "train accuracy": setting.curve(noisy, "train_accuracy")},
        rule=setting.rule(rule),
        control=Control(
            "no label noise",
            {"accuracy": setting.curve(clean), "train accuracy": setting.curve(clean, "train_accuracy")},
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.in_full(
                "the control is untried on convolutional networks: a clean gap may halve at high sparsity too, on "
                "CIFAR above all; look at it with --pilots before a block judges"
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10, RESNET_CIFAR100.at(0.2))
def test_full(verdict):
    verdict.check()
