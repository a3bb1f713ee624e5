import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call

from sdd_claims.errors import InputError
from sdd_claims.models.relu_network import relu_network
from sdd_claims.training.relu_stack import ReluStack


def networks(hidden, functional_width, outputs, count, seed, inputs=3, dtype=torch.float64):
    """A module, the weights of some networks of its form, inputs, and targets for each."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.rand(shape, generator=generator, dtype=dtype) * 2 - 1

    module = relu_network(inputs, hidden, functional_width, outputs)
    weights = [{name: draw(*value.shape) for name, value in module.state_dict().items()} for _ in range(count)]
    return module, weights, draw(7, inputs), draw(count, 7, outputs)


def eq2(weights):
    """The sum of eq. 2, written neuron by neuron."""
    total = torch.zeros((), dtype=torch.float64)
    for layer in sorted({name.split(".")[0] for name in weights}):
        into, out, skips = (weights[f"{layer}.{part}"] for part in ("W", "V", "C"))
        for neuron in range(len(into)):
            total = total + out[:, neuron].abs().sum() ** 2 + into[neuron].square().sum()
        for source in range(skips.shape[1]):
            total = total + skips[:, source].abs().sum()
    return total


def l2(weights):
    return sum(value.square().sum() for value in weights.values())


PENALTIES = {"none": lambda weights: 0.0, "l2": l2, "rbv2": eq2}

shapes = st.tuples(st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple), st.integers(0, 4)).filter(
    lambda shape: not (len(shape[0]) == 1 and shape[1])
)


@settings(max_examples=40)
@given(shapes, st.integers(1, 3), st.sampled_from(sorted(PENALTIES)), st.floats(0, 2), st.integers(0, 999))
def test_the_gradient_in_closed_form_is_that_of_autograd(shape, outputs, penalty, strength, seed):
    hidden, width = shape
    if penalty == "rbv2" and len(hidden) > 1 and not width:
        width = 2
    module, weights, inputs, targets = networks(hidden, width, outputs, 3, seed)
    stack = ReluStack(weights, inputs, targets)
    stack.differentiate(penalty, strength)
    found = ReluStack(weights, inputs, targets)
    assert stack.parameters.grad is not None
    found.parameters.copy_(stack.parameters.grad)
    for place, (own, gradient) in enumerate(zip(weights, found.unstacked(), strict=True)):
        leaves = {name: value.clone().requires_grad_() for name, value in own.items()}
        loss = (functional_call(module, leaves, inputs) - targets[place]).square().mean()
        assert stack.loss()[place].item() == pytest.approx(loss.item())
        (loss + strength * PENALTIES[penalty](leaves)).backward()
        for name, leaf in leaves.items():
            torch.testing.assert_close(gradient[name], leaf.grad, rtol=1e-9, atol=1e-11)


def test_the_hidden_neurons_say_what_the_modules_do():
    module, weights, inputs, targets = networks((5, 4), 2, 1, 2, 0)
    hidden, outputs = ReluStack(weights, inputs, targets).hidden_and_outputs()
    for place, own in enumerate(weights):
        says = torch.relu(inputs @ own["1.W"].mT - own["1.b"])
        torch.testing.assert_close(hidden[0][place], says)
        torch.testing.assert_close(outputs[place], functional_call(module, own, inputs))
    assert hidden[1].shape == (2, 7, 4)


def trained(weights, inputs, targets, penalty="rbv2", steps=30):
    stack = ReluStack(weights, inputs, targets)
    optimizer = torch.optim.Adam([stack.parameters], lr=0.01, fused=True)
    for _ in range(steps):
        stack.differentiate(penalty, 0.01)
        optimizer.step()
    return stack.unstacked()


@pytest.mark.parametrize(("width", "penalty"), [(2, "rbv2"), (0, "l2")])
def test_a_network_in_a_stack_trains_as_it_does_alone(width, penalty):
    _, weights, inputs, targets = networks((5, 4), width, 1, 3, 1)
    together = trained(weights, inputs, targets, penalty)
    for place, own in enumerate(weights):
        (alone,) = trained([own], inputs, targets[place : place + 1], penalty)
        for name in own:
            torch.testing.assert_close(together[place][name], alone[name], rtol=1e-9, atol=1e-12)


def test_a_network_that_diverges_leaves_the_others_alone():
    _, weights, inputs, targets = networks((5, 4), 2, 1, 3, 2)
    lost = [weights[0], {name: value * torch.inf for name, value in weights[1].items()}, weights[2]]
    sound, beside = trained(weights, inputs, targets), trained(lost, inputs, targets)
    assert all(value.isnan().any() for value in beside[1].values())
    for place in (0, 2):
        assert all(torch.equal(sound[place][name], beside[place][name]) for name in weights[0])


def test_eq_2_of_a_whole_matrix_is_refused():
    _, weights, inputs, targets = networks((5, 4), 0, 1, 2, 3)
    with pytest.raises(InputError, match="functional width"):
        ReluStack(weights, inputs, targets).differentiate("rbv2", 0.1)
