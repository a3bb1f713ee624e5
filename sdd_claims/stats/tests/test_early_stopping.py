import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.stats import VERSION
from sdd_claims.stats.early_stopping import DROP, PATIENCE, chosen, densest_best, trained

NAN = float("nan")
# Accuracies on 500 images; None is a level that diverged.
CURVES = st.lists(st.none() | st.integers(380, 420), min_size=1, max_size=12)


def curve(right: list[int | None]) -> np.ndarray:
    return np.array([NAN if count is None else count / 500 for count in right])


def walk(validation: np.ndarray) -> tuple[int, int]:
    """The criterion as one would carry it out while training, a level at a time."""
    best, pick, low = -np.inf, -1, 0
    for level, accuracy in enumerate(validation):
        if accuracy > best:
            best, pick = accuracy, level
        low = 0 if accuracy >= best - DROP - 1e-12 else low + 1
        if low == PATIENCE:
            return pick, level + 1
    return pick, len(validation)


@given(st.lists(CURVES, min_size=1, max_size=6))
def test_a_batch_of_curves_stops_as_one_would_while_training_each(batch):
    longest = max(map(len, batch))
    table = np.stack([curve([*each, *[each[-1]] * (longest - len(each))]) for each in batch])
    expected = [walk(row) for row in table]
    assert chosen(table).tolist() == [pick for pick, _ in expected]
    assert trained(table).tolist() == [levels for _, levels in expected]
    assert chosen(table[None]).shape == (1, len(batch))


@given(CURVES, st.lists(st.none() | st.integers(0, 500), min_size=12, max_size=12))
def test_nothing_depends_on_the_levels_after_the_stop(right, others):
    before = curve(right)
    paid = int(trained(before))
    after = np.append(before[:paid], curve(others))[: len(before)]
    if paid < len(before):
        assert trained(after) == paid
        assert chosen(after) == chosen(before)


@given(CURVES, st.integers(-300, 80))
def test_a_shift_of_the_whole_curve_changes_nothing(right, shift):
    shifted = curve([None if count is None else count + shift for count in right])
    assert chosen(shifted) == chosen(curve(right))
    assert trained(shifted) == trained(curve(right))


@given(CURVES)
def test_the_level_chosen_was_trained_and_none_trained_is_better(right):
    validation = curve(right)
    level, paid = int(chosen(validation)), int(trained(validation))
    assert -1 <= level < paid <= len(validation)
    assert (level < 0) == np.isnan(validation[:paid]).all()
    assert level < 0 or validation[level] == np.nanmax(validation[:paid])


@pytest.mark.parametrize("fall", [0.001, 0.006, 0.05])
def test_a_falling_curve_hands_back_the_dense_network(fall):
    assert chosen(0.8 - fall * np.arange(10)) == 0


def test_a_sustained_dip_stops_before_the_rise():
    validation = np.array([0.80, 0.81, 0.78, 0.77, 0.85, 0.90])
    assert chosen(validation) == 1
    assert trained(validation) == 4
    assert densest_best(validation) == 5


def test_a_single_low_level_and_a_drop_of_exactly_the_margin_are_waited_out():
    assert chosen(np.array([0.80, 0.70, 0.80, 0.70, 0.85])) == 4
    assert trained(np.array([0.78, 0.77, 0.77, 0.77])) == 4


def test_a_diverged_level_is_a_drop_and_a_seed_that_only_diverged_has_no_level():
    validation = np.array([[0.8, NAN, NAN, 0.9], [0.8, 0.7, NAN, 0.9], [NAN, 0.8, 0.9, NAN], [NAN] * 4])
    assert chosen(validation).tolist() == [0, 0, 2, -1]
    assert trained(validation).tolist() == [3, 3, 4, 2]
    assert densest_best(validation).tolist() == [3, 3, 2, -1]


def test_of_equally_good_levels_the_densest_is_taken():
    assert chosen(np.array([0.7, 0.8, 0.8, 0.8])) == 1


def test_drop_and_patience_can_be_set():
    validation = np.array([0.80, 0.77, 0.85, 0.80, 0.79, 0.70])
    assert trained(validation, drop=0.02, patience=1) == 2
    assert trained(validation, drop=0.04, patience=3) == 6
    assert trained(validation, patience=9) == 6


@pytest.mark.parametrize("wrong", [{"drop": -0.01}, {"patience": 0}])
def test_a_criterion_that_waits_for_nothing_is_an_error(wrong):
    with pytest.raises(InputError, match="give a drop of 0 or more"):
        chosen(np.ones(3), **wrong)


def test_the_criterion_is_the_one_that_has_judged():
    """Another choice judges otherwise: it takes a new `sdd_claims.stats.VERSION`."""
    assert (DROP, PATIENCE, VERSION) == (0.01, 2, 4)
