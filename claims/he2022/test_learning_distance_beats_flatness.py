"""The learning distance tells generalization better than flatness does.

Its fast trial is registered as refuted. On twelve pilots the mean correlation with test accuracy is about -.7 for the
distance and -.85 for sharpness: a difference of .39 in Fisher's z (standard deviation .24) in favour of flatness. On
six of them it was in favour of flatness, too, with parabolas fitted within half a filter norm (-.84) and along
directions that move pruned weights as well (-.89). From the critical to the sweet phase alone the two are alike (-.95
and -.93).
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Correlated, Phases, Rule

from .settings import FAST, LENET, RESNET_CIFAR10, Setting

CLAIM = registered("he2022/learning_distance_beats_flatness")


def rule(at: Phases) -> Rule:
    return Correlated(x="distance", null="sharpness", y="accuracy", between=at.to_sweet, direction=-1)


def trial(setting: Setting) -> Trial:
    noisy = setting.noisy()
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={
            "distance": setting.curve(noisy, "learning_distance"),
            "sharpness": setting.curve(noisy, "sharpness"),
            "accuracy": setting.curve(noisy),
        },
        rule=setting.rule(rule),
        control=Control(
            "the distances of two independent chains in place of the own and of sharpness",
            {
                "distance": setting.curve(setting.repeated(100), "learning_distance", offset=100),
                "sharpness": setting.curve(setting.repeated(200), "learning_distance", offset=200),
            },
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            "flatness: the curvature of a parabola fitted to the training loss within a tenth of a filter norm of the "
            "solution, along filter-normalised random directions, the mean of three; pruned weights stay zero",
            *setting.in_fast(
                "registered as refuted: on pilots the mean correlation is about -0.7 for the distance and -0.85 for "
                "sharpness, -0.84 with steps of half a filter norm, -0.89 with pruned weights moved as well"
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10)
def test_full(verdict):
    verdict.check()
