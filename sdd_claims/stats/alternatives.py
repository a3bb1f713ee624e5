"""Populations in which a claim holds, for measuring how often a rule finds it."""

from collections.abc import Iterator

import numpy as np

from sdd_claims.stats.dips import DipFree
from sdd_claims.stats.extremum_positions import SamePlace
from sdd_claims.stats.location import Location
from sdd_claims.stats.measured_rules import (
    BESIDE_DENSITY,
    DIP,
    MARGIN,
    MIRRORED,
    MOSTLY_RISING,
    NOISE_RATES,
    RISE_BECAUSE_OF_NOISE,
    RISES,
    SHIFT,
    THRESHOLD,
    TURNS,
    TWO_NETWORKS,
    TWO_RISES,
    WHOLE_SHIFTS,
    light_difference,
    mostly_at_one_place,
)
from sdd_claims.stats.population import (
    BRACKET,
    DENSE,
    LEVELS,
    Case,
    Population,
    bump,
    phases,
    whole_curve,
)


def alternatives() -> Iterator[Case]:
    """Yields every rule with populations in which its claim holds."""
    k = np.arange(LEVELS)
    flat = np.full(LEVELS, DENSE)
    step = phases(DENSE, 0.70, 0.70, 0.60)

    for points in (3, 5, 8):
        dip = phases(DENSE, DENSE - points / 100, DENSE, 0.60)
        yield Case(DIP, f"dip of {points} points", Population({"noisy": dip}))

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
        yield Case(RISE_BECAUSE_OF_NOISE, f"difference of {points} points", population)

    same = Population({"noisy": flat, "clean": flat})
    for margin in (0.02, 0.03):
        label = f"no difference, margin {100 * margin:.0f} points"
        yield Case(light_difference(margin), label, same)

    same_place = SamePlace("noisy", Location(BRACKET, "dip"), "distance", Location(BRACKET, "peak"))
    places = {apart: Population({"noisy": flat - bump(), "distance": 1 + bump(apart)}) for apart in (0.0, 0.2)}
    for apart, population in places.items():
        yield Case(same_place, f"{apart:g} apart in log density", population)

    for slope in (0.2, 0.4):
        means = {name: flat - bump(slope * (i - 1)) for i, name in enumerate(NOISE_RATES)}
        yield Case(SHIFT, f"{slope:g} log density per doubling", Population(means))

    for kind, rule in WHOLE_SHIFTS.items():
        networks = Population(dict(zip(TWO_NETWORKS, (whole_curve(kind), whole_curve(kind, 0.5)), strict=True)))
        moved = 0.5 if kind == "deepest dip" else 0.45  # the dip beside it cuts off some of the region of the peak
        yield Case(rule, f"{kind} moves by {moved:g} log density", networks, form=kind)

    follows = {"distance": 1 + bump(), "distance without noise": 1 + 0.01 * k, "noisy": flat - bump()}
    yield Case(MIRRORED, "distance mirrors accuracy, without noise it grows", Population(follows))
    yield Case(BESIDE_DENSITY, "distance mirrors accuracy at equal density", Population(follows))

    for points in (3, 5):
        rise = phases(DENSE, 0.70, 0.70 + points / 100, 0.60)
        yield Case(MOSTLY_RISING, f"rise of {points} points", Population({"noisy": rise}))

    middles = {"in the middle of the window": 4.0, "a quarter of the window from its edge": 3.75}
    for label, start in middles.items():  # train accuracy is kept so long, then falls by 10 points a level
        train = 1 - 0.1 * np.maximum(k - start, 0)
        yield Case(THRESHOLD, f"threshold {label}", Population({"train": train}))

    rises = Population(dict.fromkeys(RISES, phases(DENSE, 0.70, 0.75, 0.60)))
    yield Case(TWO_RISES, "both parts rise by 5 points", rises)

    turns = {"narrow": phases(DENSE, 0.62, DENSE, 0.60), "middle": phases(DENSE, 0.62, 0.62, 0.60), "wide": flat}
    yield Case(TURNS, "three legs, one and none", Population(turns))

    mostly = mostly_at_one_place(same_place.second_at, same_place.margin)
    for apart, population in places.items():
        yield Case(mostly, f"{apart:g} apart in log density, in most seeds", population)
