"""Magnitude, gradient and random pruning each show sparse double descent."""

import pytest

from sdd_claims.claim import Claim, Control, Trial

from ..settings import full_on
from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, TITLE, VGG_CIFAR10, VGG_CIFAR100, Setting

CLAIM = Claim(
    name="sdd_under_every_pruning_criterion",
    paper="he2022",
    title=TITLE,
    statement="Whether weights are pruned by magnitude, by gradient or at random, test accuracy falls and rises again "
    "as the network is pruned sparser.",
    source="Figures 2, 13, 14, 16 to 18, 20, 23 to 25 and 27",
)


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
