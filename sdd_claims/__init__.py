"""The published claims about sparse double descent, on trial.

What a claim module imports, and what a researcher needs to try a claim on a network of their own:

    from sdd_claims import Claim, Control, CurveOf, RunSpec, Trial
    from sdd_claims.stats import DipThenRise, Window
"""

from sdd_claims.claim import Claim, Control, CurveOf, FromPilots, Trial, Verdict
from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.record import LevelRecord, Replica
from sdd_claims.spec import (
    DataSpec,
    DerivationSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    PenaltySpec,
    PruningSpec,
    RecordSpec,
    RunSpec,
    ScheduleSpec,
    TrainingSpec,
)
from sdd_claims.store import Store

__all__ = [
    "Claim",
    "Control",
    "CurveOf",
    "DataSpec",
    "DerivationSpec",
    "FromPilots",
    "InputError",
    "LevelRecord",
    "ModelSpec",
    "NoiseSpec",
    "OptimizerSpec",
    "PenaltySpec",
    "PruningSpec",
    "RecordSpec",
    "Replica",
    "RunSpec",
    "ScheduleSpec",
    "SparsityCurve",
    "Store",
    "StoreError",
    "TrainingSpec",
    "Trial",
    "Verdict",
]
