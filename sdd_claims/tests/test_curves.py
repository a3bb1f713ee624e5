import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError


def test_a_curve_holds_one_row_a_seed_and_one_column_a_level():
    curve = SparsityCurve((1000, 1001), np.array([1.0, 0.8, 0.64]), np.zeros((2, 3)))
    assert curve.values.shape == (len(curve.seeds), len(curve.position))


def test_a_diverged_replica_leaves_holes_that_are_allowed():
    values = np.array([[0.9, 0.8], [np.nan, np.nan]])
    np.testing.assert_array_equal(SparsityCurve((1, 2), np.array([1.0, 0.8]), values).values, values)


@pytest.mark.parametrize("shape", [(3, 2), (2, 2), (1, 3), (2, 4), (6,)])
def test_a_table_of_another_shape_is_refused(shape):
    with pytest.raises(InputError, match="curve of 2 seeds and 3 levels cannot hold a table of shape"):
        SparsityCurve((1, 2), np.array([1.0, 0.8, 0.64]), np.zeros(shape))


@pytest.mark.parametrize("density", [(1.0, 1.0, 0.5), (0.5, 0.8, 1.0), (1.0, 0.5, 0.6)])
def test_densities_that_do_not_fall_are_refused(density):
    with pytest.raises(InputError, match="densities of a sparsity curve must fall from level to level"):
        SparsityCurve((1, 2), np.array(density), np.zeros((2, 3)))


def test_points_along_another_axis_rise():
    assert SparsityCurve((1,), np.array([0.0, 1.0, 10.0]), np.zeros((1, 3)), "penalty strength").axis != "density"


@pytest.mark.parametrize("points", [(1.0, 0.5, 0.2), (0.0, 1.0, 1.0)])
def test_points_of_a_path_that_do_not_rise_are_refused(points):
    with pytest.raises(InputError, match="points of a curve along penalty strength must rise"):
        SparsityCurve((1,), np.array(points), np.zeros((1, 3)), "penalty strength")
