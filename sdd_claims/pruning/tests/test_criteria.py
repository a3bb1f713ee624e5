import pytest
import torch

from sdd_claims.pruning import CRITERIA, IDENTITY, Candidate, prune
from sdd_claims.randomness import TorchDraws

WEIGHTS = {"w": torch.tensor([[-3.0, 0.5], [2.0, -1.0]]), "v": torch.tensor([0.1, -4.0]), "bias": torch.tensor([9.0])}
GRADIENTS = {"w": torch.tensor([[0.1, 8.0], [0.0, 1.0]]), "v": torch.tensor([-30.0, 0.1]), "bias": torch.tensor([9.0])}
DENSE = {"w": torch.ones(2, 2, dtype=torch.bool), "v": torch.ones(2, dtype=torch.bool)}


def network(masks=DENSE, seed: int = 0) -> Candidate:
    return Candidate(WEIGHTS, masks, lambda: GRADIENTS, TorchDraws(torch.Generator().manual_seed(seed)))


def test_magnitude_keeps_the_largest_absolute_values_of_all_layers():
    pruned = prune("magnitude", network(), 3)
    assert pruned["w"].tolist() == [[True, False], [True, False]]
    assert pruned["v"].tolist() == [False, True]


def test_gradient_keeps_the_largest_products_of_weight_and_gradient():
    pruned = prune("gradient", network(), 4)  # |w g|: .3 4 0 1, 3 .4
    assert pruned["w"].tolist() == [[False, True], [False, True]]
    assert pruned["v"].tolist() == [True, True]


def test_only_gradient_asks_for_gradients():
    def refuse():
        raise AssertionError("gradients cost a pass over a batch")

    for criterion in set(CRITERIA) - {"gradient"}:
        prune(criterion, Candidate(WEIGHTS, DENSE, refuse, TorchDraws(torch.Generator())), 3)


def test_random_is_blind_to_weights_and_the_same_for_the_same_draws():
    blind = Candidate(
        {name: w * 100 for name, w in WEIGHTS.items()}, DENSE, dict, TorchDraws(torch.Generator().manual_seed(5))
    )
    one, other = prune("random", network(seed=5), 3), prune("random", blind, 3)
    assert all(torch.equal(one[name], other[name]) for name in DENSE)


def test_random_keeps_every_weight_equally_often():
    kept = torch.zeros(4)
    for seed in range(2000):
        kept += prune("random", network(seed=seed), 3)["w"].flatten()
    # Each of six weights is kept in half of the cases: five standard deviations of a binomial count.
    assert ((kept - 1000).abs() < 5 * (2000 / 4) ** 0.5).all()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_what_is_pruned_stays_pruned(criterion):
    masks = {"w": torch.tensor([[False, True], [True, True]]), "v": torch.tensor([True, False])}
    pruned = prune(criterion, network(masks), 2)
    assert all((pruned[name] <= masks[name]).all() for name in masks)
    assert sum(int(mask.sum()) for mask in pruned.values()) == 2


@pytest.mark.parametrize("count", [0, 3, 6])
def test_the_identity_criterion_prunes_nothing_whatever_is_asked(count):
    masks = {**DENSE, "v": torch.tensor([True, False])}
    unpruned = prune(IDENTITY, network(masks), count)
    assert set(unpruned) == set(masks)
    assert all(torch.equal(unpruned[name], masks[name]) for name in masks)
