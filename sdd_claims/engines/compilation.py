"""Compiled code made ready before anything trains: by a process for each kind of network, for all that wait for it."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from sdd_claims.compiled import why_missing
from sdd_claims.errors import StoreError
from sdd_claims.spec import RunSpec
from sdd_claims.storage import locks

_SECONDS = 300
"""After which a process that compiles is given up."""


def compile_ahead(specs: Iterable[RunSpec], until: float | None = None) -> None:
    """Return when what trains some runs in portable arithmetic is compiled, here or by another process.

    Several callers compile different networks at once. Where it fails, or compiled code is not kept, each process
    compiles what it calls.

    Args:
        specs: the runs.
        until: the `time.time()` at which this ends; None for no such time.
    """
    portable = [spec for spec in specs if spec.training.arithmetic == "portable"]
    if not portable or why_missing():
        return
    from sdd_claims.compiled import ahead, jit  # late: they need Numba

    if (folder := jit.kept_in()) is None:
        return
    # A network of the user's own that is trained so is an MLP.
    names = {spec.model.name if spec.model.name in ahead.NETWORKS else "mlp" for spec in portable}
    made = {name: folder / f"{name}-{_state(Path(jit.__file__).parent)}.made" for name in ahead.NETWORKS}
    waiting = [name for name in made if name in names and not made[name].exists()]
    # First what nobody else compiles, and then what others do: whoever has waited for it finds it, or compiles in vain.
    for wait in (False, True):
        for name in list(waiting):
            try:
                held = locks.lock(folder / f"{name}.lock", wait, "code that is being compiled", until=until)
            except StoreError:
                return  # there are no locks
            if held is not None:
                arguments = [ahead.WHILE_READ, name]
                try:
                    if not wait and not made[name].exists() and _compiles(ahead.__name__, arguments, until):
                        made[name].touch()
                except OSError:
                    pass  # it will be looked for in vain
                finally:
                    held.release()
                waiting.remove(name)


def _state(room: Path) -> str:
    """A digest of what Numba tells a function's kept code by: the place and the time of its file, and Python's kind."""
    told = [(str(path), path.stat().st_mtime_ns) for path in sorted(room.glob("*.py"))]
    return hashlib.sha256(repr((sys.implementation.cache_tag, told)).encode()).hexdigest()[:16]


def _compiles(module: str, arguments: Sequence[str], until: float | None = None) -> bool:
    """Whether a module runs to its end in a process of its own, which ends with this one."""
    if not sys.executable:
        return False
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    environment["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if isinstance(each, str))
    command = [sys.executable, "-P", "-m", module, *arguments]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as process,
    ):
        try:
            status = process.wait(_SECONDS if until is None else max(0.0, min(_SECONDS, until - time.time())))
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if status:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            warnings.warn(
                f"code could not be compiled ahead (status {status}; {last or 'nothing said'}), so every process "
                "compiles it for some seconds",
                stacklevel=2,
            )
    return not status
