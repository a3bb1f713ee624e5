"""No more training at once than the machine has cores, or its GPUs are meant for, over all processes of all users."""

import getpass
import os
import re
import socket
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from sdd_claims.errors import StoreError
from sdd_claims.machine.devices import Device, gpu_uuid
from sdd_claims.storage import locks
from sdd_claims.storage.files import remedy

_OTHER_FOLDER = "set TMPDIR to a writable folder on a file system with file locks"

_EVERYBODYS = stat.S_ISVTX | stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def training_slot(device: Device, per_device: int = 1, deadline: float | None = None) -> Iterator[bool]:
    """Hold one of the machine's training slots, and compute with one CPU thread meanwhile.

    Yields whether there is one: `deadline` is the `time.time()` from which on nobody waits for it.

    There is one slot a core, and `per_device` a GPU. OpenMP threads that wait for each other spin: two processes of two
    threads on two cores are many times slower than two of one thread.

    Raises:
        StoreError: the folder for temporary files cannot be written, or has no file locks.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    blas = threadpool_limits(1)  # NumPy's and SciPy's, which refits use: a sum is rounded by the number of threads
    try:
        folder = _folder()
        slots = [folder / f"{slot}.lock" for slot in _slots(device, per_device)]
        held = locks.first_free(slots, f"a training slot, of which {device} has {len(slots)}", _OTHER_FOLDER, deadline)
        try:
            yield held is not None
        finally:
            if held is not None:
                held.release()
    finally:
        blas.restore_original_limits()
        torch.set_num_threads(threads)


def _slots(device: Device, per_device: int) -> Sequence[str]:
    count = len(device.processes(per_device))
    if device.is_gpu:
        return [f"gpu-{gpu_uuid(device)}-{number}" for number in range(count)]
    # Processes that are bound to different cores, as jobs of one node are, wait for no slot of each other's.
    bound = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(count)
    return [f"cpu-{core}" for core in bound[:count]]


def _folder() -> Path:
    """The folder of this machine's slots: one for all users where they share the folder for temporary files."""
    try:
        temporary = Path(tempfile.gettempdir())
        # Where several machines share a disk, each has its own.
        folder = temporary / f"sdd-claims-slots-{re.sub(r'[^A-Za-z0-9.-]', '-', socket.gethostname())}"
        if temporary.stat().st_mode & _EVERYBODYS == _EVERYBODYS and _opened_to_all(folder):
            return folder
        user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()  # in a container a user may have no name
        own = folder.with_name(f"{folder.name}-{user}")
        own.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"there is no place for the locks of training slots ({remedy(error)}); {_OTHER_FOLDER}"
        ) from error
    return own


def _opened_to_all(folder: Path) -> bool:
    """Whether every user may lock files in a folder, which is made where there is none."""
    try:
        folder.mkdir()
        folder.chmod(_EVERYBODYS)  # whatever the umask
    except FileExistsError:
        pass
    mode = folder.lstat().st_mode
    return stat.S_ISDIR(mode) and mode & _EVERYBODYS == _EVERYBODYS
