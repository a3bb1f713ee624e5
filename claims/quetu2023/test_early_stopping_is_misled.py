"""Stopping at the first sustained drop picks a denser and worse network than the whole curve offers."""

import pytest

from sdd_claims.claim import Claim, Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater

from .settings import FAST, FULL, TITLE, Setting, picked

CLAIM = Claim(
    name="early_stopping_is_misled",
    paper="quetu2023",
    title=TITLE,
    statement="Traditional early stopping picks a denser and worse network than the whole curve offers.",
    source="section 3, Tables 1 and 2",
    paper_value="60.2 % at sparsity 36 % against 74.5 % at 99.6 % (VGG-like, Table 2)",
)

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
        deviations=(*setting.deviations, *setting.of_students, *setting.of_stopping),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
