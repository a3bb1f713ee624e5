import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.measures import relu
from sdd_claims.measures.weights import SMALL


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((5.0,), 1),
        ((5.0, 0.06, 0.04), 2),  # 1 % of 5 is 0.05
        ((5.0, 4.0, 3.0, 2.0, 1.0, 0.5), 6),
        ((0.01, 0.0011, 0.0009), 2),  # where 1 % is less than what counts as nothing at all
        ((0.0009, 0.0008), 0),
    ],
)
def test_rank_counts_the_singular_values_above_a_hundredth_of_the_largest(values, expected):
    assert relu.rank(torch.tensor(values)) == expected


@given(st.integers(1, 5), st.integers(0, 99), st.floats(0.1, 100))
def test_rank_of_a_product_is_at_most_its_inner_width_and_scale_changes_nothing(width, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    second, first = (torch.randn(shape, generator=generator).double() for shape in ((8, width), (width, 6)))
    values = inner(second, first)
    torch.testing.assert_close(values, torch.linalg.svdvals(second @ first)[:width])
    assert relu.rank(values) == relu.rank(inner(scale * second, first)) <= width


def inner(second, first=None):
    """Singular values between the hidden layers of a network of two."""
    factor = {} if first is None else {"1.V": first}
    return relu.inner_singular_values({"1.W": torch.rand(6, 2), **factor, "2.W": second, "2.V": torch.rand(1, 8)})


def test_rows_are_parallel_to_the_strongest_pattern_or_against_it_and_of_some_size():
    pattern = torch.tensor([1.0, 2.0, 2.0, 0.0])
    other = torch.tensor([0.0, 0.0, 0.0, 1.0])
    rows = torch.stack([pattern, -2 * pattern, 0.05 * pattern, 0.01 * pattern, other, pattern + 2 * other])
    # The fourth has less than a hundredth of the largest norm, the last stands 34 degrees off.
    assert relu.parallel_rows(rows) == 3


def test_a_pattern_learned_once_is_one_row_and_no_rows_are_none():
    assert relu.parallel_rows(torch.diag(torch.tensor([3.0, 0.001, 0.0]))) == 1
    assert relu.parallel_rows(torch.full((4, 5), SMALL / 5)) == 0


def test_nonzero_fraction_averages_over_matrices_and_leaves_biases_out():
    weights = {
        "1.W": torch.tensor([[1.0, 0.0], [0.002, -1.0]]),
        "1.b": torch.zeros(50),
        "1.V": torch.tensor([[SMALL, -0.0011]]),
        "1.C": torch.zeros(30, 30),
    }
    assert relu.nonzero_fraction(weights) == pytest.approx((0.75 + 0.5 + 0) / 3)


def test_a_whole_matrix_is_looked_at_itself_and_a_shallow_network_has_none():
    whole = torch.rand(8, 6).double()
    torch.testing.assert_close(inner(whole), torch.linalg.svdvals(whole))
    shallow = {"1.W": torch.rand(5, 2), "1.V": torch.rand(1, 5)}
    assert relu.inner_singular_values(shallow) is None
    assert relu.right_factor(shallow) is None


def test_a_neuron_is_active_where_it_speaks_and_is_heard():
    weights = {"1.W": torch.ones(4, 2), "1.V": torch.tensor([[1.0, 0.0, 1.0, 0.0005], [0.0, 0.0, 1.0, 0.0]])}
    says = torch.tensor([[0.0, 2.0, 0.0, 1.0], [0.5, 2.0, 0.0, 1.0]])  # heard; unheard; never speaks; too faint
    assert relu.active_neurons(weights, [says]) == 1
    # What goes in is scaled up and what comes out down: the same function, the same count.
    scaled = {"1.W": weights["1.W"] * 4, "1.V": weights["1.V"] / 4}
    assert relu.active_neurons(scaled, [says * 4]) == 1


def test_the_neurons_of_all_layers_count_and_the_identity_hears_all_that_speak():
    weights = {"1.W": torch.ones(2, 2), "2.W": torch.ones(3, 2), "2.V": torch.tensor([[1.0, 1.0, 0.0]])}
    says = [torch.tensor([[0.0, 0.002]]), torch.tensor([[1.0, 0.0, 1.0]])]
    assert relu.active_neurons(weights, says) == 2


def test_copies_of_a_neuron_count_once_whatever_their_size_and_sign():
    one, other = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 0.0])
    says = torch.stack([one, 3 * one, other, 0.5 * one, one + 0.2 * other], dim=1)
    weights = {"1.W": torch.ones(5, 2), "1.V": torch.tensor([[1.0, -2.0, 1.0, 1.0, 1.0]])}
    assert relu.active_neurons(weights, [says]) == 3


def test_what_is_stored_is_measured_with_these_thresholds():
    """Another choice is another result: it takes a new `spec.PIPELINE`."""
    assert (SMALL, relu.RELATIVE, relu.PARALLEL, relu.SAME) == (1e-3, 0.01, 0.9, 0.999)
