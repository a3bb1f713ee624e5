import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from sdd_claims.randomness import Stream, numpy_stream, torch_stream

seeds = st.integers(0, 2**32 - 1)
streams = st.sampled_from(Stream)
counters = st.lists(st.integers(0, 2**20), max_size=3).map(tuple)
keys = st.tuples(seeds, streams, counters)


def first_words(key: tuple[int, Stream, tuple[int, ...]]) -> list[int]:
    seed, stream, branch = key
    return numpy_stream(seed, stream, *branch).integers(0, 2**63, 4).tolist()


def test_the_numbers_of_the_streams_are_fixed():
    """They are part of every stored result."""
    assert {stream.name: int(stream) for stream in Stream} == {
        "SUBSET": 0,
        "LABEL_NOISE": 1,
        "INITIALIZATION": 2,
        "BATCH_ORDER": 3,
        "PRUNING_SCORES": 4,
        "DIRECTIONS": 5,
        "VALIDATION": 6,
        "TARGETS": 7,
        "DROPOUT": 8,
        "AUGMENTATION": 9,
    }


@pytest.mark.parametrize(
    ("stream", "branch", "expected"),
    [
        (Stream.SUBSET, (), [397, 469, 868, 140, 526]),
        (Stream.LABEL_NOISE, (), [822, 404, 647, 557, 167]),
        (Stream.INITIALIZATION, (), [814, 924, 782, 862, 932]),
        (Stream.BATCH_ORDER, (0, 0), [333, 237, 141, 641, 711]),
        (Stream.BATCH_ORDER, (3, 59), [904, 890, 508, 523, 839]),
        (Stream.PRUNING_SCORES, (1,), [466, 513, 562, 775, 239]),
    ],
)
def test_golden_first_draws(stream, branch, expected):
    assert numpy_stream(1000, stream, *branch).permutation(1000)[:5].tolist() == expected


def test_golden_first_weights():
    drawn = torch.randn(4, generator=torch_stream(1000, Stream.INITIALIZATION))
    torch.testing.assert_close(drawn, torch.tensor([0.731892, -0.919166, -1.068312, -0.833628]), rtol=0, atol=1e-6)


@given(seed=seeds, stream=streams, counter=st.integers(0, 20))
def test_streams_are_the_spawned_children_of_the_seed(seed, stream, counter):
    child = np.random.SeedSequence(seed).spawn(len(Stream))[stream]
    assert numpy_stream(seed, stream).random(8).tolist() == np.random.default_rng(child).random(8).tolist()
    grandchild = child.spawn(counter + 1)[counter]
    assert (
        numpy_stream(seed, stream, counter).random(8).tolist() == np.random.default_rng(grandchild).random(8).tolist()
    )


@given(one=keys, other=keys)
def test_different_streams_draw_differently(one, other):
    assume(one != other)
    assert first_words(one) != first_words(other)
    assert not torch.equal(
        torch.rand(4, generator=torch_stream(one[0], one[1], *one[2])),
        torch.rand(4, generator=torch_stream(other[0], other[1], *other[2])),
    )


@given(key=keys, others=st.lists(keys, max_size=5))
def test_a_stream_does_not_depend_on_what_else_is_drawn(key, others):
    before = first_words(key)
    for other in others:
        first_words(other)
    assert first_words(key) == before


def test_streams_of_one_seed_are_not_correlated():
    draws = [numpy_stream(seed, stream).random(2000) for seed in (0, 1, 1000) for stream in Stream]
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


def test_global_generators_neither_steer_the_streams_nor_are_moved_by_them():
    torch.manual_seed(1)
    before = torch.rand(3, generator=torch_stream(7, Stream.INITIALIZATION))
    after_draw = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), after_draw)
    assert torch.equal(torch.rand(3, generator=torch_stream(7, Stream.INITIALIZATION)), before)
