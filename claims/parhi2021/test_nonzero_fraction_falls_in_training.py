"""With a regularizer the weights become sparse in the course of training; without one they do not."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Equivalent, Greater, Rule, Term

from .settings import FAST, FULL, NONE, NOTICED, START, Setting, curve, eq2, weight_decay

CLAIM = registered("parhi2021/nonzero_fraction_falls_in_training")

REGULARIZED = {
    f"{name}, {strength:g}": penalty(strength)
    for name, penalty in (("eq. 2", eq2), ("weight decay", weight_decay))
    for strength in (1e-3, 1e-5)
}


def rule(setting: Setting) -> Rule:
    def fall(name: str) -> Contrast:
        return Contrast((Term(1, name, START), Term(-1, name, setting.end)))

    falls: dict[str, Rule] = {name: Greater(fall(name), NOTICED, "of the weights") for name in REGULARIZED}
    return AllOf(falls | {"none": Equivalent(fall("none"), NOTICED, "of the weights")})


def trial(setting: Setting) -> Trial:
    none = setting.factored(NONE)
    regularized = {name: curve(setting.factored(penalty)) for name, penalty in REGULARIZED.items()}
    return Trial(
        CLAIM,
        setting.tier,
        block=setting.block,
        curves=regularized | {"none": curve(none)},
        rule=rule(setting),
        control=Control(
            "no regularizer in place of either, on other seeds",
            {name: curve(none, offset=100) for name in REGULARIZED},
        ),
        deviations=(
            *setting.deviations,
            "the fall is from the mean of epochs 100 to 1000 to the last; not at 0.1, where nothing is learned and all "
            "weights go",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
