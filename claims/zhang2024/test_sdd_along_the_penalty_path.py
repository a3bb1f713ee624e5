"""At every width test accuracy falls and rises again as the penalty grows.

On twelve pilots accuracy rises again by 17, 68 and 67 points at 5, 25 and 100 neurons under the matrix norm, and by 9,
20 and 29 points under l1, at strength 500, where every subgradient step moves every weight by 0.5. The 9 points
(standard deviation 6) are likely to take the second look, or a later one. Under proximal steps, which take l1 at its
word, accuracy only falls to chance: that is the control. With the penalty off, a path is one network over and over, and
would not test the rule.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial

from .settings import BOTH, FAST, FULL, PROXIMAL, Setting

CLAIM = registered("zhang2024/sdd_along_the_penalty_path")


def trial(setting: Setting) -> Trial:
    paths = setting.paths()
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.accuracies(paths),
        rule=setting.dip_under_each(paths),
        control=Control(
            "the l1 penalty by proximal steps", setting.accuracies(setting.paths(dict.fromkeys(BOTH, PROXIMAL)))
        ),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(12, 24, 48, 96)),
        deviations=(
            *setting.deviations,
            "under l1 the second rise is that of subgradient steps as long as the weights: under proximal steps of the "
            "same penalty, the control, there is none on pilots of the fast tier",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
