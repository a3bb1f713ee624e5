import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.models import build, initial_weights
from sdd_claims.models.relu_network import relu_network
from sdd_claims.randomness import Stream, draws
from sdd_claims.spec import ModelSpec

GRID = (4, 1, 1)


def drawn(spec, seed=0):
    architecture = build(spec, GRID, 1)
    return architecture, initial_weights(architecture, draws(seed, Stream.INITIALIZATION), "uniform")


def test_a_layer_is_the_recursion_of_theorem_1():
    network = relu_network(2, (3,), 0, 1)
    weights = {
        "1.W": [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]],
        "1.b": [0.5, 3.0, 0.0],
        "1.V": [[2.0, 5.0, 7.0]],
        "1.C": [[0.25, -1.0]],
        "1.c0": [10.0],
    }
    network.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    # At (1, 2): relu(1 - 0.5, 2 - 3, -3) = (0.5, 0, 0); 2 x 0.5 + 0.25 - 2 + 10.
    assert network(torch.tensor([[1.0, 2.0]])).item() == 9.25


def test_the_factored_network_has_the_matrices_of_theorem_1_and_is_never_pruned():
    architecture, weights = drawn(ModelSpec(name="relu_network", hidden=(7, 6), functional_width=3))
    shapes = {name: tuple(value.shape) for name, value in weights.items()}
    first = {"1.W": (7, 4), "1.b": (7,), "1.V": (3, 7), "1.C": (3, 4), "1.c0": (3,)}
    assert shapes == first | {"2.W": (6, 3), "2.b": (6,), "2.V": (1, 6), "2.C": (1, 3), "2.c0": (1,)}
    assert architecture.prunable == ()


def test_the_whole_network_is_the_factored_one_with_the_identity_as_factor():
    whole, weights = drawn(ModelSpec(name="relu_network", hidden=(5, 6)))
    factored = build(ModelSpec(name="relu_network", hidden=(5, 6), functional_width=5), GRID, 1)
    points = torch.rand(9, 4)
    outputs = torch.func.functional_call(whole.module, weights, points)
    with_identity = torch.func.functional_call(factored.module, weights | {"1.V": torch.eye(5)}, points)
    assert weights["2.W"].shape == (6, 5)
    assert outputs.shape == (9, 1)
    torch.testing.assert_close(outputs, with_identity)


@given(seed=st.integers(0, 99))
def test_every_parameter_is_uniform_on_minus_one_to_one(seed):
    _, weights = drawn(ModelSpec(name="relu_network", hidden=(40, 40), functional_width=8), seed)
    values = torch.cat([value.flatten() for value in weights.values()])
    assert values.abs().max() <= 1
    assert abs(values.mean()) < 4 * 3**-0.5 / len(values) ** 0.5
    assert values.var().item() == pytest.approx(1 / 3, rel=0.15)
    assert all(value.any() for value in weights.values())
