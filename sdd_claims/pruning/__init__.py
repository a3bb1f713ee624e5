"""Pruning and retraining, as parts that plug into iterative pruning."""

from sdd_claims.pruning.criteria import CRITERIA, IDENTITY, prune
from sdd_claims.pruning.masks import Masks, dense_masks, keep_highest, kept, scheduled_count
from sdd_claims.pruning.retraining import RETRAINING, Past, Start, start_of_level

__all__ = [
    "CRITERIA",
    "IDENTITY",
    "RETRAINING",
    "Masks",
    "Past",
    "Start",
    "dense_masks",
    "keep_highest",
    "kept",
    "prune",
    "scheduled_count",
    "start_of_level",
]
