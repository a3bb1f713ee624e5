"""The configuration of a process that trains."""

import time
from dataclasses import dataclass
from pathlib import Path

from sdd_claims.machine.devices import CPU, Device
from sdd_claims.storage.opening import open_store
from sdd_claims.storage.store import Store


def unwatched() -> None:
    """Takes the place of a function that an engine calls now and then, in the process that started it."""


@dataclass(frozen=True)
class WorkerConfig:
    """Where training happens, and until when; never part of a result's key.

    Attributes:
        store: folder of results; of a store elsewhere, its working copy.
        device: an engine gives each process one.
        data_root: folder of data sets; None for the default.
        deadline: `time.time()` from which on no level is begun; one that has begun is finished. None for no such time.
        checkpoint_every_epoch: whatever is trained also goes through its checkpoints, to try them out.
        per_device: processes that share a GPU.
        url: address of a store elsewhere; None for one that is a folder.
    """

    store: Path
    device: Device = CPU
    data_root: Path | None = None
    deadline: float | None = None
    checkpoint_every_epoch: bool = False
    per_device: int = 1
    url: str | None = None

    @property
    def deadline_passed(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.time() >= self.deadline

    def open_store(self) -> Store:
        """The store, as this process sees it."""
        return open_store(self.store, self.url)
