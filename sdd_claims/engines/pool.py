"""Train in several processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection

from sdd_claims.engines import failures
from sdd_claims.engines.config import WorkerConfig, unwatched
from sdd_claims.engines.serial import SerialEngine
from sdd_claims.engines.work import work_through
from sdd_claims.errors import DeviceLostError, StoreError
from sdd_claims.machine.devices import Device
from sdd_claims.planning.plan import Plan
from sdd_claims.storage import locks
from sdd_claims.storage.schema import check_there
from sdd_claims.storage.store import Store

_WATCH_SECONDS = 2.0
_KILLED = "a training process was killed (out of memory, perhaps)"
_GO_ON = "the levels it had finished are stored, so run again, and it goes on from there"


class PoolEngine:
    """Processes that share the plan through the store's locks, each bound to a device, with one compute thread."""

    def __init__(self, devices: Sequence[Device] = ()) -> None:
        """`devices` are those of the processes; by default one process a core, or `WorkerConfig.per_device` a GPU."""
        self._devices = tuple(devices)

    def run(self, plan: Plan, config: WorkerConfig, watch: Callable[[], None] = unwatched) -> Sequence[str]:
        """Return when the whole plan is stored.

        A process that is killed, or whose GPU is lost, leaves its work to the others. A stack that is too large for a
        device is tried once by each process, and each goes on with the rest. Whoever interrupts this process ends them
        all.

        Args:
            plan: what is trained.
            config: of the processes, each of which is given a device.
            watch: called every other second.

        Returns:
            Sentences that the user should read: which processes were lost, or why this process has trained alone, and
            the store's warnings.

        Raises:
            DeviceLostError: no process is left, the last one for that reason.
            StoreError: no process is left, since the last one was killed from outside.
            DeviceMemoryError: a device cannot hold some network, and nothing worse has happened.
            Exception: the first error of any process; the others have gone on to their end.
        """
        if why := _why_no_processes():
            return [why, *SerialEngine().run(plan, config, watch)]
        others = multiprocessing.active_children()
        try:
            return self._run(plan, config, watch)
        except BaseException:
            # At its exit this process would wait for them, until the plan is trained.
            ours = [child for child in multiprocessing.active_children() if child not in others]
            for child in ours:
                child.terminate()
            for child in ours:
                child.join()
            raise

    def _run(self, plan: Plan, config: WorkerConfig, watch: Callable[[], None]) -> Sequence[str]:
        devices = self._devices or config.device.processes(config.per_device)
        hears, says = multiprocessing.get_context("spawn").Pipe(duplex=False)
        running = {
            _started(plan, replace(config, device=device), None if number else says): device
            for number, device in enumerate(devices)
        }
        says.close()  # the process has its own end

        def listen_and_watch() -> None:
            _pass_on(hears)
            watch()

        lost: list[tuple[str, BaseException]] = []
        failed: list[BaseException] = []
        for future in _as_completed(running, listen_and_watch):
            error = future.exception()
            if isinstance(error, DeviceLostError):
                lost.append((f"{running[future]} was lost", error))
            elif isinstance(error, BrokenProcessPool):
                lost.append((f"{_KILLED} on {running[future]}", StoreError(f"{_KILLED}; {_GO_ON}")))
            elif error is not None:
                failed.append(error)
        _pass_on(hears)
        hears.close()
        if len(lost) == len(running):
            failed.append(lost[-1][1])
        if failed:
            raise failures.gravest(failed)
        sentences = [sentence for future in running if not future.exception() for sentence in future.result()]
        check_there(config.store)
        complete = plan.stored(Store(config.store)) == plan.needed
        work = "the other processes have done its work" if complete else "the others went on until the time was up"
        return [*(f"{what}; {work}" for what, _ in lost), *dict.fromkeys(sentences)]


def _why_no_processes() -> str:
    """Why several processes cannot work together here, as where a container has no /dev/shm; "" where they can."""
    try:
        multiprocessing.get_context("spawn").Lock()
    except (OSError, ImportError, NotImplementedError) as error:
        return (
            f"this machine gives processes no semaphores ({error}), so one process has trained alone, as with "
            "--engine serial; to use every core and GPU, give the machine a writable /dev/shm"
        )
    return ""


def _pass_on(hears: "Connection[str, str]") -> None:
    """Say what a process waits for; nothing where it has ended."""
    with suppress(EOFError):
        while hears.poll():
            locks.say(hears.recv())


def _started(plan: Plan, config: WorkerConfig, says: "Connection[str, str] | None") -> "Future[Sequence[str]]":
    """The work of one process, which says what it waits for, or leaves that to another one.

    It has a pool of its own, since the death of one process breaks the whole pool.
    """
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_begin_in_child, initargs=(says,))
    with _interrupts_ignored():
        future = pool.submit(work_through, plan.stacks, config)
    pool.shutdown(wait=False)  # when it has done this, the process ends
    return future


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let processes that are started meanwhile ignore Ctrl-C from their first import on: this one ends them."""
    if threading.current_thread() is not threading.main_thread():  # which alone may say how a signal is handled
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)


def _as_completed(
    futures: "Iterable[Future[Sequence[str]]]", watch: Callable[[], None]
) -> "Iterator[Future[Sequence[str]]]":
    """The futures as they are done; meanwhile `watch` is called every other second."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, _WATCH_SECONDS, return_when=FIRST_COMPLETED)
        yield from done
        if waiting:
            watch()


def _begin_in_child(says: "Connection[str, str] | None") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not handed down
    _die_with_parent()
    locks.tell(says.send if says else locks.nobody)


def _die_with_parent() -> None:
    """Leave when the parent does, however it dies: an orphan would go on using a core."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
