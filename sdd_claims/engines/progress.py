"""Progress read off the store: true for every engine, and for work that other processes do."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sdd_claims.planning.plan import Plan
from sdd_claims.storage.store import Store

_BAR_SECONDS = 1.0
_LINE_SECONDS = 60.0


class ProgressDisplay:
    """A bar on a terminal, a plain line a minute elsewhere: how many levels are trained, what now, how long still."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        left: Callable[[], str],
        console: Console | None = None,
    ) -> None:
        """Show the progress of a plan.

        Args:
            plan: the plan that is trained.
            store: where it is kept.
            left: returns how long the rest takes. Called before training, and then once a minute beside it.
            console: where to show it; None for standard error.
        """
        self._plan, self._store, self._left = plan, store, left
        self._console = console or Console(file=sys.stderr)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        # Operations are counted once a network, by hooks that act on the whole process: not while it trains.
        self._said, self._asked = self._left(), time.monotonic()
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
            TextColumn("gone, {task.fields[left]} · {task.description}"),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("", total=self._plan.needed, left="")
            self._every(
                _BAR_SECONDS,
                lambda done, left, now: progress.update(task, completed=done, description=now, left=left),
            )

    def _lines(self) -> None:
        def line(done: int, left: str, now: str) -> None:
            text = f"training: {done} of {self._plan.needed} levels, {left}; now {now}"
            self._console.print(text, highlight=False, soft_wrap=True)

        self._every(_LINE_SECONDS, line)

    def _every(self, seconds: float, show: Callable[[int, str, str], object]) -> None:
        """Show levels done, the time that is left and what is trained now, until training is over."""
        while True:
            if time.monotonic() - self._asked >= _LINE_SECONDS:
                self._said, self._asked = self._left(), time.monotonic()
            show(self._plan.stored(self._store), self._said, self._now())
            if self._stop.wait(seconds):
                return

    def _now(self) -> str:
        """The first stack that is not finished, in words: they are taken in order."""
        for stack in self._plan.stacks:
            if stack.remaining(self._store):
                done = [self._store.levels_done(replica) for replica in stack.replicas]
                return f"{stack.replicas[0].spec}, level {min(done)} of {max(stack.levels)}, {len(done)} seeds"
        return "finished"
