"""Progress read off the store: true for every engine, and for work that other processes do."""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from sdd_claims.errors import StoreError
from sdd_claims.planning.plan import Plan
from sdd_claims.storage import locks
from sdd_claims.storage.store import Store

_BAR_SECONDS = 1.0
_LINE_SECONDS = 60.0


class ProgressDisplay:
    """A bar on a terminal, a plain line a minute elsewhere: how many levels are trained, what now, how long still.

    While nothing gets on, what is waited for takes the place of what is trained.
    """

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
        # On a dumb terminal nothing can be drawn again.
        self._draws = self._console.is_terminal and not self._console.is_dumb_terminal
        self._waits, self._stands_at = "", -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._bar if self._draws else self._lines, daemon=True)

    def __enter__(self) -> None:
        # Operations are counted once a network, by hooks that act on the whole process: not while it trains.
        self._said, self._asked = self._left(), time.monotonic()
        self._others = locks.tell(self._hear)
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        locks.tell(self._others)
        self._stop.set()
        self._thread.join()

    def _hear(self, sentence: str) -> None:
        self._stands_at, self._waits = -1, sentence
        if sentence and not self._draws:
            self._print(sentence)

    def _bar(self) -> None:
        with _Bar(console=self._console, transient=True) as progress:
            task = progress.add_task("", total=self._plan.needed, left="")
            self._every(
                _BAR_SECONDS,
                lambda done, left, now: progress.update(task, completed=done, description=now, left=left),
            )

    def _lines(self) -> None:
        def line(done: int, left: str, now: str) -> None:
            self._print(f"training: {done} of {self._plan.needed} levels, {left}; {now}")

        self._every(_LINE_SECONDS, line)

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _every(self, seconds: float, show: Callable[[int, str, str], object]) -> None:
        """Show levels done, the time that is left and what is trained or waited for, until training is over."""
        while True:
            with suppress(StoreError, OSError):  # a store that fails for a moment is shown again after it
                if time.monotonic() - self._asked >= _LINE_SECONDS:
                    self._said, self._asked = self._left(), time.monotonic()
                done = self._plan.stored(self._store)
                if self._stands_at == -1:
                    self._stands_at = done  # since when somebody waits
                show(done, self._said, (self._waits if done == self._stands_at else "") or f"now {self._now()}")
            if self._stop.wait(seconds):
                return

    def _now(self) -> str:
        """The first stack that is not finished, in words: they are taken in order."""
        for stack in self._plan.stacks:
            if stack.remaining(self._store):
                done = [self._store.levels_done(replica) for replica in stack.replicas]
                seeds = "1 seed" if len(done) == 1 else f"{len(done)} seeds"
                return f"{stack.replicas[0].spec}, level {min(done)} of {max(stack.levels)}, {seeds}"
        return "finished"


class _Bar(Progress):
    """The bar and, below, the rest in words, of which a narrow terminal makes several lines."""

    def __init__(self, console: Console, transient: bool) -> None:
        columns = TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("levels")
        super().__init__(*columns, console=console, transient=transient)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            gone = timedelta(seconds=int(task.elapsed or 0))
            yield Text(f"{gone} gone, {task.fields['left']}; {task.description}")
