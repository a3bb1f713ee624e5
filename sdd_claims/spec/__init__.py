"""Frozen settings that say everything about a run, and the digest under which its results are stored.

Device, worker count and paths are not here: they must not change a result. Nor are the numbers of seeds and levels:
they are asked for, and asking for more extends what is stored.
"""

from sdd_claims.spec.data import STAND_IN, DataName, DataSpec, NoiseKind, NoiseSpec
from sdd_claims.spec.digest import OMITTED_FROM_DIGEST_AT, canonical_json
from sdd_claims.spec.model import Initialization, ModelSpec, Network, TransformerSpec
from sdd_claims.spec.own import OWN, OwnCallable, OwnData, OwnNetwork
from sdd_claims.spec.path import PATHS, PathOver, PathSpec
from sdd_claims.spec.pruning import Criterion, DerivationKind, DerivationSpec, PruningSpec, RetrainingMethod
from sdd_claims.spec.reading import run_of
from sdd_claims.spec.record import RecordSpec
from sdd_claims.spec.run import DistillationSpec, RunSpec
from sdd_claims.spec.training import (
    Arithmetic,
    OptimizerSpec,
    PenaltyName,
    PenaltySpec,
    Precision,
    ScheduleSpec,
    TrainingSpec,
)

__all__ = [
    "OMITTED_FROM_DIGEST_AT",
    "OWN",
    "PATHS",
    "STAND_IN",
    "Arithmetic",
    "Criterion",
    "DataName",
    "DataSpec",
    "DerivationKind",
    "DerivationSpec",
    "DistillationSpec",
    "Initialization",
    "ModelSpec",
    "Network",
    "NoiseKind",
    "NoiseSpec",
    "OptimizerSpec",
    "OwnCallable",
    "OwnData",
    "OwnNetwork",
    "PathOver",
    "PathSpec",
    "PenaltyName",
    "PenaltySpec",
    "Precision",
    "PruningSpec",
    "RecordSpec",
    "RetrainingMethod",
    "RunSpec",
    "ScheduleSpec",
    "TrainingSpec",
    "TransformerSpec",
    "canonical_json",
    "run_of",
]
