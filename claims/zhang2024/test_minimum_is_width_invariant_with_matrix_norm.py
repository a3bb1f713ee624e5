"""The strength at which accuracy is lowest does not depend on the network's width.

The fast trial is registered as inconclusive for its l1 parts. On twelve pilots the minima of 5, 25 and 100 neurons
are at log strengths 3.0, 2.6 and 2.5 under the matrix norm, well within the margin of 1.15 of each other. Under l1
accuracy is at chance from strength 0.05 (5 neurons: 0.5) to 50, and where in there it is lowest is noise: 1.7, 1.3
and 0.7 with standard deviations of 1.2, 1.3 and 0.1; 1.08 between the first and the last is too near the margin for
any number of seeds.

At the paper's size the minima of all six widths are within .51 of each other under the matrix norm, and those of 10 to
100 neurons within .51 under l1; but the minimum of 5 neurons is up to .83 (standard deviation .82) from theirs there,
which would take some 96 seeds. The full trial is registered as inconclusive, for that width.
"""

from itertools import combinations

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Location, SamePlace

from .settings import BOTH, FAST, FULL, Setting, named

CLAIM = registered("zhang2024/minimum_is_width_invariant")


def trial(setting: Setting) -> Trial:
    paths = setting.paths()
    pairs = [
        (named(name, narrow), named(name, wide)) for name in BOTH for narrow, wide in combinations(setting.widths, 2)
    ]
    return Trial(
        CLAIM,
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
            "under the matrix norm, {0} neurons at learning rates {1:g} and {2:g} in place of the two narrowest; in "
            "place of l1, {0} neurons under the matrix norm every time, on other seeds".format(
                setting.widths[1], *setting.other_rates
            ),
            {name: setting.curve(spec) for name, spec in setting.at_other_rates().items()} | setting.at_one_place(),
        ),
        block=setting.block,
        looks=setting.looks_by_tier(full=(12,)),
        deviations=(
            *setting.deviations,
            setting.of_places,
            "in the fast tier registered as inconclusive for its l1 parts: on pilots accuracy is at chance from "
            "strength 0.05 (5 neurons: 0.5) to 50, and its lowest point in there is noise",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
