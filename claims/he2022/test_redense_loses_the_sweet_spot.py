"""A network of the sweet phase that gets its pruned weights back loses test accuracy.

Longer training costs accuracy, too: on twelve pilots the network loses 3.6 points with its weights back, and 2.6 with
its mask kept for as many epochs, since 60 epochs do not settle a network this small. So both are asked for: a loss,
and one beyond that of the same epochs with the mask. The remaining 1.0 point has a standard deviation of 1.8 on pilots,
so that 24 seeds may see it or not: block 4000 supported the claim, block 5000 left it open (1.0 point,
p .004), block 7000 supports it (1.3 points, p .00044). It went into block 7000 registered as inconclusive.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater, Phases, Rule, Term

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/redense_loses_the_sweet_spot")


def rule(at: Phases) -> Rule:
    def falls_to(curve: str, other: str) -> Contrast:
        return Contrast((Term(1, curve, at.sweet_top), Term(-1, other, at.sweet_top)))

    return AllOf(
        {
            # Margin: one point, that of a dip. Longer training costs accuracy too, so what counts is what comes on top.
            "it loses test accuracy": Greater(falls_to("accuracy", "re-dense"), margin=0.01),
            "and more than by the same epochs with its mask": Greater(falls_to("mask kept", "re-dense")),
        }
    )


def trial(setting: Setting) -> Trial:
    levels = setting.to_sweet
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={
            "accuracy": setting.curve(setting.noisy(), levels=levels),
            "re-dense": setting.curve(setting.derived("redense"), levels=levels),
            "mask kept": setting.curve(setting.derived("same_mask"), levels=levels),
        },
        rule=setting.rule(rule),
        control=Control(
            "the same extra epochs with the mask kept, twice independently",
            {"re-dense": setting.curve(setting.derived("same_mask", draw=2), levels=levels)},
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.in_fast(
                "at the edge of what 24 seeds tell: of 3.6 points lost on pilots, 2.6 are lost with the mask kept, "
                "too; block 4000 supported the claim, block 5000 left it open (p .004), and it went into block 7000 "
                "registered as inconclusive"
            ),
            "looked at the level where test accuracy is highest after its dip, as in the paper",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR100, RESNET_CIFAR10, LENET)
def test_full(verdict):
    verdict.check()
