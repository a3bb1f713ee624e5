"""A judged run: gather what the trials need, have it trained, look, train more for what is open, look again."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from sdd_claims.claim import (
    BLOCK,
    PILOTS,
    CurveOf,
    FromPilots,
    Tier,
    Trial,
    Verdict,
    judge_at,
    pilot_curves,
    settled_by_pilots,
    stays_open,
    without_windows,
)
from sdd_claims.curves import SparsityCurve
from sdd_claims.data import regression
from sdd_claims.data.datasets import load, why_unavailable
from sdd_claims.data.human_labels import human_labels
from sdd_claims.engines import Site, engine
from sdd_claims.errors import BudgetError, DeviceMemoryError, InputError, MissingDataError, StoreError
from sdd_claims.judging import smoke
from sdd_claims.judging.ledger import Ledger
from sdd_claims.machine.devices import here
from sdd_claims.planning.budget import Need, cheapest_first
from sdd_claims.planning.estimate import Estimate, duration, missing, processes
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.planning.rates import Rates
from sdd_claims.record import Replica
from sdd_claims.report import numbers
from sdd_claims.spec import RunSpec
from sdd_claims.storage import layout
from sdd_claims.storage.store import Store

Mode = Literal["judge", "pilots", "smoke"]


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    Attributes:
        store: folder of results; of a store elsewhere, its working copy.
        devices: where each tier is trained; None where it cannot be.
        data_root: folder of data sets; None for the default.
        engine: "serial", "pool" or "ray".
        seeds: judged seeds given by the user, in one look; None for those that each trial registers.
        mode: judge on confirmation seeds, try out on pilots, or only go through the motions.
        alpha: error rate over the whole register.
        registered: number of claims in the register.
        published: claims.json files whose judged blocks bind this run.
        budget: hours of training; None for as long as it takes.
        rate: operations a second that estimates count with where none has been measured; None for a guess.
        url: of a store elsewhere; None for one that is a folder.
        per_device: processes that share a GPU.
        ray_address: of the cluster; None for that of the environment.
    """

    store: Path
    devices: Mapping[Tier, str | None]
    data_root: Path | None
    engine: str
    seeds: tuple[int, ...] | None
    mode: Mode
    alpha: float
    registered: int
    published: tuple[Path, ...] = ()
    budget: float | None = None
    rate: float | None = None
    url: str | None = None
    per_device: int = 1
    ray_address: str | None = None

    def __post_init__(self) -> None:
        """Check the seeds that the user gave.

        Raises:
            InputError: pilot, negative or repeated seeds asked to judge.
        """
        if self.seeds is not None:
            _check_judges(self.seeds)

    def site(self, device: str, deadline: float | None = None) -> Site:
        """Where training happens on a device, and until when."""
        rehearsed = self.mode == "smoke"
        return Site(self.store, device, self.data_root, deadline, rehearsed, self.per_device, self.url)


