"""Runs an engine again and again, each time killed at a later moment, and then to its end.

    python -m sdd_claims.tests.crash FOLDER

First comes an unbroken run, in FOLDER/unbroken. The n-th has the store FOLDER/<n> and is killed by SIGKILL in place of
its n-th call of os.fsync or os.replace; the last one is not killed. Every store is then finished by a process of its
own. Prints how many runs were killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from sdd_claims.engines import SerialEngine, Site
from sdd_claims.options import limit_threads
from sdd_claims.tests.tiny import stack_of_three

LEVELS = 2


def train(store: Path) -> None:
    """Two levels of three replicas, for real."""
    SerialEngine().run(stack_of_three(LEVELS), Site(store))


def train_until(store: Path, moment: int) -> None:
    """The same, killed at a moment."""
    calls = count(1)

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            if next(calls) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args)

        return called

    os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)
    train(store)


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


def main(folder: Path) -> None:
    limit_threads()
    train(folder / "unbroken")  # so that the forks need not import, load and ask again
    for moment in count(1):
        store = folder / str(moment)
        if in_child(train_until, store, moment):
            break
        if not in_child(train, store):
            raise SystemExit("a run was killed that should not be")
    print(moment - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
