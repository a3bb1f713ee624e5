import hashlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.compiled.relu_network import MANY
from sdd_claims.compiled.tests.precision import DTYPE, rounding
from sdd_claims.data import regression
from sdd_claims.errors import InputError
from sdd_claims.models.relu_network import relu_network
from sdd_claims.spec import OptimizerSpec, PenaltySpec, TrainingSpec
from sdd_claims.training.compiled_relu_stack import CompiledReluTraining
from sdd_claims.training.relu_stack import NativeReluTraining, ReluStack

POINTS = torch.from_numpy(regression.inputs("grid")).to(DTYPE)


def problem(hidden, functional_width, count, seed):
    """The weights of some networks, and targets for each."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.rand(shape, generator=generator, dtype=DTYPE) * 2 - 1

    module = relu_network(POINTS.shape[1], hidden, functional_width, 1)
    weights = [{name: draw(*value.shape) for name, value in module.state_dict().items()} for _ in range(count)]
    return weights, draw(count, len(POINTS), 1)


def training(penalty="rbv2", strength=1e-3, lr=1e-3):
    strength = 0.0 if penalty == "none" else strength
    optimizer = OptimizerSpec(name="adam", lr=lr)
    return TrainingSpec(
        loss="mean_squared_error", optimizer=optimizer, penalty=PenaltySpec(name=penalty, strength=strength)
    )


def same(one, other):
    """Whether two networks, their losses and their neurons are the same to the last bit."""
    return (
        one.loss == other.loss
        and all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
        and all(torch.equal(*each) for each in zip(one.hidden, other.hidden, strict=True))
    )


shapes = st.tuples(st.lists(st.integers(1, 20), min_size=1, max_size=3).map(tuple), st.integers(0, 18)).filter(
    lambda shape: not (len(shape[0]) == 1 and shape[1])
)


@settings(max_examples=40, deadline=None)
@given(shapes, st.sampled_from(["none", "l2", "rbv2"]), st.floats(0, 0.01), st.integers(1, 300), st.integers(0, 99))
def test_it_trains_as_pytorch_does_within_rounding(shape, penalty, strength, epochs, seed):
    hidden, width = shape
    if penalty == "rbv2" and len(hidden) > 1 and not width:
        width = 2
    weights, targets = problem(hidden, width, 2, seed)
    spec = training(penalty, strength)
    native = NativeReluTraining(ReluStack(weights, POINTS, targets), spec)
    portable = CompiledReluTraining(weights, POINTS, targets, spec)
    for each in (native, portable):
        each.take(epochs)
    for other, one, begun in zip(native.seen(), portable.seen(), weights, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=rounding(2e-3))
        assert list(one.weights) == list(other.weights)
        for name in begun:
            # Near a kink, or at no gradient at all, Adam turns the last bit into a step: never into more than a few.
            torch.testing.assert_close(one.weights[name], other.weights[name], rtol=rounding(1e-3), atol=rounding(5e-3))
            apart = (one.weights[name] - other.weights[name]).abs().sum()
            assert apart <= rounding(0.02) * (begun[name] - other.weights[name]).abs().sum() + rounding(1e-4)
        for found, expected in zip(one.hidden, other.hidden, strict=True):
            assert found.shape == expected.shape


@pytest.mark.parametrize(("hidden", "width", "penalty"), [((9, 20), 5, "rbv2"), ((9, 20), 0, "l2"), ((33,), 0, "l2")])
def test_a_training_in_pieces_and_beside_others_has_the_bits_of_one_at_a_stretch(hidden, width, penalty):
    weights, targets = problem(hidden, width, 2, 1)
    unbroken = CompiledReluTraining(weights, POINTS, targets, training(penalty))
    unbroken.take(60)
    first = CompiledReluTraining(weights[1:], POINTS, targets[1:], training(penalty))
    first.take(23)
    resumed = CompiledReluTraining(weights[:1], POINTS, targets[1:], training(penalty))
    resumed.parameters.copy_(first.parameters)
    for name, value in first.state[first.parameters].items():
        resumed.state[resumed.parameters][name].copy_(value)
    resumed.take(0)
    resumed.take(37)
    assert same(resumed.seen()[0], unbroken.seen()[1])
    assert not same(*unbroken.seen())


def test_the_bits_of_a_network_whose_products_leave_out_what_is_zero_are_those_of_whole_products():
    """The digest was found before any term was left out."""
    weights, targets = problem((MANY + 14, 9), 0, 1, 3)
    portable = CompiledReluTraining(weights, POINTS, targets, training("l2"))
    portable.take(50)
    found = hashlib.sha256()
    for name, value in sorted(portable.seen()[0].weights.items()):
        found.update(name.encode() + value.numpy().tobytes())
    assert found.hexdigest() == "958a616b57a029f2f4b776f880c2840fc0baa93b2dd9b9c0bf1c9fcbf3adf658"


def test_before_training_the_weights_are_those_that_were_given():
    weights, targets = problem((5, 4), 3, 2, 2)
    for seen, own in zip(CompiledReluTraining(weights, POINTS, targets, training()).seen(), weights, strict=True):
        assert all(torch.equal(seen.weights[name], own[name]) for name in own)


def test_a_weight_that_decays_becomes_exactly_zero_and_never_subnormal():
    weights, targets = problem((40,), 0, 1, 3)
    weights[0]["1.b"] += 100  # thresholds that no input reaches: decay alone moves these neurons
    decayed = CompiledReluTraining(weights, POINTS, targets, training("l2", 0.1, 0.01))
    decayed.take(3_000)
    smallest = torch.finfo(torch.float32).smallest_normal
    for value in decayed.seen()[0].weights.values():
        assert not ((value != 0) & (value.abs() < smallest)).any()


def test_what_adam_remembers_of_a_slope_that_has_gone_is_never_subnormal():
    weights, targets = problem((40,), 0, 1, 3)
    weights[0]["1.b"] += 100  # no input reaches these neurons: their gradient is zero
    training_on = CompiledReluTraining(weights, POINTS, targets, training())
    square = training_on.state[training_on.parameters]["square"]
    square.fill_(1.2e-37)
    training_on.take(300)  # .999 to the power of 300 would leave .74 of it, and of 3,000 a subnormal number
    assert square.count_nonzero() < square.numel()
    training_on.take(2_700)
    assert (square[square != 0] >= torch.finfo(torch.float32).smallest_normal).all()


@settings(max_examples=20, deadline=None)
@given(shapes, st.sampled_from(["none", "l2"]), st.integers(0, 99))
def test_every_step_writes_the_whole_gradient(shape, penalty, seed):
    """What the memory of the gradient held before moves nothing."""
    hidden, width = shape
    weights, targets = problem(hidden, width, 1, seed)
    clean, spoilt = (CompiledReluTraining(weights, POINTS, targets, training(penalty)) for _ in range(2))
    spoilt._room.gradient[: spoilt._places.network.c0[-1] + 1] = float("nan")  # what comes behind fills a vector up
    spoilt._room.strip[:] = float("nan")
    for each in (clean, spoilt):
        each.take(2)
    assert same(*clean.seen(), *spoilt.seen())


def test_eq_2_of_a_whole_matrix_is_refused():
    weights, targets = problem((5, 4), 0, 1, 3)
    with pytest.raises(InputError, match="functional width"):
        CompiledReluTraining(weights, POINTS, targets, training("rbv2"))
