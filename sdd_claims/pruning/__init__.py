"""The parts of iterative pruning: criteria, masks, retraining methods, and trainings derived from a level."""

from sdd_claims.pruning.criteria import CRITERIA, IDENTITY, Candidate, prune
from sdd_claims.pruning.derivations import DERIVATIONS, Derivation, level_branch
from sdd_claims.pruning.gradients import batch_gradients
from sdd_claims.pruning.level import masks_of_level, start_of_level
from sdd_claims.pruning.masks import Masks, dense_masks, keep_highest, kept, scheduled_count
from sdd_claims.pruning.retraining import RETRAINING, Past, Start

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
    "batch_gradients",
    "dense_masks",
    "keep_highest",
    "kept",
    "level_branch",
    "masks_of_level",
    "prune",
    "scheduled_count",
    "start_of_level",
]
