"""Reinitialized, a lottery ticket's mask goes through critical and sweet phase at lower sparsity.

Each seed's deepest dip, and the peak after it, are looked for along its whole curve, in the same way for both networks.
Brackets had been set for them before: that of the dip ended at density .0167, among the levels where tickets are at
their lowest, and a ticket without a rise before it could not be measured (blocks 10000 and 11000, one seed each). On
twelve pilots the dip moves by 1.42 in log density (standard deviation .33) and the peak by 1.64 (.24); the shallowest
dip is 3.2 points deep, where it had been .9 in the bracket. In the control they move by .01 (.31) and -.01 (.25).
"""

from typing import Literal

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Location, Shifts

from .settings import FAST, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/reinitialization_moves_phases_denser")


def trial(setting: Setting) -> Trial:
    ticket, reinitialized = setting.curve(setting.noisy()), setting.curve(setting.derived("reinitialized"))
    curves = {"ticket": ticket, "reinitialized": reinitialized}

    def moves(kind: Literal["deepest dip", "peak after the dip"]) -> Shifts:
        return Shifts(tuple(curves), (0.0, 1.0), Location(ticket.whole, kind), direction=1, unit="log density")

    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=curves,
        rule=AllOf({"the critical phase": moves("deepest dip"), "the sweet phase": moves("peak after the dip")}),
        control=Control(
            "two independent reinitializations", {"ticket": setting.curve(setting.derived("reinitialized", draw=2))}
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.shown_on("ResNet-18 on CIFAR"),
            setting.of_whole_curves,
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR10, RESNET_CIFAR100)
def test_full(verdict):
    verdict.check()
