"""The strength at which accuracy is lowest does not depend on the width, under the penalty of the published code.

On twelve pilots the minima of 5, 25 and 100 neurons are at log strengths 3.0, 2.6 and 2.5, well within the margin of
1.15 of each other. At the paper's size those of all six widths are within .51 of each other.
"""

from itertools import combinations

import pytest

from sdd_claims.registration.claim import Claim
from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Location, SamePlace

from .settings import BOTH, FAST, FULL, Setting, named

CLAIM = registered("zhang2024/minimum_is_width_invariant_with_matrix_norm")


def of_penalty(claim: Claim, penalty: str, setting: Setting, *deviations: str) -> Trial:
    paths = setting.paths({penalty: BOTH[penalty]})
    pairs = list(combinations((named(penalty, width) for width in setting.widths), 2))
    return Trial(
        claim,
        setting.tier,
        curves={name: setting.curve(spec) for name, spec in paths.items()},
        rule=setting.rule_at(
            paths,
            lambda at: AllOf(
                {
                    f"{one} and {other}": SamePlace(
                        one,
                        Location(at[one].to_sweet, "dip"),
                        other,
                        Location(at[other].to_sweet, "dip"),
                        margin=setting.place_margin,
                    )
                    for one, other in pairs
                }
            ),
        ),
        control=Control(
            "{} neurons at learning rates {:g} and {:g} in place of the two narrowest".format(
                setting.widths[1], *setting.other_rates
            ),
            {name: setting.curve(spec) for name, spec in setting.at_other_rates(penalty).items()},
        ),
        block=setting.block,
        looks=setting.looks_by_tier(full=(12,)),
        deviations=(*setting.deviations, setting.of_places, *deviations),
    )


def trial(setting: Setting) -> Trial:
    return of_penalty(CLAIM, "matrix norm", setting)


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
