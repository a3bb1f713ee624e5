"""What must be trained: requests gathered, duplicates dropped, what is stored left out, the rest put into stacks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sdd_claims.record import Replica
from sdd_claims.spec import RunSpec
from sdd_claims.store import Store

STACK_SIZE = 8
"""Replicas trained as one tensor: enough for full speed on a core, few enough to stay in its cache."""


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


@dataclass(frozen=True)
class Plan:
    """All that a selection of claims needs.

    Attributes:
        asked: levels asked for, each claim counted by itself.
        wanted: levels asked of every replica, duplicates dropped.
        stacks: the replicas by the tensors they share. A stack depends on what is asked for, not on what is stored,
            so that a run that was killed goes on with the same members.
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


def plan(requests: Iterable[Request], stack_size: int = STACK_SIZE) -> Plan:
    """Gather requests into a plan. The order of requests does not matter."""
    asked, wanted = 0, defaultdict[Replica, int](int)
    for request in requests:
        asked += len(request.seeds) * request.levels
        for seed in request.seeds:
            replica = Replica(request.spec, seed)
            wanted[replica] = max(wanted[replica], request.levels)
    ordered = sorted(wanted, key=lambda replica: (wanted[replica], *replica.key))
    groups = defaultdict[str, list[Replica]](list)
    for replica in ordered:
        groups[replica.spec.stack_key()].append(replica)
    stacks = [
        Stack(tuple(chunk), tuple(wanted[replica] for replica in chunk))
        for group in groups.values()
        for chunk in _even_chunks(group, stack_size)
    ]
    # Longest first, so that the processes that share the work finish together.
    stacks.sort(key=lambda stack: -sum(stack.levels))
    return Plan(asked, {replica: wanted[replica] for replica in ordered}, tuple(stacks))


def _even_chunks(replicas: list[Replica], size: int) -> list[list[Replica]]:
    chunks = -(-len(replicas) // size)
    bounds = [len(replicas) * i // chunks for i in range(chunks + 1)]
    return [replicas[a:b] for a, b in pairwise(bounds)]
