"""Progress read off the store: true for every engine, and for work that other processes do."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sdd_claims.plan import Plan
from sdd_claims.spec import RunSpec
from sdd_claims.store import Store

_BAR_SECONDS = 1.0
_LINE_SECONDS = 60.0


class ProgressDisplay:
    """A bar on a terminal, a plain line a minute elsewhere: how many levels are trained, what now, how long still.

    How long is worked out from operations, since a level of one network can take thousands of times as long as
    another's. It is rough where small networks, which wait for launches or memory, share a plan with large ones.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        operations: Callable[[RunSpec, int, int], float],
        console: Console | None = None,
    ) -> None:
        """Show how a plan gets on.

        Args:
            plan: what is trained.
            store: where it is kept.
            operations: of a spec's levels, from so many that are done to so many that are wanted.
            console: where to show it; None for standard error.
        """
        self._plan, self._store, self._operations = plan, store, operations
        self._console = console or Console(file=sys.stderr)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        # They are counted once a network, by hooks that are the whole process's: before training, and not beside it.
        self._began, self._at_start = time.monotonic(), self._rest()
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        if self._console.is_terminal:
            self._bar()
        else:
            self._lines()

    def _bar(self) -> None:
        columns = (
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.fields[levels]} levels,"),
            TimeElapsedColumn(),
            TextColumn("gone, {task.fields[left]} · {task.description}"),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("", total=self._at_start, levels="", left="")
            self._every(
                _BAR_SECONDS,
                lambda done, levels, left, now: progress.update(
                    task, completed=done, description=now, levels=levels, left=left
                ),
            )

    def _lines(self) -> None:
        def line(_: float, levels: str, left: str, now: str) -> None:
            self._console.print(f"training: {levels} levels, {left}; now {now}", highlight=False, soft_wrap=True)

        self._every(_LINE_SECONDS, line)

    def _every(self, seconds: float, show: Callable[[float, str, str, str], object]) -> None:
        """Show operations done, levels, the time that is left and what is trained now, until training is over."""
        while True:
            rest = self._rest()
            done, gone = self._at_start - rest, time.monotonic() - self._began
            # What is found damaged is trained anew, so that there may be more to do than in the beginning.
            left = f"about {gone * rest / done / 60:.0f} min left" if done > 0 else "no estimate yet"
            show(done, f"{self._plan.stored(self._store)} of {self._plan.needed}", left, self._now())
            if self._stop.wait(seconds):
                return

    def _rest(self) -> float:
        """Operations of what is not stored."""
        return sum(self._operations(r.spec, self._store.levels_done(r), n) for r, n in self._plan.wanted.items())

    def _now(self) -> str:
        """The first stack that is not finished, in words: they are taken in order."""
        for stack in self._plan.stacks:
            if stack.remaining(self._store):
                done = [self._store.levels_done(replica) for replica in stack.replicas]
                return f"{stack.replicas[0].spec}, level {min(done)} of {max(stack.levels)}, {len(done)} seeds"
        return "finished"
