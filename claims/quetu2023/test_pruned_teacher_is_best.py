"""Accuracy: pruned teacher above dense teacher above the whole vanilla path above vanilla with early stopping.

Each step is asked to be half of the paper's. The fast trial is registered as inconclusive: on twelve pilots the first
and the last step are as claimed (16.3 and 11.9 points), but a dense teacher, who has learned all wrong labels, leaves
the student 9.8 points below the sparse student that has none; a proxy does not refute.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, ordered

from .settings import FAST, FULL, Setting, picked

CLAIM = registered("quetu2023/pruned_teacher_is_best")

STOPPED = "vanilla stopped early", ("vanilla", "early_stop")
WHOLE = "the whole vanilla path", ("vanilla", "best")
DENSE = "a dense teacher", ("dense teacher", "early_stop")
PRUNED = "a pruned teacher", ("pruned teacher", "early_stop")


def above(higher, lower, margin: float) -> AllOf:
    network = {name: picked(1, curve, "accuracy", how) for name, (curve, how) in (lower, higher)}
    return ordered(network, margin=margin)


# Half of 14.3, 7.0 and 5.4 points.
RULE = AllOf(
    {
        **above(WHOLE, STOPPED, 0.071).parts,
        **above(DENSE, WHOLE, 0.035).parts,
        **above(PRUNED, DENSE, 0.027).parts,
    }
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
        proxy=setting.tier == "fast",
        paper_numbers=setting.of_table(dict(zip(RULE.parts, (0.1429, 0.0700, 0.0537), strict=True))),
        deviations=(
            *setting.deviations,
            *setting.of_students,
            *setting.of_stopping,
            "half of each step of the paper's table is asked: 7.1, 3.5 and 2.7 points of 14.3, 7.0 and 5.4",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
