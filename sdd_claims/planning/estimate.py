"""The cost of levels before any of them is trained: operations, and seconds of a core or a GPU."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sdd_claims.machine.devices import CPU, Device
from sdd_claims.planning import shapes
from sdd_claims.planning.plan import Plan, Stack
from sdd_claims.planning.rates import Rate, Rates
from sdd_claims.record import Replica
from sdd_claims.spec import RunSpec
from sdd_claims.storage.store import Store


def level_flops(spec: RunSpec) -> float:
    """Floating-point operations of the matrix products of one level of one replica, counted dense.

    The points of a path over epochs share one training; each counts as an even part of it.
    """
    training = float(shapes.flops_per_image(spec) * shapes.images_per_epoch(spec) * spec.training.epochs)
    return training / len(spec.path.values) if spec.path.over == "epochs" else training


def trainings(spec: RunSpec, done: int, wanted: int) -> int:
    """Levels to be trained from `done` on; the points of a path are trained together, or are parts of one training."""
    if spec.path.over == "none" or done >= wanted:
        return max(0, wanted - done)
    return len(spec.path.values) if spec.path.over in ("penalty_strength", "epochs") else 1


@dataclass(frozen=True)
class Cost:
    """The cost of some levels.

    Attributes:
        flops: operations of their training, counted dense.
        seconds: seconds that one core or one GPU takes for it.
        measured: the part of these seconds that is estimated from measured rates.
    """

    flops: float = 0.0
    seconds: float = 0.0
    measured: float = 0.0

    @property
    def guessed(self) -> str:
        """How much of the time is a guess, as words to follow the time; empty where all of it is measured."""
        return "" if self.measured == self.seconds else ", in part by a guess" if self.measured else ", by a guess"


class Estimate:
    """The cost of levels on a tier's device, and of those in portable arithmetic on the CPU; computed once a spec.

    Attributes:
        processes: number of processes that share the work of the device.
    """

    def __init__(self, rates: Rates, device: Device | None, processes: int, on_cpu: int | None = None) -> None:
        """Nothing is computed yet.

        Args:
            rates: how fast networks train.
            device: the tier's; None for a GPU that is not here.
            processes: number of processes that share its work.
            on_cpu: those that share the work of the CPU, where the device is another; None for as many.
        """
        self.processes = processes
        self._on_cpu = processes if on_cpu is None else on_cpu
        self._rates, self._device = rates, device
        self._levels: dict[str, tuple[float, Rate]] = {}

    @property
    def stacks_at_once(self) -> int:
        """The most stacks that train at the same time."""
        return max(self.processes, self._on_cpu)

    def rate(self, spec: RunSpec) -> Rate:
        """How fast a spec's network trains there."""
        return self._level(spec)[1]

    def seconds(self, replica: Replica, done: int, wanted: int) -> float:
        """Seconds of one core or one GPU for a replica's levels from `done` to `wanted`."""
        flops, rate = self._level(replica.spec)
        return flops * trainings(replica.spec, done, wanted) / rate.flops

    def shared(self, levels: Iterable[tuple[Replica, int, int]]) -> float:
        """Seconds that these levels add where processes are kept busy by others, too."""
        return sum(
            self.seconds(replica, done, wanted) / (self._on_cpu if _on_cpu(replica.spec) else self.processes)
            for replica, done, wanted in levels
        )

    def alone(self, levels: Iterable[tuple[Replica, int, int]], stacks: Iterable[Stack]) -> float:
        """Seconds until these levels are trained where nothing else is: one process trains a stack of these.

        Devices train one after the other.
        """
        seconds, lacking = {True: 0.0, False: 0.0}, set[Replica]()
        for replica, done, wanted in levels:
            seconds[_on_cpu(replica.spec)] += self.seconds(replica, done, wanted)
            lacking.add(replica)
        busy = Counter(_on_cpu(each.replicas[0].spec) for each in stacks if not lacking.isdisjoint(each.replicas))
        processes = {True: self._on_cpu, False: self.processes}
        return sum(total / max(1, min(processes[place], busy[place])) for place, total in seconds.items())

    def cost(self, levels: Iterable[tuple[Replica, int, int]]) -> Cost:
        """The cost of replicas' levels, each from those done to those wanted."""
        total = seconds = measured = 0.0
        for replica, done, wanted in levels:
            flops, rate = self._level(replica.spec)
            flops *= trainings(replica.spec, done, wanted)
            total, seconds = total + flops, seconds + flops / rate.flops
            measured += flops / rate.flops if rate.measured else 0.0
        return Cost(total, seconds, measured)

    def _level(self, spec: RunSpec) -> tuple[float, Rate]:
        if spec.digest not in self._levels:
            device = CPU if _on_cpu(spec) else self._device
            self._levels[spec.digest] = level_flops(spec), self._rates.of(spec, device)
        return self._levels[spec.digest]


def _on_cpu(spec: RunSpec) -> bool:
    """Whether a spec trains on the CPU whatever the device of its tier."""
    return spec.training.arithmetic == "portable"


def missing(wanted: Mapping[Replica, int], store: Store) -> Iterator[tuple[Replica, int, int]]:
    """The replicas with missing levels, each with the numbers of levels that are stored and that are wanted."""
    for replica, levels in wanted.items():
        if (done := store.usable_levels(replica)) < levels:
            yield replica, done, levels


def duration(plan: Plan, store: Store, estimate: Estimate) -> float:
    """Seconds until a plan's missing levels are stored."""
    return estimate.alone(missing(plan.wanted, store), plan.stacks)


def processes(engine: str, device: Device | None, per_device: int = 1, workers: int | None = None) -> int:
    """Stacks that train at once: one a core, or `per_device` a GPU; no more than workers of pytest-xdist where it runs.

    Args:
        engine: name of the engine; the size of a Ray cluster is not known here, and counts as one.
        device: device that trains; None for a GPU that is not here.
        per_device: processes that share a GPU.
        workers: those that pytest-xdist is asked for; None in one of them, and where it does not run.
    """
    if device is None or engine == "ray":
        return 1
    most = len(device.processes(per_device))
    if workers is None and engine != "serial":
        return most
    return min(workers or int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)), most)
