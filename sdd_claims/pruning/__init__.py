"""Pruning and retraining, as parts that plug into iterative pruning."""

from sdd_claims.pruning.criteria import CRITERIA, IDENTITY, Candidate, check_criterion, prune
from sdd_claims.pruning.derivations import DERIVATIONS, Derivation, derivation
from sdd_claims.pruning.masks import Masks, dense_masks, keep_highest, kept, scheduled_count
from sdd_claims.pruning.retraining import RETRAINING, Past, Start, check_retraining, start_of_level

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
    "check_criterion",
    "check_retraining",
    "dense_masks",
    "derivation",
    "keep_highest",
    "kept",
    "prune",
    "scheduled_count",
    "start_of_level",
]
