"""Every way of retraining a pruned network shows sparse double descent."""

import pytest

from fixtures.he2022 import FAST, FULL, TITLE, Setting
from sdd_claims.claim import Claim, Control, Trial

CLAIM = Claim(
    name="sdd_under_every_retraining",
    paper="he2022",
    title=TITLE,
    statement="Whether a pruned network is retrained by lottery ticket rewinding, finetuning, learning rate rewinding "
    "or from scratch, test accuracy falls and rises again as it is pruned sparser.",
    source="Figures 3, 15, 19 and 26",
)


def trial(setting: Setting) -> Trial:
    noisy, clean = setting.by_retraining(setting.noisy()), setting.by_retraining(setting.clean)
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.accuracies(noisy),
        rule=setting.dip_under_each(noisy),
        control=Control("no label noise", setting.accuracies(clean)),
        block=setting.block,
        deviations=(
            *setting.deviations,
            "with LeNet's constant learning rate and rewinding to iteration 0, finetuning and learning rate rewinding "
            "are one and the same, and judged on one run",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
