"""All trials of the claim modules, without pytest collecting them: for who judges published evidence again."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import get_args

from sdd_claims.errors import InputError
from sdd_claims.locations import bundled
from sdd_claims.registration.claim import Tier
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trial import Trial


def all_trials() -> dict[tuple[str, Tier, str], Trial]:
    """Every trial that the claim modules mark their tests with, by claim, tier and network.

    Raises:
        InputError: a module that cannot be registered, two trials of one name, or a claim of the register without one.
    """
    trials: dict[tuple[str, Tier, str], Trial] = {}
    for trial in (trial for module in claim_modules() for trial in trials_of(module)):
        if trials.setdefault(trial.key, trial) is not trial:
            raise InputError(f"two {trial.tier} trials are called {trial.name}; name each claim as its module")
    tried = {(claim, tier) for claim, tier, _ in trials}
    for claim in the_register().claims.values():
        for tier in claim.tiers:
            if (claim.id, tier) not in tried:
                raise InputError(
                    f"claims/register.toml holds {claim.id} for the {tier} tier, but no module puts it on trial there; "
                    f"write claims/{claim.paper}/test_{claim.name}.py, or take the claim out of the register"
                )
    return trials


def claim_modules() -> Iterator[ModuleType]:
    """The modules of all claims."""
    folder = bundled("claims")
    inside = folder.parent.name == "sdd_claims"
    if not inside and str(folder.parent) not in sys.path:
        sys.path.insert(0, str(folder.parent))
    package = importlib.import_module("sdd_claims.claims" if inside else "claims")
    for paper in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if paper.ispkg:
            for module in pkgutil.iter_modules(importlib.import_module(paper.name).__path__, f"{paper.name}."):
                if module.name.rpartition(".")[2].startswith("test_"):
                    yield importlib.import_module(module.name)


def trials_of(module: ModuleType) -> Iterator[Trial]:
    """The trials in the markers of a module's tests: of a tier itself, or of its cases, one a network."""
    for name, test in vars(module).items():
        if name.startswith("test_"):
            marks = list(getattr(test, "pytestmark", []))
            for mark in [each for each in marks if each.name == "parametrize"]:
                marks += [inner for case in mark.args[1] for inner in getattr(case, "marks", ())]
            yield from (mark.args[0] for mark in marks if mark.name in get_args(Tier) and mark.args)
