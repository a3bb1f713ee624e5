"""Engines: who trains what a plan is missing. Results travel through the store only."""

from typing import Protocol

from sdd_claims.engines.pool import PoolEngine
from sdd_claims.engines.progress import ProgressDisplay
from sdd_claims.engines.serial import SerialEngine
from sdd_claims.engines.work import Site
from sdd_claims.errors import InputError
from sdd_claims.plan import Plan


class Engine(Protocol):
    """Trains a plan."""

    def run(self, plan: Plan, site: Site) -> None:
        """Return when every level of the plan is stored, or when the site has closed."""


ENGINES: dict[str, type[SerialEngine] | type[PoolEngine]] = {"serial": SerialEngine, "pool": PoolEngine}


def engine(name: str) -> Engine:
    """The engine of a name.

    Raises:
        InputError: there is none.
    """
    if name not in ENGINES:
        raise InputError(f"there is no engine {name!r}; use one of: {', '.join(ENGINES)}")
    return ENGINES[name]()


__all__ = ["ENGINES", "Engine", "PoolEngine", "ProgressDisplay", "SerialEngine", "Site", "engine"]
