"""Pruning and retraining, as parts that plug into iterative pruning."""

from sdd_claims.pruning.criteria import CRITERIA, IDENTITY, Candidate, prune
from sdd_claims.pruning.derivations import DERIVATIONS, Derivation
from sdd_claims.pruning.masks import Masks, dense_masks, keep_highest, kept, scheduled_count
from sdd_claims.pruning.retraining import RETRAINING, Past, Start, start_of_level

__all__ = [
    "CRITERIA",
    "DERIVATIONS",
    "IDENTITY",
    "RETRAINING",
    "Candidate",
    "Derivation",
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
