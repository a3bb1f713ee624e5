"""The same seeds are judged with one thing changed; what has no meaning is left out."""

from dataclasses import replace

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.stats import RULES, AllOf, Contrast, FewerTurns, Greater, Term, Window
from sdd_claims.stats.population import DENSE, LEVELS, bump
from sdd_claims.stats.robustness import _with_legs, _with_margin, panel, ruling_of
from sdd_claims.stats.rules import effect_margin
from sdd_claims.stats.stability import Design
from sdd_claims.stats.study import spelled_out
from sdd_claims.stats.tests.rule_examples import EXAMPLES, PRUNING
from sdd_claims.stats.tests.studies import QUIET, THRESHOLD, as_curves, drawn

DESIGN = Design((12,), THRESHOLD, proxy=False)


def one_study(means, noise=QUIET, seeds=12):
    tables = drawn(means, 1, seeds=seeds, noise=noise)
    return as_curves({curve: table[0] for curve, table in tables.items()}, PRUNING.position, PRUNING.name)


def height(window: Window, margin: float) -> Greater:
    return Greater(Contrast((Term(1.0, "accuracy", window),)), margin)


def at(*levels: int) -> Window:
    inside = PRUNING.position[list(levels)]
    return Window(float(inside.min()), float(inside.max()))


STEP = {"accuracy": np.where(np.arange(LEVELS) == 5, 0.30, 0.10)}
NOTHING = {"accuracy": np.full(LEVELS, 0.0)}


def test_windows_move_by_a_level_and_margins_by_a_factor():
    found = panel(DESIGN, height(at(5), 0.2), one_study(STEP), one_study(NOTHING))
    assert found == {
        "windows one level denser": "open",
        "windows one level sparser": "open",
        "margin halved": "supported",
        "margin doubled": "open",
        "the most extreme seed left out": "supported",
    }


def test_the_margin_of_turns_is_that_of_their_trend_and_not_the_turn_that_counts():
    rule = FewerTurns(("narrow", "wide"), (0.0, 1.0), Window(0.1, 1), tolerance=0.2, margin=0.05, smallest=0.5)
    assert _with_margin(rule, 0.5) == replace(rule, smallest=0.25)
    assert _with_legs(rule, 0.5) == replace(rule, tolerance=0.1, margin=0.025)
    assert effect_margin(rule) == -0.5
    assert effect_margin(Greater(Contrast((Term(1, "narrow", Window(0.1, 1)),)), margin=0.01)) == 0.01


def test_a_window_at_the_end_of_the_curve_moves_as_far_as_there_are_levels():
    found = panel(DESIGN, height(at(LEVELS - 1), 0.05), one_study(STEP), one_study(NOTHING))
    assert "windows one level sparser" not in found  # it is the same rule
    assert found["windows one level denser"] == "supported"


def test_what_is_compared_with_the_dense_network_stays_so():
    gained = {"accuracy": np.where(np.isin(np.arange(LEVELS), (1, 5, 6)), 0.30, 0.10)}
    rule = Greater(Contrast((Term(1.0, "accuracy", at(5)), Term(-1.0, "accuracy", at(0)))), 0.1)
    found = panel(DESIGN, rule, one_study(gained), one_study(NOTHING))
    assert (found["windows one level sparser"], found["windows one level denser"]) == ("supported", "open")


def test_parts_are_changed_together_and_a_margin_of_zero_is_none():
    parts = AllOf({"one": height(at(5), 0.0), "other": height(at(5, 6), 0.0)})
    found = panel(DESIGN, parts, one_study(STEP), one_study(NOTHING))
    assert "margin halved" not in found
    assert set(found.values()) == {"supported"}


