"""The published claims about sparse double descent, on trial.

What a claim module imports, and what a researcher needs to try a claim on a network of their own:

    from sdd_claims import Claim, Control, CurveOf, RunSpec, Trial
    from sdd_claims.stats import DipThenRise, Window
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdd_claims.curves import SparsityCurve
    from sdd_claims.errors import InputError, StoreError
    from sdd_claims.judging.verdict import Verdict
    from sdd_claims.own import judge, sparsity_curve
    from sdd_claims.pruning.own import own_criterion
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
    from sdd_claims.storage.store import Store
    from sdd_claims.training.own import own_penalty

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
    "judge",
    "own_criterion",
    "own_penalty",
    "sparsity_curve",
]


_ELSEWHERE = {
    "SparsityCurve": "curves",
    "InputError": "errors",
    "StoreError": "errors",
    "Verdict": "judging.verdict",
    "judge": "own",
    "sparsity_curve": "own",
    "own_criterion": "pruning.own",
    "LevelRecord": "record",
    "Replica": "record",
    "Claim": "registration.claim",
    "CurveOf": "registration.curve_of",
    "FromPilots": "registration.pilots",
    "Control": "registration.trial",
    "Trial": "registration.trial",
    "Store": "storage.store",
    "own_penalty": "training.own",
}
"""The module of each name that is not in `sdd_claims.spec`."""


def __getattr__(name: str) -> Any:
    """A name when it is asked for: the command line and its help do not wait for SciPy, and nobody else for PyTorch."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'spec')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
