"""A session: gather what the trials need, have it trained, look, train more for what is open, look again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from sdd_claims.curves import SparsityCurve
from sdd_claims.engines import engine, unwatched
from sdd_claims.errors import BudgetError, DeviceMemoryError, InputError, StoreError, crash
from sdd_claims.judging.budget import Budget
from sdd_claims.judging.evidence_runs import CurvesAtHand, EvidenceRun, agreed, sources
from sdd_claims.judging.ledger import Ledger
from sdd_claims.judging.missing_data import DataSets
from sdd_claims.judging.networks import check_network
from sdd_claims.judging.settings import Settings
from sdd_claims.judging.verdict import Verdict, stays_open
from sdd_claims.machine.devices import Device
from sdd_claims.planning.budget import Need, cheapest_first
from sdd_claims.planning.estimate import Estimate, duration, missing, processes
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.planning.rates import Rates
from sdd_claims.record import Replica
from sdd_claims.registration.claim import Tier
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Trial
from sdd_claims.registration.windows import as_json
from sdd_claims.report import numbers
from sdd_claims.spec import RunSpec
from sdd_claims.spec.own import YOURS
from sdd_claims.storage import layout
from sdd_claims.storage.opening import open_store
from sdd_claims.storage.store import Store
from sdd_claims.training.arithmetic import check_arithmetic


class Session:
    """The trials of one run. The first verdict asked for trains for all of them, so that they share their runs.

    Attributes:
        trials: those that may be judged, each once, on the seeds that the user gave, if any.
        refused: the errors of the others, by claim, tier and network.
        store: the store that results are kept in.
        at_hand: the curves that rules read: those of the store, and of the published runs that the user named.
        notes: sentences for the user that have come up since they were last taken.
    """

    def __init__(
        self,
        trials: Iterable[Trial],
        settings: Settings,
        progress: Callable[[Plan, Store, Callable[[], str]], AbstractContextManager[object]],
        announce: Callable[[Verdict], None] = lambda verdict: None,
        shared: Path | None = None,
    ) -> None:
        """Open the store and check of every trial whether it may be judged: one that may not stops no other.

        Args:
            trials: of the selected tests.
            settings: the user's choices.
            progress: shows how a plan gets on: called with it, the store, and a function that says what time is left.
            announce: shows a verdict that is reached while others are still trained; some of them are open so far.
            shared: a folder of all processes that judge these trials together; None where this one judges alone.

        Raises:
            InputError: a published verification cannot be read.
            StoreError: the store cannot be used.
        """
        self.trials: list[Trial] = []
        self.refused: dict[tuple[str, Tier, str], InputError] = {}
        self.store = open_store(settings.store, settings.url)
        self.at_hand = CurvesAtHand(self.store, {})
        self.notes: list[str] = []
        self._settings = settings
        self._mode = settings.mode
        self._progress, self._announce = progress, announce
        self._ledger = Ledger(settings.store / layout.LEDGER, settings.published)
        self._data_sets = DataSets(settings.data_root, kept=settings.engine == "serial")
        self._synchronised: set[Replica] = set()
        self._share_ledger()
        self._verdicts: dict[tuple[str, Tier, str], Verdict | InputError | DeviceMemoryError] = {}
        self._too_large: dict[Device, DeviceMemoryError] = {}
        self._budget: Budget | None = None
        self._finished = False
        self._failed: Exception | None = None
        for key, of_one_name in _by_name(trials).items():
            try:
                self.trials.append(self._admitted(of_one_name))
            except InputError as error:
                self.refused[key] = error
        if settings.evidence:
            self.at_hand = CurvesAtHand(self.store, self._sources(shared))

    def plan(self, look: int, tier: Tier | None = None) -> Plan:
        """The plan of all trials, or of those of one tier, up to a look: see `asked`."""
        trials = [trial for trial in self.trials if tier in (None, trial.tier)]
        device = None if tier is None else self._settings.devices[tier]
        wide = tier is not None and (device is None or device.is_gpu)
        whole = plan((request for trial in trials for request in self.asked(trial, look)), wide=wide)
        self._synchronise(whole)
        return whole

    def levels_read(self, look: int, tier: Tier) -> int:
        """The levels up to a look that the trials of a tier read from published runs, each once."""
        levels = dict[tuple[str, int], int]()
        for trial in (trial for trial in self.trials if trial.tier == tier):
            for curve, judged in self._read_by(trial, look):
                for key in ((curve.spec.digest, seed) for seed in curve.seeds(judged)):
                    if key in self.at_hand.published:
                        levels[key] = max(curve.levels, levels.get(key, 0))
        return sum(levels.values())

    def asked(self, trial: Trial, look: int) -> list[Request]:
        """The requests of a trial up to a look, or to its last, with its control and the pilots that it waits for."""
        return [*self._pilots(trial), *self._requests(trial, min(look, self.looks(trial) - 1))]

    def looks(self, trial: Trial) -> int:
        """The number of looks that a trial may take."""
        return len(self._mode.looks(trial))

    def curves(self, trial: Trial) -> tuple[Mapping[str, CurveOf], Mapping[str, CurveOf]]:
        """The curves that are really judged, and those of the control; the pilots' where these set no windows."""
        verdict, pilots = self._verdicts.get(trial.key), self._mode.awaited_pilots(trial)
        if pilots and isinstance(verdict, Verdict) and verdict.outcome is None:
            return pilots.pilot_curves(), {}
        return self._mode.curves(trial)

    def blocks(self, trial: Trial) -> list[int]:
        """The blocks that have judged a trial by now, where the user chose the seeds and they are not the first."""
        chosen = trial.claim.paper == YOURS or self._settings.block is not None or self._settings.seeds is not None
        if not (self._mode.judges and chosen):
            return []
        return blocks if len(blocks := self._ledger.judged(trial)) > 1 else []

    def estimates(self) -> dict[Tier, Estimate]:
        """The cost of levels on the device of each tier, by all that is stored now."""
        rates, engine, shared = Rates(self.store, self._settings.rate), self._settings.engine, self._settings.per_device
        devices = {tier: device and device.if_here() for tier, device in self._settings.devices.items()}
        return {tier: Estimate(rates, device, processes(engine, device, shared)) for tier, device in devices.items()}

    def verdict(self, trial: Trial) -> Verdict:
        """The verdict on one trial of this session, training first whatever the session still lacks.

        Raises:
            InputError: the trial cannot be judged: fewer seeds than its rule needs, another trial under its name, a
                protocol that changed after its block has judged, data that cannot be had.
            DeviceMemoryError: the device cannot hold the training of a network that the trial asks for.
            StoreError: a result cannot be stored. An error that stops the training is that of every later verdict: none
                trains again.
        """
        if trial.key in self.refused:
            raise self.refused[trial.key]
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

    def reached(self) -> list[Verdict]:
        """The verdicts that have been reached, whatever stopped the run since: some of them are open so far."""
        return [verdict.as_it_stands for verdict in self._verdicts.values() if isinstance(verdict, Verdict)]

    @property
    def has_failed(self) -> bool:
        """Whether an error has stopped the training of all."""
        return self._failed is not None

    # The order of looks

    def _run(self) -> None:
        if self._settings.budget is not None:
            self._run_within(Budget(self._settings.budget))
            return
        # Data of all that the first look takes: no pilots are trained for a trial whose control lacks its own.
        still_open = self._resolved([trial for trial in self.trials if self._has_data(trial, self.asked(trial, 0))])
        for look in range(max(self.looks(trial) for trial in self.trials)):
            still_open = self._looked_at([trial for trial in still_open if look < self.looks(trial)], look)

    def _run_within(self, budget: Budget) -> None:
        """Look at the cheapest first, until nothing fits into the time that is left; what stays open queues again."""
        self._budget = budget
        # Before costs are counted: what is damaged counts as not stored.
        self._check_stored(plan(request for trial in self.trials for request in self.asked(trial, self.looks(trial))))
        steps = [(trial, 0) for trial in self.trials if self._has_data(trial, self.asked(trial, 0))]
        while group := self._affordable(budget, steps):
            chosen = [steps[index] for index in group]
            steps = [step for index, step in enumerate(steps) if index not in group]
            fresh = self._resolved([trial for trial, look in chosen if look == 0])
            for look in sorted({look for _, look in chosen}):
                trials = [trial for trial, at in chosen if at == look] if look else fresh
                still_open = self._looked_at(trials, look)
                steps += [(trial, look + 1) for trial in still_open if look + 1 < self.looks(trial)]
        estimates = self.estimates()
        for trial, look in steps:
            whole = plan(self.asked(trial, look))
            self._end(trial, budget.exceeded(whole, look, estimates[trial.tier], self.store))
        reached = self._verdicts.values()
        left = sum(isinstance(verdict, BudgetError) for verdict in reached)
        so_far = sum(isinstance(verdict, Verdict) and verdict.is_open_so_far for verdict in reached)
        self.notes.append(
            f"budget of {budget.hours:g} hours: {left} of {len(self.trials)} claims are left unjudged"
            + (f", and {so_far} open so far" if so_far else "")
        )

    def _end(self, trial: Trial, why: InputError | DeviceMemoryError) -> None:
        """Train a trial no further: where it has been looked at, the verdict is that of its last look."""
        if isinstance(reached := self._verdicts.get(trial.key), Verdict):
            self._verdicts[trial.key] = reached.as_it_stands
            self.notes.append(f"{trial.name} [{trial.tier}] is open so far: {why}")
        else:
            self._verdicts[trial.key] = why

    def _affordable(self, budget: Budget, steps: Sequence[tuple[Trial, int]]) -> list[int]:
        """Indices of the looks to take next."""
        estimates = self.estimates()
        plans = [plan(self.asked(trial, look)) for trial, look in steps]
        return budget.affordable(plans, [estimates[trial.tier] for trial, _ in steps], self.store)

    def _resolved(self, trials: list[Trial]) -> list[Trial]:
        """The trials with their windows set, pilots trained first where windows wait for them."""
        waiting = [(trial, rule) for trial in trials if (rule := self._mode.awaited_pilots(trial))]
        self._train((trial, self._pilots(trial)) for trial, _ in waiting)
        resolved = [trial for trial in trials if self._mode.awaited_pilots(trial) is None]
        for trial, rule in waiting:
            if self._cut_short(trial, 0, self._pilots(trial)):
                continue
            try:
                with_windows, phases = trial.resolved(self._read)
            except InputError as error:
                self._verdicts[trial.key] = self._mode.verdict_without_windows(trial, rule, error)
                continue
            except (StoreError, OSError):
                raise
            except Exception as error:
                self._verdicts[trial.key] = _crashed(trial, error)
                continue
            for name, found in phases.items():
                self.notes.append(
                    f"{trial.name} [{trial.tier}], windows from pilots for {name}, as a windows.json holds them:\n"
                    f"{as_json(name, found)}"
                )
            resolved.append(with_windows)
        return resolved

    def _looked_at(self, trials: Sequence[Trial], look: int) -> list[Trial]:
        """Train and judge some trials; returns those that stay open."""
        asked = [(trial, self._requests(trial, look)) for trial in trials]
        asked = [(trial, requests) for trial, requests in asked if self._has_data(trial, requests)]
        waiting = {trial.key: (trial, plan(requests)) for trial, requests in asked}

        def judge_what_is_trained() -> None:
            for trial, whole in [*waiting.values()]:
                try:
                    if not whole.is_stored(self.store):
                        continue
                    self._judge(trial, look)
                    del waiting[trial.key]
                    if isinstance(verdict := self._verdicts[trial.key], Verdict):
                        self._announce(verdict.as_it_stands)
                except (StoreError, OSError):
                    # A store, or a terminal, that fails for a moment ends no training: it is judged after that.
                    return

        self._train(asked, judge_what_is_trained)
        for trial, requests in asked:
            if trial.key in waiting and not self._cut_short(trial, look, requests):
                self._judge(trial, look)
        return [trial for trial, _ in asked if self._is_open(trial)]

    def _is_open(self, trial: Trial) -> bool:
        verdict = self._verdicts.get(trial.key)
        return isinstance(verdict, Verdict) and stays_open(verdict)

    def _cut_short(self, trial: Trial, look: int, requests: Sequence[Request]) -> bool:
        """Whether time or memory did not suffice to train all of these; the verdict then says so."""
        used = {self._settings.device_of(trial.tier, request.spec) for request in requests}
        too_large = next((error for device, error in self._too_large.items() if device in used), None)
        budget = self._budget
        if too_large is None and budget is None:
            return False
        if (whole := plan(requests)).stored(self.store) == whole.needed:
            return False
        if too_large is not None:
            self._end(trial, too_large)
        elif budget is not None:
            whole = plan(self.asked(trial, look))
            self._end(trial, budget.exceeded(whole, look, self.estimates()[trial.tier], self.store))
        return True

    # Judging

    def _admitted(self, of_one_name: Sequence[Trial]) -> Trial:
        """The trial of one name, on the seeds that judge it.

        Raises:
            InputError: different trials of one name, whose verdicts nobody could tell apart, or one that may not be
                judged.
        """
        trial = of_one_name[0]
        level = self._settings.alpha, self._settings.registered
        if trial.error_rate not in (None, level):
            raise InputError(
                f"{trial.name} ({trial.tier}): its error_rate is {trial.error_rate}, and this run judges all claims at "
                f"{level}; leave it out"
            )
        if any(other != trial for other in of_one_name):
            raise InputError(
                f"two different {trial.tier} trials are called {trial.name}; name each claim as its module"
            )
        if self._settings.seeds is not None:
            trial = replace(trial, own_seeds=self._settings.seeds)
        if (block := self._settings.block) is not None:
            if block <= trial.block:
                raise InputError(
                    f"{trial.name} ({trial.tier}): --block {block} is no replication of the block {trial.block} that "
                    "it registers; give a later one that has not judged, or leave --block out"
                )
            trial = trial.on_block(block)
        self._mode.curves(trial)  # A smoke run cannot shrink every network.
        if self._mode.judges:
            self._check(trial)
        return trial

    def _check(self, trial: Trial) -> None:
        """Raise if a trial may not be judged on the seeds of its first look, before its pilots are trained."""
        pilots, seeds = self._mode.awaited_pilots(trial), self._mode.looks(trial)[0]
        rule = pilots.with_placeholder_windows() if pilots else trial.judged_by
        if len(seeds) < rule.minimum_seeds:
            raise InputError(
                f"{trial.name} ({trial.tier}): its rule {rule.name} needs at least {rule.minimum_seeds} seeds to "
                f"reach a verdict, got {len(seeds)}; give more"
            )
        self._ledger.check(trial, seeds)

    def _judge(self, trial: Trial, look: int) -> None:
        """Find the verdict on a trial whose curves are stored."""
        try:
            verdict = self._mode.verdict(trial, look, self._read, self._settings.error_rate)
        except InputError as error:
            self._verdicts[trial.key] = error
            return
        except (StoreError, OSError):
            raise
        except Exception as error:  # in the rule of one claim: the others are judged
            self._verdicts[trial.key] = _crashed(trial, error)
            return
        if self._mode.judges:
            self._share_ledger()
            try:
                self._ledger.record(trial, verdict.seeds)
                self._share_ledger()
                self._ledger.check(trial, verdict.seeds)  # of two that share a ledger at once, the first one's stays
            except InputError as error:  # another process has judged it under another protocol meanwhile
                self._verdicts[trial.key] = error
                return
        self._verdicts[trial.key] = verdict  # not before: one that the ledger refuses is never published

    def _read(self, curve: CurveOf, seeds: tuple[int, ...]) -> SparsityCurve:
        return self.at_hand.curve(curve.spec.digest, curve.measure, curve.seeds(seeds), curve.levels)

    # Training

    def _requests(self, trial: Trial, look: int) -> list[Request]:
        """The requests of one look, without pilots."""
        curves, control_curves = self.curves(trial)
        return self._one_a_run([*curves.values(), *control_curves.values()], self._mode.looks(trial)[look])

    def _pilots(self, trial: Trial) -> list[Request]:
        """The requests of the pilots that a trial waits for."""
        rule = self._mode.awaited_pilots(trial)
        return self._one_a_run(rule.pilot_curves().values(), rule.seeds) if rule else []

    def _read_by(self, trial: Trial, look: int) -> Iterator[tuple[CurveOf, tuple[int, ...]]]:
        """The curves of a trial up to a look, or to its last, with the seeds that each is asked for."""
        if rule := self._mode.awaited_pilots(trial):
            yield from ((curve, rule.seeds) for curve in rule.pilot_curves().values())
        judged = self._mode.looks(trial)[min(look, self.looks(trial) - 1)]
        for curves in self.curves(trial):
            yield from ((curve, judged) for curve in curves.values())

    def _one_a_run(self, curves: Iterable[CurveOf], judged: tuple[int, ...]) -> list[Request]:
        """One request a run, for the seeds that no published run has: one measure more asks for nothing more."""
        longest: dict[tuple[RunSpec, int], CurveOf] = {}
        for curve in curves:
            known = longest.setdefault((curve.spec, curve.offset), curve)
            if curve.levels > known.levels:
                longest[curve.spec, curve.offset] = curve
        published = self.at_hand.published
        found = [
            Request(
                curve.spec,
                tuple(s for s in curve.seeds(judged) if (curve.spec.digest, s) not in published),
                curve.levels,
            )
            for curve in longest.values()
        ]
        return [request for request in found if request.seeds]

    def _has_data(self, trial: Trial, requests: Sequence[Request]) -> bool:
        """Whether a trial has the data that it must still be trained on, and networks that can be trained on them here.

        If not, it ends with what to fetch or to change: training would stop for all trials.
        """
        self._synchronise(whole := plan(requests))
        try:
            if whole.stored(self.store) == whole.needed:
                return True
        except StoreError:
            pass  # What is damaged will be trained anew.
        if lacking := self._data_sets.missing(requests):
            self._end(trial, lacking)
            return False
        try:
            for request in requests:
                check_network(request.spec)
                for spec in (request.spec, request.spec.distillation.teacher):
                    if spec is not None and (device := self._settings.device_of(trial.tier, spec)):
                        check_arithmetic(spec, device.torch)
        except InputError as error:
            self._end(trial, error)
            return False
        return True

    def _train(self, asked: Iterable[tuple[Trial, Sequence[Request]]], watch: Callable[[], None] = unwatched) -> None:
        """Check what is stored for these requests, and have the rest trained, device by device.

        Args:
            asked: the requests of each trial.
            watch: called now and then while something is trained.
        """
        by_device: dict[Device, list[Sequence[Request]]] = {}
        for trial, requests in asked:
            of_trial: dict[Device, list[Request]] = {}
            for request in requests:
                if device := self._settings.device_of(trial.tier, request.spec):
                    of_trial.setdefault(device, []).append(request)
            for device, some in of_trial.items():
                by_device.setdefault(device, []).append(some)
        self._too_large = {}
        plans = {
            device: plan((request for requests in wanted for request in requests), wide=device.is_gpu)
            for device, wanted in by_device.items()
        }
        # Of all devices, before any of them trains: while one does, whatever is stored is judged.
        for whole in plans.values():
            self._check_stored(whole)
        for device, wanted in by_device.items():
            whole = plans[device].first(self._cheapest(wanted, device))
            if whole.stored(self.store) < whole.needed:
                deadline = self._budget.deadline if self._budget else None
                config, said = self._settings.worker_config(device, deadline), list[str]()
                with self._progress(whole, self.store, partial(self._left, whole, device)):
                    trainer = engine(self._settings.engine, self._settings.ray_address)
                    try:
                        said += trainer.run(whole, config, watch)
                    except DeviceMemoryError as error:
                        if config.deadline_passed:  # What is missing may be so for want of time as well.
                            said.append(str(error))
                        else:
                            self._too_large[device] = error
                self.notes += [f"warning: {sentence}" for sentence in said]

    def _cheapest(self, wanted: Sequence[Sequence[Request]], device: Device) -> list[Request]:
        """The requests that go first: of the cheapest trials, for an early verdict, up to a quarter of the work.

        The rest goes as it stands in a plan, the longest first, so that the processes finish together.
        """
        estimate = self._estimate(device)
        order = list(cheapest_first([Need(plan(requests), estimate) for requests in wanted], self.store))
        early, total = list[Request](), 0.0
        for index, seconds, _ in order:
            total += seconds
            if 4 * total <= sum(each for _, each, _ in order):
                early += wanted[index]
        return early

    def _estimate(self, device: Device) -> Estimate:
        """The cost of levels while a device trains, by all that is stored now."""
        shared = processes(self._settings.engine, device.if_here(), self._settings.per_device)
        # No product is timed on a GPU that trains: there it is what has been measured on one, or a round number.
        return Estimate(Rates(self.store, self._settings.rate), None if device.is_gpu else device, shared)

    def _left(self, whole: Plan, device: Device) -> str:
        """The time that a plan still takes, in words, by all that is stored now."""
        estimate = self._estimate(device)
        cost = estimate.cost(missing(whole.wanted, self.store))
        if cost.seconds and not cost.measured:
            return "time left not known yet"  # small networks train far slower than any guess from their operations
        return f"about {numbers.duration(duration(whole, self.store, estimate))} left{cost.guessed}"

    # The store, and what is read in its place

    def _sources(self, shared: Path | None) -> Mapping[tuple[str, int], Mapping[str, EvidenceRun]]:
        """What is read from published runs; `shared` as of `__init__`."""
        runs = self._settings.evidence
        last = max((self.looks(trial) for trial in self.trials), default=1) - 1
        self._check_stored(self.plan(last))  # what is damaged is not stored
        self._synchronised.clear()  # later looks are fetched when they come
        asked = (pair for trial in self.trials for pair in self._read_by(trial, last))
        found = sources(runs, asked, self.store)
        return found if shared is None else agreed(shared / "sources.json", found, runs)

    def _synchronise(self, whole: Plan) -> None:
        """Have here what a store elsewhere has of a plan, and there what is here; once a session."""
        for stack in whole.stacks:
            if not self._synchronised.issuperset(stack.replicas) and self.store.synchronise(stack.replicas, wait=False):
                self._synchronised.update(stack.replicas)

    def _share_ledger(self) -> None:
        if self._settings.mode.judges:
            self.store.synchronise_ledger()

    def _check_stored(self, whole: Plan) -> None:
        self._synchronise(whole)
        check_stored(self.store, whole)


def check_stored(store: Store, whole: Plan) -> None:
    """Check every chain of a plan that nobody else is training; what is damaged is set aside, with a warning."""
    for replica in whole.wanted:
        with store.locked([replica], wait=False) as mine:
            if mine:  # What somebody else is training now is theirs to check.
                store.verify(replica)


def _crashed(trial: Trial, error: Exception) -> InputError:
    """What is said of a claim whose rule or windows failed in a way that nobody foresaw."""
    return InputError(f"{trial.name} ({trial.tier}) crashed while it was judged: {crash(error)}; mend its rule")


def _by_name(trials: Iterable[Trial]) -> dict[tuple[str, Tier, str], list[Trial]]:
    """The trials by claim, tier and network, in the order of their first appearance."""
    named: dict[tuple[str, Tier, str], list[Trial]] = {}
    for trial in trials:
        named.setdefault(trial.key, []).append(trial)
    return named
