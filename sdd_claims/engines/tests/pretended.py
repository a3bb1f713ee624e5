"""Workers of which a part is lost while it trains: what a process or a node does is decided by where it is.

Engines send a config to their processes and nodes, and each opens the store through it.
"""

import os
import select
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import torch

from sdd_claims.engines import WorkerConfig
from sdd_claims.errors import DeviceLostError
from sdd_claims.machine.devices import CPU
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.storage.store import Store


def heard(fifo: Path) -> bytes:
    """What is said through a FIFO; nobody waits longer than two minutes."""
    pipe = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not select.select([pipe], [], [], 120)[0]:
            raise TimeoutError(f"nobody has said anything through {fifo}")
        return os.read(pipe, 1000)
    finally:
        os.close(pipe)


class WatchedStore(Store):
    """Calls a function after every commit."""

    def __init__(self, path: Path, after_commit: Callable[[], None]) -> None:
        super().__init__(path)
        self._after_commit = after_commit

    def commit(
        self, results: Sequence[tuple[Replica, LevelRecord, ChainState | None]], about: Mapping[str, Any]
    ) -> None:
        super().commit(results, about)
        self._after_commit()


@dataclass(frozen=True)
class FallingWorker(WorkerConfig):
    """Two devices, "cpu:0", which is lost with the first level that it trains, and "cpu", which begins after that.

    Attributes:
        fallen: a FIFO through which the first says that it is lost; None where there is nobody to hear it.
        killed: the process is killed, and not told that its device is lost.
        closes: the deadline has passed for the second.
    """

    fallen: Path | None = None
    killed: bool = False
    closes: bool = False

    @property
    def deadline_passed(self) -> bool:
        return self.closes and self.device == CPU

    def open_store(self) -> Store:
        if self.device != CPU:
            return WatchedStore(self.store, self._fall)
        if self.fallen:
            heard(self.fallen)
        return super().open_store()

    def _fall(self) -> None:
        if self.fallen:
            self.fallen.write_bytes(b"fallen")
        if self.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        raise DeviceLostError("the GPU has fallen off the bus; look at it, and run again")


@dataclass(frozen=True)
class SmallWorker(WorkerConfig):
    """Its devices have too little memory for the networks of one spec.

    Attributes:
        too_large: digest of that spec.
        attempts: a file with the process of each attempt to train three of them together; None for none.
    """

    too_large: str = ""
    attempts: Path | None = None

    def open_store(self) -> Store:
        return _SmallStore(self)


class _SmallStore(Store):
    """Says at the end of a level that its training has not fitted."""

    def __init__(self, config: SmallWorker) -> None:
        super().__init__(config.store)
        self._config = config

    def commit(
        self, results: Sequence[tuple[Replica, LevelRecord, ChainState | None]], about: Mapping[str, Any]
    ) -> None:
        if results[0][0].spec.digest != self._config.too_large:
            super().commit(results, about)
            return
        if len(results) == 3 and self._config.attempts:
            with self._config.attempts.open("a") as attempts:
                attempts.write(f"{os.getpid()}\n")
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@dataclass(frozen=True)
class FailingWorker(WorkerConfig):
    """Of the nodes that train here, whichever is first fails when it has trained two levels.

    Attributes:
        token: a file that the node takes which fails.
        halted: a FIFO through which it says who it is, and halts; None where it loses its GPU instead.
    """

    token: Path = Path()
    halted: Path | None = None

    def open_store(self) -> Store:
        commits = count(1)
        return WatchedStore(self.store, lambda: self._fail() if next(commits) == 2 else None)

    def _fail(self) -> None:
        import ray

        try:
            self.token.unlink()
        except FileNotFoundError:
            return
        if self.halted is None:
            raise DeviceLostError("the GPU has fallen off the bus; look at it, and run again")
        with self.halted.open("wb", buffering=0) as fifo:
            fifo.write(ray.get_runtime_context().get_node_id().encode())
        threading.Event().wait()
