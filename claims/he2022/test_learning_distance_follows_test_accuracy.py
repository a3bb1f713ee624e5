"""From the critical to the sweet phase, the learning distance falls as test accuracy rises.

The null is a weak one. On twelve pilots the noise-free distance correlates with test accuracy at +.88, and the own at
-.93; but any measure that falls with density beats that null, as log density does by itself (-.92). So a verdict here
says that the distance declines where accuracy rises, not that it tells more of accuracy than density does.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Correlated, Phases, Rule

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/learning_distance_follows_test_accuracy")


def rule(at: Phases) -> Rule:
    return Correlated(x="distance", null="clean distance", y="accuracy", between=at.rise, direction=-1)


def trial(setting: Setting) -> Trial:
    noisy, clean, levels = setting.noisy(), setting.clean, setting.to_sweet
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={
            "distance": setting.curve(noisy, "learning_distance", levels=levels),
            "clean distance": setting.curve(clean, "learning_distance", levels=levels),
            "accuracy": setting.curve(noisy, levels=levels),
        },
        rule=setting.rule(rule),
        control=Control(
            "the distance of a second noise-free chain in place of the own",
            {"distance": setting.curve(clean, "learning_distance", levels=levels, offset=100)},
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.in_full(
                "retrained by lottery ticket rewinding; the other ways of Figures 45, 47 and 49 are not judged"
            ),
            "the null is weak: any measure that falls with density beats the noise-free distance, as density itself "
            "does on pilots; support says that the distance declines where accuracy rises, not that it tells more than "
            "density",
            "any two trends in sparsity correlate, so the correlation is judged against that with the distance of the "
            "noise-free chain of the same seed",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10, RESNET_CIFAR100.at(0.2))
def test_full(verdict):
    verdict.check()
