"""Accuracy: pruned teacher above dense teacher above the whole vanilla path above vanilla with early stopping.

The fast trial is registered as inconclusive: on twelve pilots the first and the last step are as claimed (12.5 and 17.6
points), but a dense teacher, who has learned all wrong labels, leaves the student 9.1 points below the sparse student
that has none; a proxy does not refute.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import ordered

from .settings import FAST, FULL, Setting, picked

CLAIM = registered("quetu2023/pruned_teacher_is_best")

RULE = ordered(
    {
        "vanilla stopped early": picked(1, "vanilla", "accuracy", "early_stop"),
        "the whole vanilla path": picked(1, "vanilla", "accuracy", "best"),
        "a dense teacher": picked(1, "dense teacher", "accuracy", "early_stop"),
        "a pruned teacher": picked(1, "pruned teacher", "accuracy", "early_stop"),
    },
    margin=0.01,
)


def trial(setting: Setting) -> Trial:
    def student(how: str, name: str, offset: int = 0):
        return setting.measured(name, setting.taught(how, setting.costed), offset=offset)

    return Trial(
        CLAIM,
        setting.tier,
        curves={
            name: curve
            for how in ("vanilla", "dense teacher", "pruned teacher")
            for name, curve in student(how, how).items()
        },
        rule=RULE,
        control=Control(
            "a dense teacher in place of the pruned one, on other seeds",
            student("dense teacher", "pruned teacher", 100),
        ),
        block=setting.block,
        looks=setting.looks_where_open,
        proxy=setting.tier == "fast",
        deviations=(*setting.deviations, *setting.of_students, *setting.of_stopping),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
