import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.data.datasets import Dataset, load
from sdd_claims.data.preparation import prepare
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
