import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sdd_claims.errors import InputError
from sdd_claims.models import build, initial_weights
from sdd_claims.randomness import Stream, torch_stream
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


def test_the_module_holds_no_weights():
    architecture = build(ModelSpec(), MNIST, 10)
    assert all(parameter.is_meta for parameter in architecture.module.parameters())


def test_initial_weights_are_kaiming_normal_and_biases_zero():
    lenet = build(ModelSpec(hidden=(300, 100)), MNIST, 10)
    weights = initial_weights(lenet, torch_stream(1000, Stream.INITIALIZATION))
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
    one, again, other = (initial_weights(lenet, torch_stream(s, Stream.INITIALIZATION)) for s in (5, 5, 6))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["1.weight"], other["1.weight"])


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="there is no model 'transformer'; use one of: mlp"):
        build(ModelSpec(name="transformer"), MNIST, 10)


def test_an_mlp_with_nothing_to_prune_is_refused():
    with pytest.raises(InputError, match="without hidden layers has only its last layer, which is never pruned"):
        build(ModelSpec(hidden=()), MNIST, 10)
