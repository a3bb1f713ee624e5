"""Train in several processes of this machine."""

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from sdd_claims.engines import failures
from sdd_claims.engines.config import WorkerConfig
from sdd_claims.engines.work import work_through
from sdd_claims.errors import DeviceLostError, StoreError
from sdd_claims.machine.devices import Device
from sdd_claims.planning.plan import Plan
from sdd_claims.storage.store import Store

_KILLED = "a training process was killed (out of memory, perhaps)"
_GO_ON = "the levels it had finished are stored, so run again, and it goes on from there"


class PoolEngine:
    """Processes that share the plan through the store's locks, each bound to a device, with one compute thread."""

    def __init__(self, devices: Sequence[Device] = ()) -> None:
        """`devices` are those of the processes; by default one process a core, or `WorkerConfig.per_device` a GPU."""
        self._devices = tuple(devices)

    def run(self, plan: Plan, config: WorkerConfig) -> Sequence[str]:
        """Return when the whole plan is stored.

        A process that is killed, or whose GPU is lost, leaves its work to the others. A stack that is too large for a
        device is tried once by each process, and each goes on with the rest. Whoever interrupts this process ends them
        all.

        Returns:
            Sentences that the user should read: which processes were lost, and the store's warnings.

        Raises:
            DeviceLostError: no process is left, the last one for that reason.
            StoreError: no process is left, since the last one was killed from outside.
            DeviceMemoryError: a device cannot hold some network, and nothing worse has happened.
            Exception: the first error of any process; the others have gone on to their end.
        """
        others = multiprocessing.active_children()
        try:
            return self._run(plan, config)
        except BaseException:
            # At its exit this process would wait for them, until the plan is trained.
            for child in multiprocessing.active_children():
                if child not in others:
                    child.terminate()
                    child.join()
            raise

    def _run(self, plan: Plan, config: WorkerConfig) -> Sequence[str]:
        running = {
            _started(plan, replace(config, device=device)): device
            for device in self._devices or config.device.processes(config.per_device)
        }
        lost: list[tuple[str, BaseException]] = []
        failed: list[BaseException] = []
        for future in as_completed(running):
            error = future.exception()
            if isinstance(error, DeviceLostError):
                lost.append((f"{running[future]} was lost", error))
            elif isinstance(error, BrokenProcessPool):
                lost.append((f"{_KILLED} on {running[future]}", StoreError(f"{_KILLED}; {_GO_ON}")))
            elif error is not None:
                failed.append(error)
        if len(lost) == len(running):
            failed.append(lost[-1][1])
        if failed:
            raise failures.gravest(failed)
        sentences = [sentence for future in running if not future.exception() for sentence in future.result()]
        complete = plan.stored(Store(config.store)) == plan.needed
        work = "the other processes have done its work" if complete else "the others went on until the time was up"
        return [*(f"{what}; {work}" for what, _ in lost), *dict.fromkeys(sentences)]


def _started(plan: Plan, config: WorkerConfig) -> "Future[Sequence[str]]":
    """The work of one process. It has a pool of its own, since the death of one process breaks the whole pool."""
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_die_with_parent)
    future = pool.submit(work_through, plan.stacks, config)
    pool.shutdown(wait=False)  # when it has done this, the process ends
    return future


def _die_with_parent() -> None:
    """Leave when the parent does, however it dies: an orphan would go on using a core."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
