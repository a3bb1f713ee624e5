import numpy as np
import pytest

from sdd_claims.data import regression
from sdd_claims.data.datasets import load, why_unavailable
from sdd_claims.errors import InputError
from sdd_claims.randomness import Stream, numpy_stream


def test_the_grid_is_every_combination_of_three_values_in_four_inputs():
    grid = regression.inputs("grid")
    assert grid.shape == (81, 4)
    assert len({tuple(point) for point in grid}) == 81
    assert set(grid.flatten().tolist()) == {0.0, 0.5, 1.0}


def test_targets_are_uniform_on_minus_one_to_one_and_each_seeds_own():
    drawn = np.concatenate([regression.targets(81, numpy_stream(seed, Stream.TARGETS)) for seed in range(50)])
    assert drawn.shape == (50 * 81, 1)
    assert np.abs(drawn).max() <= 1
    assert drawn.mean() == pytest.approx(0, abs=4 * 0.58 / len(drawn) ** 0.5)
    assert np.square(drawn).mean() == pytest.approx(1 / 3, abs=4 * 0.3 / len(drawn) ** 0.5)
    assert len(np.unique(drawn)) > 4000


def test_there_is_nothing_to_fetch():
    assert why_unavailable("grid") is None


def test_classification_on_a_regression_problem_says_how_to_train_it():
    with pytest.raises(InputError, match=r"'grid' is a regression problem.*path over epochs"):
        load("grid")


def test_regression_on_images_names_the_problems_there_are():
    with pytest.raises(InputError, match=r"'mnist_small' is no regression problem.*grid"):
        regression.inputs("mnist_small")
