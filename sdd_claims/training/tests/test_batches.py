"""What a stack trains on: each replica's own order and draws, whoever else is in the stack."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.data.augmentation import augmentation
from sdd_claims.data.preparation import Normalisation
from sdd_claims.data.view import View
from sdd_claims.spec import TrainingSpec
from sdd_claims.training import loop
from sdd_claims.training.batches import TrainingData, draw_epoch
from sdd_claims.training.tests import plain

SIDE, COUNT, SIZE = 8, 20, 11


def data(replicas: int, name: str = "flip_and_shift") -> TrainingData:
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (COUNT, 3, SIDE, SIDE), dtype=np.uint8))
    subset = torch.stack([torch.from_numpy(rng.permutation(COUNT)[:SIZE]) for _ in range(replicas)])
    constants = Normalisation(torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25))
    augmented = augmentation(name, SIDE, None)
    if augmented is None:
        images, view = constants(pixels.float()), None
    else:
        images, view = pixels, View(constants, SIDE, augmented)
    return TrainingData(images, subset, torch.from_numpy(rng.integers(0, 4, (replicas, SIZE))), view)


seeds = st.lists(st.integers(0, 2**32), min_size=1, max_size=4, unique=True)


@given(seeds=seeds, epoch=st.integers(0, 300), level=st.integers(0, 40))
def test_a_replica_s_epoch_does_not_depend_on_who_else_is_in_the_stack(seeds, epoch, level):
    whole = data(len(seeds))
    together = draw_epoch(whole, seeds, [(level,)] * len(seeds), epoch)
    for place, seed in enumerate(seeds):
        alone = draw_epoch(whole.of(torch.tensor([place])), [seed], [(level,)], epoch)
        for ours, theirs in (
            (alone.indices, together.indices),
            (alone.chosen, together.chosen),
            (alone.labels, together.labels),
            (alone.draws, together.draws),
        ):
            assert ours is not None
            assert theirs is not None
            assert torch.equal(ours[0], theirs[place])


@given(seed=st.integers(0, 2**32), epoch=st.integers(0, 300))
def test_every_epoch_passes_over_every_image_once_with_its_own_label(seed, epoch):
    whole = data(1)
    drawn = draw_epoch(whole, [seed], [(0,)], epoch)
    assert sorted(drawn.indices[0].tolist()) == list(range(SIZE))
    given_labels = dict(zip(whole.subset[0].tolist(), whole.labels[0].tolist(), strict=True))
    assert [given_labels[image] for image in drawn.chosen[0].tolist()] == drawn.labels[0].tolist()


def test_epochs_seeds_and_levels_are_augmented_differently():
    whole = data(1)
    draws = [
        draw_epoch(whole, [seed], [(level,)], epoch).draws
        for seed, level, epoch in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    ]
    assert len({tuple(each.flatten().tolist()) for each in draws if each is not None}) == 4


@pytest.mark.parametrize("size", [1, 4, 11, 100])
def test_batches_are_what_an_index_tensor_of_the_same_places_gives(size):
    drawn = draw_epoch(data(2), [0, 1], [(0,), (0,)], 0)
    for number, batch in enumerate(drawn.batches(size)):
        where = torch.arange(number * size, min(SIZE, (number + 1) * size))
        same = drawn.batch(where)
        assert torch.equal(batch.images, same.images)
        assert torch.equal(batch.labels, same.labels)
        assert torch.equal(batch.indices, same.indices)


def test_images_are_seen_unaugmented_where_a_network_is_measured():
    whole = data(1)
    seen = whole.seen(whole.subset)
    pixels = whole.images[whole.subset[0]].float()
    torch.testing.assert_close(seen[0], (pixels / 255 - 0.5) / 0.25)


def test_images_of_a_batch_are_augmented_by_their_own_draws():
    whole = data(1)
    drawn = draw_epoch(whole, [5], [(0,)], 0)
    assert drawn.draws is not None
    (first, *_) = drawn.batches(3)
    for place in range(3):
        one = whole.augmented(drawn.chosen[0, place : place + 1], drawn.draws[0, place : place + 1])
        assert torch.equal(first.images[0, place], one[0])


def test_without_augmentation_nothing_is_drawn():
    whole = data(1, "none")
    drawn = draw_epoch(whole, [5], [(0,)], 0)
    assert drawn.draws is None
    (whole_pass,) = drawn.batches(SIZE)
    assert torch.equal(whole_pass.images, whole.seen(drawn.chosen))


def test_dropout_is_drawn_anew_in_every_epoch(monkeypatch):
    seeded = []
    monkeypatch.setattr(loop, "seed_dropout", lambda *counters: seeded.append(counters))
    stack = plain.stack(2)
    stack.has_dropout = True
    loop.train(stack, plain.data(2, torch.float32), TrainingSpec(epochs=3, batch_size=8), plain.numbers([0.0, 0.0]))
    assert seeded == [(1000, 0, epoch) for epoch in range(3)]


def test_the_batches_of_a_pass_hold_every_image_once_and_the_last_one_fewer():
    epoch = draw_epoch(plain.data(2, torch.float32), [1000, 1001], [(0,), (1,)], 0)
    batches = list(epoch.batches(8))
    assert [batch.labels.shape[1] for batch in batches] == [8, 8, 6]
    assert torch.equal(torch.cat([batch.indices for batch in batches], 1), epoch.indices)
    rest = list(epoch.batches(8, skipped=1))
    assert [torch.equal(one.indices, other.indices) for one, other in zip(rest, batches[1:], strict=True)] == [True] * 2
