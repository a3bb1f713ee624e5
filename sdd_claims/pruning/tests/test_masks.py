import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sdd_claims.errors import InputError
from sdd_claims.pruning import dense_masks, keep_highest, kept, scheduled_count
from sdd_claims.spec import PruningSpec

shapes = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple), min_size=1
)


@st.composite
def scored(draw: st.DrawFn) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors of few distinct scores, so that ties abound, and masks that keep some of them."""
    sizes = draw(shapes)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    scores = {name: torch.randint(0, 4, shape, generator=generator).float() for name, shape in sizes.items()}
    masks = {name: torch.rand(shape, generator=generator) < 0.7 for name, shape in sizes.items()}
    return scores, masks


def flat(tensors: dict[str, Tensor]) -> list[float]:
    return [value for tensor in tensors.values() for value in tensor.flatten().tolist()]


@given(case=scored(), share=st.floats(0, 1))
def test_the_highest_of_all_tensors_stay_and_among_equals_the_earliest(case, share):
    scores, masks = case
    count = round(share * kept(masks))
    left = [place for place, is_left in enumerate(flat(masks)) if is_left]
    ranked = sorted(left, key=lambda place: (-flat(scores)[place], place))
    chosen = flat(keep_highest(scores, masks, count))
    assert [place for place, is_kept in enumerate(chosen) if is_kept] == sorted(ranked[:count])


@given(sizes=shapes, fraction=st.floats(0.01, 0.99), levels=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_level_after_level_masks_are_nested_and_counts_exact_to_one_weight(sizes, fraction, levels, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(shape, generator=generator) for name, shape in sizes.items()}
    masks = dense_masks(weights, tuple(sizes))
    total = kept(masks)
    assert total == sum(math.prod(shape) for shape in sizes.values())
    for level in range(1, levels + 1):
        density = PruningSpec(fraction=fraction).density(level)
        scores = {name: torch.randn(shape, generator=generator).abs() for name, shape in sizes.items()}
        pruned = keep_highest(scores, masks, scheduled_count(total, density))
        assert all(torch.equal(pruned[name] & masks[name], pruned[name]) for name in sizes)
        assert abs(kept(pruned) - total * density) <= 0.5
        assert {name: (m.shape, m.dtype) for name, m in pruned.items()} == {
            name: (torch.Size(shape), torch.bool) for name, shape in sizes.items()
        }
        masks = pruned


@pytest.mark.parametrize(("level", "count"), [(0, 265_200), (1, 212_160), (2, 169_728), (3, 135_782), (30, 328)])
def test_lenet_keeps_the_counts_of_the_paper(level, count):
    assert scheduled_count(265_200, PruningSpec(fraction=0.2).density(level)) == count
    assert count == math.floor(265_200 * Fraction(4, 5) ** level + Fraction(1, 2))


def test_a_layer_of_small_scores_can_be_pruned_away_whole():
    scores = {"small": torch.rand(3, 3), "large": 1 + torch.rand(3, 3)}
    pruned = keep_highest(scores, dense_masks(scores, ("small", "large")), 9)
    assert not pruned["small"].any()
    assert pruned["large"].all()


def test_equal_scores_keep_the_first_positions_of_the_first_tensors():
    scores = {"first": torch.ones(2, 2), "second": torch.ones(3)}
    pruned = keep_highest(scores, dense_masks(scores, ("first", "second")), 5)
    assert pruned["first"].tolist() == [[True, True], [True, True]]
    assert pruned["second"].tolist() == [True, False, False]


def test_scores_that_differ_in_the_last_bit_are_no_ties():
    one = torch.tensor(1.0)
    scores = {"w": torch.stack([one, torch.nextafter(one, one + 1), one])}
    assert keep_highest(scores, {"w": torch.ones(3, dtype=torch.bool)}, 1)["w"].tolist() == [False, True, False]


@pytest.mark.parametrize("odd", [torch.nan, torch.inf])
def test_nan_and_infinite_scores_count_as_the_highest_and_revive_nothing(odd):
    scores = {"w": torch.tensor([3.0, odd, odd, 2.0, odd])}
    masks = {"w": torch.tensor([True, True, False, True, True])}
    for count, expected in [(1, [1]), (2, [1, 4]), (3, [0, 1, 4]), (4, [0, 1, 3, 4])]:
        assert keep_highest(scores, masks, count)["w"].nonzero().flatten().tolist() == expected


def test_nan_and_infinite_scores_tie():
    scores = {"w": torch.tensor([3.0, torch.inf, torch.nan, torch.inf])}
    masks = {"w": torch.ones(4, dtype=torch.bool)}
    assert keep_highest(scores, masks, 2)["w"].tolist() == [False, True, True, False]


def test_minus_infinity_is_the_lowest_score_but_above_what_is_pruned():
    scores = {"w": torch.tensor([5.0, -torch.inf, 1.0])}
    masks = {"w": torch.tensor([False, True, True])}
    assert keep_highest(scores, masks, 2)["w"].tolist() == [False, True, True]


@pytest.mark.parametrize("count", [-1, 4])
def test_more_weights_than_are_left_cannot_be_kept(count):
    masks = {"w": torch.tensor([True, True, True, False])}
    with pytest.raises(InputError, match=f"cannot keep {count} of 3 weights; ask for 0 to 3"):
        keep_highest({"w": torch.rand(4)}, masks, count)
