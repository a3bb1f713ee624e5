"""What to train first when time is short: what gives the most verdicts for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sdd_claims.planning.estimate import Cost, Estimate
from sdd_claims.record import Replica
from sdd_claims.storage.store import Store


@dataclass(frozen=True)
class Need:
    """What must be stored before something can be judged.

    Attributes:
        wanted: levels of every replica.
        estimate: of the device on which they are trained.
    """

    wanted: Mapping[Replica, int]
    estimate: Estimate


def cheapest_first(needs: Sequence[Need], store: Store) -> Iterator[tuple[int, float]]:
    """The order in which needs are met where every next one is the cheapest.

    Yields:
        Places in `needs`, each with the seconds that it takes where all processes share the work, beyond what is stored
        and what those before it have had trained.
    """
    done = {replica.key: store.levels_done(replica) for need in needs for replica in need.wanted}
    left = {place: dict(need.wanted) for place, need in enumerate(needs)}
    while left:
        for place, wanted in left.items():
            left[place] = {replica: levels for replica, levels in wanted.items() if levels > done[replica.key]}
        costs = {
            place: sum(needs[place].estimate.seconds(replica, done[replica.key], n) for replica, n in wanted.items())
            / needs[place].estimate.processes
            for place, wanted in left.items()
        }
        place = min(costs, key=lambda place: (costs[place], place))
        yield place, costs[place]
        done |= {replica.key: levels for replica, levels in left.pop(place).items()}


def alone_and_unshared(needs: Sequence[Need], store: Store) -> list[tuple[Cost, Cost]]:
    """Of every need the cost of all that it lacks, and of what it would still lack if all others were met."""
    done = {replica.key: store.levels_done(replica) for need in needs for replica in need.wanted}
    # Of every replica the most levels asked for, and the most that any other need asks for.
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
