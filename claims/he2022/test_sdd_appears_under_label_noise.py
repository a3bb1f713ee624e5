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

OWN = 300
"""Added to the seeds of the fast trial: many other claims read the chains of the others."""


def rule(at: Phases) -> Rule:
    return DipThenRise("accuracy", at.light, at.critical, at.sweet, at.last_fall(), train_curve="train accuracy")


def trial(setting: Setting) -> Trial:
    clean, offset = setting.clean, OWN if setting is FAST else 0
    noisy = setting.repeated(offset)
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={
            "accuracy": setting.curve(noisy, offset=offset),
            "train accuracy": setting.curve(noisy, "train_accuracy", offset=offset),
        },
        rule=setting.rule(rule),
        control=Control(
            "no label noise",
            {"accuracy": setting.curve(clean), "train accuracy": setting.curve(clean, "train_accuracy")},
        ),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.in_full("four_phases_in_order reads the same curves: where both are judged they are one evidence"),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10, RESNET_CIFAR100.at(0.2), VGG_CIFAR10, VGG_CIFAR100, RESNET_TINY)
def test_full(verdict):
    verdict.check()
