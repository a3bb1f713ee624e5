"""Reinitialized, a lottery ticket's mask goes through critical and sweet phase at lower sparsity."""

from collections.abc import Mapping

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Location, Phases, Rule, Shifts

from .settings import FAST, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/reinitialization_moves_phases_denser")


NAMES = ("ticket", "reinitialized")


def rule(at: Mapping[str, Phases]) -> Rule:
    def moves(dip: bool) -> Rule:
        locations = tuple(
            Location(phases.to_sweet, "dip") if dip else Location(phases.from_critical, "peak")
            for phases in (at["noisy"], at["reinitialized"])
        )
        return Shifts(NAMES, (0.0, 1.0), locations, direction=1, unit="log density")

    return AllOf({"the critical phase": moves(dip=True), "the sweet phase": moves(dip=False)})


def trial(setting: Setting) -> Trial:
    ticket, reinitialized = setting.noisy(), setting.derived("reinitialized")
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"ticket": setting.curve(ticket), "reinitialized": setting.curve(reinitialized)},
        rule=setting.rule_at({"noisy": ticket, "reinitialized": reinitialized}, rule),
        control=Control(
            "two independent chains of tickets", {"reinitialized": setting.curve(setting.repeated(100), offset=100)}
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
