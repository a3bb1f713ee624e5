"""Train in several processes of this machine."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from sdd_claims.engines.work import Site, work_through
from sdd_claims.errors import StoreError
from sdd_claims.plan import Plan
from sdd_claims.provenance import cores


class PoolEngine:
    """One process a core, each with one compute thread, sharing the plan through the store's locks."""

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or cores()

    def run(self, plan: Plan, site: Site) -> None:
        """Return when the whole plan is stored; the first error of any process is raised here.

        Raises:
            StoreError: a process was killed from outside.
        """
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self._processes, context, initializer=_die_with_parent) as pool:
            try:
                for future in [pool.submit(work_through, plan.stacks, site) for _ in range(self._processes)]:
                    future.result()
            except BrokenProcessPool as error:
                raise StoreError(
                    "a training process was killed (out of memory, perhaps); the levels it had finished are stored, so "
                    "run again, and it goes on from there"
                ) from error


def _die_with_parent() -> None:
    """Leave when the parent does, however it dies: an orphan would go on using a core."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
