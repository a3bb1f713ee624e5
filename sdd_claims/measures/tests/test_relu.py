import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.measures import relu
from sdd_claims.measures.weights import SMALL


def matrix(values, rows=9, columns=7, seed=0):
    """A matrix of these singular values."""
    generator = torch.Generator().manual_seed(seed)
    left, right = (
        torch.linalg.qr(torch.randn(size, len(values), generator=generator, dtype=torch.float64))[0]
        for size in (rows, columns)
    )
    return left @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ right.mT


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
    assert relu.rank(matrix(values)) == expected


@given(st.integers(1, 5), st.integers(0, 99), st.floats(0.1, 100))
def test_rank_of_a_product_is_at_most_its_inner_width_and_scale_changes_nothing(width, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    left, right = (torch.randn(shape, generator=generator).double() for shape in ((8, width), (width, 6)))
    assert relu.rank(left @ right) == relu.rank(left @ right * scale) <= width


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


def test_the_inner_matrix_is_the_product_or_the_whole_matrix_and_a_shallow_network_has_none():
    first, second = torch.rand(3, 5), torch.rand(4, 3)
    ends = {"1.W": torch.rand(5, 2), "2.V": torch.rand(1, 4)}
    torch.testing.assert_close(relu.inner_matrix({**ends, "1.V": first, "2.W": second}), (second @ first).double())
    torch.testing.assert_close(relu.right_factor({**ends, "1.V": first, "2.W": second}), first.double())
    whole = {**ends, "2.W": torch.rand(4, 5)}
    torch.testing.assert_close(relu.inner_matrix(whole), whole["2.W"].double())
    assert relu.right_factor(whole) is None
    shallow = {"1.W": torch.rand(5, 2), "1.V": torch.rand(1, 5)}
    assert relu.inner_matrix(shallow) is None
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
