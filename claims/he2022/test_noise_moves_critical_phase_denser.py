"""More label noise moves the critical phase to lower sparsity."""

from math import log2

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Location, Phases, Rule, Shifts

from .settings import FAST, LENET, RESNET_CIFAR10, Setting

CLAIM = registered("he2022/noise_moves_critical_phase_denser")

NAMES = ("least noise", "more noise", "most noise")


def trial(setting: Setting) -> Trial:
    def rule(at: Phases) -> Rule:
        return Shifts(
            NAMES,
            factors=tuple(log2(rate) for rate in setting.rates),
            at=Location(at.to_sweet, "dip"),
            direction=1,
            unit="log density per doubling of noise",
        )

    levels = setting.to_sweet
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={
            name: setting.curve(setting.noisy(rate), levels=levels)
            for name, rate in zip(NAMES, setting.rates, strict=True)
        },
        rule=setting.rule(rule),
        control=Control(
            "the same 20 % of noise three times, on other seeds",
            {
                name: setting.curve(setting.repeated(offset), levels=levels, offset=offset)
                for name, offset in zip(NAMES, (0, 100, 200), strict=True)
            },
        ),
        block=setting.block,
        deviations=(*setting.deviations, *setting.shown_on("ResNet-18 on CIFAR-10"), setting.compared_rates),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR10, LENET)
def test_full(verdict):
    verdict.check()
