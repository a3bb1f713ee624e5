"""No more training at once than the machine has cores, over all processes of a user."""

import getpass
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from sdd_claims.provenance import cores

_POLL_SECONDS = 0.2


@contextmanager
def training_slot(device: str) -> Iterator[None]:
    """Hold one of the machine's training slots, one a core, and compute with one thread meanwhile.

    OpenMP threads that wait for each other spin: two processes of two threads on two cores are many times slower than
    two of one thread. On a GPU there is nothing to hold.
    """
    if device != "cpu":
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _first_free(cores()):
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _first_free(slots: int) -> Iterator[None]:
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()  # in a container a user may have no name
    folder = Path(tempfile.gettempdir()) / f"sdd-claims-slots-{user}"
    folder.mkdir(exist_ok=True)
    while True:
        for slot in range(slots):
            try:
                with FileLock(folder / f"cpu-{slot}.lock", timeout=0):
                    yield
                    return
            except Timeout:
                continue
        time.sleep(_POLL_SECONDS)
