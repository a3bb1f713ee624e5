"""The order of training when time is short: the cheapest verdicts first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdd_claims.planning.estimate import Cost, Estimate, duration
from sdd_claims.planning.plan import Plan
from sdd_claims.record import Replica
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


def cheapest_first(needs: Sequence[Need], store: Store) -> Iterator[tuple[int, float, float]]:
    """The needs in the order in which the next one is always the cheapest.

    Yields:
        Indices into `needs`, each with the seconds that its training takes where all processes share the work, and
        those where nothing else is trained, so that no more work than it has stacks; both beyond the levels that are
        stored or trained for the needs before it.
    """
    done = {replica.key: store.levels_done(replica) for need in needs for replica in need.plan.wanted}
    left = {index: dict(need.plan.wanted) for index, need in enumerate(needs)}
    while left:
        for index, wanted in left.items():
            left[index] = {replica: levels for replica, levels in wanted.items() if levels > done[replica.key]}
        costs = {
            index: sum(needs[index].estimate.seconds(replica, done[replica.key], n) for replica, n in wanted.items())
            / needs[index].estimate.processes
            for index, wanted in left.items()
        }
        cheapest = min(costs, key=lambda index: (costs[index], index))
        need, wanted = needs[cheapest], left.pop(cheapest)
        stacks = sum(not wanted.keys().isdisjoint(stack.replicas) for stack in need.plan.stacks)
        yield cheapest, costs[cheapest], need.estimate.shared(costs[cheapest] * need.estimate.processes, stacks)
        done |= {replica.key: levels for replica, levels in wanted.items()}


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
    group, total, took = list[tuple[int, float]](), 0.0, 0.0
    fitting = [index for index, need in enumerate(needs) if duration(need.plan, store, need.estimate) <= left]
    for place, seconds, alone in cheapest_first([needs[index] for index in fitting], store):
        if group and (total + seconds > left / 10 or alone > left):
            yield group
            group, total, took, left = [], 0.0, 0.0, left - took
        if alone > left:
            break
        total += seconds
        until = max(took, total, alone)
        group.append((fitting[place], until - took))
        took = until
    if group:
        yield group


def alone_and_unshared(needs: Sequence[Need], store: Store) -> list[tuple[Cost, Cost]]:
    """For every need, the cost of its missing levels, and of those still missing if all other needs were met."""
    done = {replica.key: store.levels_done(replica) for need in needs for replica in need.plan.wanted}
    # For every replica, the most levels asked for, and the most that any other need asks for.
    most: dict[tuple[str, int], tuple[int, int]] = dict.fromkeys(done, (0, 0))
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
