"""A student without a teacher shows sparse double descent."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial

from .settings import FAST, FULL, Setting, at

CLAIM = registered("quetu2023/vanilla_student_shows_sdd")


def trial(setting: Setting) -> Trial:
    students = setting.students("vanilla")
    clean = {at("vanilla", rate): setting.student for rate in setting.student_rates}
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.accuracies(students),
        rule=setting.dip_under_each(students),
        control=Control("no label noise", setting.accuracies(clean)),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        proxy=setting.tier == "fast",
        deviations=(*setting.deviations, *setting.of_students),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
