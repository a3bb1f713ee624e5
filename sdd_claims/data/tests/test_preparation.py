import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.data import preparation
from sdd_claims.data.datasets import Dataset, load
from sdd_claims.data.preparation import Normalisation, channels_first, prepare
from sdd_claims.errors import InputError


def dataset(name: str, shape: tuple[int, ...], seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    train, test = (rng.integers(0, 256, (n, *shape), np.uint8) for n in (3, 2))
    for images in (train, test):
        images.setflags(write=False)
    return Dataset(name, train, np.zeros(3, np.uint8), test, np.zeros(2, np.uint8), 10)


def test_small_mnist_at_full_size_has_about_mean_zero_and_deviation_one():
    train, test = prepare(load("mnist_small"))
    assert train.shape == (8000, 1, 28, 28)
    assert test.shape == (5000, 1, 28, 28)
    assert train.dtype == test.dtype == torch.float32
    for images in (train, test):
        assert abs(images.mean().item()) < 0.02
        assert abs(images.std().item() - 1) < 0.02


@given(side=st.sampled_from([1, 2, 4, 7, 14, 28]), seed=st.integers(0, 2**32 - 1))
def test_averaging_takes_the_mean_of_each_square(side, seed):
    data = dataset("mnist", (28, 28), seed)
    train, _ = prepare(data, side)
    step = 28 // side
    for row in range(side):
        for column in range(side):
            square = data.train_images[1, row * step : (row + 1) * step, column * step : (column + 1) * step]
            expected = (square.mean() / 255 - 0.1307) / 0.3081
            assert train[1, 0, row, column].item() == pytest.approx(expected, abs=2e-6)


def test_colours_become_leading_channels_each_with_its_own_constants():
    data = dataset("cifar10", (32, 32, 3))
    _, test = prepare(data)
    assert test.shape == (2, 3, 32, 32)
    for channel, (mean, std) in enumerate([(0.4914, 0.2470), (0.4822, 0.2435), (0.4465, 0.2616)]):
        expected = (data.test_images[..., channel] / 255 - mean) / std
        np.testing.assert_allclose(test[:, channel].numpy(), expected, atol=2e-6)


def test_no_side_means_the_original_side():
    data = dataset("cifar100", (32, 32, 3))
    for given_side, default in zip(prepare(data, 32), prepare(data), strict=True):
        assert torch.equal(given_side, default)


@pytest.mark.parametrize("side", [5, 0, -14, 56])
def test_a_side_that_does_not_divide_is_refused(side):
    with pytest.raises(InputError, match=rf"28 x 28 down to {side} x {side}: .*\(1, 2, 4, 7, 14, 28\)"):
        prepare(dataset("mnist", (28, 28)), side)


@given(name=st.sampled_from(["mnist", "cifar10", "cifar100"]), seed=st.integers(0, 2**32 - 1))
def test_a_normalised_batch_is_the_prepared_images_to_the_bit(name, seed):
    data = dataset(name, (28, 28) if name == "mnist" else (32, 32, 3), seed)
    pixels = channels_first(data.train_images).float()
    before = pixels.clone()
    normalised = Normalisation.of(data)(pixels)
    assert torch.equal(normalised, prepare(data)[0])
    assert torch.equal(pixels, before)


def test_normalisation_is_division_and_nothing_else():
    data = dataset("cifar10", (32, 32, 3))
    pixels = channels_first(data.train_images).float()
    mean = torch.tensor([0.4914, 0.4822, 0.4465])[:, None, None]
    std = torch.tensor([0.2470, 0.2435, 0.2616])[:, None, None]
    assert torch.equal(Normalisation.of(data)(pixels), (pixels / 255 - mean) / std)


@pytest.mark.parametrize(("shape", "moved"), [((4, 6), (3, 1, 4, 6)), ((4, 6, 3), (3, 3, 4, 6))])
def test_channels_come_before_height_and_width(shape, moved):
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    images.setflags(write=False)
    pixels = channels_first(images)
    assert pixels.shape == moved
    assert pixels.is_contiguous()
    np.testing.assert_array_equal(pixels[2, -1].numpy(), images[2] if len(shape) == 2 else images[2, :, :, 2])


@pytest.mark.parametrize("side", [32, 8])
def test_images_are_prepared_alike_in_chunks_of_any_size(side, monkeypatch):
    data = dataset("cifar10", (32, 32, 3))
    whole = prepare(data, side)
    monkeypatch.setattr(preparation, "_CHUNK", 2)
    assert all(torch.equal(*pair) for pair in zip(whole, prepare(data, side), strict=True))
