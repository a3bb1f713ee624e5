"""A network of the sweet phase that gets its pruned weights back loses test accuracy.

Longer training costs accuracy, too, since 60 epochs do not settle a network this small. So a loss is asked for, and one
beyond that of the same epochs with the mask; and that the network overfits severely, as section 3.1 says: its train
accuracy rises. On twelve pilots the loss beyond the mask's is .59 points with a standard deviation of 1.5, so that 24
seeds may see it or not: blocks 4000 and 7000 supported the claim; 5000, 8000, 9000, 10000 and 11000 left it open; 17000
and 18000, with looks at up to 96 and 192 seeds, supported it. If the twelve pilots are right, 24 seeds decide with a
chance of .05, 96 with one of .54 and 192 with one of .96. On 48 pilots the loss is 1.3 points (1.7), on the 96 seeds of
block 18000 .9 (1.6).

It holds at the top of the sweet phase alone. One level denser, at density .0074, which is of the sweet phase too, the
re-dense network is 2.4 points better than the one that keeps its mask, and up to 9.4 points better in between there and
the critical phase (block 18000): there the longer training with the mask costs the more. No part reads these levels,
and since block 20000 only the top and the level before it are trained on.

Figures 38 and 39 show a tenth of the learning rate, too. No part asks for it: at a constant rate 60 epochs at a tenth
of it go about as far as six, so that whether accuracy has fallen by then would say how far training has come.
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
            "its train accuracy rises by ten points": Greater(falls_to("re-dense train", "train"), margin=0.1),
        }
    )


def trial(setting: Setting) -> Trial:
    levels = setting.to_sweet
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={
            "accuracy": setting.curve(setting.of_many_seeds(), levels=levels),
            "re-dense": setting.derived_from_sweet("redense"),
            "mask kept": setting.derived_from_sweet("same_mask"),
            "train": setting.curve(setting.of_many_seeds(), "train_accuracy", levels=levels),
            "re-dense train": setting.derived_from_sweet("redense", "train_accuracy"),
        },
        rule=setting.rule(rule),
        control=Control(
            "the same extra epochs with the mask kept, twice independently",
            {"re-dense": setting.derived_from_sweet("same_mask", draw=2)},
        ),
        block=setting.block_by_tier(fast=20000),
        looks=setting.looks_by_tier(fast=(24, 48, 96, 192)),
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            "re-trained at one learning rate; Figures 38 and 39 show a tenth of it, too, which no part asks for",
            "loses is read as: also more than the same further epochs with the mask kept cost",
            "what overfitting severely means is ours: train accuracy rises by ten points",
            *setting.in_fast(
                "at the edge of what 24 seeds tell: blocks 4000 and 7000 supported the claim, 5000, 8000, 9000, 10000 "
                "and 11000 left it open, 17000 supported it with 48 seeds and 18000 with 96; there 0.9 points are lost "
                "beyond what the same epochs with the mask cost, with a standard deviation of 1.6",
                "true of the top of the sweet phase alone: one level denser, where that phase begins, the re-dense "
                "network was 2.4 points better on block 18000 than the one that keeps its mask, and up to 9.4 points "
                "at denser levels, which are not trained on any more",
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
