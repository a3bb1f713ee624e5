import runpy

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sdd_claims.data.datasets import EMBEDDED_FOLDER

SCRIPT = runpy.run_path(str(EMBEDDED_FOLDER / "scripts" / "make_mnist_small.py"))


@given(arrays.arrays(np.uint8, st.integers(1, 200), elements=st.integers(0, 9)), st.data())
def test_a_stratified_draw_keeps_class_shares_to_less_than_one_image(labels, data):
    size = data.draw(st.integers(1, len(labels)))
    lots = np.random.PCG64(0).random_raw(len(labels))
    drawn = SCRIPT["stratified"](labels, size, lots)
    assert len(drawn) == size
    assert np.all(np.diff(drawn) > 0)
    shares = np.bincount(labels, minlength=10) * size / len(labels)
    assert np.all(np.abs(np.bincount(labels[drawn], minlength=10) - shares) < 1)


def test_the_smallest_lots_of_a_class_win():
    labels, lots = np.array([0, 0, 1, 1, 0, 1], np.uint8), np.array([5, 9, 1, 7, 2, 3], np.uint64)
    np.testing.assert_array_equal(SCRIPT["stratified"](labels, 4, lots), [0, 2, 4, 5])
