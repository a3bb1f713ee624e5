"""Magnitude, gradient and random pruning each show sparse double descent."""

import pytest

from fixtures.he2022 import FAST, FULL, TITLE, Setting
from sdd_claims.claim import Claim, Control, Trial

CLAIM = Claim(
    name="sdd_under_every_pruning_criterion",
    paper="he2022",
    title=TITLE,
    statement="Whether weights are pruned by magnitude, by gradient or at random, test accuracy falls and rises again "
    "as the network is pruned sparser.",
    source="Figures 2, 13 to 18 and 20 to 25",
)


def trial(setting: Setting) -> Trial:
    noisy, clean = setting.by_criterion(setting.noisy()), setting.by_criterion(setting.clean)
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.accuracies(noisy),
        rule=setting.dip_under_each(noisy),
        control=Control("no label noise", setting.accuracies(clean)),
        block=setting.block,
        deviations=setting.deviations,
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
