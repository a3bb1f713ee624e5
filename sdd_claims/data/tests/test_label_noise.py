import math
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sdd_claims.data.class_maps import ASYMMETRIC
from sdd_claims.data.datasets import load
from sdd_claims.data.label_noise import KINDS, NoisyLabels, corrupt
from sdd_claims.errors import InputError

DRAWN = ("symmetric_permute", "symmetric_always_wrong", "asymmetric", "pairflip")

labels_of_ten = arrays.arrays(np.uint8, st.integers(0, 200), elements=st.integers(0, 9))
rates = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
seeds = st.integers(0, 2**32 - 1)


def noisy(
    labels: np.ndarray,
    kind: str,
    rate: float | None,
    seed: int,
    dataset: str = "mnist",
    classes: int = 10,
    given: np.ndarray | None = None,
) -> NoisyLabels:
    rng = np.random.default_rng(seed)
    return corrupt(labels, kind, rate, dataset=dataset, classes=classes, rng=rng, given=given)


def rounded(rate: float, count: int) -> int:
    return int((Decimal(str(rate)) * count).to_integral_value(ROUND_HALF_UP))


@given(labels_of_ten, st.sampled_from(DRAWN), rates, seeds)
def test_the_record_of_flips_is_right_and_the_input_untouched(labels, kind, rate, seed):
    before = labels.copy()
    labels.setflags(write=False)
    result = noisy(labels, kind, rate, seed)
    np.testing.assert_array_equal(labels, before)
    assert not np.shares_memory(result.labels, labels)
    assert result.labels.dtype == labels.dtype
    np.testing.assert_array_equal(result.flipped, result.labels != labels)
    assert np.all(result.chosen[result.flipped])
    assert np.all(result.labels <= 9)


@given(labels_of_ten, st.sampled_from(DRAWN), rates, seeds)
def test_the_same_stream_gives_the_same_labels(labels, kind, rate, seed):
    first, again = (noisy(labels, kind, rate, seed) for _ in range(2))
    np.testing.assert_array_equal(first.labels, again.labels)
    np.testing.assert_array_equal(first.chosen, again.chosen)


@given(labels_of_ten, rates, seeds)
def test_permute_chooses_an_exact_share_and_keeps_every_class_as_large(labels, rate, seed):
    result = noisy(labels, "symmetric_permute", rate, seed)
    assert result.chosen.sum() == rounded(rate, len(labels))
    np.testing.assert_array_equal(np.bincount(result.labels, minlength=10), np.bincount(labels, minlength=10))


@given(st.data(), rates, seeds, st.integers(2, 256))
def test_always_wrong_flips_an_exact_share_whatever_the_number_of_classes(data, rate, seed, classes):
    labels = data.draw(arrays.arrays(np.uint8, st.integers(0, 200), elements=st.integers(0, classes - 1)))
    result = noisy(labels, "symmetric_always_wrong", rate, seed, classes=classes)
    assert result.flipped.sum() == rounded(rate, len(labels))
    np.testing.assert_array_equal(result.flipped, result.chosen)
    assert np.all(result.labels < classes)


@given(st.sampled_from([("mnist", 10), ("cifar10", 10), ("cifar100", 100)]), st.data(), rates, seeds)
def test_asymmetric_flips_an_exact_share_of_each_mapped_class_and_no_other(named, data, rate, seed):
    name, classes = named
    labels = data.draw(arrays.arrays(np.int64, st.integers(0, 200), elements=st.integers(0, classes - 1)))
    result = noisy(labels, "asymmetric", rate, seed, dataset=name, classes=classes)
    for label in range(classes):
        members = labels == label
        flipped = members & result.flipped
        assert flipped.sum() == (rounded(rate, members.sum()) if label in ASYMMETRIC[name] else 0)
        assert np.all(result.labels[flipped] == ASYMMETRIC[name].get(label))


@given(labels_of_ten, rates, seeds)
def test_pairflip_moves_an_exact_share_of_each_class_to_the_next(labels, rate, seed):
    result = noisy(labels, "pairflip", rate, seed)
    for label in range(10):
        members = labels == label
        assert (members & result.flipped).sum() == rounded(rate, members.sum())
    np.testing.assert_array_equal(result.labels[result.flipped], (labels[result.flipped] + 1) % 10)


@given(labels_of_ten, st.data())
def test_annotators_labels_replace_the_clean_ones(labels, data):
    annotated = data.draw(arrays.arrays(np.int64, len(labels), elements=st.integers(0, 9)))
    result = noisy(labels, "human", None, 0, given=annotated)
    np.testing.assert_array_equal(result.labels, annotated)
    np.testing.assert_array_equal(result.flipped, annotated != labels)
    np.testing.assert_array_equal(result.chosen, result.flipped)


