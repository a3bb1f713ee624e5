"""From the critical to the sweet phase, the learning distance falls as test accuracy rises.

Any measure that falls with density correlates with test accuracy there: log density itself does at -.92 on twelve
pilots, the distance at -.93, that of a noise-free chain at +.88. So the distance is asked for more: that it goes
against test accuracy once straight trends in log density are taken out of the six levels of each seed (the part "at
equal density, too"; curves that bend alike still correlate then). On pilots that partial correlation is -.74
(Fisher's z -1.18, standard deviation .66). The distance of a noise-free chain bends the same way a little (z -.36,
standard deviation .74), so the own one is asked to be further below zero than that.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Correlated, PartiallyCorrelated, Phases, Rule

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/learning_distance_follows_test_accuracy")


def rule(at: Phases) -> Rule:
    return AllOf(
        {
            "more so than without noise": Correlated("distance", "clean distance", "accuracy", at.rise, direction=-1),
            "at equal density, too": PartiallyCorrelated(
                "distance", "clean distance", "accuracy", at.rise, direction=-1
            ),
        }
    )


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
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        deviations=(
            *setting.deviations,
            setting.of_distance,
            *setting.of_rate,
            *setting.in_full(
                "retrained by lottery ticket rewinding; the other ways of Figures 45, 47 and 49 are not judged"
            ),
            "any two trends in sparsity correlate, so the correlation is judged against that with the distance of the "
            "noise-free chain of the same seed, and once more with straight trends in log density out of all three",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10, RESNET_CIFAR100.at(0.2))
def test_full(verdict):
    verdict.check()
