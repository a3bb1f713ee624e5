"""A budget of hours: which looks are trained next, and what is said of those that it leaves."""

import time
from collections.abc import Sequence

from sdd_claims.errors import BudgetError
from sdd_claims.planning.budget import Need, cheapest_first
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

    def affordable(self, plans: Sequence[Plan], estimates: Sequence[Estimate], store: Store) -> list[int]:
        """Indices of the plans to train next: the cheapest, if it fits into the time that is left, else none.

        Others go with it, the next cheapest, while all take no more than a tenth of that time: processes stay busy, and
        what has been trained by then corrects the estimate of the rest.

        Args:
            plans: all that are still to be trained.
            estimates: the cost of each plan's levels on its device.
            store: what it holds costs nothing.
        """
        left = max(0.0, self.deadline - time.time())
        needs = [Need(whole.wanted, estimate) for whole, estimate in zip(plans, estimates, strict=True)]
        chosen, total = list[int](), 0.0
        for index, seconds in cheapest_first(needs, store):
            total += seconds
            fits = total <= left / 10 if chosen else duration(plans[index], store, estimates[index]) <= left
            if not fits:
                break
            chosen.append(index)
        return chosen

    def exceeded(self, whole: Plan, look: int, estimate: Estimate, store: Store) -> BudgetError:
        """The error of a trial that is left unjudged, with what its next look still lacks."""
        where = " (it is open after its first look)" if look else ""
        rest = numbers.duration(duration(whole, store, estimate))
        return BudgetError(
            f"not judged within the budget of {self.hours:g} hours{where}: {whole.stored(store)} of its {whole.needed} "
            f"levels are stored, the rest takes about {rest}; run again without --budget or with a larger one"
        )
