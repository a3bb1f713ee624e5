"""The published claims about sparse double descent, on trial.

What a claim module imports, and what a researcher needs to try a claim on a network of their own:

    from sdd_claims import Claim, Control, CurveOf, RunSpec, Trial
    from sdd_claims.stats import DipThenRise, Window
"""

from typing import TYPE_CHECKING, Any

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.verdict import Verdict
from sdd_claims.record import LevelRecord, Replica
from sdd_claims.registration.claim import Claim
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Control, Trial
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

if TYPE_CHECKING:
    from sdd_claims.storage.store import Store

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


def __getattr__(name: str) -> Any:
    """The store, which imports PyTorch: only who asks for it waits for that."""
    if name == "Store":
        from sdd_claims.storage.store import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
