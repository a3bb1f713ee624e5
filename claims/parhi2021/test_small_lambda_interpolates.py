"""A weak regularizer leaves the fit alone, a strong one leaves no fit."""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import PenaltySpec
from sdd_claims.stats import AllOf, Contrast, Equivalent, Greater, Rule, Term

from .settings import FAST, FULL, NONE, Setting, at, curve, eq2, weight_decay

CLAIM = registered("parhi2021/small_lambda_interpolates")

SMALL = {
    f"{name}, {strength:g}": penalty(strength)
    for name, penalty in (("eq. 2", eq2), ("weight decay", weight_decay))
    for strength in (1e-3, 1e-5)
} | {"none": NONE}
LARGE = {"eq. 2, 0.1": eq2(0.1), "weight decay, 0.1": weight_decay(0.1)}
MEAN_SQUARE = 0.313


def rule(setting: Setting) -> Rule:
    def error(name: str) -> Contrast:
        return Contrast((Term(1, name, at(setting.longer[-1])),))

    interpolate: dict[str, Rule] = {
        name: Equivalent(error(name), 0.05 * MEAN_SQUARE, "squared error") for name in SMALL
    }
    return AllOf(interpolate | {name: Greater(error(name), 0.5 * MEAN_SQUARE, "squared error") for name in LARGE})


def trial(setting: Setting) -> Trial:
    def error(penalty: PenaltySpec) -> CurveOf:
        return curve(setting.factored(penalty, setting.longer), "train_loss")

    return Trial(
        CLAIM,
        setting.tier,
        block=setting.block,
        curves={name: error(penalty) for name, penalty in (SMALL | LARGE).items()},
        rule=rule(setting),
        control=Control(
            "0.1 in place of 0.001",
            {"eq. 2, 0.001": error(eq2(0.1)), "weight decay, 0.001": error(weight_decay(0.1))},
        ),
        deviations=(
            *setting.deviations,
            "to interpolate is to leave at most a twentieth of the targets' mean square, room for a seed whose last "
            "step Adam overshoots; not to interpolate, to leave half of it",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
