"""A budget of hours: which looks are trained next, and what is said of those that it leaves."""

import time
from collections.abc import Sequence

from sdd_claims.errors import BudgetError
from sdd_claims.planning.budget import Need, affordable, cheapest_first, stored
from sdd_claims.planning.estimate import Estimate, duration
from sdd_claims.planning.plan import Plan
from sdd_claims.report import numbers
from sdd_claims.storage.store import Store


class Budget:
    """Hours of training, from the moment on in which this is made.

    Attributes:
        hours: their number.
        deadline: the `time.time()` at which they are over.
    """

    def __init__(self, hours: float) -> None:
        self.hours = hours
        self.deadline = time.time() + 3600 * hours
        self._trains = False

    def affordable(self, plans: Sequence[Plan], estimates: Sequence[Estimate], store: Store) -> list[int]:
        """Indices of the plans to train next; none where none fits into the time that is left.

        Where none has fitted but what is stored, the cheapest is begun all the same: run after run gets there.

        Args:
            plans: all that are still to be trained.
            estimates: the cost of each plan's levels on its device.
            store: what it holds costs nothing.
        """
        left = max(0.0, self.deadline - time.time())
        needs = [Need(whole, estimate) for whole, estimate in zip(plans, estimates, strict=True)]
        group = next(affordable(needs, store, left), [])
        if not group and needs and left and not self._trains:
            cheapest, seconds, _ = next(cheapest_first(needs, stored(needs, store)))
            group = [(cheapest, seconds)]
        self._trains |= any(seconds for _, seconds in group)
        return [index for index, _ in group]

    def exceeded(self, whole: Plan, look: int, estimate: Estimate, store: Store) -> BudgetError:
        """The error of a trial that is left, with what its next look still lacks."""
        rest = numbers.duration(duration(whole, store, estimate))
        return BudgetError(
            f"not {'looked at again' if look else 'judged'} within the budget of {self.hours:g} hours: "
            f"{whole.stored(store)} of its {whole.needed} levels are stored, the rest takes about {rest}; run again, "
            "and training goes on from there"
        )
