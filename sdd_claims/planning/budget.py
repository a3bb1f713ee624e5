"""The order of training when time is short: the cheapest verdicts first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sdd_claims.planning.estimate import Cost, Estimate
from sdd_claims.planning.plan import Plan
from sdd_claims.record import Key, Replica
from sdd_claims.storage.store import Store


@dataclass(frozen=True)
class Need:
    """The levels that must be stored before something can be judged.

    Attributes:
        plan: of these levels.
        estimate: cost on the device on which they are trained.
    """

    plan: Plan
    estimate: Estimate

    def lacking(self, done: Mapping[Key, int]) -> list[tuple[Replica, int, int]]:
        """Its missing levels: replicas, each with the numbers of levels that are done and that are wanted."""
        return [(each, done[each.key], n) for each, n in self.plan.wanted.items() if n > done[each.key]]


def stored(needs: Sequence[Need], store: Store) -> dict[Key, int]:
    """The stored levels of every network that some needs ask for."""
    return {replica.key: store.usable_levels(replica) for need in needs for replica in need.plan.wanted}


def cheapest_first(needs: Sequence[Need], done: Mapping[Key, int]) -> Iterator[tuple[int, float, float]]:
    """The needs in the order in which the next one is always the cheapest.

    Args:
        needs: to be put in order.
        done: the levels of every network that cost nothing, see `stored`.

    Yields:
        Indices into `needs`, each with the seconds that its training takes where all processes share the work, and
        those where nothing else is trained, so that no more work than it has stacks; both beyond the levels that are
        stored or trained for the needs before it.
    """
    now = dict(done)
    left = dict(enumerate(needs))
    while left:
        lacking = {index: need.lacking(now) for index, need in left.items()}
        costs = {index: left[index].estimate.shared(levels) for index, levels in lacking.items()}
        cheapest = min(costs, key=lambda index: (costs[index], index))
        need = left.pop(cheapest)
        yield cheapest, costs[cheapest], need.estimate.alone(lacking[cheapest], need.plan.stacks)
        now |= {replica.key: wanted for replica, _, wanted in lacking[cheapest]}


def affordable(needs: Sequence[Need], store: Store, left: float) -> Iterator[list[tuple[int, float]]]:
    """The needs that fit into a time, in the groups that are trained together: the cheapest first, if it fits.

    Others go with it, the next cheapest, while all take no more than a tenth of the time that is left: processes stay
    busy, and what has been trained by then corrects the estimate of the rest. What takes too long by itself stands in
    the way of no other.

    Args:
        needs: all that are still to be met.
        store: what it holds costs nothing.
        left: seconds.

    Yields:
        Indices into `needs`, each with the seconds until it is met, beyond those before it.
    """
    done, waiting = stored(needs, store), dict(enumerate(needs))
    while True:
        fitting = [
            index
            for index, need in waiting.items()
            if need.estimate.alone(need.lacking(done), need.plan.stacks) <= left
        ]
        group, total, took = list[tuple[int, float]](), 0.0, 0.0
        for place, seconds, alone in cheapest_first([waiting[index] for index in fitting], done):
            if group and (total + seconds > left / 10 or alone > left):
                break
            total += seconds
            until = max(took, total, alone)
            group.append((fitting[place], until - took))
            took = until
        if not group:
            return
        yield group
        left = max(0.0, left - took)
        for index, _ in group:
            done |= {replica.key: wanted for replica, _, wanted in waiting.pop(index).lacking(done)}


def alone_and_unshared(needs: Sequence[Need], store: Store) -> list[tuple[Cost, Cost]]:
    """For every need, the cost of its missing levels, and of those still missing if all other needs were met."""
    done = stored(needs, store)
    # For every replica, the most levels asked for, and the most that any other need asks for.
    most: dict[Key, tuple[int, int]] = dict.fromkeys(done, (0, 0))
    for need in needs:
        for replica, levels in need.plan.wanted.items():
            first, second = most[replica.key]
            most[replica.key] = (levels, first) if levels > first else (first, max(second, levels))

    def others(replica: Replica, levels: int) -> int:
        first, second = most[replica.key]
        return second if levels == first else first

    return [
        (
            need.estimate.cost((r, done[r.key], n) for r, n in need.plan.wanted.items()),
            need.estimate.cost((r, max(done[r.key], others(r, n)), n) for r, n in need.plan.wanted.items()),
        )
        for need in needs
    ]
