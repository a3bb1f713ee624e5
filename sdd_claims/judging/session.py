"""A session: gather what the trials need, have it trained, look, train more for what is open, look again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from sdd_claims.curves import SparsityCurve
from sdd_claims.engines import unwatched
from sdd_claims.errors import BudgetError, DeviceMemoryError, InputError, StoreError, crash
from sdd_claims.judging.budget import Budget
from sdd_claims.judging.evidence_runs import CurvesAtHand, EvidenceRun, agreed, sources
from sdd_claims.judging.ledger import Ledger
from sdd_claims.judging.requests import Requests
from sdd_claims.judging.settings import Settings
from sdd_claims.judging.training import Progress, Training
from sdd_claims.judging.verdict import Verdict, stays_open
from sdd_claims.machine.devices import Device
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.record import Key
from sdd_claims.registration.claim import Tier
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Trial
from sdd_claims.registration.windows import as_json
from sdd_claims.spec.own import YOURS
from sdd_claims.storage import layout
from sdd_claims.storage.opening import open_store

_Asked: TypeAlias = tuple[Trial, Sequence[Request]]
_TooLarge: TypeAlias = Mapping[Device, DeviceMemoryError]


class Session:
    """The trials of one run. The first verdict asked for trains for all of them, so that they share their runs.

    Attributes:
        trials: those that may be judged, each once, on the seeds that the user gave, if any.
        refused: the errors of the others, by claim, tier and network.
        store: the store that results are kept in.
        at_hand: the curves that rules read: those of the store, and of the published runs that the user named.
        requests: what trials ask to be trained.
        training: has it trained.
        notes: sentences for the user that have come up since they were last taken.
        failure: the error that has stopped the training of all; None where there is none.
    """

    def __init__(
        self,
        trials: Iterable[Trial],
        settings: Settings,
        progress: Progress,
        announce: Callable[[Verdict], None] = lambda verdict: None,
        shared: Path | None = None,
    ) -> None:
        """Open the store and check of every trial whether it may be judged: one that may not stops no other.

        Args:
            trials: of the selected tests.
            settings: the user's choices.
            progress: shows how a plan gets on.
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
        self._announce = announce
        self._ledger = Ledger(settings.store / layout.LEDGER, settings.published)
        self.requests = Requests(settings.mode)
        self.training = Training(self.store, settings, progress, self.notes)
        self._share_ledger()
        self._verdicts: dict[tuple[str, Tier, str], Verdict | InputError | DeviceMemoryError] = {}
        self._budget: Budget | None = None
        self._finished = False
        self.failure: Exception | None = None
        for key, of_one_name in _by_name(trials).items():
            try:
                self.trials.append(self._admitted(of_one_name))
            except InputError as error:
                self.refused[key] = error
        if settings.evidence:
            self.at_hand = CurvesAtHand(self.store, self._sources(shared))
            self.requests = Requests(settings.mode, self.at_hand.is_published)

    def plan(self, look: int, tier: Tier | None = None) -> Plan:
        """The plan of all trials, or of those of one tier, up to a look."""
        trials = [trial for trial in self.trials if tier in (None, trial.tier)]
        wide = tier is not None and self._settings.trains_wide(tier)
        whole = plan((request for trial in trials for request in self.requests.up_to(trial, look)), wide=wide)
        self.training.synchronise(whole)
        return whole

    def plan_of(self, trial: Trial, look: int) -> Plan:
        """The plan of one trial up to a look."""
        return plan(self.requests.up_to(trial, look), wide=self._settings.trains_wide(trial.tier))

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
        if self.failure is not None:
            raise self.failure
        if not self._finished:
            try:
                self._run()
            except Exception as error:
                self.failure = error
                raise
            self._finished = True
        verdict = self._verdicts[trial.key]
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    def reached(self) -> list[Verdict]:
        """The verdicts that have been reached, whatever stopped the run since: some of them are open so far."""
        return [verdict.as_it_stands for verdict in self._verdicts.values() if isinstance(verdict, Verdict)]

    # The order of looks

    def _run(self) -> None:
        if self._settings.budget is not None:
            self._run_within(Budget(self._settings.budget))
            return
        self.training.check_stored(self.plan(0))  # before anything is read of it, which is then read once
        still_open = self._resolved(self._with_data())
        for look in range(max(self.requests.looks(trial) for trial in self.trials)):
            still_open = self._looked_at([trial for trial in still_open if look < self.requests.looks(trial)], look)

    def _run_within(self, budget: Budget) -> None:
        """Look at the cheapest first, until nothing fits into the time that is left; what stays open queues again."""
        self._budget = budget
        # Before costs are counted: what is damaged counts as not stored.
        self.training.check_stored(self.plan(max(self.requests.looks(trial) for trial in self.trials)))
        steps = [(trial, 0) for trial in self._with_data()]
        while group := self._affordable(budget, steps):
            chosen = [steps[index] for index in group]
            steps = [step for index, step in enumerate(steps) if index not in group]
            fresh = self._resolved([trial for trial, look in chosen if look == 0])
            for look in sorted({look for _, look in chosen}):
                trials = [trial for trial, at in chosen if at == look] if look else fresh
                still_open = self._looked_at(trials, look)
                steps += [(trial, look + 1) for trial in still_open if look + 1 < self.requests.looks(trial)]
        estimates = self.training.estimates()
        for trial, look in steps:
            self._end(trial, budget.exceeded(self.plan_of(trial, look), look, estimates[trial.tier], self.store))
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
        estimates = self.training.estimates()
        plans = [self.plan_of(trial, look) for trial, look in steps]
        return budget.affordable(plans, [estimates[trial.tier] for trial, _ in steps], self.store)

    def _resolved(self, trials: list[Trial]) -> list[Trial]:
        """The trials with their windows set, pilots trained first where windows wait for them."""
        waiting = [(trial, rule) for trial in trials if (rule := self._mode.awaited_pilots(trial))]
        too_large = self._train([(trial, self.requests.pilots(trial)) for trial, _ in waiting])
        resolved = [trial for trial in trials if self._mode.awaited_pilots(trial) is None]
        for trial, rule in waiting:
            if self._cut_short(trial, 0, self.requests.pilots(trial), too_large):
                continue
            try:
                diverged = rule.diverged(self._read)
                warnings = [f"warning: {sentence}; lower the learning rate" for sentence in diverged]
                self.notes += [each for each in warnings if each not in self.notes]  # several claims share pilots
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
        asked = [(trial, self.requests.of_look(trial, look)) for trial in trials]
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

        too_large = self._train(asked, judge_what_is_trained)
        for trial, requests in asked:
            if trial.key in waiting and not self._cut_short(trial, look, requests, too_large):
                self._judge(trial, look)
        return [trial for trial, _ in asked if self._is_open(trial)]

    def _is_open(self, trial: Trial) -> bool:
        verdict = self._verdicts.get(trial.key)
        return isinstance(verdict, Verdict) and stays_open(verdict)

    def _with_data(self) -> list[Trial]:
        """The trials that can be trained here up to their first look.

        No pilots are trained for a trial whose control lacks its data.
        """
        return [trial for trial in self.trials if self._has_data(trial, self.requests.up_to(trial, 0))]

    def _has_data(self, trial: Trial, requests: Sequence[Request]) -> bool:
        """Whether a trial can be trained here; if not, it ends with what to fetch or to change."""
        if (why := self.training.why_untrainable(trial, requests)) is None:
            return True
        self._end(trial, why)
        return False

    def _train(self, asked: Sequence[_Asked], watch: Callable[[], None] = unwatched) -> _TooLarge:
        return self.training.train(asked, self._budget.deadline if self._budget else None, watch)

    def _cut_short(self, trial: Trial, look: int, requests: Sequence[Request], too_large: _TooLarge) -> bool:
        """Whether time or memory did not suffice to train all of these; the verdict then says so."""
        used = {self._settings.device_of(trial.tier, request.spec) for request in requests}
        lacking = next((error for device, error in too_large.items() if device in used), None)
        budget = self._budget
        if lacking is None and budget is None:
            return False
        if (whole := plan(requests)).stored(self.store) == whole.needed:
            return False
        if lacking is not None:
            self._end(trial, lacking)
        elif budget is not None:
            estimate = self.training.estimates()[trial.tier]
            self._end(trial, budget.exceeded(self.plan_of(trial, look), look, estimate, self.store))
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

    # The store, and what is read in its place

    def _sources(self, shared: Path | None) -> Mapping[Key, Mapping[str, EvidenceRun]]:
        """What is read from published runs; `shared` as of `__init__`."""
        runs = self._settings.evidence
        last = max((self.requests.looks(trial) for trial in self.trials), default=1) - 1
        self.training.check_stored(self.plan(last))  # what is damaged is not stored
        self.training.synchronise_again()  # later looks are fetched when they come
        asked = (pair for trial in self.trials for pair in self.requests.curves_up_to(trial, last))
        found = sources(runs, asked, self.store)
        return found if shared is None else agreed(shared / "sources.json", found, runs)

    def _share_ledger(self) -> None:
        if self._settings.mode.judges:
            self.store.synchronise_ledger()


def _crashed(trial: Trial, error: Exception) -> InputError:
    """What is said of a claim whose rule or windows failed in a way that nobody foresaw."""
    return InputError(f"{trial.name} ({trial.tier}) crashed while it was judged: {crash(error)}; mend its rule")


def _by_name(trials: Iterable[Trial]) -> dict[tuple[str, Tier, str], list[Trial]]:
    """The trials by claim, tier and network, in the order of their first appearance."""
    named: dict[tuple[str, Tier, str], list[Trial]] = {}
    for trial in trials:
        named.setdefault(trial.key, []).append(trial)
    return named
