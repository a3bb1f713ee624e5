"""Narrower networks show more ascents and descents along the path of the l1 penalty that the paper names.

Registered as refuted at the paper's size. The fast trial is a proxy since block 19000: its path is too coarse to refute
the claim, as it is under the other penalty; earlier blocks judged it as if it could. On twelve pilots of the fast tier
ascents and descents by more than 5 points number 2.0, 3.0 and 2.9 at 5, 25 and 100 neurons, a slope of +.22 per
doubling of the width (standard deviation .25) where -.23 is the smallest that matters. At the paper's size they number
3.0 at 5 and 3.5 at 100 neurons: +.05 (.12).

Rule and control are those of the claim under the penalty of the published code.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Trial

from .settings import FAST, FULL, Setting
from .test_fewer_neurons_more_ascents_with_matrix_norm import of_penalty

CLAIM = registered("zhang2024/fewer_neurons_more_ascents_with_l1")


def trial(setting: Setting) -> Trial:
    return of_penalty(CLAIM, "l1", setting, setting.block_by_tier(fast=19000))


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
