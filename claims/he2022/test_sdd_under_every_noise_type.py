"""Symmetric, asymmetric and pairflip label noise each show sparse double descent.

The paper shows it for ResNet-18 on CIFAR, so the fast trial is a proxy, registered as inconclusive: on twelve
pilots the second rise is 1.4 points under pairflip noise (standard deviation 1.2), which would take about 200 seeds to
tell from the margin of 1 point with a power of 80 %, and -0.5 points under asymmetric noise, which no number would. A
longer training with a decay does not help: after 160 epochs from learning rate 0.1 along a cosine the rise is 5.3
points under symmetric and 2.0 under pairflip noise (0.9), but under asymmetric noise the mean curve has no dip.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial

from .settings import FAST, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/sdd_under_every_noise_type")


def trial(setting: Setting) -> Trial:
    noisy = setting.by_noise()
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=setting.accuracies(noisy),
        rule=setting.dip_under_each(noisy),
        control=Control("no label noise", setting.accuracies(dict.fromkeys(noisy, setting.clean))),
        looks=setting.looks_where_open,
        proxy=setting is FAST,
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.in_full("pruned by magnitude; the paper shows pruning by gradient and at random, too"),
            *setting.in_fast(
                "the paper shows ResNet-18 on CIFAR: on MNIST digits this is a proxy",
                "registered as inconclusive: on pilots the second rise is 1.4 points under pairflip noise (about 200 "
                "seeds would tell it from the margin with a power of 80 %), -0.5 points under asymmetric noise",
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR10, RESNET_CIFAR100)
def test_full(verdict):
    verdict.check()
