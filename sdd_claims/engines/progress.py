"""Progress read off the store: true for every engine, and for work that other processes do."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sdd_claims.plan import Plan
from sdd_claims.store import Store

_BAR_SECONDS = 1.0
_LINE_SECONDS = 60.0


class ProgressDisplay:
    """A bar on a terminal, a plain line a minute elsewhere: how many levels are trained, what now, how long still."""

    def __init__(self, plan: Plan, store: Store, console: Console | None = None) -> None:
        self._plan, self._store = plan, store
        self._console = console or Console(file=sys.stderr)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
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
            MofNCompleteColumn(),
            TextColumn("levels,"),
            TimeElapsedColumn(),
            TextColumn("gone,"),
            TimeRemainingColumn(),
            TextColumn("left · {task.description}"),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("", total=self._plan.needed)
            self._every(_BAR_SECONDS, lambda done, now: progress.update(task, completed=done, description=now))

    def _lines(self) -> None:
        began, at_start = time.monotonic(), self._plan.stored(self._store)

        def line(done: int, now: str) -> None:
            gone = time.monotonic() - began
            rate = (done - at_start) / gone if gone else 0
            left = f"about {(self._plan.needed - done) / rate / 60:.0f} min left" if rate else "no estimate yet"
            text = f"training: {done} of {self._plan.needed} levels, {left}; now {now}"
            self._console.print(text, highlight=False, soft_wrap=True)

        self._every(_LINE_SECONDS, line)

    def _every(self, seconds: float, show: Callable[[int, str], None]) -> None:
        while True:
            show(self._plan.stored(self._store), self._now())
            if self._stop.wait(seconds):
                return

    def _now(self) -> str:
        """The first stack that is not finished, in words: they are taken in order."""
        for stack in self._plan.stacks:
            if stack.remaining(self._store):
                done = [self._store.levels_done(replica) for replica in stack.replicas]
                return f"{stack.replicas[0].spec}, level {min(done)} of {max(stack.levels)}, {len(done)} seeds"
        return "finished"