class Session:
    """The trials of one run. The first verdict asked for trains for all of them, so that they share their runs."""

    def __init__(
        self,
        trials: Iterable[Trial],
        settings: Settings,
        progress: Callable[[Plan, Store, Callable[[], str]], AbstractContextManager[object]],
    ) -> None:
        """Open the store and check that every trial may be judged.

        Raises:
            InputError: fewer seeds than a rule needs, two trials under one name, or a protocol that changed after its
                block has judged.
            StoreError: the store cannot be used.
        """
        self.trials = [
            trial if settings.seeds is None else replace(trial, own_seeds=settings.seeds) for trial in _distinct(trials)
        ]
        self.store = settings.site("cpu").opened()
        self._settings = settings
        self._progress = progress
        self._ledger = Ledger(settings.store / layout.LEDGER, settings.published)
        self._met: set[Replica] = set()
        self._share_ledger()
        self._verdicts: dict[tuple[str, Tier, str], Verdict | InputError | DeviceMemoryError] = {}
        self._too_large: dict[str | None, DeviceMemoryError] = {}
        self._finished = False
        self._failed: Exception | None = None
        self._deadline: float | None = None
        self.notes: list[str] = []
        for trial in self.trials:
            if not isinstance(trial.rule, FromPilots):
                self._check(trial)

    def _check(self, trial: Trial) -> None:
        """Raise if a trial whose windows are set may not be judged on the seeds of its first look."""
        if self._settings.mode != "judge":
            return
        seeds, needed = self._looks(trial)[0], trial.judged_by.minimum_seeds
        if len(seeds) < needed:
            raise InputError(
                f"{trial.name} ({trial.tier}): its rule {trial.judged_by.name} needs at least {needed} seeds to "
                f"reach a verdict, got {len(seeds)}; give more"
            )
        self._ledger.check(trial, seeds)

    def plan(self, look: int, tier: Tier | None = None) -> Plan:
        """What all trials, or those of one tier, need up to a look: see `asked`."""
        trials = [trial for trial in self.trials if tier in (None, trial.tier)]
        wide = tier is not None and self._settings.devices[tier] != "cpu"
        whole = plan((request for trial in trials for request in self.asked(trial, look)), wide=wide)
        self._meet(whole)
        return whole

    def asked(self, trial: Trial, look: int) -> list[Request]:
        """What a trial needs up to a look, of which it may have fewer: its control, and pilots that it waits for."""
        return [*self._pilots(trial), *self._requests(trial, min(look, self.looks(trial) - 1))]

    def looks(self, trial: Trial) -> int:
        """How often a trial may be looked at."""
        return len(self._looks(trial))

    def estimates(self) -> dict[Tier, Estimate]:
        """What levels cost on the device of each tier, by all that is stored now."""
        rates, engine, shared = Rates(self.store, self._settings.rate), self._settings.engine, self._settings.per_device
        devices = {tier: here(device) for tier, device in self._settings.devices.items()}
        return {tier: Estimate(rates, device, processes(engine, device, shared)) for tier, device in devices.items()}

    def verdict(self, trial: Trial) -> Verdict:
        """The verdict on one trial of this session, training first whatever the session still lacks.

        Raises:
            InputError: the trial cannot be judged.
            DeviceMemoryError: the device cannot hold the training of a network that the trial asks for.
            StoreError: a result cannot be stored. An error that stops the training is that of every later verdict: none
                trains again.
        """
        if self._failed is not None:
            raise self._failed
        if not self._finished:
            try:
                self._run()
            except Exception as error:
                self._failed = error
                raise
            self._finished = True
        verdict = self._verdicts[trial.key]
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    def _run(self) -> None:
        if self._settings.budget is not None:
            self._run_within(self._settings.budget)
            return
        # Data of all that the first look takes: no pilots are trained for a trial whose control lacks its own.
        still_open = self._resolved([trial for trial in self.trials if self._has_data(trial, self.asked(trial, 0))])
        for look in range(max(len(self._looks(trial)) for trial in self.trials)):
            still_open = self._looked_at([trial for trial in still_open if look < len(self._looks(trial))], look)

    def _looked_at(self, trials: Sequence[Trial], look: int) -> list[Trial]:
        """Train and judge some trials; returns those that stay open."""
        trials = [trial for trial in trials if self._has_data(trial, self._requests(trial, look))]
        self._train(trials, look)
        trials = [trial for trial in trials if not self._cut_short(trial, look, self._requests(trial, look))]
        for trial in trials:
            try:
                self._verdicts[trial.key] = self._judged(trial, look)
            except InputError as error:
                self._verdicts[trial.key] = error
        return [trial for trial in trials if self._is_open(trial)]

    def _run_within(self, hours: float) -> None:
        """Look at the cheapest first, until nothing fits into the time that is left; what stays open queues again.

        A trial that has not had its last look when time is up has no verdict: open is not inconclusive.
        """
        self._deadline = time.time() + 3600 * hours
        # Before costs are counted: what is damaged counts as not stored.
        self._check_stored(plan(request for trial in self.trials for request in self.asked(trial, self.looks(trial))))
        steps = [(trial, 0) for trial in self.trials if self._has_data(trial, self.asked(trial, 0))]
        while group := self._affordable(steps):
            chosen = [steps[place] for place in group]
            steps = [step for place, step in enumerate(steps) if place not in group]
            fresh = self._resolved([trial for trial, look in chosen if look == 0])
            for look in sorted({look for _, look in chosen}):
                trials = [trial for trial, at in chosen if at == look] if look else fresh
                still_open = self._looked_at(trials, look)
                steps += [(trial, look + 1) for trial in still_open if look + 1 < self.looks(trial)]
        estimates = self.estimates()
        for trial, look in steps:
            self._verdicts[trial.key] = self._unjudged(trial, look, estimates[trial.tier])
        left = sum(isinstance(verdict, BudgetError) for verdict in self._verdicts.values())
        self.notes.append(f"budget of {hours:g} hours: {left} of {len(self.trials)} claims are left unjudged")

    def _affordable(self, steps: Sequence[tuple[Trial, int]]) -> list[int]:
        """Places of the looks to go next: the cheapest, if it fits into the time that is left, else none.

        Others go with it, the next cheapest, while all take no more than a tenth of that time: processes stay busy, and
        what has been trained by then corrects the estimate of the rest.
        """
        assert self._deadline is not None
        estimates, left = self.estimates(), max(0.0, self._deadline - time.time())
        plans = [plan(self.asked(trial, look)) for trial, look in steps]
        needs = [Need(whole.wanted, estimates[trial.tier]) for whole, (trial, _) in zip(plans, steps, strict=True)]
        chosen, total = list[int](), 0.0
        for place, seconds in cheapest_first(needs, self.store):
            total += seconds
            fits = total <= left / 10 if chosen else duration(plans[place], self.store, needs[place].estimate) <= left
            if not fits:
                break
            chosen.append(place)
        return chosen

    def _cut_short(self, trial: Trial, look: int, requests: Sequence[Request]) -> bool:
        """Whether the deadline, or too little memory, has left some of these untrained; the verdict then says so."""
        too_large = self._too_large.get(self._settings.devices[trial.tier])
        if self._deadline is None and too_large is None:
            return False
        if (whole := plan(requests)).stored(self.store) == whole.needed:
            return False
        self._verdicts[trial.key] = too_large or self._unjudged(trial, look, self.estimates()[trial.tier])
        return True

    def _unjudged(self, trial: Trial, look: int, estimate: Estimate) -> BudgetError:
        whole = plan(self.asked(trial, look))
        where = " (it is open after its first look)" if look else ""
        rest = numbers.duration(duration(whole, self.store, estimate))
        return BudgetError(
            f"not judged within the budget of {self._settings.budget:g} hours{where}: {whole.stored(self.store)} of "
            f"its {whole.needed} levels are stored, the rest takes about {rest}; run again without --budget or with "
            "a larger one"
        )

    def _has_data(self, trial: Trial, requests: Sequence[Request]) -> bool:
        """Whether the data that a trial has still to be trained on can be had; if not, its verdict is what to fetch."""
        self._meet(whole := plan(requests))
        try:
            if whole.stored(self.store) == whole.needed:
                return True
        except StoreError:
            pass  # What is damaged will be trained anew.
        used = {(request.spec.data.name, request.spec.noise.kind) for request in requests}
        for name, noise in sorted((name, noise) for name, noise in used if name not in regression.PROBLEMS):
            try:
                load(name, self._settings.data_root)
                if noise == "human":
                    human_labels(name, self._settings.data_root)
            except InputError as error:
                absent = why_unavailable(name, self._settings.data_root) is not None
                self._verdicts[trial.key] = MissingDataError(str(error)) if absent else error
                return False
        return True

    def _resolved(self, trials: list[Trial]) -> list[Trial]:
        """The trials with their windows set, pilots trained first where windows wait for them."""
        if self._settings.mode == "smoke":
            return trials
        waiting = [(trial, trial.rule) for trial in trials if isinstance(trial.rule, FromPilots)]
        requests: dict[str, list[Request]] = {}
        for trial, _ in waiting:
            if device := self._settings.devices[trial.tier]:
                requests.setdefault(device, []).extend(self._pilots(trial))
        self._train_all(requests)
        settled = [trial for trial in trials if not isinstance(trial.rule, FromPilots)]
        for trial, rule in waiting:
            if self._cut_short(trial, 0, self._pilots(trial)):
                continue
            try:
                resolved, phases = settled_by_pilots(trial, rule, self._read)
            except InputError as error:
                judging = self._settings.mode == "judge"
                self._verdicts[trial.key] = without_windows(trial, rule, error, judging)
                continue
            for name, found in phases.items():
                where = f"{trial.name} [{trial.tier}], windows from pilots for {name}"
                self.notes.append(f"{where}: {found.in_code()}")
            try:
                self._check(resolved)
                settled.append(resolved)
            except InputError as error:
                self._verdicts[trial.key] = error
        return settled

    def _is_open(self, trial: Trial) -> bool:
        verdict = self._verdicts[trial.key]
        return isinstance(verdict, Verdict) and stays_open(verdict)

    def _train(self, trials: Sequence[Trial], look: int) -> None:
        requests: dict[str, list[Request]] = {}
        for trial in trials:
            if device := self._settings.devices[trial.tier]:
                requests.setdefault(device, []).extend(self._requests(trial, look))
        self._train_all(requests)

    def _train_all(self, requests: Mapping[str, Sequence[Request]]) -> None:
        """Check what is stored for these requests, device by device, and have the rest trained."""
        self._too_large = {}
        for device, wanted in requests.items():
            whole = plan(wanted, wide=device != "cpu")
            self._check_stored(whole)
            if whole.stored(self.store) < whole.needed:
                site, said = self._settings.site(device, self._deadline), list[str]()
                with self._progress(whole, self.store, partial(self._left, whole, device)):
                    trainer = engine(self._settings.engine, self._settings.ray_address)
                    try:
                        said += trainer.run(whole, site)
                    except DeviceMemoryError as error:
                        if site.closed:  # What is missing may be so for want of time as well.
                            said.append(str(error))
                        else:
                            self._too_large[device] = error
                self.notes += [f"warning: {sentence}" for sentence in said]

    def _left(self, whole: Plan, device: str) -> str:
        """How long what a plan lacks will take, in words, by all that is stored now."""
        shared = processes(self._settings.engine, here(device), self._settings.per_device)
        # No product is timed on a GPU that trains: there it is what has been measured on one, or a round number.
        estimate = Estimate(Rates(self.store, self._settings.rate), device if device == "cpu" else None, shared)
        guessed = estimate.cost(missing(whole.wanted, self.store)).guessed
        return f"about {numbers.duration(duration(whole, self.store, estimate))} left{guessed}"

    def _meet(self, whole: Plan) -> None:
        """Have here what a store elsewhere has of a plan, and there what is here; once a session."""
        for stack in whole.stacks:
            if not self._met.issuperset(stack.replicas) and self.store.synchronise(stack.replicas, wait=False):
                self._met.update(stack.replicas)

    def _share_ledger(self) -> None:
        if self._settings.mode == "judge":
            self.store.synchronise_ledger()

    def _check_stored(self, whole: Plan) -> None:
        self._meet(whole)
        for replica in whole.wanted:
            with self.store.locked([replica], wait=False) as mine:
                if mine:  # What somebody else is training now is theirs to check.
                    self.store.verify(replica)

    def _judged(self, trial: Trial, look: int) -> Verdict:
        seeds = self._looks(trial)[look]
        curves, control_curves = self.curves(trial)
        if self._settings.mode == "smoke":
            for wanted in (*curves.values(), *control_curves.values()):
                self._read(wanted, seeds)
            return Verdict(
                trial,
                None,
                None,
                None,
                None,
                seeds,
                (len(seeds),),
                None,
                "this was a smoke run, which only shows that the line works",
            )
        error_rate = self._settings.alpha / self._settings.registered
        judging = self._settings.mode == "judge"
        verdict = judge_at(trial, look, self._looks(trial), self._read, error_rate, judging)
        if judging:
            self._share_ledger()
            self._ledger.record(trial, seeds)
            self._share_ledger()
        return verdict

    def _read(self, curve: CurveOf, seeds: tuple[int, ...]) -> SparsityCurve:
        return self.store.curve(curve.spec.digest, curve.measure, curve.seeds(seeds), curve.levels)

    def _requests(self, trial: Trial, look: int) -> list[Request]:
        seeds = self._looks(trial)[look]
        curves, control_curves = self.curves(trial)
        return _requests([*curves.values(), *control_curves.values()], seeds)

    def _pilots(self, trial: Trial) -> list[Request]:
        """What the windows of a trial still wait for."""
        if self._settings.mode == "smoke" or not isinstance(trial.rule, FromPilots):
            return []
        return _requests([curve for pair in trial.rule.settings.values() for curve in pair], trial.rule.seeds)

    def curves(self, trial: Trial) -> tuple[Mapping[str, CurveOf], Mapping[str, CurveOf]]:
        """The curves that are really judged, and those of the control; the pilots' where these set no windows."""
        if self._settings.mode == "smoke":
            return smoke.smoke_curves(trial, self._settings.data_root)
        verdict = self._verdicts.get(trial.key)
        if isinstance(verdict, Verdict) and verdict.outcome is None and isinstance(trial.rule, FromPilots):
            return pilot_curves(trial.rule), {}
        return trial.curves, trial.control_curves

    def _looks(self, trial: Trial) -> tuple[tuple[int, ...], ...]:
        """The judged seeds at each look."""
        if self._settings.mode == "smoke":
            return (smoke.SEEDS,)
        if self._settings.mode == "pilots":
            return (PILOTS,)
        return trial.judged_seeds()


