import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.data.subset import subset
from sdd_claims.errors import InputError


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))), st.integers(0, 2**32 - 1))
def test_indices_ascend_without_repeats_and_lie_in_the_set(sizes, seed):
    n, size = sizes
    drawn = subset(n, size, np.random.default_rng(seed))
    assert len(drawn) == size
    assert np.all(np.diff(drawn) > 0)
    assert drawn[0] >= 0
    assert drawn[-1] < n


def test_streams_decide_the_draw():
    draws = [subset(8000, 1000, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    overlap = len(np.intersect1d(draws[0], draws[2]))
    assert 80 < overlap < 170  # 125 expected of independent draws, standard deviation 10


@pytest.mark.parametrize("size", [0, -1, 11])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(InputError, match=f"subset of {size} images was asked of 10; give a size from 1 to 10"):
        subset(10, size, np.random.default_rng(0))
