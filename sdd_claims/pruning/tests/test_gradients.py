from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from sdd_claims.pruning.gradients import batch_gradients
from sdd_claims.record import Replica
from sdd_claims.tests.tiny import SPEC
from sdd_claims.training import seed_dropout

IMAGES = 40


class Stack:
    """A stack whose gradients say which images and labels it saw, and what its dropout drew."""

    def __init__(self, has_dropout: bool) -> None:
        self.has_dropout = has_dropout

    def gradients(self, images: torch.Tensor, labels: torch.Tensor) -> Any:
        return images, labels, torch.rand(3)


def gradients(seeds: tuple[int, ...], level: int, *, has_dropout: bool = True) -> Any:
    places = torch.arange(IMAGES).repeat(len(seeds), 1)
    data = SimpleNamespace(size=IMAGES, subset=1000 + places, labels=places, seen=lambda images: images)
    replicas = [Replica(SPEC, seed) for seed in seeds]
    return batch_gradients(cast(Any, Stack(has_dropout)), cast(Any, data), replicas, level)


def test_a_batch_has_images_with_their_own_labels_and_is_another_for_every_seed_and_level():
    images, labels, _ = gradients((3, 4), 1)
    assert images.shape == (2, min(SPEC.training.batch_size, IMAGES))
    assert torch.equal(images, labels + 1000)
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(images[0], gradients((3, 4), 2)[0][0])
    assert torch.equal(images[1], gradients((4,), 1)[0][0])


def test_dropout_is_drawn_from_the_first_seed_and_the_level():
    seed_dropout(3, 2)
    assert torch.equal(torch.rand(3), gradients((3, 4), 2)[2])


@pytest.mark.parametrize("has_dropout", [True, False])
def test_nothing_is_seeded_for_a_network_without_dropout(has_dropout):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(gradients((3,), 1, has_dropout=has_dropout)[2], expected) == (not has_dropout)