def _distinct(trials: Iterable[Trial]) -> list[Trial]:
    """The trials, each once.

    Raises:
        InputError: different trials of one name, whose verdicts nobody could tell apart.
    """
    named: dict[tuple[str, Tier, str], Trial] = {}
    for trial in trials:
        if named.setdefault(trial.key, trial) != trial:
            raise InputError(
                f"two different {trial.tier} trials are called {trial.name}; name each claim as its module"
            )
    return list(named.values())


def _requests(curves: Iterable[CurveOf], judged: tuple[int, ...]) -> list[Request]:
    """One request a run: a measure more of the same run asks for nothing more."""
    longest: dict[tuple[RunSpec, int], CurveOf] = {}
    for curve in curves:
        known = longest.setdefault((curve.spec, curve.offset), curve)
        if curve.levels > known.levels:
            longest[curve.spec, curve.offset] = curve
    return [Request(curve.spec, curve.seeds(judged), curve.levels) for curve in longest.values()]


def _check_judges(seeds: tuple[int, ...]) -> None:
    if negative := [seed for seed in seeds if seed < 0]:
        raise InputError(f"seed {negative[0]} is negative; seeds are whole numbers from 0 on, and {BLOCK} and up judge")
    if repeated := {seed for seed in seeds if seeds.count(seed) > 1}:
        raise InputError(f"seed {min(repeated)} is given twice; every seed is one observation, give each once")
    if pilots := [seed for seed in seeds if seed < BLOCK]:
        raise InputError(
            f"seed {pilots[0]} is a pilot: windows and sizes were chosen on seeds below {BLOCK}, so they cannot judge; "
            f"give seeds from {BLOCK} on, or use --pilots to try a claim out without judging it"
        )
