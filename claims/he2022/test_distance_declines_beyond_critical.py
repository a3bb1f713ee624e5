"""Beyond the critical phase the learning distance declines: to the sweet phase, and on to the collapsed one."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Phases, Rule, Term, ordered

from .settings import FAST, LENET, Setting

CLAIM = registered("he2022/distance_declines_beyond_critical")


def rule(at: Phases) -> Rule:
    falling = {"collapsed": at.last_fall(), "sweet": at.sweet, "critical": at.critical}
    terms = {f"in the {phase} phase": Term(1, "distance", window) for phase, window in falling.items()}
    return ordered(terms, unit="weight units")


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"distance": setting.curve(setting.noisy(), "learning_distance")},
        rule=setting.rule(rule),
        # Without noise there is no critical phase to climb from: the distance still grows where it lies under noise.
        control=Control(
            "the distance of the noise-free chain", {"distance": setting.curve(setting.clean, "learning_distance")}
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            setting.of_distance,
            *setting.of_rate,
            "section 3.2 calls the distance less informative in the collapsed phase, which section 4 nevertheless "
            "takes into its decline",
            *setting.in_fast(
                "on pilots it falls by 1.20 from the critical to the sweet phase (standard deviation 0.15) and by 0.68 "
                "to the collapsed one (0.15)"
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full(verdict):
    verdict.check()
