"""With early stopping, distillation costs less training than the whole vanilla path and is more accurate.

The fast trial is registered as inconclusive: on twelve pilots a pruned teacher saves training and brings 6.5 points,
but a dense one, who has learned all wrong labels, leaves the student 9.8 points below the sparse one that has none; a
proxy does not refute. Counting the pruned teacher's own chain there is nothing saved: it is trained at every level,
in a network of more than twice the operations.

The CO2 of the paper's table is 10.4 g a PFLOP in every row: that distillation emits more than 25 % less (section 6) is
asked of the operations here, and is no claim of its own. A convolutional teacher at 20 % noise, nearer to the paper's,
takes with its two students some 0.9 core-minutes a seed and, on two pilots, is best when dense: its pruned and its
dense student are then one network.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater, Rule

from .settings import FAST, FULL, Setting, picked

CLAIM = registered("quetu2023/kd_saves_training_cost")

SHARE = (
    "at the sparsity of the paper's table, 99.26 %, a student has taken 23 of the 30 levels here, 23 % less; asked is "
    "more than 22 % less, where the paper counts 27 %",
)


def rule(setting: Setting) -> Rule:
    # More than a quarter less, as section 6 says of CO2; the paper's table says 27 %. In the full tier, see SHARE.
    whole = setting.paid(setting.share / 1e9, "vanilla", "last")
    cheaper = {
        f"{teacher}: less training": Greater(
            Contrast((whole, setting.paid(-1e-9, teacher, "early_stop"))), unit="GFLOP"
        )
        for teacher in setting.gains
    }
    better = {
        f"{teacher}: more accurate": Greater(
            Contrast((picked(1, teacher, "accuracy", "early_stop"), picked(-1, "vanilla", "accuracy", "best"))),
            margin=gain,
        )
        for teacher, gain in setting.gains.items()
    }
    return AllOf(cheaper | better)


def trial(setting: Setting) -> Trial:
    kinds = ("vanilla", *setting.gains)
    students = [setting.measured(how, setting.taught(how, setting.costed)) for how in kinds]
    again = [setting.measured(how, setting.taught("vanilla", setting.costed), offset=100) for how in setting.gains]
    return Trial(
        CLAIM,
        setting.tier,
        curves={name: curve for student in students for name, curve in student.items()},
        rule=rule(setting),
        control=Control(
            "no teacher (alpha 0), on other seeds",
            {name: curve for student in again for name, curve in student.items()},
        ),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(18,)),
        proxy=setting.tier == "fast",
        paper_numbers=setting.of_table(
            {"dense teacher: more accurate": 0.0700, "pruned teacher: more accurate": 0.1237}
        ),
        deviations=(
            *setting.deviations,
            *setting.of_students,
            *setting.of_stopping,
            *(SHARE if setting.tier == "full" else ()),
            "half of what the paper's table gains is asked of either teacher: 3.5 and 6.2 points of 7.0 and 12.4",
            "as in the paper the teacher's own training is not counted, nor its predictions on the training images",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
