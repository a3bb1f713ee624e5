import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.measures import learning_distance, training_flops_per_image
from sdd_claims.models import build
from sdd_claims.spec import ModelSpec


def test_learning_distance_counts_pruned_weights_as_zero_and_biases_too():
    initial = {"w": torch.tensor([[[1.0, -2.0]], [[3.0, 4.0]]]), "b": torch.zeros(2, 1)}
    # Replica 0: 1 -> 3, -2 pruned, bias -> 1. Replica 1: both weights pruned, bias as it was.
    learned = {"w": torch.tensor([[[3.0, 0.0]], [[0.0, 0.0]]]), "b": torch.tensor([[1.0], [0.0]])}
    assert learning_distance(initial, learned).tolist() == [math.sqrt(4 + 4 + 1), 5.0]


def test_learning_distance_of_an_unmoved_network_is_zero():
    weights = {"w": torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))}
    assert learning_distance(weights, weights).tolist() == [0, 0, 0]


def test_learning_distance_is_summed_in_double_precision():
    initial = {"w": torch.zeros(1, 10**6)}
    learned = {"w": torch.full((1, 10**6), 0.1)}
    expected = 1000 * float(torch.tensor(0.1))
    assert learning_distance(initial, learned).item() == pytest.approx(expected, rel=1e-12)


@settings(max_examples=40)
@given(
    hidden=st.lists(st.integers(1, 50), min_size=1, max_size=3),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    classes=st.integers(2, 12),
)
def test_flops_of_an_mlp_are_two_a_weight_forward_and_backward_in_weights_and_inputs(hidden, shape, classes):
    widths = [math.prod(shape), *hidden, classes]
    products = [a * b for a, b in pairwise(widths)]
    # The images need no gradient, so the first layer has two products a weight and the others three.
    expected = 2 * (3 * sum(products) - products[0])
    assert training_flops_per_image(build(ModelSpec(hidden=tuple(hidden)), shape, classes), shape) == expected


def test_flops_of_lenet_by_hand():
    lenet = build(ModelSpec(hidden=(300, 100)), (1, 28, 28), 10)
    assert training_flops_per_image(lenet, (1, 28, 28)) == 2 * (2 * 784 * 300 + 3 * 300 * 100 + 3 * 100 * 10)
    assert all(parameter.grad is None for parameter in lenet.module.parameters())


@pytest.mark.parametrize("batch_norm", [True, False])
def test_flops_of_a_conv_net_down_to_a_single_pixel_by_hand(batch_norm):
    net = build(ModelSpec(name="conv", hidden=(), channels=(4, 5), batch_norm=batch_norm), (1, 4, 4), 3)
    first, second, last = 4 * (9 * 4), 9 * 4 * 5, 5 * 3  # pixels x weights, and one pixel from the second on
    assert training_flops_per_image(net, (1, 4, 4)) == 2 * (2 * first + 3 * second + 3 * last)
