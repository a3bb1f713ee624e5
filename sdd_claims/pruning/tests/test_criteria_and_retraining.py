import pytest
import torch

from sdd_claims.errors import InputError
from sdd_claims.pruning import CRITERIA, IDENTITY, Past, prune, start_of_level
from sdd_claims.spec import PruningSpec

WEIGHTS = {"w": torch.tensor([[-3.0, 0.5], [2.0, -1.0]]), "v": torch.tensor([0.1, -4.0]), "bias": torch.tensor([9.0])}
DENSE = {"w": torch.ones(2, 2, dtype=torch.bool), "v": torch.ones(2, dtype=torch.bool)}


def test_magnitude_keeps_the_largest_absolute_values_of_all_layers():
    pruned = prune("magnitude", WEIGHTS, DENSE, 3)
    assert pruned["w"].tolist() == [[True, False], [True, False]]
    assert pruned["v"].tolist() == [False, True]


def test_only_prunable_tensors_get_masks():
    assert set(prune("magnitude", WEIGHTS, DENSE, 3)) == {"w", "v"}


@pytest.mark.parametrize("count", [0, 3, 6])
def test_the_identity_criterion_prunes_nothing_whatever_is_asked(count):
    masks = {**DENSE, "v": torch.tensor([True, False])}
    unpruned = prune(IDENTITY, WEIGHTS, masks, count)
    assert set(unpruned) == set(masks)
    assert all(torch.equal(unpruned[name], masks[name]) for name in masks)


def test_an_unknown_criterion_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"there is no pruning criterion 'luck'; use one of: .*magnitude.*, none"):
        prune("luck", WEIGHTS, DENSE, 3)
    assert IDENTITY not in CRITERIA


def test_lottery_ticket_rewinding_goes_back_in_weights_and_in_schedule():
    early, late = {"w": torch.zeros(1)}, {"w": torch.ones(1)}
    start = start_of_level(PruningSpec(rewind_iteration=7), Past(rewind_point=early, trained=late))
    assert start.weights is early
    assert start.iteration == 7


def test_an_unknown_retraining_method_is_refused_with_the_known_ones():
    with pytest.raises(
        InputError, match=r"there is no retraining method 'hope'; use one of: .*lottery_ticket_rewinding"
    ):
        start_of_level(PruningSpec(retraining="hope"), Past({}, {}))