def test_bounds_that_most_seeds_lie_within_are_halved_and_doubled_as_margins_are():
    rule = EXAMPLES["most_seeds_within"].rule(PRUNING, 1.0)
    apart, nothing = ({"accuracy": DENSE - bump(by), "distance": 1 + bump()} for by in (0.5, 3.0))
    found = panel(DESIGN, rule, one_study(apart), one_study(nothing))
    assert (found["margin halved"], found["margin doubled"]) == ("refuted", "supported")


@pytest.mark.parametrize("bounds", [(0.0, None), (None, 0.3), (-0.3, 0.5)])
def test_bounds_that_are_no_margin_stay_as_they_are(bounds):
    rule = replace(EXAMPLES["most_seeds_within"].rule(PRUNING, 1.0), low=bounds[0], high=bounds[1])
    assert _with_margin(rule, 2.0) == rule


def test_of_seeds_without_a_place_one_is_left_out_first():
    rule = EXAMPLES["most_seeds_within"].rule(PRUNING, 1.0)
    means = {"accuracy": DENSE - bump(), "distance": 1 + bump()}
    one, nothing = (
        one_study(means, seeds=14),
        one_study({"accuracy": DENSE - bump(3.0), "distance": 1 + bump()}, seeds=14),
    )
    one["accuracy"].values[3] = np.linspace(0.8, 0.7, LEVELS)  # without a dip
    design = Design((14,), 2e-4, proxy=False)
    found = panel(design, rule, one, nothing)
    tested, control = (spelled_out(rule, curves) for curves in (one, nothing))
    assert tested is not None
    assert control is not None
    assert ruling_of(design, tested, control) == "open"
    assert found["the most extreme seed left out"] == "supported"


def test_a_seed_less_is_not_asked_where_so_few_establish_nothing():
    rule = EXAMPLES["equivalent"].rule(PRUNING, 1.0)
    contrary = one_study(EXAMPLES["equivalent"].contrary)
    assert "the most extreme seed left out" not in panel(DESIGN, rule, contrary, contrary)  # twice 2^-11
    more = one_study(EXAMPLES["equivalent"].contrary, seeds=14)
    assert panel(DESIGN, rule, more, more)["the most extreme seed left out"] == "refuted"


def test_one_seed_on_which_a_verdict_hangs_is_found():
    values = np.tile([0.30, 0.30], (12, 1)) + np.random.default_rng(0).normal(0, 0.001, (12, 2))
    values[3, 0] = -0.4
    curves = {"accuracy": SparsityCurve(tuple(range(12)), np.array([1.0, 0.5]), values)}
    rule = height(Window(0.9, 1.0), 0.1)
    zero = {"accuracy": SparsityCurve(tuple(range(12)), np.array([1.0, 0.5]), 0 * values)}
    assert panel(DESIGN, rule, curves, zero)["the most extreme seed left out"] == "supported"
    tested = rule.hypotheses({"accuracy": np.array([1.0, 0.5])}, {"accuracy": values})
    assert ruling_of(DESIGN, tested, tested) == "open"


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("proxy", [False, True])
def test_every_rule_has_a_panel_whose_rulings_the_proxy_renames(name, proxy):
    example = EXAMPLES[name]
    rule, contrary = example.rule(PRUNING, 1.0), one_study(example.contrary, seeds=14)
    found = panel(Design((14,), THRESHOLD, proxy), rule, contrary, contrary)
    assert found["the most extreme seed left out"] == ("contrary on a proxy" if proxy else "refuted")
    assert ("refuted" if proxy else "contrary on a proxy") not in found.values()


def test_a_control_that_lacks_a_number_leaves_nothing_supported():
    tested = _tested(STEP)
    assert ruling_of(DESIGN, tested, _tested(NOTHING)) == "supported"
    assert ruling_of(DESIGN, tested, _tested({"accuracy": np.full(LEVELS, np.nan)})) == "open"


def _tested(means):
    curves = one_study(means)
    position = {name: curve.position for name, curve in curves.items()}
    return height(at(5), 0.2).hypotheses(position, {name: curve.values for name, curve in curves.items()})
