"""What must be trained: requests gathered, duplicates dropped, what is stored left out, the rest put into stacks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sdd_claims.record import Replica
from sdd_claims.spec import RunSpec
from sdd_claims.store import Store

SEXTET = 6
"""Seeds of one setting that always train together: enough for full speed on a core, few enough to stay in its cache.

Sums over a stack are rounded by its size, and training amplifies the last bit. Sextets are cut from each hundred of
seeds by their numbers (0 to 5, 6 to 11, ...), so that a replica's numbers do not depend on what else is asked for.
"""


@dataclass(frozen=True)
class Request:
    """Somebody asks for the first `levels` levels of some seeds of a spec."""

    spec: RunSpec
    seeds: tuple[int, ...]
    levels: int


@dataclass(frozen=True)
class Stack:
    """Replicas that are trained together, with the number of levels asked of each."""

    replicas: tuple[Replica, ...]
    levels: tuple[int, ...]

    def remaining(self, store: Store) -> int:
        """Levels that are not stored yet, over all replicas."""
        return sum(max(0, n - store.levels_done(r)) for r, n in zip(self.replicas, self.levels, strict=True))

    def unfinished_parents(self, store: Store) -> list[Replica]:
        """The chains whose levels this stack is derived from and that are not stored that far."""
        wanted = [(replica.parent, levels) for replica, levels in zip(self.replicas, self.levels, strict=True)]
        return [parent for parent, n in wanted if parent is not None and store.levels_done(parent) < n]


@dataclass(frozen=True)
class Plan:
    """All that a selection of claims needs.

    Attributes:
        asked: levels asked for, each claim counted by itself; what is derived from a level asks for that level too.
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

    def stored(self, store: Store) -> int:
        """Of the levels needed, those that are stored."""
        return sum(min(n, store.levels_done(replica)) for replica, n in self.wanted.items())


def plan(requests: Iterable[Request], stack_size: int = SEXTET) -> Plan:
    """Gather requests into a plan. The order of requests does not matter.

    Args:
        requests: of all claims together.
        stack_size: replicas a stack; with more than a sextet, settings that differ only in numbers share one.
    """
    asked, wanted = 0, defaultdict[Replica, int](int)
    for request in requests:
        for spec in (request.spec, request.spec.parent):
            if spec is None:
                continue
            asked += len(request.seeds) * request.levels
            for seed in request.seeds:
                replica = Replica(spec, seed)
                wanted[replica] = max(wanted[replica], request.levels)
    ordered = sorted(wanted, key=lambda replica: replica.key)
    sextets = defaultdict[tuple[str, int, int], list[Replica]](list)
    for replica in ordered:
        sextets[replica.spec.digest, replica.seed // 100, replica.seed % 100 // SEXTET].append(replica)
    alike = defaultdict[str, list[list[Replica]]](list)
    for sextet in sextets.values():
        alike[sextet[0].spec.stack_key()].append(sextet)
    stacks = [
        Stack(tuple(members), tuple(wanted[replica] for replica in members))
        for group in alike.values()
        for members in _joined(sorted(group, key=lambda sextet: wanted[sextet[0]]), stack_size)
    ]
    # Longest first, so that the processes that share the work finish together; derived ones wait for their chains.
    stacks.sort(key=lambda stack: (stack.replicas[0].parent is not None, -sum(stack.levels)))
    return Plan(asked, {replica: wanted[replica] for replica in ordered}, tuple(stacks))


def _joined(sextets: list[list[Replica]], size: int) -> list[list[Replica]]:
    """As many sextets to a stack as fit in its size; in the smallest one, incomplete ones stay by themselves too."""
    stacks: list[list[Replica]] = []
    for sextet in sextets:
        if size > SEXTET and stacks and len(stacks[-1]) + len(sextet) <= size:
            stacks[-1] = stacks[-1] + sextet
        else:
            stacks.append(sextet)
    return stacks
