"""At some sparsities a lottery ticket's mask does better from another random start."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Contrast, Greater, Phases, Rule, Term

from .settings import FAST, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/reinitialized_ticket_can_win")


def rule(at: Phases) -> Rule:
    # Where the ticket does worst; margin: one point, that of a dip.
    return Greater(Contrast((Term(1, "reinitialized", at.critical), Term(-1, "ticket", at.critical))), margin=0.01)


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={
            "reinitialized": setting.curve(setting.derived("reinitialized")),
            "ticket": setting.curve(setting.noisy()),
        },
        rule=setting.rule(rule),
        control=Control(
            "two independent reinitializations", {"ticket": setting.curve(setting.derived("reinitialized", draw=2))}
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.shown_on("ResNet-18 on CIFAR"),
            "ticket and reinitialized network go through the same schedule, of which a ticket that is rewound to a "
            "later iteration than 0 has the first ones as the dense network; the paper's code gives the ticket of "
            "ResNet-18 1,000 iterations more",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR10, RESNET_CIFAR100)
def test_full(verdict):
    verdict.check()
