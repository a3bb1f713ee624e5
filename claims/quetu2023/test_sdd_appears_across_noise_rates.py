"""Sparse double descent appears at every noise rate.

The fast trial is registered as inconclusive: on twelve pilots accuracy rises again by 3.8 points at 20 % noise and by
8.7 at 50 %, but at 10 % the window of the second rise is 0.5 points below that of the fall. A training that settles
does not change it enough: after 160 epochs from learning rate 0.1 along a cosine the mean of four pilots rises at 10 %
by 1.4 points between its lowest level and its second top, too near the margin of a point; with weights rewound as well
by 2.2. Either takes nearly three times the training.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial

from .settings import FAST, FULL, Setting

CLAIM = registered("quetu2023/sdd_appears_across_noise_rates")


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.accuracies(setting.at_every_rate()),
        rule=setting.dip_under_each(setting.at_every_rate()),
        control=Control("no label noise", setting.accuracies(setting.without_noise())),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(12,)),
        proxy=setting.tier == "fast",
        deviations=setting.deviations,
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
