"""A weak regularizer leaves the fit alone, a strong one leaves no fit.

The training loss leaps now and then and comes back: Adam divides by a running mean of squares that has become tiny. At
the paper's width, on three pilots, 13 of 60 looks from 10,000 to 100,000 epochs met an error beyond the margin, up to
18, at 1e-3 or 1e-5. A mean over seeds would be that of the leaps, so what counts is the lowest error of three late
looks. After 200,000 epochs the full trial's pilots had errors of 0.0013 at most with a weak regularizer, and of 0.31 to
0.39 at 0.1. Until block 18000 the fast trial took the last look alone: one of its twelve pilots leapt just then, and so
did one network of 672 on that block, which 48 seeds left open.
"""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import PenaltySpec
from sdd_claims.stats import AllOf, Contrast, Equivalent, Greater, Lowest, Rule

from .settings import FAST, FULL, NONE, Setting, curve, eq2, weight_decay

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
        return Contrast((Lowest(1, name, setting.last_looks),))

    interpolate: dict[str, Rule] = {
        name: Equivalent(error(name), 0.05 * MEAN_SQUARE, "squared error") for name in SMALL
    }
    return AllOf(interpolate | {name: Greater(error(name), 0.5 * MEAN_SQUARE, "squared error") for name in LARGE})


def trial(setting: Setting) -> Trial:
    def error(penalty: PenaltySpec) -> CurveOf:
        return curve(setting.late(penalty), "train_loss")

    return Trial(
        CLAIM,
        setting.tier,
        block=setting.block_by_tier(fast=19000),
        curves={name: error(penalty) for name, penalty in (SMALL | LARGE).items()},
        rule=rule(setting),
        control=Control(
            "0.1 in place of 0.001",
            {"eq. 2, 0.001": error(eq2(0.1)), "weight decay, 0.001": error(weight_decay(0.1))},
        ),
        deviations=(
            *setting.deviations,
            "to interpolate is to leave at most a twentieth of the targets' mean square; not to interpolate, half of "
            "it",
            "the error is the lowest of those after {:,g}, {:,g} and {:,g} epochs: the loss leaps now and then".format(
                *setting.last
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
