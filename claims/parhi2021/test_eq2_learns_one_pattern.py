"""Eq. 2 learns one pattern once, weight decay the same pattern several times.

Some seeds learn more ranks than others: on twelve pilots eleven have a rank of 1 or 2 and one has 4. A test of their
mean under such skew asks for more than the claim does, and left it open on block 10000 where block 9000 had supported
it; so the share of seeds is tested, by their signs alone. If it is that of the pilots, 24 seeds decide with a chance of
.7, and 48 nearly always.

The full trial is registered as refuted. In the setting as the paper writes it (1296 neurons, all parameters uniform
on [-1, 1]) training is far from over after 50,000 epochs: on three pilots 76 to 81 % of the weights are left under
eq. 2, and the rank is 16. Plain PyTorch, written apart from this code and run for one seed, agrees: 78 % left, singular
values from 109 down to 43, and a largest weight of about 1 where the paper finds 0.1 to 0.2. Were the paper's loss a
sum over the 81 points and not their mean, its strength would be 81 times weaker: at 1e-5, nearly that, the rank of the
pilots is still 16 after 200,000 epochs. What longer training leads to asks one_pattern_after_longer_training.
"""

from collections.abc import Sequence

import pytest

from sdd_claims.registration.claim import Claim
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import PenaltySpec
from sdd_claims.stats import AllOf, Contrast, MostSeeds, Rule, Term, Window

from .settings import END, FAST, FULL, NONE, Setting, below, curve, eq2, weight_decay

CLAIM = registered("parhi2021/eq2_learns_one_pattern")
RANK = "rank, eq. 2"


def one_pattern(claim: Claim, setting: Setting, end: Window, low_rank: Rule, deviations: Sequence[str]) -> Trial:
    """The trial of the sentence at a look; its first part says what is a low rank. The question takes it, too."""

    def measured(measure: str, penalty: PenaltySpec, offset: int = 0) -> CurveOf:
        return curve(setting.factored(penalty), measure, offset=offset)

    return Trial(
        claim,
        setting.tier,
        block=setting.block,
        curves={
            RANK: measured("rank", eq2()),
            "rows, eq. 2": measured("parallel_rows", eq2()),
            "rows, weight decay": measured("parallel_rows", weight_decay()),
        },
        rule=AllOf(
            {
                "almost of rank 1": low_rank,
                "learned several times": below("rows, eq. 2", "rows, weight decay", 1.0, "rows", end),
            }
        ),
        control=Control(
            "no regularizer in place of either",
            {
                RANK: measured("rank", NONE),
                "rows, eq. 2": measured("parallel_rows", NONE),
                "rows, weight decay": measured("parallel_rows", NONE, 100),
            },
        ),
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        deviations=(
            *setting.deviations,
            *deviations,
            "rank counts singular values above 1 % of the largest and above 1e-3",
            "the patterns are the rows of V(1); a pattern is learned again where another row lies within 26 degrees of "
            "the strongest, and several times where weight decay has more than one such row more than eq. 2",
        ),
    )


def trial(setting: Setting) -> Trial:
    return one_pattern(
        CLAIM,
        setting,
        END,
        MostSeeds(Contrast((Term(1, RANK, END),)), below=2.5, unit="ranks"),
        (
            "almost of rank 1 is a rank of 1 or 2, of at most 16, in more than half of all seeds: the paper shows one "
            "network",
            "the largest weight is about 1 after 50,000 epochs with 1296 neurons, where the paper finds 0.1 to 0.2: "
            "the authors may have trained otherwise than they write, or for longer",
            "in the full tier registered as refuted: on pilots the matrix is still of rank 16 after the 50,000 epochs "
            "that the paper names for its figures; were the paper's loss a sum over the 81 points, its strength would "
            "be 81 times weaker, and at 1e-5, nearly that, three pilots keep that rank for 200,000 epochs: no trial "
            "has judged that reading",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
