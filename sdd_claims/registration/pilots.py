"""Windows that wait for pilots: seeds that train first, set windows and sizes, and never judge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sdd_claims.curves import DENSITY
from sdd_claims.errors import InputError
from sdd_claims.registration.claim import BLOCK, whole_numbers
from sdd_claims.registration.curve_of import CurveOf, Reader
from sdd_claims.stats import Phases, Rule, Window, diverged_pilots, find_phases

PILOTS = tuple(range(12))
"""Seeds on which windows, margins and sizes are set. They never judge."""


@dataclass(frozen=True)
class FromPilots:
    """Windows that the fixed formula sets from pilots of this very trial, trained before the first judged seed.

    Attributes:
        rule: builds the rule from the phases of each setting.
        settings: by name, the curves of test accuracy and of train accuracy that the formula reads.
        seeds: the pilots.
    """

    rule: Callable[[Mapping[str, Phases]], Rule]
    settings: Mapping[str, tuple[CurveOf, CurveOf]]
    seeds: tuple[int, ...] = PILOTS

    def __post_init__(self) -> None:
        """Check the seeds.

        Raises:
            InputError: a seed that may judge or is no whole number, or fewer than two.
        """
        object.__setattr__(self, "seeds", whole_numbers(self.seeds, "the seeds that set windows"))
        if len(self.seeds) < 2 or not all(0 <= seed < BLOCK for seed in self.seeds):
            raise InputError(
                f"windows are set by two or more seeds from 0 to {BLOCK - 1}, the pilots, got {self.seeds}; give such"
            )

    def pilot_curves(self) -> dict[str, CurveOf]:
        """The curves of all pilots; each name says which measure of which setting it is."""
        return {f"{name}, {curve.measure}": curve for name, pair in self.settings.items() for curve in pair}

    def phases(self, read: Reader) -> dict[str, Phases]:
        """The phases that the fixed formula finds in each setting.

        Raises:
            InputError: pilots show none for some setting, which the message names.
        """
        found = {}
        for name, (test, train) in self.settings.items():
            try:
                found[name] = find_phases(read(test, self.seeds), read(train, self.seeds))
            except InputError as error:
                raise InputError(f"{name}: {error}") from error
        return found

    def diverged(self, read: Reader) -> list[str]:
        """A sentence on each setting of which pilots diverged."""
        lost = {str(test.spec): diverged_pilots(read(test, self.seeds)) for test, _ in self.settings.values()}
        return [
            f"{pilots} ({setting}), and only levels before the first that did can have windows"
            for setting, pilots in lost.items()
            if pilots
        ]

    def with_placeholder_windows(self) -> Rule:
        """The rule with made-up windows, to check what does not depend on them before anything is trained."""
        return self.rule({name: _placeholders(test.axis) for name, (test, _) in self.settings.items()})


def _placeholders(axis: str) -> Phases:
    """Windows in the order that they have along an axis; nothing else about them is true."""

    def window(first: float, last: float) -> Window:
        return Window(last, first) if axis == DENSITY else Window(1 - first, 1 - last, axis)

    return Phases(
        light=window(1.0, 0.9),
        critical=window(0.6, 0.5),
        sweet=window(0.3, 0.2),
        collapsed=window(0.1, 0.05),
        memorizing=window(0.7, 0.6),
        to_sweet=window(0.99, 0.2),
        rise=window(0.6, 0.2),
        whole=window(0.99, 0.05),
    )
