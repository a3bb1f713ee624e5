"""What is measured in portable arithmetic is what PyTorch measures, up to rounding."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sdd_claims.measures import (
    EpochWatch,
    along_line,
    evaluate_test,
    evaluate_training,
    learning_distance,
    losses_along_directions,
    sharpness,
    weight_variance,
)
from sdd_claims.measures.exact import exact_sum
from sdd_claims.measures.sharpness import filter_normalised
from sdd_claims.models import build
from sdd_claims.randomness import Draws, Stream, draws
from sdd_claims.spec import ModelSpec
from sdd_claims.training import CHUNK, ReplicaStack, TrainingData
from sdd_claims.training.compiled_stack import CompiledStack

REPLICAS, CLASSES, SIZE = 3, 5, CHUNK + 13
ARCHITECTURE = build(ModelSpec(hidden=(12, 6)), (1, 3, 3), CLASSES)
DENSITIES = (1.0, 0.5, 0.2)
CPU = torch.device("cpu")


def networks(seed: int, scale: float = 1.0) -> tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]:
    """Random weights of zero where pruned, and masks: dense, a half and a fifth, which is trained in sparse form."""
    generator = torch.Generator().manual_seed(seed)
    weights, masks = [], []
    for density in DENSITIES:
        drawn = {
            n: torch.randn(p.shape, generator=generator) * scale for n, p in ARCHITECTURE.module.named_parameters()
        }
        mask = {n: torch.rand(drawn[n].shape, generator=generator) < density for n in ARCHITECTURE.prunable}
        weights.append(drawn | {name: drawn[name] * kept for name, kept in mask.items()})
        masks.append(mask)
    return weights, masks


def training_data() -> TrainingData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(SIZE + 50, 1, 3, 3, generator=generator)
    subset = torch.stack([torch.randperm(SIZE + 50, generator=generator)[:SIZE] for _ in range(REPLICAS)])
    return TrainingData(images, subset, torch.randint(CLASSES, (REPLICAS, SIZE), generator=generator))


DATA = training_data()
TEST_LABELS = torch.arange(len(DATA.images)) % CLASSES


def stacks(seed: int = 1) -> tuple[ReplicaStack, CompiledStack]:
    native, other = (ReplicaStack(ARCHITECTURE, *networks(seed), CPU) for _ in range(2))
    return native, CompiledStack(other)


def generators() -> list[Draws]:
    return [draws(r, Stream.DIRECTIONS, portable=True) for r in range(REPLICAS)]


@pytest.mark.parametrize(
    "measured",
    [lambda stack: evaluate_training(stack, DATA), lambda stack: evaluate_test(stack, DATA.images, TEST_LABELS)],
    ids=["training", "test"],
)
def test_accuracy_and_loss_are_those_of_native_arithmetic(measured):
    native, portable = (measured(stack) for stack in stacks())
    torch.testing.assert_close(portable.loss, native.loss, rtol=1e-6, atol=0)
    assert portable.accuracy.tolist() == native.accuracy.tolist()  # no two logits are that close
    assert len(set(portable.accuracy.tolist())) > 1
    assert portable.loss.dtype == torch.float64


def test_accuracy_after_an_epoch_is_that_of_native_arithmetic():
    found = []
    for stack in stacks():
        watch = EpochWatch(stack, DATA.images, TEST_LABELS, 700)
        watch.look()
        found.append(watch.seen[0].tolist())
    assert found[0] == found[1]


def test_gradients_are_those_of_native_arithmetic_and_of_pruned_weights_as_well():
    images, labels = DATA.seen(DATA.subset[:, :33]), DATA.labels[:, :33]
    native, portable = (stack.gradients(images, labels) for stack in stacks())
    for ours, theirs, mask in zip(portable, native, networks(1)[1], strict=True):
        assert [*ours] == [*theirs]
        for name, expected in theirs.items():
            torch.testing.assert_close(ours[name], expected, rtol=1e-4, atol=1e-5)
        if not bool(mask["3.weight"].all()):
            assert bool((ours["3.weight"][~mask["3.weight"]] != 0).any())


def test_a_network_is_measured_to_the_bits_that_it_has_alone():
    whole = evaluate_training(stacks()[1], DATA)
    weights, masks = networks(1)
    for r in range(REPLICAS):
        alone = CompiledStack(ReplicaStack(ARCHITECTURE, [weights[r]], [masks[r]], CPU))
        found = evaluate_training(alone, DATA.of(torch.tensor([r])))
        assert found.loss.item() == whole.loss[r].item()
        assert found.accuracy.item() == whole.accuracy[r].item()


def test_the_loss_along_a_line_is_that_of_native_arithmetic():
    start, end = networks(1)[0], networks(2)[0]
    native, portable = (along_line(ARCHITECTURE, start, end, DATA, 7, portable=way) for way in (False, True))
    torch.testing.assert_close(portable.loss, native.loss, rtol=2e-6, atol=0)
    torch.testing.assert_close(portable.accuracy, native.accuracy, rtol=0, atol=1.1 / SIZE)


def test_the_ends_of_a_line_have_the_bits_of_the_two_solutions():
    start, end = networks(1)[0], networks(2)[0]
    found = along_line(ARCHITECTURE, start, end, DATA, 5, portable=True)
    for point, seed in ((0, start), (-1, end)):
        again = along_line(ARCHITECTURE, seed, seed, DATA, 2, portable=True)
        assert found.loss[:, point].tolist() == again.loss[:, 0].tolist() == again.loss[:, 1].tolist()


def test_weights_that_are_no_numbers_have_no_loss_along_a_line_and_no_sharpness():
    weights, masks = networks(1)
    weights[1] = {name: value * math.nan for name, value in weights[1].items()}
    line = along_line(ARCHITECTURE, weights, networks(2)[0], DATA, 3, portable=True)
    assert line.loss[1].isnan()[:2].all()
    assert line.loss[[0, 2]].isfinite().all()
    found = sharpness(ARCHITECTURE, weights, masks, DATA, generators(), portable=True)
    assert found.isfinite().tolist() == [True, False, True]


@pytest.mark.parametrize("directions", [1, 5])
def test_sharpness_is_that_of_native_arithmetic_along_the_same_directions(directions):
    weights, masks = networks(3, scale=0.5)
    native, portable = (
        sharpness(
            ARCHITECTURE,
            weights,
            masks,
            DATA,
            generators(),
            directions,
            portable=way,
        )
        for way in (False, True)
    )
    torch.testing.assert_close(portable, native, rtol=1e-3, atol=1e-4)  # second differences of losses 1e-7 apart
    assert portable.dtype == torch.float64
    assert any(value != float(torch.tensor(value).float()) for value in portable.tolist()), "in double precision"


def test_the_curvature_in_closed_form_is_that_of_the_fitted_parabola():
    weights, masks = networks(3)
    lines = losses_along_directions(ARCHITECTURE, weights, masks, DATA, generators(), 2, 0.3, 9, portable=True)
    steps = torch.linspace(-0.3, 0.3, 9, dtype=torch.float64)
    powers = torch.stack([torch.ones_like(steps), steps, steps.square()], 1)
    expected = (2 * lines @ torch.linalg.pinv(powers)[2]).mean(1)
    found = sharpness(ARCHITECTURE, weights, masks, DATA, generators(), 2, 0.3, 9, portable=True)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_directions_have_the_lengths_of_native_arithmetic():
    weights, masks = networks(3)
    weights[2]["1.weight"][0] = 0.0  # a filter without weights stays without
    for weight, mask in zip(weights, masks, strict=True):
        native, exact = (
            filter_normalised(ARCHITECTURE, weight, mask, draws(0, Stream.DIRECTIONS), exact=way)
            for way in (False, True)
        )
        for name, value in native.items():
            torch.testing.assert_close(exact[name], value, rtol=1e-6, atol=0)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_exact_distance_and_variance_are_those_of_native_arithmetic(scale):
    start, (weights, masks) = networks(4, scale)[0], networks(5, scale)
    stacked = [{name: torch.stack([each[name] for each in given]) for name in given[0]} for given in (start, weights)]
    native, exact = (learning_distance(stacked[0], stacked[1], exact=way) for way in (False, True))
    torch.testing.assert_close(exact, native, rtol=1e-12, atol=0)
    native, exact = (weight_variance(weights, masks, exact=way) for way in (False, True))
    torch.testing.assert_close(exact, native, rtol=1e-12, atol=0)


def test_the_variance_of_fewer_than_two_weights_is_zero_and_that_of_no_numbers_is_none():
    one = {"w": torch.tensor([[3.0, 4.0]])}
    masks = [{"w": torch.tensor([[left, False]])} for left in (False, True)]
    assert weight_variance([one, one], masks, exact=True).tolist() == [0, 0]
    lost = {"w": torch.tensor([[3.0, math.nan]])}
    assert weight_variance([lost], [{"w": torch.tensor([[True, True]])}], exact=True).isnan().all()


@given(numbers=st.lists(st.floats(-1e300, 1e300), max_size=30), seed=st.randoms(use_true_random=False))
def test_no_order_changes_an_exact_sum(numbers, seed):
    shuffled = numbers.copy()
    seed.shuffle(shuffled)
    one, other = (exact_sum(torch.tensor(each, dtype=torch.float64)) for each in (numbers, shuffled))
    assert one == other == math.fsum(numbers)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [((1.0, math.nan), math.nan), ((1.0, math.inf), math.inf), ((math.inf, -math.inf), math.nan)],
)
def test_an_exact_sum_is_no_number_where_its_terms_make_it_so(numbers, expected):
    assert exact_sum(torch.tensor(numbers)) == pytest.approx(expected, nan_ok=True)
