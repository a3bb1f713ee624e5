"""Several processes train one plan in one store at once: `python -m sdd_claims.tests.rivals FOLDER`.

Two of them share the store FOLDER/2, four FOLDER/4, eight FOLDER/8. Training takes no time, so that they meet at every
lock and every file.
"""

import os
import sys
from pathlib import Path

from sdd_claims.engines import work as work_module
from sdd_claims.judging.options import limit_threads
from sdd_claims.planning.plan import Request, plan
from sdd_claims.tests.crash import train
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, InstantPruning

WANTED = plan(
    [
        Request(KEPT, (1000, 1001, 1006), 2),
        Request(REDENSE, (1000, 1001), 2),
        Request(NOISY, (1000, 1006, 1012, 1018), 3),
    ]
)
"""Six stacks, one of them derived from another's levels."""

NUMBERS = (2, 4, 8)


def main(folder: Path) -> None:
    """Each number of processes in turn; an error of one ends it with status 1."""
    limit_threads()
    setattr(work_module, "IterativePruning", InstantPruning)  # noqa: B010
    for number in NUMBERS:
        children = []
        for _ in range(number):
            if (child := os.fork()) == 0:
                try:
                    train(folder / str(number), WANTED)
                    os._exit(0)
                except BaseException:
                    sys.excepthook(*sys.exc_info())
                    os._exit(1)
            children.append(child)
        endings = [os.waitpid(child, 0)[1] for child in children]
        if any(endings):
            raise SystemExit(f"one of {number} processes ended in an error")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
