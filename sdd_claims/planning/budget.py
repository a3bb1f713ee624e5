"""The order of training when time is short: the cheapest verdicts first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sdd_claims.planning.estimate import Cost, Estimate
from sdd_claims.record import Replica
from sdd_claims.storage.store import Store


@dataclass(frozen=True)
class Need:
    """The levels that must be stored before something can be judged.

    Attributes:
        wanted: number of levels of every replica.
        estimate: cost on the device on which they are trained.
    """

    wanted: Mapping[Replica, int]
    estimate: Estimate


def cheapest_first(needs: Sequence[Need], store: Store) -> Iterator[tuple[int, float]]:
    """The needs in the order in which the next one is always the cheapest.

    Yields:
        Indices into `needs`, each with the seconds that its training takes where all processes share the work, beyond
        the levels that are stored or trained for the needs before it.
    """
    done = {replica.key: store.levels_done(replica) for need in needs for replica in need.wanted}
    left = {index: dict(need.wanted) for index, need in enumerate(needs)}
    while left:
        for index, wanted in left.items():
            left[index] = {replica: levels for replica, levels in wanted.items() if levels > done[replica.key]}
        costs = {
            index: sum(needs[index].estimate.seconds(replica, done[replica.key], n) for replica, n in wanted.items())
            / needs[index].estimate.processes
            for index, wanted in left.items()
        }
        cheapest = min(costs, key=lambda index: (costs[index], index))
        yield cheapest, costs[cheapest]
        done |= {replica.key: levels for replica, levels in left.pop(cheapest).items()}


def alone_and_unshared(needs: Sequence[Need], store: Store) -> list[tuple[Cost, Cost]]:
    """For every need, the cost of its missing levels, and of those still missing if all other needs were met."""
    done = {replica.key: store.levels_done(replica) for need in needs for replica in need.wanted}
    # For every replica, the most levels asked for, and the most that any other need asks for.
    most: dict[tuple[str, int], tuple[int, int]] = dict.fromkeys(done, (0, 0))
    for need in needs:
        for replica, levels in need.wanted.items():
            first, second = most[replica.key]
            most[replica.key] = (levels, first) if levels > first else (first, max(second, levels))

    def others(replica: Replica, levels: int) -> int:
        first, second = most[replica.key]
        return second if levels == first else first

    return [
        (
            need.estimate.cost((r, done[r.key], n) for r, n in need.wanted.items()),
            need.estimate.cost((r, max(done[r.key], others(r, n)), n) for r, n in need.wanted.items()),
        )
        for need in needs
    ]
