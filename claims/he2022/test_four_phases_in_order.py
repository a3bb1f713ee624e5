"""The four phases follow each other, and test and train accuracy change between them as the paper says.

The paper calls the critical phase an interval around the interpolation threshold. On twelve pilots the threshold lies
0.01 in log density (standard deviation 0.23) inside the dense edge of the critical window, which is three levels wide:
no affordable number of seeds would say on which side. So it is looked for from the light window on.

Until block 22000 no pruned network was asked for in the light phase, and of train accuracy where it starts to
fall only. On twelve pilots a network of the light phase is 0.2 points less accurate than the dense one (standard
deviation 0.9), and train accuracy falls by 10.6 points from the sweet to the collapsed phase. By these, 24 seeds would
support the claim with a chance of .63, 48 with .99.
"""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on, plainly
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import RunSpec
from sdd_claims.stats import four_phases

from .settings import FAST, LENET, Setting

CLAIM = registered("he2022/four_phases_in_order")


def curves(setting: Setting, spec: RunSpec) -> dict[str, CurveOf]:
    return {"accuracy": setting.curve(spec), "train accuracy": setting.curve(spec, "train_accuracy")}


def trial(setting: Setting) -> Trial:
    noisy = plainly(setting.noisy()) if setting.tier == "fast" else setting.noisy()  # full: one chain for many claims
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=curves(setting, noisy),
        rule=setting.rule(four_phases),
        control=Control("no label noise", curves(setting, setting.clean)),
        block=setting.block_by_tier(fast=22000),
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            "the interpolation threshold is looked for from the light window to the sparse end of the critical one: in "
            "the paper the critical phase is where train accuracy is going to drop and test accuracy falls before it "
            "rises",
            "similar accuracy in the light phase and a drop in the collapsed one are the paper's words, without a "
            "number: here within a point of the dense network's at the sparsest level of the light phase, and test and "
            "train accuracy more than a point below those of the sweet phase",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full(verdict):
    verdict.check()
