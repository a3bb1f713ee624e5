"""Reinitialized, a lottery ticket's mask goes through critical and sweet phase at lower sparsity."""

import math
from collections.abc import Mapping
from typing import Literal

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Location, Phases, Rule, Shifts, Window

from .settings import FAST, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/reinitialization_moves_phases_denser")


NAMES = ("ticket", "reinitialized")


def rule(at: Mapping[str, Phases]) -> Rule:
    ticket, reinitialized = at["noisy"], at["reinitialized"]
    # One bracket for both networks: a dip lies before the first of the two sweet phases has reached its top, a peak
    # after the middle of where the two critical ones begin.
    before = Window(reinitialized.to_sweet.low, 1.0)
    after = Window(ticket.whole.low, math.sqrt(ticket.critical.high * reinitialized.critical.high))

    def moves(bracket: Window, kind: Literal["dip", "peak"]) -> Rule:
        return Shifts(NAMES, (0.0, 1.0), Location(bracket, kind), direction=1, unit="log density")

    return AllOf({"the critical phase": moves(before, "dip"), "the sweet phase": moves(after, "peak")})


def trial(setting: Setting) -> Trial:
    ticket, reinitialized = setting.noisy(), setting.derived("reinitialized")
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"ticket": setting.curve(ticket), "reinitialized": setting.curve(reinitialized)},
        rule=setting.rule_at({"noisy": ticket, "reinitialized": reinitialized}, rule),
        control=Control(
            "two independent reinitializations", {"ticket": setting.curve(setting.derived("reinitialized", draw=2))}
        ),
        block=setting.block,
        deviations=(*setting.deviations, *setting.of_rate),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR10, RESNET_CIFAR100)
def test_full(verdict):
    verdict.check()
