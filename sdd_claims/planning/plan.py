"""The plan of what is trained: requests without duplicates and without stored levels, grouped into stacks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sdd_claims.record import Replica
from sdd_claims.spec import RunSpec
from sdd_claims.storage.store import Store

STACK_SIZE = 6
"""Seeds of one setting that always train together: enough for full speed on a core, few enough to stay in its cache.

Sums over a stack are rounded by its size, and training amplifies the last bit. Stacks are cut from each hundred of
seeds by their numbers (0 to 5, 6 to 11, ...), so that a replica's numbers do not depend on the other requests, as long
as all seeds of its stack are requested.
"""

RELU_STACK_SIZE = 12
"""The same for ReLU networks, which are so small that twelve cost a core hardly more than six."""


GPU_STACK_SIZE = 24
"""The same for MLPs on a GPU, where settings that differ in numbers alone, such as the noise rate, share a stack too.

A small network's step there takes as long as its kernel launches, whatever the size of the stack. The rounding of sums
may then depend on the other requests: a GPU promises equal numbers up to rounding, a CPU equal bits.
"""

ALONE = ("vgg_like", "vgg16", "resnet18", "resnet101")
"""Networks that train one at a time: one of them fills a GPU, and a stack would save nothing."""


def stack_size(spec: RunSpec, *, wide: bool = False) -> int:
    """Seeds of a setting that train together: the sizes above, `GPU_STACK_SIZE` where stacks are wide, or one."""
    if spec.model.name in ALONE or spec.training.arithmetic == "portable":
        return 1
    if wide and spec.model.name == "mlp":
        return GPU_STACK_SIZE
    return RELU_STACK_SIZE if spec.model.name == "relu_network" else STACK_SIZE


@dataclass(frozen=True)
class Request:
    """A request for the first `levels` levels of some seeds of a spec."""

    spec: RunSpec
    seeds: tuple[int, ...]
    levels: int


@dataclass(frozen=True)
class Stack:
    """Replicas that are trained together, with the number of levels asked of each."""

    replicas: tuple[Replica, ...]
    levels: tuple[int, ...]

    @property
    def epochs(self) -> int:
        """Epochs of all levels of all replicas, a rough measure of the time."""
        spec = self.replicas[0].spec
        trainings = sum(self.levels) if spec.path.over in ("none", "penalty_strength") else len(self.replicas)
        return trainings * spec.training.epochs

    def remaining(self, store: Store) -> int:
        """Levels that are not stored yet, over all replicas."""
        return sum(max(0, n - store.usable_levels(r)) for r, n in zip(self.replicas, self.levels, strict=True))

    @property
    def chains(self) -> "Stack | None":
        """The chains that these replicas are derived from or learn from, up to the levels needed; None without any."""
        if parents := tuple(replica.parent for replica in self.replicas if replica.parent is not None):
            spec = self.replicas[0].spec
            return Stack(parents, tuple(spec.chain_level(levels) for levels in self.levels))
        # Students of a wide stack may share a teacher: they differ in its weight, alpha.
        if teachers := tuple(dict.fromkeys(each.teacher for each in self.replicas if each.teacher is not None)):
            return Stack(teachers, (self.replicas[0].spec.distillation.teacher_levels,) * len(teachers))
        return None


@dataclass(frozen=True)
class Plan:
    """All that a selection of claims needs.

    Attributes:
        asked: levels asked for, each claim counted by itself; what is derived from a level asks for that level too, and
            a student for its teacher's.
        wanted: levels asked of every replica, duplicates dropped.
        stacks: the replicas by the tensors they share, chains before what is derived from them. A stack depends on
            what is asked for, not on what is stored, so that a run that was killed goes on with the same members.
    """

    asked: int
    wanted: Mapping[Replica, int]
    stacks: tuple[Stack, ...]

    @property
    def needed(self) -> int:
        """Levels asked for after duplicates are dropped."""
        return sum(self.wanted.values())

    def first(self, requests: Iterable[Request]) -> "Plan":
        """The same plan, with the stacks that these requests need first, in their order."""
        rank = dict[Replica, int]()
        for number, request in enumerate(requests):
            for spec, _ in _needed(request):
                rank |= {replica: number for seed in request.seeds if (replica := Replica(spec, seed)) not in rank}
        last = len(rank)
        stacks = sorted(self.stacks, key=lambda stack: min(rank.get(replica, last) for replica in stack.replicas))
        return replace(self, stacks=tuple(stacks))

    def is_stored(self, store: Store) -> bool:
        """Whether all its levels are stored."""
        return all(store.usable_levels(replica) >= n for replica, n in self.wanted.items())

    def stored(self, store: Store) -> int:
        """Number of the needed levels that are stored."""
        return sum(min(n, store.usable_levels(replica)) for replica, n in self.wanted.items())


def plan(requests: Iterable[Request], *, wide: bool = False) -> Plan:
    """Gather the requests of all claims into a plan. Their order does not matter.

    Args:
        requests: the requests of all claims.
        wide: for a GPU: more seeds, and settings that differ in numbers alone, share a stack.
    """
    asked, wanted = 0, defaultdict[Replica, int](int)
    for request in requests:
        for spec, levels in _needed(request):
            asked += len(request.seeds) * levels
            for seed in request.seeds:
                replica = Replica(spec, seed)
                wanted[replica] = max(wanted[replica], levels)
    ordered = sorted(wanted, key=lambda replica: replica.key)
    groups = defaultdict[tuple[str, int, int], list[Replica]](list)
    for replica in ordered:
        seed, spec = replica.seed, replica.spec
        mixed = stack_size(spec, wide=wide) == GPU_STACK_SIZE and spec.path.over == "none"
        kind = spec.stack_key() if mixed else spec.digest
        groups[kind, seed // 100, seed % 100 // stack_size(spec, wide=wide)].append(replica)
    stacks = [Stack(tuple(group), tuple(wanted[replica] for replica in group)) for group in groups.values()]
    # Longest first, so that the processes that share the work finish together; some wait for the chains of others.
    stacks.sort(key=lambda stack: (stack.chains is not None, -stack.epochs))
    return Plan(asked, {replica: wanted[replica] for replica in ordered}, tuple(stacks))


def _needed(request: Request) -> list[tuple[RunSpec, int]]:
    """The runs that a request needs, with the levels of each: its own, and the chain or the teacher behind it."""
    spec, distillation = request.spec, request.spec.distillation
    chain = spec.parent, spec.chain_level(request.levels)  # so many levels of it as reach there
    runs = (chain, (distillation.teacher, distillation.teacher_levels), (spec, request.levels))
    return [(run, levels) for run, levels in runs if run is not None]
