"""As sparsity grows under label noise, test accuracy falls, rises, and falls again."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import DipThenRise, Phases, Rule

from .settings import (
    FAST,
    LENET,
    RESNET_CIFAR10,
    RESNET_CIFAR100,
    RESNET_TINY,
    VGG_CIFAR10,
    VGG_CIFAR100,
    Setting,
)

CLAIM = registered("he2022/sdd_appears_under_label_noise")


def rule(at: Phases) -> Rule:
    return DipThenRise("accuracy", at.light, at.critical, at.sweet, at.last_fall(), train_curve="train accuracy")


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
        deviations=(*setting.deviations, *setting.of_rate),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10, RESNET_CIFAR100.at(0.2), VGG_CIFAR10, VGG_CIFAR100, RESNET_TINY)
def test_full(verdict):
    verdict.check()
