"""A shift of an extremum that is looked for in a bracket of each curve's own."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import Location, Shifts
from sdd_claims.stats.window import Window

LEVELS = 20
DENSITY = 0.8 ** np.arange(LEVELS)
SEEDS = tuple(range(1000, 1012))
NAMES = ("early", "middle", "late")
CENTRES = (6, 10, 15)
"""The level at which each curve's dip lies."""


def dip_at(level: float, depth: float = 0.1) -> np.ndarray:
    """A dip of five levels, symmetric about its own, on a curve that falls from there on."""
    away = np.abs(np.arange(LEVELS) - level)
    return 0.8 - depth * np.clip(1 - away / 2.5, 0, None)


def around(level: int, reach: int = 4) -> Location:
    return Location(Window(DENSITY[level + reach] * 0.99, DENSITY[level - reach] * 1.01), "dip")


def study(seeds: tuple[int, ...] = SEEDS) -> dict[str, SparsityCurve]:
    """Each seed's dip is a little deeper, and lies where the others' do."""
    return {
        name: SparsityCurve(
            seeds, DENSITY, np.stack([dip_at(level, 0.1 + 0.01 * index) for index in range(len(seeds))])
        )
        for name, level in zip(NAMES, CENTRES, strict=True)
    }


APART = tuple(around(level) for level in CENTRES)
RULE = Shifts(NAMES, (0.0, 1.0, 2.0), APART, -1, "log density per doubling of noise")


def slopes(rule: Shifts, curves: dict[str, SparsityCurve]) -> np.ndarray:
    return rule.numbers(
        {name: each.position for name, each in curves.items()}, {n: c.values for n, c in curves.items()}
    )


def test_each_curve_is_looked_at_in_its_own_bracket():
    expected = np.polyfit(RULE.factors, np.log(DENSITY[list(CENTRES)]), 1)[0]
    np.testing.assert_allclose(slopes(RULE, study()), expected)
    assert expected < 0


def test_what_happens_outside_a_curves_own_bracket_is_not_looked_at():
    curves = study()
    curves["early"].values[:, CENTRES[2]] = 0.0  # a deeper dip, where another curve is looked at
    np.testing.assert_allclose(slopes(RULE, curves), slopes(RULE, study()))
    together = replace(RULE, at=Location(Window(DENSITY[-1], 1.0), "dip"))
    assert not np.allclose(slopes(together, curves), slopes(together, study()))


def test_a_bracket_for_each_is_one_for_all_where_they_are_the_same():
    wide = Location(Window(DENSITY[19] * 0.99, DENSITY[2] * 1.01), "dip")
    one, each = replace(RULE, at=wide), replace(RULE, at=(wide,) * 3)
    np.testing.assert_array_equal(slopes(one, study()), slopes(each, study()))
    assert one.evaluate(study(), 0.01) == each.evaluate(study(), 0.01)


@given(order=st.permutations(range(3)))
def test_the_order_of_the_curves_does_not_matter(order):
    mixed = Shifts(
        tuple(NAMES[i] for i in order),
        tuple(RULE.factors[i] for i in order),
        tuple(APART[i] for i in order),
        -1,
        RULE.unit,
    )
    np.testing.assert_allclose(slopes(mixed, study()), slopes(RULE, study()))


def test_every_bracket_goes_by_the_name_of_its_curve():
    assert RULE.windows() == {
        f"bracket of the dip of {name}": at.bracket for name, at in zip(NAMES, APART, strict=True)
    }
    assert replace(RULE, at=APART[0]).windows() == {"bracket of the dip": APART[0].bracket}
    assert json.loads(json.dumps(asdict(RULE)))["at"][1]["kind"] == "dip"


@pytest.mark.parametrize("index", range(3))
def test_a_bracket_that_is_too_narrow_for_its_own_curve_is_an_error(index):
    narrow = Location(Window(DENSITY[11] * 0.99, DENSITY[10] * 1.01), "dip")
    rule = replace(RULE, at=(*APART[:index], narrow, *APART[index + 1 :]))
    density = dict.fromkeys(NAMES, DENSITY)
    RULE.check(density)
    with pytest.raises(InputError, match="holds 2 of the curve's levels, a dip needs at least three"):
        rule.check(density)


def test_a_seed_without_a_dip_is_named_with_its_curve_and_that_curves_bracket():
    curves = study()
    curves["middle"].values[3] = np.linspace(0.9, 0.5, LEVELS)
    found = RULE.evaluate(curves, 0.01)
    assert found.open_reason == f"seed 1003 of 'middle' shows no dip in the bracket at density {APART[1].bracket}"


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_fewer_or_more_brackets_than_curves_are_an_error(count):
    with pytest.raises(InputError, match="one for each of 3 curves"):
        replace(RULE, at=(APART * 2)[:count])


def test_a_dip_cannot_move_to_where_a_peak_is():
    with pytest.raises(InputError, match="one kind of extremum"):
        replace(RULE, at=(*APART[:2], replace(APART[2], kind="peak")))
