"""Stopping at the first sustained drop picks a denser and worse network than the whole curve offers.

The rule is that of Table 2, where density differs by .64. The ViT of Table 1 loses by stopping early, too, but at a
density that differs by .037: it has no trial here.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater

from .settings import FAST, FULL, Setting, picked

CLAIM = registered("quetu2023/early_stopping_is_misled")

STUDENT = "student"

RULE = AllOf(
    {
        # A longer search among equal levels finds a better one by chance, but not by a point.
        "worse": Greater(
            Contrast((picked(1, STUDENT, "accuracy", "best"), picked(-1, STUDENT, "accuracy", "early_stop"))),
            margin=0.01,
        ),
        "denser": Greater(
            Contrast((picked(1, STUDENT, "density", "early_stop"), picked(-1, STUDENT, "density", "best"))),
            margin=0.1,
            unit="of the weights",
        ),
    }
)


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.measured(STUDENT, setting.taught("vanilla", setting.costed)),
        rule=RULE,
        control=Control("no label noise", setting.measured(STUDENT, setting.student)),
        block=setting.block,
        proxy=setting.tier == "fast",
        paper_numbers=setting.of_table({"worse": 0.1429, "denser": 0.6362}),
        deviations=(*setting.deviations, *setting.of_students, *setting.of_stopping),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
