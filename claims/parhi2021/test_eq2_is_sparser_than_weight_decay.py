"""The paper's regularizer leaves fewer weights than weight decay of the same strength.

The full trial is expected to stay open. On its pilots it leaves fewer by 9 points of all weights at 1e-3, but by 2.3
(standard deviation 0.9) at 1e-5, where 93 and 91 % are left after 50,000 epochs, too near the margin of 2 for 24
seeds.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf

from .settings import FAST, FULL, NOTICED, Setting, below, curve, eq2, weight_decay

CLAIM = registered("parhi2021/eq2_is_sparser_than_weight_decay")

STRENGTHS = (1e-3, 1e-5)


def trial(setting: Setting) -> Trial:
    def curves(name, penalty):
        return {f"{name}, {strength:g}": curve(setting.factored(penalty(strength))) for strength in STRENGTHS}

    return Trial(
        CLAIM,
        setting.tier,
        block=setting.block,
        curves=curves("eq. 2", eq2) | curves("weight decay", weight_decay),
        rule=AllOf(
            {
                f"at {strength:g}": below(
                    f"eq. 2, {strength:g}", f"weight decay, {strength:g}", NOTICED, "of the weights"
                )
                for strength in STRENGTHS
            }
        ),
        control=Control(
            "weight decay in place of eq. 2 at 0.001, on other seeds",
            {"eq. 2, 0.001": curve(setting.factored(weight_decay()), offset=100)},
        ),
        looks=(12, 24) if setting is FAST else (12,),
        deviations=(
            *setting.deviations,
            "not at 0.1, where both leave no weight at all",
            "in the full tier registered as inconclusive: on pilots the difference at 1e-5 is too near the margin",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
