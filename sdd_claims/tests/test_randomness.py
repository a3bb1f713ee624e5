import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from sdd_claims.randomness import PortableDraws, Stream, TorchDraws, draws, numpy_stream, torch_stream

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


# Portable draws


def some_of_all(key: tuple[int, Stream, tuple[int, ...]]) -> list[float]:
    seed, stream, branch = key
    source = draws(seed, stream, *branch, portable=True)
    return [*source.normal((3, 2)).flatten().tolist(), *source.uniform((5,)).tolist(), source.whole()]


@given(one=keys, other=keys)
def test_portable_draws_depend_on_seed_stream_and_counters_and_on_nothing_else(one, other):
    torch.manual_seed(one[0])
    before = some_of_all(one)
    assume(one != other)
    assert some_of_all(other) != before
    torch.manual_seed(other[0])
    np.random.seed(other[0])  # noqa: NPY002 - that it changes nothing is the point
    assert some_of_all(one) == before


def test_golden_portable_draws():
    """To the last bit: they are the start of every stored result of portable arithmetic."""
    source = draws(1000, Stream.INITIALIZATION, portable=True)
    assert isinstance(source, PortableDraws)
    assert [value.hex() for value in source.normal((3,)).tolist()] == [
        "-0x1.ed37900000000p-3",
        "0x1.396c260000000p+0",
        "-0x1.4e2a380000000p-4",
    ]
    assert [value.hex() for value in source.uniform((2,), -2, 3).tolist()] == [
        "-0x1.4a2e000000000p+0",
        "-0x1.6b91b40000000p-6",
    ]
    assert source.whole() == 4688315582951882807


def test_native_draws_are_those_of_the_torch_stream():
    source = draws(1000, Stream.INITIALIZATION)
    assert isinstance(source, TorchDraws)
    expected = torch.empty(4, 2).normal_(0, 3, generator=torch_stream(1000, Stream.INITIALIZATION))
    assert torch.equal(source.normal((4, 2), 3), expected)


@pytest.mark.parametrize("portable", [False, True])
def test_draws_have_their_shape_type_and_distribution(portable):
    source = draws(7, Stream.DIRECTIONS, portable=portable)
    normal, uniform = source.normal((300, 100), 2.0), source.uniform((300, 100), -1, 3)
    assert normal.shape == uniform.shape == (300, 100)
    assert normal.dtype == uniform.dtype == torch.float32
    assert source.normal((2,), dtype=torch.float64).dtype == torch.float64
    assert source.normal((0, 3)).shape == source.uniform((0, 3)).shape == (0, 3)
    assert stats.kstest(normal.double().numpy().ravel() / 2, "norm").pvalue > 1e-3
    assert stats.kstest((uniform.double().numpy().ravel() + 1) / 4, "uniform").pvalue > 1e-3
    assert -1 <= uniform.min() < uniform.max() <= 3
    assert all(0 <= source.whole() < 2**63 - 1 for _ in range(20))
    assert math.isclose(normal.double().std().item(), 2, rel_tol=0.05)
