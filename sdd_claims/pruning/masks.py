"""Global pruning: exact counts, nested masks, ties broken by position."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from sdd_claims.errors import InputError

Masks = Mapping[str, Tensor]
"""Boolean tensors of the prunable parameters of one network, True where a weight is kept."""


def dense_masks(weights: Mapping[str, Tensor], prunable: tuple[str, ...]) -> dict[str, Tensor]:
    """Masks that keep everything."""
    return {name: torch.ones_like(weights[name], dtype=torch.bool) for name in prunable}


def in_order(masks: Masks, prunable: tuple[str, ...]) -> dict[str, Tensor]:
    """The masks in the network's order: a state read from a file has lost it, and ties are broken by position."""
    return {name: masks[name] for name in prunable}


def kept(masks: Masks) -> int:
    """Number of weights left."""
    return sum(int(mask.sum()) for mask in masks.values())


def scheduled_count(prunable_count: int, density: float) -> int:
    """Weights left at a density, to the nearest whole weight (halves round up)."""
    return math.floor(prunable_count * density + 0.5)


def keep_highest(scores: Mapping[str, Tensor], masks: Masks, count: int) -> dict[str, Tensor]:
    """Keep the `count` highest-scoring of the weights that are left, compared across all layers.

    Among equal scores the later position goes first, in the order of `masks` and row by row within a tensor, so that
    the outcome does not depend on the sorting algorithm. A NaN score (a diverged replica) counts as the highest.

    Raises:
        InputError: more weights asked for than are left.
    """
    flat = torch.cat([mask.flatten() for mask in masks.values()])
    score = torch.cat([scores[name].flatten() for name in masks]).to(torch.float64)
    left = int(flat.sum())
    if not 0 <= count <= left:
        raise InputError(f"cannot keep {count} of {left} weights; ask for 0 to {left}")
    # Pruned weights sink below every score that is left. The lowest that stays is selected, not sorted for: of eleven
    # million weights that takes a seventh of the time.
    score = score.nan_to_num(torch.inf, torch.inf).where(flat, -torch.inf)
    lowest = score.kthvalue(len(score) - count + 1).values if count else torch.tensor(torch.inf)
    chosen = score > lowest
    equals = torch.nonzero(score == lowest)[:, 0]
    chosen[equals[: count - int(chosen.sum())]] = True
    pieces = torch.split(chosen, [mask.numel() for mask in masks.values()])
    return {name: piece.view_as(masks[name]) for name, piece in zip(masks, pieces, strict=True)}
