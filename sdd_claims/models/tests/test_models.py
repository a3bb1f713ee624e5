import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sdd_claims.models import build, initial_weights
from sdd_claims.models.conv import conv_net
from sdd_claims.randomness import Stream, draws
from sdd_claims.spec import ModelSpec

MNIST = (1, 28, 28)


def test_lenet_prunes_all_weights_but_the_last_layers():
    lenet = build(ModelSpec(hidden=(300, 100)), MNIST, 10)
    assert lenet.prunable == ("1.weight", "3.weight")
    assert lenet.prunable_count == 784 * 300 + 300 * 100 == 265_200


@given(hidden=st.lists(st.integers(1, 40), min_size=1, max_size=4), side=st.integers(1, 8), classes=st.integers(2, 12))
def test_an_mlp_of_any_widths_never_prunes_biases_or_its_last_layer(hidden, side, classes):
    architecture = build(ModelSpec(hidden=tuple(hidden)), (3, side, side), classes)
    widths = [3 * side * side, *hidden, classes]
    shapes = {name: tuple(p.shape) for name, p in architecture.module.named_parameters()}
    assert [shapes[name] for name in architecture.prunable] == list(zip(widths[1:-1], widths, strict=False))
    assert architecture.prunable_count == sum(a * b for a, b in pairwise(widths[:-1]))
    assert len(shapes) == 2 * (len(widths) - 1)


def test_an_mlp_is_linear_layers_with_relu_between_and_none_at_the_end():
    architecture = build(ModelSpec(hidden=(4, 3)), (1, 2, 2), 5)
    kinds = [type(layer) for layer in architecture.module.children()]
    assert kinds == [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_conv_net_prunes_all_convolutions_and_the_linear_layer(batch_norm):
    net = build(ModelSpec(name="conv", hidden=(), channels=(16, 32), batch_norm=batch_norm), (3, 14, 14), 10)
    shapes = {name: tuple(p.shape) for name, p in net.module.named_parameters()}
    assert [shapes[name] for name in net.prunable] == [(16, 3, 3, 3), (32, 16, 3, 3), (10, 32 * 4 * 4)]
    assert net.prunable_count == 16 * 27 + 32 * 144 + 5120
    assert all(len(shape) == 1 for name, shape in shapes.items() if name not in net.prunable)


def test_a_conv_net_halves_the_side_and_has_biases_only_where_no_batch_norm_follows():
    plain, normed = (conv_net((1, 7, 7), (4, 5), batch_norm, 3) for batch_norm in (False, True))
    conv = [nn.Conv2d, nn.ReLU]
    assert [type(layer) for layer in plain.children()] == [*conv, *conv, nn.Flatten, nn.Linear]
    conv.insert(1, nn.BatchNorm2d)
    assert [type(layer) for layer in normed.children()] == [*conv, *conv, nn.Flatten, nn.Linear]
    assert [layer.bias is not None for layer in plain if isinstance(layer, nn.Conv2d)] == [True, True]
    assert [layer.bias is not None for layer in normed if isinstance(layer, nn.Conv2d)] == [False, False]
    images = torch.zeros(6, 1, 7, 7)
    assert [tuple(plain[:stop](images).shape[1:]) for stop in (1, 3, 6)] == [(4, 4, 4), (5, 2, 2), (3,)]


@given(side=st.integers(1, 20), channels=st.lists(st.integers(1, 6), min_size=1, max_size=4), norm=st.booleans())
def test_a_conv_net_takes_images_of_any_side(side, channels, norm):
    net = build(ModelSpec(name="conv", hidden=(), channels=tuple(channels), batch_norm=norm), (2, side, side), 5)
    assert net.module(torch.zeros(3, 2, side, side, device="meta")).shape == (3, 5)


def test_batch_norm_begins_as_the_identity_with_no_batch_seen():
    net = build(ModelSpec(name="conv", hidden=(), channels=(16, 64), batch_norm=True), (1, 7, 7), 10)
    drawn = initial_weights(net, draws(1000, Stream.INITIALIZATION))
    assert drawn.keys() == net.module.state_dict().keys()
    for layer in ("1", "4"):
        assert (drawn[f"{layer}.weight"] == 1).all()
        assert (drawn[f"{layer}.running_var"] == 1).all()
        assert not any(drawn[f"{layer}.{part}"].any() for part in ("bias", "running_mean", "num_batches_tracked"))
        assert drawn[f"{layer}.num_batches_tracked"].dtype == torch.int64
    second = drawn["3.weight"]
    assert second.std().item() == pytest.approx(math.sqrt(2 / (16 * 9)), rel=4 / math.sqrt(2 * second.numel()))


def test_the_module_holds_no_weights():
    architecture = build(ModelSpec(), MNIST, 10)
    assert all(parameter.is_meta for parameter in architecture.module.parameters())


def test_initial_weights_are_kaiming_normal_and_biases_zero():
    lenet = build(ModelSpec(hidden=(300, 100)), MNIST, 10)
    weights = initial_weights(lenet, draws(1000, Stream.INITIALIZATION))
    assert list(weights) == [name for name, _ in lenet.module.named_parameters()]
    for name, value in weights.items():
        if name.endswith("bias"):
            assert not value.any()
            continue
        fan_in, count = value.shape[1], value.numel()
        deviation = math.sqrt(2 / fan_in)
        assert abs(value.mean()) < 4 * deviation / math.sqrt(count)
        assert value.std().item() == pytest.approx(deviation, rel=4 / math.sqrt(2 * count))
        # Normal and not uniform: the fourth moment is 3 (uniform: 1.8).
        assert (value / deviation).pow(4).mean().item() == pytest.approx(3, abs=4 * math.sqrt(96 / count))


def test_a_seed_draws_the_same_weights_every_time_and_another_seed_others():
    lenet = build(ModelSpec(hidden=(8,)), (1, 4, 4), 3)
    one, again, other = (initial_weights(lenet, draws(s, Stream.INITIALIZATION)) for s in (5, 5, 6))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["1.weight"], other["1.weight"])
