import math
from itertools import pairwise
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from sdd_claims.measures import learning_distance, training_cost, training_flops_per_image
from sdd_claims.models import Architecture, build
from sdd_claims.spec import ModelSpec, TransformerSpec
from sdd_claims.spec.model import Network
from sdd_claims.spec.own import OWN


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


class Own(nn.Module):
    """A network that looks up a buffer of places, makes a tensor on its way, and calls a layer by name."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("places", torch.arange(16))
        self.shift, self.first, self.last = nn.Embedding(16, 1), nn.Linear(16, width), nn.Linear(width, 3)

    def forward(self, images):
        pixels = images.flatten(1) + self.shift(self.places)[:, 0] + torch.linspace(0, 1, 16)
        return self.last(input=self.first(input=pixels).relu())


@pytest.mark.parametrize("width", [10, 100_000])  # the second has over a million parameters
def test_a_network_of_ones_own_is_counted_with_its_true_buffers(width):
    with torch.device("meta"):
        shapes = Own(width)
    before = torch.get_rng_state()
    architecture = Architecture(shapes, ("first.weight",), drawn=lambda: Own(width))
    cost = training_cost(architecture, (1, 4, 4))
    # What comes into the first layer needs a gradient, since the embedding does.
    assert cost.dense == 2 * 3 * (16 * width + width * 3)
    assert cost.by_weight == {"first.weight": 2 * 3 * 16 * width}
    assert torch.equal(torch.get_rng_state(), before)


NETWORKS: dict[Network, ModelSpec] = {
    "mlp": ModelSpec(),
    "conv": ModelSpec(name="conv", hidden=(), channels=(4, 8), batch_norm=True),
    "vgg_like": ModelSpec(name="vgg_like", hidden=(), batch_norm=True, channels=(8, 8, 8, 8, 8)),
    "vgg16": ModelSpec(name="vgg16", hidden=(), batch_norm=True),
    "resnet18": ModelSpec(name="resnet18", hidden=(), batch_norm=True),
    "resnet101": ModelSpec(name="resnet101", hidden=(), batch_norm=True),
    "relu_network": ModelSpec(name="relu_network", hidden=(9, 8), functional_width=3),
    "vit": ModelSpec(name="vit", hidden=(), transformer=TransformerSpec(), initialization="pytorch"),
}


def test_every_network_of_the_package_is_counted():
    assert NETWORKS.keys() == {*get_args(Network)} - {OWN}


@pytest.mark.parametrize("name", NETWORKS)
def test_operations_are_those_that_pytorchs_own_counter_counts(name):
    net = build(NETWORKS[name], (3, 32, 32), 10)
    images, labels = torch.empty(2, 3, 32, 32, device="meta"), torch.zeros(2, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter:
        cross_entropy(net.module(images), labels).backward()
    assert training_flops_per_image(net, (3, 32, 32)) == counter.get_total_flops() // 2 > 0


@pytest.mark.parametrize("density", [0.25, 0.5])
def test_a_kept_weight_of_an_mlp_costs_three_products_and_one_of_the_first_layer_two(density):
    mlp = build(ModelSpec(hidden=(8, 6)), (1, 4, 4), 3)
    cost = training_cost(mlp, (1, 4, 4))
    masks = {"1.weight": torch.ones(8, 16, dtype=torch.bool), "3.weight": torch.arange(48).view(6, 8) < 48 * density}
    assert cost.kept(masks) == 2 * (2 * 16 * 8 + 3 * 48 * density + 3 * 6 * 3)
    masks["1.weight"][:2] = False
    assert cost.kept(masks) == 2 * (2 * 16 * 6 + 3 * 48 * density + 3 * 6 * 3)


def test_kept_weights_of_a_conv_net_cost_by_the_pixels_that_their_layer_makes():
    net = build(ModelSpec(name="conv", hidden=(), channels=(4, 5), batch_norm=True), (1, 4, 4), 3)
    masks = {name: torch.zeros(net.module.get_parameter(name).shape, dtype=torch.bool) for name in net.prunable}
    for mask, kept in zip(masks.values(), (7, 20, 15), strict=True):
        mask.view(-1)[:kept] = True
    cost = training_cost(net, (1, 4, 4))
    assert cost.kept(masks) == pytest.approx(2 * (2 * 4 * 7 + 3 * 20 + 3 * 15))
    assert cost.kept({name: torch.ones_like(mask) for name, mask in masks.items()}) == cost.dense


def test_every_operation_of_a_resnet_belongs_to_a_layer_shortcuts_among_them():
    net = build(ModelSpec(name="resnet18", hidden=(), batch_norm=True), (3, 16, 16), 10)
    cost = training_cost(net, (3, 16, 16))
    assert sum(cost.by_weight.values()) == cost.dense
    assert cost.by_weight["conv1.weight"] == 2 * 2 * 16 * 16 * 27 * 64
    assert cost.by_weight["layer2.0.downsample.0.weight"] == 2 * 3 * 8 * 8 * 64 * 128


def test_products_of_activations_cost_the_same_however_many_weights_are_left():
    sizes = TransformerSpec(patch=4, width=8, depth=1, heads=2, mlp=6)
    vit = build(ModelSpec(name="vit", hidden=(), transformer=sizes, initialization="pytorch"), (3, 8, 8), 10)
    cost = training_cost(vit, (3, 8, 8))
    none = {name: torch.zeros(vit.module.get_parameter(name).shape, dtype=torch.bool) for name in vit.prunable}
    places, width = 4 + 1, 8
    attention = 2 * 3 * 2 * places * places * width  # places with places, then with values
    patches = 2 * 2 * 4 * (4 * 4 * 3) * width
    assert cost.kept(none) == attention + patches
    head = 3 * 2 * width * 10  # of the class token alone
    assert cost.dense == attention + patches + head + 3 * 2 * places * (4 * width * width + 2 * width * 6)


@pytest.mark.parametrize("functional_width", [0, 4])
def test_the_matrices_of_a_relu_network_cost_the_same_whether_kept_or_not(functional_width):
    spec = ModelSpec(name="relu_network", hidden=(6, 6), functional_width=functional_width, initialization="uniform")
    network = build(spec, (9, 1, 1), 1)
    cost = training_cost(network, (9, 1, 1))
    between = functional_width or 6
    first = 9 * 6 + 9 * between  # into the neurons and past them; what the data enter needs two products
    others = functional_width * 6 + between * 6 + between * 1 + 6 * 1
    assert cost.dense == 2 * (2 * first + 3 * others)
    none = {name: torch.zeros(network.module.get_parameter(name).shape, dtype=torch.bool) for name in network.prunable}
    assert cost.kept(none) == cost.dense
