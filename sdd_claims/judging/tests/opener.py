"""Sessions on a store of their own, whose trainings take no time, or as much as a clock of their own says."""

import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdd_claims.engines import work as work_module
from sdd_claims.judging.modes import Judging
from sdd_claims.judging.session import Session
from sdd_claims.judging.settings import Settings
from sdd_claims.machine.devices import CPU
from sdd_claims.planning.estimate import level_flops
from sdd_claims.planning.plan import Plan
from sdd_claims.registration.trial import Trial
from sdd_claims.report.claims_json import Openness
from sdd_claims.tests.tiny import SPEC, InstantPruning, trained


def settings_on(path: Path, **changes: Any) -> Settings:
    """The settings of a run on a store that trains in its own process."""
    settings = Settings(
        store=path,
        devices={"fast": CPU, "full": None},
        data_root=None,
        engine="serial",
        seeds=None,
        mode=Judging(),
        alpha=0.05,
        registered=46,
    )
    return replace(settings, **changes)


class Opener:
    """Opens sessions on one store; keeps the plans that they trained, and the verdicts that came meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plans: list[Plan] = []
        self.left: list[str] = []
        self.announced: list[tuple[str, Openness | None, int]] = []

    def __call__(self, *trials: Trial, **changes: Any) -> Session:
        return Session(trials, settings_on(self.path, **changes), self._progress, self._announce)

    @contextmanager
    def _progress(self, plan, store, left):
        self.plans.append(plan)
        self.left.append(left())
        yield

    def _announce(self, verdict):
        levels = len(trained(self.path))
        self.announced.append((verdict.trial.claim.name, verdict.openness, levels))


def trained_seeds(path):
    return sorted({seed for _, seed, _ in trained(path)})


class Clock:
    """Stands in for `time.time`: every level of a stack that is trained takes 1000 seconds."""

    def __init__(self, monkeypatch) -> None:
        clock, self.now = self, 0.0

        class Slow(InstantPruning):
            def next_level(self, level, states, members=None):
                clock.now += 1000
                each = 1000 / len(members)
                return [
                    (replace(record, train_flops=level_flops(SPEC), seconds=each), state)
                    for record, state in super().next_level(level, states, members)
                ]

        monkeypatch.setattr(work_module, "IterativePruning", Slow)
        monkeypatch.setattr(time, "time", lambda: clock.now)
