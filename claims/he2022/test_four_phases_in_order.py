"""The four phases follow each other, and train accuracy starts to fall by the end of the critical one.

The paper calls the critical phase an interval around the interpolation threshold. On twelve pilots the threshold lies
0.01 in log density (standard deviation 0.23) inside the dense edge of the critical window, which is three levels wide:
no affordable number of seeds would say on which side. So it is looked for from the light window on.
"""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import RunSpec
from sdd_claims.stats import AllOf, DipThenRise, Phases, Rule, ThresholdWithin

from .settings import FAST, LENET, Setting

CLAIM = registered("he2022/four_phases_in_order")


def rule(at: Phases) -> Rule:
    return AllOf(
        {
            "the four phases follow each other": DipThenRise(
                "accuracy", at.light, at.critical, at.sweet, at.last_fall(), train_curve="train accuracy"
            ),
            # A point below the dense network's, the margin of a dip, counts as fallen.
            "train accuracy starts to fall between the light phase and the end of the critical one": ThresholdWithin(
                "train accuracy", at.falling
            ),
        }
    )


def curves(setting: Setting, spec: RunSpec) -> dict[str, CurveOf]:
    return {"accuracy": setting.curve(spec), "train accuracy": setting.curve(spec, "train_accuracy")}


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=curves(setting, setting.noisy()),
        rule=setting.rule(rule),
        control=Control("no label noise", curves(setting, setting.clean)),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            "the interpolation threshold is looked for from the light window to the sparse end of the critical one: in "
            "the paper the critical phase is where train accuracy is going to drop and test accuracy falls before it "
            "rises",
            "the paper tells phases by train and test accuracy; here test accuracy falls, rises and falls again, and "
            "of train accuracy is tested only where it starts to fall: not that it drops in the collapsed phase, nor "
            "that networks of the light phase are like the dense one, which lies in the same window",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full(verdict):
    verdict.check()
