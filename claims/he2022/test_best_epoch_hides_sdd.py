"""The best test accuracy over all epochs does not show sparse double descent.

The paper shows it on CIFAR-100, so the rise is a proxy on MNIST. The fast trial is registered as inconclusive: on
twelve pilots the best accuracy falls by 6 points (standard deviation 2.3) from the dense network to the start of the
sweet phase.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, DipFree, Greater, Phases, Rule, Term, Window

from .settings import FAST, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/best_epoch_hides_sdd")


def rule(at: Phases) -> Rule:
    rise = Contrast((Term(1, "accuracy", at.sweet_start), Term(-1, "accuracy", Window(1.0, 1.0))))
    return AllOf(
        {
            "it has no dip": DipFree("accuracy", light=at.light, critical=at.critical, sweet=at.sweet),
            "it rises until the early sweet phase": Greater(rise),
        }
    )


def trial(setting: Setting) -> Trial:
    noisy = setting.noisy()
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"accuracy": setting.curve(noisy, "best_epoch_test_accuracy")},
        rule=setting.rule(rule),
        control=Control(
            "test accuracy of the last epoch", {"accuracy": setting.curve(noisy, "last_epoch_test_accuracy")}
        ),
        looks=setting.looks_where_open,
        proxy=setting is FAST,
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            "test accuracy during training is that on 1,000 test images",
            "pruned by magnitude; the paper shows pruning by gradient and at random, too",
            *setting.in_fast(
                "the paper shows ResNet-18 on CIFAR-100: on MNIST digits the rise is a proxy, and it is registered as "
                "inconclusive, since on pilots the best accuracy only falls, by 6 points to the sweet phase",
                "the first part stays open by itself, too: on 24 pilots the deepest dip is 0.3 points, and that no "
                "level lies a point below its sides has p = 0.017",
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR100)
def test_full(verdict):
    verdict.check()
