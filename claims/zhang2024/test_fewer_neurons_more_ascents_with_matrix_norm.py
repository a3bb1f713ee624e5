"""Narrower networks show more ascents and descents along the path of the published code's penalty.

The fast trial is a proxy whose contrary is expected: on twelve pilots ascents and descents by more than 5 points number
2.1, 2.6 and 2.1 at 5, 25 and 100 neurons, a slope of .006 per doubling of the width (standard deviation .10); the
smallest that matters is -.23, one ascent or descent fewer at the widest network than at the narrowest.

At the paper's size, with six widths and all sixteen strengths, they fall from 4.2 at 5 neurons to 2.0 at 100, by .56
per doubling (standard deviation .18). From 37 points on they are no more. On eight
strengths only turns of 37 points or more count for the claim, since smaller ones may be noise: so this path cannot
refute it. Block 11000 judged the fast trial as if it could. The fast tier keeps to eight, since sixteen would take its
paths twice the time; the full tier, which takes core-hours, has them all.
"""

import pytest

from sdd_claims.registration.claim import Claim
from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import FewerTurns

from .settings import BOTH, FAST, FULL, Setting, named

CLAIM = registered("zhang2024/fewer_neurons_more_ascents_with_matrix_norm")

OF_PROXY = (
    "a proxy: with three widths and eight strengths only turns of 37 points or more count for the claim, since smaller "
    "ones may be noise; so coarse a path cannot refute it",
    "under the published code's penalty pilots show the trend with the paper's six widths and sixteen strengths, from "
    "5 points on",
)


def of_penalty(claim: Claim, penalty: str, setting: Setting, block: int) -> Trial:
    paths = setting.paths({penalty: BOTH[penalty]})
    narrowest = setting.path(BOTH[penalty], setting.widths[0])
    return Trial(
        claim,
        setting.tier,
        curves={name: setting.curve(spec) for name, spec in paths.items()},
        rule=FewerTurns(
            tuple(paths),
            setting.doublings(),
            between=setting.whole(),
            tolerance=setting.tolerance,
            margin=0.05,
            unit="ascents and descents per doubling of the width",
            smallest=setting.smallest_slope,
        ),
        control=Control(
            f"{setting.widths[0]} neurons every time, on other seeds",
            {
                named(penalty, width): setting.curve(narrowest, offset=100 * index)
                for index, width in enumerate(setting.widths)
            },
        ),
        looks=setting.looks_by_tier(fast=(12, 24, 48), full=(12,)),
        block=block,
        proxy=setting.tier == "fast",
        deviations=(*setting.deviations, setting.of_turns, *setting.in_fast(*OF_PROXY)),
    )


def trial(setting: Setting) -> Trial:
    return of_penalty(CLAIM, "matrix norm", setting, setting.block)


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
