"""With clean labels the sparsity curve of test accuracy has no dip."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import DipFree, Phases, Rule

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/no_sdd_without_label_noise")


def rule(at: Phases) -> Rule:
    return DipFree("accuracy", light=at.light, critical=at.critical, sweet=at.sweet)


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"accuracy": setting.curve(setting.clean)},
        rule=setting.rule(rule),
        control=Control("20 % label noise", {"accuracy": setting.curve(setting.noisy())}),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        deviations=(*setting.deviations, *setting.shown_on("ResNet-18 on CIFAR"), setting.of_last_level),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR10, RESNET_CIFAR100.at(0.2), LENET)
def test_full(verdict):
    verdict.check()
