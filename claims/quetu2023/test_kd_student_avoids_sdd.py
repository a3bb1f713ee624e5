"""A student that learns from a dense or a pruned teacher does not show sparse double descent.

The fast trial is registered as inconclusive: on twelve pilots the deepest dip is 0.1 points or less with a pruned
teacher and with a dense one at 20 % noise, against 4.5 without a teacher, but 1.2 (interval -0.2 to 2.6) with a dense
one at 50 %, who has learned all wrong labels. No number of seeds would rule out a dip of a point there. The contrary is
a dip where the student without a teacher has its own; until block 18000 no windows were set for it, so that it could
not be established at all. Why the teacher is of the student's kind: see kd_saves_training_cost.
"""

from collections.abc import Mapping

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, DipFree, Phases, Rule

from .settings import FAST, FULL, Setting, at

CLAIM = registered("quetu2023/kd_student_avoids_sdd")


def trial(setting: Setting) -> Trial:
    def rule(windows: Mapping[str, Phases]) -> Rule:
        """A dip would show where that of the student without a teacher is."""

        def no_dip(how: str, rate: float) -> DipFree:
            phases = windows[at("vanilla", rate)]
            return DipFree(at(how, rate), light=phases.light, critical=phases.critical, sweet=phases.sweet)

        hows = ("dense teacher", "pruned teacher")
        return AllOf({at(how, rate): no_dip(how, rate) for how in hows for rate in setting.student_rates})

    taught = setting.students("dense teacher") | setting.students("pruned teacher")
    untaught = {
        at(f"{kind} teacher", rate): setting.taught("vanilla", rate)
        for kind in ("dense", "pruned")
        for rate in setting.student_rates
    }
    return Trial(
        CLAIM,
        setting.tier,
        curves={name: setting.curve(spec) for name, spec in taught.items()},
        rule=setting.rule_at(setting.students("vanilla"), rule),
        control=Control("no teacher (alpha 0)", {name: setting.curve(spec) for name, spec in untaught.items()}),
        block=setting.block_by_tier(fast=19000),
        looks=setting.looks_by_tier(fast=(18,)),
        proxy=setting.tier == "fast",
        deviations=(*setting.deviations, *setting.of_students),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
