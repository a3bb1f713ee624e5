import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.measures import small_fraction, weight_variance, zero_fraction
from sdd_claims.measures.weights import SMALL

ONE = {
    "a.weight": torch.tensor([[1.0, -1.0], [0.0, 3.0]]),
    "a.bias": torch.tensor([0.0, 9.0]),
    "b.weight": torch.tensor([[0.0, 5e-4, -1e-3, 2e-3]]),
}
OTHER = {
    "a.weight": torch.full((2, 2), 2.0),
    "a.bias": torch.zeros(2),
    "b.weight": torch.full((1, 4), 2.0),
}
MASKS = {"a.weight": torch.tensor([[True, True], [False, True]])}


def test_variance_is_that_of_the_prunable_weights_that_are_left():
    # 1, -1 and 3 have mean 1 and squared deviations 0, 4, 4; neither the last layer nor a bias counts.
    assert weight_variance([ONE, OTHER], [MASKS, MASKS]).tolist() == [4.0, 0.0]


@pytest.mark.parametrize("left", [0, 1])
def test_fewer_than_two_weights_do_not_vary(left):
    mask = {"a.weight": torch.arange(4).view(2, 2) < left}
    assert weight_variance([ONE], [mask]).tolist() == [0.0]


def test_variance_is_taken_over_all_layers_together():
    weights = {"a": torch.full((2, 2), 1.0), "b": torch.full((2, 2), 3.0)}
    masks = {name: torch.ones(2, 2, dtype=torch.bool) for name in weights}
    assert weight_variance([weights], [masks]).item() == pytest.approx(8 / 7)


@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 5))
def test_variance_forgets_a_shift_and_squares_a_scale(shift, scale):
    values = torch.randn(6, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = {"a": torch.ones(6, 7, dtype=torch.bool)}
    plain, moved = (weight_variance([{"a": each}], [mask]).item() for each in (values, shift + scale * values))
    assert moved == pytest.approx(scale**2 * plain, rel=1e-6)


def test_zeros_and_small_entries_are_counted_in_all_weight_matrices_and_in_no_bias():
    assert zero_fraction([ONE, OTHER]).tolist() == [2 / 8, 0]
    assert small_fraction([ONE, OTHER]).tolist() == [4 / 8, 0]


def test_what_is_as_small_as_the_bound_is_small():
    just_above = float(torch.nextafter(torch.tensor(SMALL), torch.tensor(1.0)))
    weights = {"w": torch.tensor([[SMALL, -SMALL, just_above, -just_above]])}
    assert small_fraction([weights]).tolist() == [0.5]
    assert zero_fraction([weights]).tolist() == [0]


def test_convolutions_are_matrices_too():
    assert zero_fraction([{"conv.weight": torch.zeros(2, 1, 3, 3), "bn.weight": torch.ones(2)}]).tolist() == [1]


def test_a_weight_that_is_no_number_shows_in_the_variance():
    lost = {"a.weight": torch.full((2, 2), float("nan"))}
    assert weight_variance([lost], [MASKS]).isnan().all()
