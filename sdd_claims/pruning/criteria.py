"""Pruning criteria: which of the weights that are left are the least worth keeping.

A criterion gives every prunable weight a score; the lowest go, across all layers (He et al. 2022, A.1).
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from sdd_claims.errors import InputError
from sdd_claims.pruning.masks import Masks, keep_highest

Criterion = Callable[[Mapping[str, Tensor], Masks], dict[str, Tensor]]
"""Scores of the prunable weights from (trained weights, masks)."""


def magnitude(weights: Mapping[str, Tensor], masks: Masks) -> dict[str, Tensor]:
    """|w|."""
    return {name: weights[name].abs() for name in masks}


CRITERIA: dict[str, Criterion] = {"magnitude": magnitude}

IDENTITY = "none"
"""The criterion that prunes nothing: a control that retrains at every level with identity masks."""


def prune(criterion: str, weights: Mapping[str, Tensor], masks: Masks, count: int) -> dict[str, Tensor]:
    """The masks that keep `count` of the weights left.

    Raises:
        InputError: no criterion of that name.
    """
    check_criterion(criterion)
    return dict(masks) if criterion == IDENTITY else keep_highest(CRITERIA[criterion](weights, masks), masks, count)


def check_criterion(name: str) -> None:
    """Raise before anything is trained if there is no criterion of that name.

    Raises:
        InputError: there is none.
    """
    if name not in (*CRITERIA, IDENTITY):
        raise InputError(f"there is no pruning criterion {name!r}; use one of: {', '.join(CRITERIA)}, {IDENTITY}")
