"""What trials ask for is checked where it is stored, and trained where it is not."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

from sdd_claims.engines import engine, unwatched
from sdd_claims.errors import DeviceMemoryError, InputError, StoreError
from sdd_claims.judging.missing_data import DataSets
from sdd_claims.judging.networks import check_network
from sdd_claims.judging.settings import Settings
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.planning.budget import Need, cheapest_first, stored
from sdd_claims.planning.estimate import Estimate, duration, missing, processes
from sdd_claims.planning.plan import Plan, Request, plan
from sdd_claims.planning.rates import Rates
from sdd_claims.record import Replica
from sdd_claims.registration.claim import Tier
from sdd_claims.registration.trial import Trial
from sdd_claims.report import numbers
from sdd_claims.storage.chains import Version
from sdd_claims.storage.schema import check_there
from sdd_claims.storage.store import Store
from sdd_claims.training.arithmetic import check_arithmetic

Progress = Callable[[Plan, Store, Callable[[], str]], AbstractContextManager[object]]
"""Shows how a plan gets on: called with it, the store, and a function that says what time is left."""


class Training:
    """Has networks trained on the devices that the user chose."""

    def __init__(self, store: Store, settings: Settings, progress: Progress, notes: list[str]) -> None:
        """Nothing is trained yet.

        Args:
            store: where results go.
            settings: the user's choices.
            progress: shows how a plan gets on.
            notes: takes sentences for the user.
        """
        self._store, self._settings, self._progress, self._notes = store, settings, progress, notes
        self._data_sets = DataSets(settings.data_root, kept=settings.engine == "serial")
        self._synchronised: set[Replica] = set()
        self._checked: dict[Replica, Version | None] = {}

    def why_untrainable(self, trial: Trial, requests: Sequence[Request]) -> InputError | None:
        """Why a trial cannot be trained here: data that cannot be had, or a network that no code here knows.

        Training would stop for all trials. What is stored already needs neither.
        """
        self.synchronise(whole := plan(requests))
        try:
            if whole.stored(self._store) == whole.needed:
                return None
        except StoreError:
            pass  # What cannot be read is said where it is needed.
        if lacking := self._data_sets.missing(requests):
            return lacking
        try:
            for request in requests:
                check_network(request.spec)
                for spec in (request.spec, request.spec.distillation.teacher):
                    if spec is not None and (device := self._settings.device_of(trial.tier, spec)):
                        check_arithmetic(spec, device.torch)
        except InputError as error:
            return error
        return None

    def train(
        self,
        asked: Iterable[tuple[Trial, Sequence[Request]]],
        deadline: float | None,
        watch: Callable[[], None] = unwatched,
    ) -> Mapping[Device, DeviceMemoryError]:
        """Check what is stored for these requests, and have the rest trained, device by device.

        Args:
            asked: the requests of each trial.
            deadline: when training ends, as of `time.time`; None for never.
            watch: called now and then while something is trained.

        Returns:
            The devices whose memory did not suffice for all.
        """
        by_device: dict[Device, list[Sequence[Request]]] = {}
        for trial, requests in asked:
            of_trial: dict[Device, list[Request]] = {}
            for request in requests:
                if device := self._settings.device_of(trial.tier, request.spec):
                    of_trial.setdefault(device, []).append(request)
            for device, some in of_trial.items():
                by_device.setdefault(device, []).append(some)
        plans = {
            device: plan((request for requests in wanted for request in requests), wide=device.is_gpu)
            for device, wanted in by_device.items()
        }
        # Of all devices, before any of them trains: while one does, whatever is stored is judged.
        for whole in plans.values():
            self.check_stored(whole)
        too_large = dict[Device, DeviceMemoryError]()
        for device, wanted in by_device.items():
            whole = plans[device].first(self._cheapest(wanted, device))
            if whole.stored(self._store) < whole.needed:
                config, said = self._settings.worker_config(device, deadline), list[str]()
                with self._progress(whole, self._store, partial(self._left, whole, device)):
                    trainer = engine(self._settings.engine, self._settings.ray_address)
                    try:
                        said += trainer.run(whole, config, watch)
                    except DeviceMemoryError as error:
                        if config.deadline_passed:  # What is missing may be so for want of time as well.
                            said.append(str(error))
                        else:
                            too_large[device] = error
                self._notes += [f"warning: {sentence}" for sentence in said]
        return too_large

    def estimates(self) -> dict[Tier, Estimate]:
        """The cost of levels on the device of each tier, by all that is stored now."""
        rates = Rates(self._store, self._settings.rate)
        devices = {tier: device and device.if_here() for tier, device in self._settings.devices.items()}
        on_cpu = self._processes(CPU)
        return {tier: Estimate(rates, device, self._processes(device), on_cpu) for tier, device in devices.items()}

    def _processes(self, device: Device | None) -> int:
        settings = self._settings
        return processes(settings.engine, device, settings.per_device, settings.workers)

    def _cheapest(self, wanted: Sequence[Sequence[Request]], device: Device) -> list[Request]:
        """The requests that go first: of the cheapest trials, for an early verdict, up to a quarter of the work.

        The rest goes as it stands in a plan, the longest first, so that the processes finish together.
        """
        estimate = self._estimate(device)
        needs = [Need(plan(requests, wide=device.is_gpu), estimate) for requests in wanted]
        order = list(cheapest_first(needs, stored(needs, self._store)))
        early, total = list[Request](), 0.0
        for index, seconds, _ in order:
            total += seconds
            if 4 * total <= sum(each for _, each, _ in order):
                early += wanted[index]
        return early

    def _estimate(self, device: Device) -> Estimate:
        """The cost of levels while a device trains, by all that is stored now."""
        # No product is timed on a GPU that trains: there it is what has been measured on one, or a round number.
        timed = None if device.is_gpu else device
        rates = Rates(self._store, self._settings.rate)
        return Estimate(rates, timed, self._processes(device.if_here()), self._processes(CPU))

    def _left(self, whole: Plan, device: Device) -> str:
        """The time that a plan still takes, in words, by all that is stored now."""
        estimate = self._estimate(device)
        cost = estimate.cost(missing(whole.wanted, self._store))
        if cost.seconds and not cost.measured:
            return "time left not known yet"  # small networks train far slower than any guess from their operations
        return f"about {numbers.duration(duration(whole, self._store, estimate))} left{cost.guessed}"

    # What is stored

    def synchronise(self, whole: Plan) -> None:
        """Have here what a store elsewhere has of a plan, and there what is here; once a session."""
        for stack in whole.stacks:
            missed = not self._synchronised.issuperset(stack.replicas)
            if missed and self._store.synchronise(stack.replicas, wait=False):
                self._synchronised.update(stack.replicas)

    def synchronise_again(self) -> None:
        """Let what was synchronised be so once more when it is next asked for."""
        self._synchronised.clear()

    def check_stored(self, whole: Plan) -> None:
        """Synchronise a plan, and check what is stored of it and has changed since it was checked."""
        self.synchronise(whole)
        versions = {each: self._store.version(each) for each in whole.wanted}
        changed = [each for each, version in versions.items() if self._checked.get(each, ()) != version]
        for replica in check_stored(self._store, changed, whole):
            self._checked[replica] = versions[replica]


def check_stored(store: Store, replicas: Iterable[Replica], whole: Plan) -> list[Replica]:
    """Check every chain that nobody else is training; what is damaged is set aside, with a warning.

    A chain of a plan whose damaged weights nothing in the plan goes on from is kept: its records are whole.

    Returns:
        Those that were checked, and are as they were written; none of a store that can only be read.

    Raises:
        StoreError: the store is gone, or what is damaged cannot be set aside.
    """
    check_there(store.path)
    checked, weightless = list[Replica](), dict[Replica, str]()
    if not store.is_writable:
        return checked  # no lock is had there; whatever is read has its checksum all the same
    for replica in replicas:
        with store.locked([replica], wait=False) as mine:
            if mine:  # What somebody else is training now is theirs to check.
                if damaged := store.verify(replica, keeps_records=True):
                    weightless[replica] = damaged
                else:
                    checked.append(replica)
    if weightless:
        behind = [each for each, levels in whole.wanted.items() if store.usable_levels(each) < levels]
        needed = {source for each in behind for source in _goes_on_from(each)}
        for replica, damaged in weightless.items():
            if replica not in needed:
                store.warn_once(f"{damaged}; the chain is kept, since nothing here needs more of it than its records")
                continue
            with store.locked([replica], wait=False) as mine:
                if mine:
                    store.verify(replica)
    return checked


def _goes_on_from(replica: Replica) -> Iterator[Replica]:
    """The chains whose weights a replica that lacks levels may need: its own, and those behind it."""
    yield replica
    for source in (replica.parent, replica.teacher):
        if source is not None:
            yield from _goes_on_from(source)
