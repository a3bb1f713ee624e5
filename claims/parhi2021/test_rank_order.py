"""The rank of the matrix between the hidden layers: eq. 2 below weight decay, weight decay below no regularizer.

Expected to stay open in the fast tier, for its first part. On pilots 0 to 11 the mean rank under eq. 2 falls faster (7
against 13 after 20,000 epochs) and ends at 1.6, that under weight decay at 1.3: a difference of -0.25, standard
deviation 0.75. Counting singular values above 1e-3 instead, they end at 2.1 and 3.9. Half a rank would take about 60
seeds. In the standard network weight decay ends at 15, no regularizer at 63, of 64.

Expected to stay open in the full tier, too, if it is not refuted. After 50,000 epochs with 1296 neurons eq. 2 has rank
16 in each of 24 seeds, as published of `eq2_learns_one_pattern`: as high as a matrix factored through 16 can have, so
that the first part cannot be supported. If weight decay has reached a lower rank by then, it is refuted.
"""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import RunSpec
from sdd_claims.stats import AllOf

from .settings import FAST, FULL, NONE, Setting, below, curve, eq2, weight_decay

CLAIM = registered("parhi2021/rank_order")


def rank(spec: RunSpec, offset: int = 0) -> CurveOf:
    return curve(spec, "rank", offset=offset)


def trial(setting: Setting) -> Trial:
    factored, standard = setting.factored, setting.standard
    return Trial(
        CLAIM,
        setting.tier,
        block=setting.block,
        curves={
            "factored, eq. 2": rank(factored(eq2())),
            "factored, weight decay": rank(factored(weight_decay())),
            "standard, weight decay": rank(standard(weight_decay())),
            "standard, none": rank(standard(NONE)),
        },
        rule=AllOf(
            {
                "factored": below("factored, eq. 2", "factored, weight decay", 0.0, "ranks"),
                "standard": below("standard, weight decay", "standard, none", setting.neurons / 10, "ranks"),
            }
        ),
        control=Control(
            "no regularizer in place of eq. 2 (factored) and of weight decay (standard), on other seeds",
            {
                "factored, eq. 2": rank(factored(NONE), 100),
                "standard, weight decay": rank(standard(NONE), 100),
            },
        ),
        looks=setting.looks_by_tier(fast=(12,)),
        # What the standard network lacks in rank under weight decay: 1296 - "about 750", by a count that is not given.
        paper_numbers={"standard": 546.0} if setting.tier == "full" else {},
        deviations=(
            *setting.deviations,
            "rank counts singular values above 1 % of the largest and above 1e-3; for the standard network a tenth of "
            "full rank is the smallest difference that counts",
            "that the factored network's rank is lower than the standard one's holds by construction and is not judged",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
