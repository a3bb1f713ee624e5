"""More label noise moves the sweet phase to higher sparsity.

Each seed's peak after its deepest dip is looked for along its whole curve. A bracket had been set for it on pilots, at
whose ends a peak could lie; a seed without one leaves the claim open. On twelve pilots the peak moves by -.26 in log
density per doubling of the noise (standard deviation .15).
"""

from math import log2

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Location, Shifts

from .settings import FAST, LENET, RESNET_CIFAR10, Setting

CLAIM = registered("he2022/noise_moves_sweet_phase_sparser")

NAMES = ("least noise", "more noise", "most noise")


def trial(setting: Setting) -> Trial:
    curves = {name: setting.curve(setting.noisy(rate)) for name, rate in zip(NAMES, setting.rates, strict=True)}
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=curves,
        rule=Shifts(
            NAMES,
            factors=tuple(log2(rate) for rate in setting.rates),
            at=Location(curves[NAMES[0]].whole, "peak after the dip"),
            direction=-1,
            unit="log density per doubling of noise",
        ),
        control=Control(
            "the same 20 % of noise three times, on other seeds",
            {
                name: setting.curve(setting.repeated(offset), offset=offset)
                for name, offset in zip(NAMES, (0, 100, 200), strict=True)
            },
        ),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        deviations=(
            *setting.deviations,
            setting.of_whole_curves,
            *setting.in_fast("the paper shows ResNet-18 on CIFAR-10 and, beside the distance, LeNet-300-100 on MNIST"),
            setting.compared_rates,
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR10, LENET)
def test_full(verdict):
    verdict.check()
