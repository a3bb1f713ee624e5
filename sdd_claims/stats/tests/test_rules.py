"""What must hold for every rule alike."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import (
    AllOf,
    Contrast,
    Correlated,
    DipFree,
    DipThenRise,
    Equivalent,
    Greater,
    Location,
    Rule,
    SamePlace,
    Shifts,
    Term,
    ThresholdWithin,
)
from sdd_claims.stats.population import BRACKET, CRITICAL, DENSITY, LEVELS, LIGHT, SWEET, Population, bump, phases

THRESHOLD = 0.00057
RISE = Contrast((Term(1.0, "noisy", SWEET), Term(-1.0, "noisy", CRITICAL)))
GAP = Contrast((Term(1.0, "noisy", SWEET), Term(-1.0, "clean", SWEET)))
DIP_AT, PEAK_AT = Location(BRACKET, "dip"), Location(BRACKET, "peak")


def rules(scale: float = 1.0) -> dict[str, Rule]:
    """Every rule; the margins in accuracy scaled."""
    dip = DipThenRise("noisy", LIGHT, CRITICAL, SWEET, margin=0.01 * scale, train_curve="train")
    greater = Greater(RISE, 0.01 * scale)
    return {
        "dip_then_rise": dip,
        "dip_free": DipFree("clean", 0.01 * scale, LIGHT, CRITICAL, SWEET),
        "same_place": SamePlace("bump", DIP_AT, "distance", PEAK_AT),
        "shifts": Shifts(("bump", "bump, denser"), (0.0, 1.0), DIP_AT, 1, "log density per doubling of noise"),
        "greater": greater,
        "equivalent": Equivalent(GAP, 0.02 * scale),
        "correlated": Correlated("distance", "clean", "bump", BRACKET),
        "all_of": AllOf({"dip": dip, "rise": greater}),
        "threshold_within": ThresholdWithin("train", CRITICAL, 0.3 * scale),
    }


def studies(number: int, seed: int) -> Mapping[str, np.ndarray]:
    population = Population(
        {
            "noisy": phases(0.78, 0.72, 0.76, 0.5),
            "clean": 0.78 - 0.03 * np.arange(LEVELS),
            "train": np.linspace(1, 0.3, LEVELS),
            "bump": 0.78 - bump(),
            "bump, denser": 0.78 - bump(0.3),
            "distance": 1 + bump(),
        },
    )
    return population.draw(np.random.default_rng(seed), number, 12)


def both(rule: Rule, values: Mapping[str, np.ndarray]) -> np.ndarray:
    evidence = rule.test(dict.fromkeys(values, DENSITY), values)
    return np.stack([evidence.support, evidence.contrary])


def study(values: Mapping[str, np.ndarray]) -> dict[str, SparsityCurve]:
    return {name: SparsityCurve(tuple(range(1000, 1012)), DENSITY, curve[0]) for name, curve in values.items()}


every_rule = pytest.mark.parametrize("name", rules())


@every_rule
def test_a_batch_gives_what_its_studies_give_alone(name):
    rule, values = rules()[name], studies(40, 0)
    batched = both(rule, values)
    alone = [both(rule, {curve: table[i] for curve, table in values.items()}) for i in range(40)]
    np.testing.assert_allclose(batched, np.transpose(alone), rtol=1e-9)


@every_rule
def test_evaluate_says_what_test_says(name):
    rule, values = rules()[name], studies(1, 0)
    found = rule.evaluate(study(values), THRESHOLD)
    np.testing.assert_allclose([found.p, found.p_contrary], both(rule, values)[:, 0])
    assert found.effect.low <= found.effect.value <= found.effect.high


@every_rule
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(12)))
def test_p_is_a_probability_and_the_order_of_seeds_does_not_matter(name, seed, order):
    rule, values = rules()[name], studies(5, seed)
    p = both(rule, values)
    assert ((p >= 0) & (p <= 1)).all()
    np.testing.assert_allclose(both(rule, {curve: table[:, order] for curve, table in values.items()}), p, rtol=1e-9)


@pytest.mark.parametrize("name", ["dip_then_rise", "dip_free", "same_place", "shifts", "correlated"])
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), shift=st.floats(-0.2, 0.2))
def test_shifting_the_judged_curves_changes_nothing(name, seed, shift):
    rule, values = rules()[name], studies(5, seed)
    shifted = {curve: table if curve == "train" else table + shift for curve, table in values.items()}
    np.testing.assert_allclose(both(rule, shifted), both(rule, values), rtol=1e-6)


@every_rule
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100))
def test_scaling_curves_and_margin_together_changes_nothing(name, seed, scale):
    values = studies(5, seed)
    scaled = {curve: scale * table for curve, table in values.items()}
    np.testing.assert_allclose(both(rules(scale)[name], scaled), both(rules()[name], values), rtol=1e-6)


@every_rule
def test_the_protocol_digest_tells_rules_apart(name):
    fields = asdict(rules()[name])
    assert json.loads(json.dumps(fields))["name"] == name


def test_equivalent_and_greater_differ_in_their_fields():
    assert asdict(Greater(RISE, 0.01)) != asdict(Equivalent(RISE, 0.01))


@every_rule
def test_a_missing_curve_is_an_error(name):
    rule = rules()[name]
    curves = study(studies(1, 0))
    del curves[rule.curves()[0]]
    with pytest.raises(InputError, match=f"reads a curve '{rule.curves()[0]}'"):
        rule.evaluate(curves, THRESHOLD)


@every_rule
def test_curves_of_different_numbers_of_seeds_are_an_error_where_they_are_paired(name):
    rule = rules()[name]
    curves = study(studies(1, 0))
    first = curves[rule.curves()[0]]
    curves[rule.curves()[0]] = SparsityCurve(first.seeds[:11], DENSITY, first.values[:11])
    with pytest.raises(InputError, match=r"different numbers of seeds|at least 12 seeds"):
        rule.evaluate(curves, THRESHOLD)


@every_rule
def test_a_curve_that_ends_before_the_windows_is_an_error(name):
    curves = {
        key: SparsityCurve(curve.seeds, DENSITY[:2], curve.values[:, :2]) for key, curve in study(studies(1, 0)).items()
    }
    with pytest.raises(InputError, match=r"lies off the curve|needs three levels|needs at least"):
        rules()[name].evaluate(curves, THRESHOLD)
