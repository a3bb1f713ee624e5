"""Magnitude, gradient and random pruning each show sparse double descent."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, VGG_CIFAR10, VGG_CIFAR100, Setting

CLAIM = registered("he2022/sdd_under_every_pruning_criterion")


def trial(setting: Setting) -> Trial:
    noisy, clean = setting.by_criterion(setting.noisy()), setting.by_criterion(setting.clean)
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=setting.accuracies(noisy),
        rule=setting.dip_under_each(noisy),
        control=Control("no label noise", setting.accuracies(clean)),
        block=setting.block,
        deviations=(*setting.deviations, *setting.of_rate),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR100, RESNET_CIFAR10, LENET, VGG_CIFAR10, VGG_CIFAR100)
def test_full(verdict):
    verdict.check()
