"""Engines, which train the missing levels of a plan. Results travel through the store only."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sdd_claims.engines.cluster import RayEngine
from sdd_claims.engines.config import WorkerConfig, unwatched
from sdd_claims.engines.pool import PoolEngine
from sdd_claims.engines.progress import ProgressDisplay
from sdd_claims.engines.serial import SerialEngine
from sdd_claims.errors import InputError
from sdd_claims.planning.plan import Plan


class Engine(Protocol):
    """Trains a plan."""

    def run(self, plan: Plan, config: WorkerConfig, watch: Callable[[], None] = unwatched) -> Sequence[str]:
        """Train until every level is stored or the deadline has passed.

        Args:
            plan: what is trained.
            config: of the processes that train.
            watch: called now and then in the calling process, to look at what is stored by then.

        Returns:
            Sentences that the user should read.
        """


ENGINES = ("serial", "pool", "ray")


def engine(name: str, ray_address: str | None = None) -> Engine:
    """The engine of a name.

    Raises:
        InputError: there is none.
    """
    match name:
        case "serial":
            return SerialEngine()
        case "pool":
            return PoolEngine()
        case "ray":
            return RayEngine(ray_address)
        case _:
            raise InputError(f"there is no engine {name!r}; use one of: {', '.join(ENGINES)}")


__all__ = [
    "ENGINES",
    "Engine",
    "PoolEngine",
    "ProgressDisplay",
    "RayEngine",
    "SerialEngine",
    "WorkerConfig",
    "engine",
    "unwatched",
]