@pytest.mark.parametrize("rate", [None, 0, 0.0])
def test_no_noise_changes_nothing_and_draws_nothing(rate):
    labels, rng = np.arange(10), np.random.default_rng(3)
    result = corrupt(labels, "none", rate, dataset="mnist", classes=10, rng=rng)
    np.testing.assert_array_equal(result.labels, labels)
    assert not result.chosen.any()
    assert rng.bit_generator.state == np.random.default_rng(3).bit_generator.state


@pytest.mark.parametrize("kind", DRAWN)
def test_different_streams_choose_independently(kind):
    labels = load("mnist_small").train_labels
    one, other = (noisy(labels, kind, 0.5, seed).chosen for seed in (1, 2))
    eligible = np.isin(labels, list(ASYMMETRIC["mnist"])) if kind == "asymmetric" else np.full(len(labels), True)
    both = (one & other).sum() / eligible.sum()
    assert both == pytest.approx(0.25, abs=0.03)  # standard deviation below 0.005


def test_wrong_labels_are_spread_evenly_over_the_other_classes():
    labels = np.zeros(9000, np.uint8)
    counts = np.bincount(noisy(labels, "symmetric_always_wrong", 1, 0).labels, minlength=10)
    assert counts[0] == 0
    assert np.all(np.abs(counts[1:] - 1000) < 150)  # five standard deviations


def test_a_permutation_leaves_about_a_tenth_of_the_chosen_right():
    result = noisy(load("mnist_small").train_labels, "symmetric_permute", 0.2, 0)
    assert result.chosen.sum() == 1600
    assert result.flipped.sum() == pytest.approx(1440, abs=60)  # He et al.: 18 % truly wrong at 20 %


def test_halves_round_up_in_the_decimal_number_that_was_written():
    assert 0.145 * 100 < 14.5  # what rounding in binary would see
    labels = np.zeros(100, np.uint8)
    assert noisy(labels, "symmetric_always_wrong", 0.145, 0).flipped.sum() == 15
    assert noisy(labels[:2], "symmetric_always_wrong", 0.25, 0).flipped.sum() == 1


@given(st.floats(), st.sampled_from(DRAWN))
def test_rates_outside_zero_to_one_are_refused(rate, kind):
    assume(math.isnan(rate) or not 0 <= rate <= 1)
    with pytest.raises(InputError, match="give a fraction from 0 to 1"):
        noisy(np.arange(10), kind, rate, 0)


@pytest.mark.parametrize(
    ("kind", "rate", "change", "complaint"),
    [
        ("symetric", 0.2, {}, f"unknown label noise 'symetric': give one of {', '.join(KINDS)}"),
        ("pairflip", None, {}, "'pairflip' was given the rate None: give a fraction"),
        ("none", 0.2, {}, "was given the rate 0.2: leave the rate out"),
        ("human", 0.2, {"given": np.arange(10)}, "set their own noise rate, got the rate 0.2: leave the rate out"),
        ("human", None, {}, "needs the annotators' labels"),
        ("human", None, {"given": np.arange(9)}, "9 labels were given for 10 images"),
        ("human", None, {"given": np.arange(1, 11)}, "the annotators' labels run from 1 to 10, expected 0 to 9"),
        ("human", None, {"given": np.arange(10.0)}, "the annotators' labels are float64"),
        ("pairflip", 0.2, {"given": np.arange(10)}, "labels were given for label noise 'pairflip'"),
        ("asymmetric", 0.2, {"dataset": "fashion_mnist"}, "no map .* for 'fashion_mnist'.* is for mnist_small, mnist"),
        ("asymmetric", 0.2, {"dataset": "cifar100"}, "the map of cifar100 names 100 classes, got labels of 10"),
        ("pairflip", 0.2, {"labels": np.array([0, 10])}, "the clean labels run from 0 to 10, expected 0 to 9"),
        ("pairflip", 0.2, {"labels": np.array([-1, 3])}, "the clean labels run from -1 to 3, expected 0 to 9"),
        ("pairflip", 0.2, {"labels": np.zeros((2, 2), int)}, r"the clean labels are int64 of shape \(2, 2\)"),
        ("none", None, {"labels": np.zeros(3, int), "classes": 1}, "needs another class, got 1"),
    ],
)
def test_bad_input_is_refused_with_the_remedy(kind, rate, change, complaint):
    settings = {"labels": np.arange(10), "dataset": "mnist", "classes": 10} | change
    with pytest.raises(InputError, match=complaint):
        noisy(kind=kind, rate=rate, seed=0, **settings)
