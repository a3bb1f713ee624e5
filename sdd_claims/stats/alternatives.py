"""Populations in which a claim holds, for measuring how often a rule finds it."""

from collections.abc import Iterator

import numpy as np

from sdd_claims.stats.contrasts import Contrast, Equivalent, Greater
from sdd_claims.stats.correlation import Correlated
from sdd_claims.stats.dips import DipFree, DipThenRise
from sdd_claims.stats.location import Location
from sdd_claims.stats.nulls import MARGIN, light_difference, rise_because_of_noise, rise_of, threshold_rule, turns_rule
from sdd_claims.stats.parts import AllOf
from sdd_claims.stats.places import SamePlace, Shifts
from sdd_claims.stats.population import (
    BRACKET,
    CRITICAL,
    DENSE,
    LEVELS,
    LIGHT,
    SWEET,
    Case,
    Population,
    bump,
    phases,
)


def alternatives() -> Iterator[Case]:
    """Yields every rule with populations in which its claim holds."""
    k = np.arange(LEVELS)
    flat = np.full(LEVELS, DENSE)
    step = phases(DENSE, 0.70, 0.70, 0.60)

    for points in (3, 5, 8):
        dip = phases(DENSE, DENSE - points / 100, DENSE, 0.60)
        rule = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, margin=MARGIN)
        yield Case(rule, f"dip of {points} points", Population({"noisy": dip}))

    falls = {
        "falls by 3 points a level": DENSE - 0.03 * k,
        "falls by 4 points a level": DENSE - 0.04 * k,
        "level for six levels, then falls by 6 points a level": DENSE - 0.06 * np.maximum(k - 5, 0),
    }
    for label, fall in falls.items():
        yield Case(DipFree("clean", MARGIN), label, Population({"clean": fall}))

    for points in (3, 5):
        rise = phases(DENSE, 0.70, 0.70 + points / 100, 0.60)
        population = Population({"noisy": rise, "clean": step})
        yield Case(Greater(rise_because_of_noise(), MARGIN), f"difference of {points} points", population)

    same = Population({"noisy": flat, "clean": flat})
    for margin in (0.02, 0.03):
        label = f"no difference, margin {100 * margin:.0f} points"
        yield Case(Equivalent(light_difference(), margin), label, same)

    place = SamePlace("noisy", Location(BRACKET, "dip"), "distance", Location(BRACKET, "peak"))
    for apart in (0.0, 0.2):
        population = Population({"noisy": flat - bump(), "distance": 1 + bump(apart)})
        yield Case(place, f"{apart:g} apart in log density", population)

    names = ("10 % noise", "20 % noise", "40 % noise")
    rule_of_shift = Shifts(names, (0.0, 1.0, 2.0), Location(BRACKET, "dip"), 1, "log density per doubling of noise")
    for slope in (0.2, 0.4):
        means = {name: flat - bump(slope * (i - 1)) for i, name in enumerate(names)}
        yield Case(rule_of_shift, f"{slope:g} log density per doubling", Population(means))

    follows = {"distance": 1 + bump(), "distance without noise": 1 + 0.01 * k, "noisy": flat - bump()}
    correlated = Correlated("distance", "distance without noise", "noisy", BRACKET, -1)
    yield Case(correlated, "distance mirrors accuracy, without noise it grows", Population(follows))

    middles = {"in the middle of the window": 4.0, "a quarter of the window from its edge": 3.75}
    for label, start in middles.items():  # train accuracy is kept so long, then falls by 10 points a level
        train = 1 - 0.1 * np.maximum(k - start, 0)
        yield Case(threshold_rule(), f"threshold {label}", Population({"train": train}))

    both = AllOf({curve: Greater(Contrast(rise_of(curve)), MARGIN) for curve in ("first", "second")})
    rises = Population(dict.fromkeys(("first", "second"), phases(DENSE, 0.70, 0.75, 0.60)))
    yield Case(both, "both parts rise by 5 points", rises)

    turns = {"narrow": phases(DENSE, 0.62, DENSE, 0.60), "middle": phases(DENSE, 0.62, 0.62, 0.60), "wide": flat}
    yield Case(turns_rule(), "three legs, one and none", Population(turns))
