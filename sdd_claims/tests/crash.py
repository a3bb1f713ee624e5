"""Runs an engine again and again, each time killed at a later moment, and then to its end.

    python -m sdd_claims.tests.crash FOLDER [checkpoints]

First comes an unbroken run, in FOLDER/unbroken. The n-th has the store FOLDER/<n> and is killed by SIGKILL in place of
its n-th call of os.fsync or os.replace; the last one is not killed. Every store is then finished by a process of its
own. Prints the last moment at which a run was killed. With `checkpoints` a run that is killed writes one after every
epoch, and every second moment is tried, or every one where SDD_CLAIMS_EXAMPLES is set.
"""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.judging.options import limit_threads
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.storage import store as store_module
from sdd_claims.tests.tiny import SPEC, stack_of_three
from sdd_claims.training import checkpoint

LEVELS = 2
STEP = 1 if "SDD_CLAIMS_EXAMPLES" in os.environ else 2
"""Of the moments of a run with checkpoints, one in so many is tried."""

EPOCHS = 3
REWOUND = SPEC.but(
    training={"epochs": EPOCHS, "optimizer": {"momentum": 0.9}},
    pruning={"rewind_iteration": 3},
    record={"epoch_images": 50},
)


def wanted(checkpoints: bool) -> Plan:
    """Two levels: of three replicas, or of two that rewind."""
    return plan([Request(REWOUND, (0, 1), LEVELS)]) if checkpoints else stack_of_three(LEVELS)


def train(store: Path, work: Plan) -> None:
    """Do what a process of an engine does."""
    SerialEngine().run(work, WorkerConfig(store))


def train_until(store: Path, work: Plan, moment: int) -> None:
    """The same, killed at a moment."""
    calls = count(1)

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            if next(calls) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args)

        return called

    os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)
    store_module.SYNCED_FROM = 0.0  # whatever a chain has cost, so that there are more moments
    train(store, work)


def in_child(function: Callable[..., None], *args: Any) -> bool:
    """Run a function in a fork of this process; says whether it lived to its end."""
    child = os.fork()
    if child == 0:
        try:
            function(*args)
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if os.waitstatus_to_exitcode(status) not in (0, -signal.SIGKILL):
        raise SystemExit("a run ended in an error")
    return os.waitstatus_to_exitcode(status) == 0


def main(folder: Path, *, checkpoints: bool) -> None:
    limit_threads()
    work = wanted(checkpoints)
    train(folder / "unbroken", work)  # so that the forks need not import, load and ask again
    if checkpoints:
        checkpoint.INTERVAL = 0.0
    step = STEP if checkpoints else 1
    for moment in count(1, step):
        store = folder / str(moment)
        if in_child(train_until, store, work, moment):
            break
        if not in_child(train, store, work):
            raise SystemExit("a run was killed that should not be")
    print(moment - step)


if __name__ == "__main__":
    main(Path(sys.argv[1]), checkpoints="checkpoints" in sys.argv)
