"""In the sweet phase a pruned network has a higher test accuracy than the dense one.

The fast trial is registered as refuted: on twelve pilots the sweet phase lies 1.9 points (standard deviation 1.3) below
the dense network at 20 % noise. At 40 % it lies 8 points above.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Contrast, Greater, Phases, Rule, Term, Window

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/high_sparsity_beats_dense")


def rule(at: Phases) -> Rule:
    # "Significantly", says the paper: by more than a point, the margin of a dip.
    gained = Contrast((Term(1, "accuracy", at.sweet), Term(-1, "accuracy", Window(1.0, 1.0))))
    return Greater(gained, margin=0.01)


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"accuracy": setting.curve(setting.noisy())},
        rule=setting.rule(rule),
        control=Control("no label noise", {"accuracy": setting.curve(setting.clean)}),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.in_fast(
                "registered as refuted: on pilots the sweet phase lies 1.9 points below the dense network"
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10, RESNET_CIFAR100)
def test_full(verdict):
    verdict.check()
