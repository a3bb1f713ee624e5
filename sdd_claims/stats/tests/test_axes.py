"""Rules along another axis than density: each window must fit its curve, and words name the axis."""

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import (
    Contrast,
    DipFree,
    DipThenRise,
    Greater,
    Location,
    SamePlace,
    Shifts,
    Term,
    ThresholdWithin,
)
from sdd_claims.stats.window import Window

STRENGTHS = np.array([0, 0.01, 0.1, 1, 10, 100])
PENALTY = "penalty strength"
SEEDS = tuple(range(1000, 1012))
LOW, MIDDLE, HIGH = Window(0, 0.01, PENALTY), Window(0.1, 0.1, PENALTY), Window(1, 10, PENALTY)
BRACKET = Window(0.01, 10, PENALTY)


def curve(means: list[float], spread: float = 0.003) -> SparsityCurve:
    values = np.array(means) + np.random.default_rng(1).normal(0, spread, (12, 6))
    return SparsityCurve(SEEDS, STRENGTHS, values, PENALTY)


DIPPED = curve([0.8, 0.8, 0.7, 0.8, 0.8, 0.3])
DIPPED_HIGHER = curve([0.8, 0.8, 0.8, 0.7, 0.8, 0.3])
PRUNED = SparsityCurve(SEEDS, 0.5 ** np.arange(6), DIPPED.values)
CURVES = {"x": DIPPED, "y": DIPPED_HIGHER}


def test_each_term_of_a_contrast_must_fit_its_own_curve():
    sparse = Window(0.1, 0.3)
    mixed = Greater(Contrast((Term(1, "path", HIGH), Term(-1, "pruned", sparse))))
    assert mixed.windows() == {"penalty strength 1 to 10": HIGH, "density 0.1 to 0.3": sparse}
    mixed.evaluate({"path": DIPPED, "pruned": PRUNED}, 0.0006)
    with pytest.raises(InputError, match="curve 'path', which lies along density"):
        mixed.evaluate({"path": PRUNED, "pruned": DIPPED}, 0.0006)


def test_the_curve_that_shows_the_collapse_must_share_the_grid():
    with pytest.raises(InputError, match="curve 'train', which lies along density"):
        DipThenRise("x", LOW, MIDDLE, HIGH, train_curve="train").evaluate({"x": DIPPED, "train": PRUNED}, 0.0006)


def test_a_dip_along_a_path_is_found_from_low_to_high():
    assert DipThenRise("x", LOW, MIDDLE, HIGH).evaluate(CURVES, 0.0006).p < 0.0006
    assert DipFree("x", 0.01, LOW, MIDDLE, HIGH).evaluate(CURVES, 0.0006).p_contrary < 0.0006
    said = DipFree("x", 0.01).evaluate(CURVES, 0.0006).words
    assert "at penalty strength 0.1 against" in said
    assert "below both one at lower and one at higher penalty strength" in said


def test_a_contrast_names_the_strength():
    assert str(Contrast((Term(1, "x", HIGH),))) == "x at penalty strength 1 to 10"
    assert str(Contrast((Term(1, "x", Window(50_000, 50_000, "epoch")),))) == "x at epoch 50000"


def test_positions_are_compared_in_logs_of_the_strength_and_rise_with_it():
    at = Location(BRACKET, "dip")
    found = Shifts(("x", "y"), (0.0, 1.0), at, 1, "log penalty strength").evaluate(CURVES, 0.0006)
    assert found.effect.value == pytest.approx(np.log(10), abs=0.1)
    assert found.p < 0.0006
    assert "positive towards higher penalty strength. That it moves to higher penalty strength" in found.words
    assert SamePlace("x", at, "y", at).evaluate(CURVES, 0.0006).effect.unit == "log penalty strength"


def test_a_seed_without_a_dip_is_named_with_the_bracket():
    flat = curve([0.5, 0.9, 0.8, 0.7, 0.6, 0.5], spread=0.0)
    assert Location(BRACKET, "dip").unfound("x", flat)[0].endswith("in the bracket at penalty strength 0.01 to 10")


def test_a_bracket_that_holds_zero_is_refused():
    with pytest.raises(InputError, match="bracket penalty strength 0 to 1 holds 0"):
        Location(Window(0, 1, PENALTY), "dip")


def test_positions_along_different_axes_cannot_be_compared():
    here, there = Location(BRACKET, "dip"), Location(Window(0.1, 1), "dip")
    with pytest.raises(InputError, match="different axes cannot be compared"):
        SamePlace("x", here, "y", there)
    with pytest.raises(InputError, match="different axes cannot be compared"):
        Shifts(("x", "y"), (0.0, 1.0), (here, there), 1, "log")


def test_the_interpolation_threshold_is_a_density_and_refused_elsewhere():
    with pytest.raises(InputError, match="interpolation threshold is a density"):
        ThresholdWithin("x", HIGH)
