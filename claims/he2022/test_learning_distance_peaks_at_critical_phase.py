"""The learning distance peaks at the density at which test accuracy is lowest."""

import pytest

from sdd_claims.claim import Claim, Control, Trial
from sdd_claims.stats import Location, Phases, Rule, SamePlace

from ..settings import full_on
from .settings import FAST, LENET, TITLE, Setting

CLAIM = Claim(
    name="learning_distance_peaks_at_critical_phase",
    paper="he2022",
    title=TITLE,
    statement="The distance from the dense initialization to the trained weights peaks where test accuracy is lowest.",
    source="Figures 9, 44 and 45, and section 3.2",
)


def rule(at: Phases) -> Rule:
    return SamePlace("distance", Location(at.whole, "peak"), "accuracy", Location(at.to_sweet, "dip"))


def trial(setting: Setting) -> Trial:
    noisy = setting.noisy()
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"distance": setting.curve(noisy, "learning_distance"), "accuracy": setting.curve(noisy)},
        rule=setting.rule(rule),
        # The distance at another noise rate would peak too near to be told apart.
        control=Control(
            "the distance of the noise-free chain", {"distance": setting.curve(setting.clean, "learning_distance")}
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            *setting.in_full("retrained by lottery ticket rewinding; the other ways of Figure 45 are not judged"),
            "the distance is taken over all parameters, biases included",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full(verdict):
    verdict.check()
