"""What trials ask to be trained: at each look the curves of the claim and of its control, and pilots before."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sdd_claims.judging.modes import Mode
from sdd_claims.planning.plan import Request
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Trial
from sdd_claims.spec import RunSpec


@dataclass(frozen=True)
class Requests:
    """The requests of trials.

    Attributes:
        mode: whether seeds judge, or pilots are looked at, or tiny networks stand for all.
        published: digest and seed of the networks that published runs hold, which are read in place of trained.
    """

    mode: Mode
    published: Collection[tuple[str, int]] = ()

    def looks(self, trial: Trial) -> int:
        """The number of looks that a trial may take."""
        return len(self.mode.looks(trial))

    def pilots(self, trial: Trial) -> list[Request]:
        """Those of the pilots that a trial waits for."""
        rule = self.mode.awaited_pilots(trial)
        return self._one_a_run(rule.pilot_curves().values(), rule.seeds) if rule else []

    def of_look(self, trial: Trial, look: int) -> list[Request]:
        """Those of one look, without pilots."""
        curves, control_curves = self.mode.curves(trial)
        return self._one_a_run([*curves.values(), *control_curves.values()], self.mode.looks(trial)[look])

    def up_to(self, trial: Trial, look: int) -> list[Request]:
        """Those up to a look, or to its last, with the pilots that it waits for."""
        return [*self.pilots(trial), *self.of_look(trial, self._taken(trial, look))]

    def curves_up_to(self, trial: Trial, look: int) -> Iterator[tuple[CurveOf, tuple[int, ...]]]:
        """The curves that are read up to a look, or to its last, with the seeds that each is asked for."""
        if rule := self.mode.awaited_pilots(trial):
            yield from ((curve, rule.seeds) for curve in rule.pilot_curves().values())
        judged = self.mode.looks(trial)[self._taken(trial, look)]
        for curves in self.mode.curves(trial):
            yield from ((curve, judged) for curve in curves.values())

    def levels_read(self, trials: Iterable[Trial], look: int) -> int:
        """The levels up to a look that trials read from published runs, each once."""
        levels = dict[tuple[str, int], int]()
        for trial in trials:
            for curve, judged in self.curves_up_to(trial, look):
                for key in ((curve.spec.digest, seed) for seed in curve.seeds(judged)):
                    if key in self.published:
                        levels[key] = max(curve.levels, levels.get(key, 0))
        return sum(levels.values())

    def _taken(self, trial: Trial, look: int) -> int:
        return min(look, self.looks(trial) - 1)

    def _one_a_run(self, curves: Iterable[CurveOf], judged: tuple[int, ...]) -> list[Request]:
        """One request a run, for the seeds that no published run has: one measure more asks for nothing more."""
        longest: dict[tuple[RunSpec, int], CurveOf] = {}
        for curve in curves:
            known = longest.setdefault((curve.spec, curve.offset), curve)
            if curve.levels > known.levels:
                longest[curve.spec, curve.offset] = curve
        found = [Request(curve.spec, self._unpublished(curve, judged), curve.levels) for curve in longest.values()]
        return [request for request in found if request.seeds]

    def _unpublished(self, curve: CurveOf, judged: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(seed for seed in curve.seeds(judged) if (curve.spec.digest, seed) not in self.published)
