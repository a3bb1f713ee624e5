"""No more training at once than the machine has cores, or its GPUs are meant for, over all processes of a user."""

import getpass
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from sdd_claims.machine.devices import Device, gpu_uuid

_POLL_SECONDS = 0.2


@contextmanager
def training_slot(device: Device, per_device: int = 1, deadline: float | None = None) -> Iterator[bool]:
    """Hold one of the machine's training slots, and compute with one CPU thread meanwhile.

    Yields whether there is one: `deadline` is the `time.time()` from which on nobody waits for it.

    There is one slot a core, and `per_device` a GPU. OpenMP threads that wait for each other spin: two processes of two
    threads on two cores are many times slower than two of one thread.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _first_free(_slots(device, per_device), deadline) as had:
            yield had
    finally:
        torch.set_num_threads(threads)


def _slots(device: Device, per_device: int) -> Sequence[str]:
    name = f"gpu-{gpu_uuid(device)}" if device.is_gpu else "cpu"
    return [f"{name}-{number}" for number in range(len(device.processes(per_device)))]


@contextmanager
def _first_free(slots: Sequence[str], deadline: float | None) -> Iterator[bool]:
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()  # in a container a user may have no name
    folder = Path(tempfile.gettempdir()) / f"sdd-claims-slots-{user}"
    folder.mkdir(exist_ok=True)
    locks = [FileLock(folder / f"{slot}.lock", timeout=0) for slot in slots]
    while (held := next(filter(_taken, locks), None)) is None:
        if deadline is not None and time.time() >= deadline:
            yield False
            return
        time.sleep(_POLL_SECONDS)
    try:
        yield True
    finally:
        held.release()


def _taken(lock: FileLock) -> bool:
    try:
        lock.acquire()
    except Timeout:
        return False
    return True
