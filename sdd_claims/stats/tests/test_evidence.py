import numpy as np
from statsmodels.stats.multitest import multipletests

from sdd_claims.stats.p_values import all_of, any_of, nothing


def test_one_of_several_hypotheses_is_tested_by_bonferroni():
    p = np.random.default_rng(0).random((3, 50)) ** 2
    adjusted = [multipletests(study, method="bonferroni")[1].min() for study in p.T]
    np.testing.assert_allclose(any_of(*p), adjusted)
    assert any_of(*p).max() == 1


def test_all_hypotheses_hold_where_the_least_established_does():
    np.testing.assert_array_equal(all_of(np.array([0.1, 0.2]), np.array([0.3, 0.01])), [0.3, 0.2])


def test_nothing_establishes_nothing():
    assert (nothing((2, 3)) == np.ones((2, 3))).all()
