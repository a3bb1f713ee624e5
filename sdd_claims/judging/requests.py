"""What trials ask to be trained: at each look the curves of the claim and of its control, and pilots before."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sdd_claims.judging.modes import Mode
from sdd_claims.planning.plan import Request, plan
from sdd_claims.record import Key
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Trial
from sdd_claims.spec import RunSpec


@dataclass(frozen=True)
class Requests:
    """The requests of trials.

    Attributes:
        mode: whether seeds judge, or pilots are looked at, or tiny networks stand for all.
        is_published: whether a published run has what a curve reads of one seed, which is then not trained.
    """

    mode: Mode
    is_published: Callable[[CurveOf, int], bool] = lambda curve, seed: False

    def looks(self, trial: Trial) -> int:
        """The number of looks that a trial may take."""
        return len(self.mode.looks(trial))

    def pilots(self, trial: Trial) -> list[Request]:
        """Those of the pilots that a trial waits for."""
        rule = self.mode.awaited_pilots(trial)
        return self._unpublished(rule.pilot_curves().values(), rule.seeds) if rule else []

    def of_look(self, trial: Trial, look: int) -> list[Request]:
        """Those of one look, without pilots."""
        curves, control_curves = self.mode.curves(trial)
        return self._unpublished([*curves.values(), *control_curves.values()], self.mode.looks(trial)[look])

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
        """The levels up to a look that trials read from published runs, each once, but for those asked for, too."""
        levels, asked = dict[Key, int](), dict[Key, int]()
        for trial in trials:
            for replica, count in plan(self.up_to(trial, look)).wanted.items():
                asked[replica.key] = max(count, asked.get(replica.key, 0))
            for curve, judged in self.curves_up_to(trial, look):
                for seed in curve.seeds(judged):
                    if self.is_published(curve, seed):
                        key = curve.spec.digest, seed
                        levels[key] = max(curve.levels, levels.get(key, 0))
        return sum(max(0, count - asked.get(key, 0)) for key, count in levels.items())

    def _taken(self, trial: Trial, look: int) -> int:
        return min(look, self.looks(trial) - 1)

    def _unpublished(self, curves: Iterable[CurveOf], judged: tuple[int, ...]) -> list[Request]:
        """One request a run and number of levels, for the seeds that no published run has.

        One measure more of a network asks for nothing more.
        """
        levels = defaultdict[RunSpec, dict[int, int]](dict)
        for curve in curves:
            of_seed = levels[curve.spec]
            for seed in curve.seeds(judged):
                if not self.is_published(curve, seed):
                    of_seed[seed] = max(curve.levels, of_seed.get(seed, 0))
        return [
            Request(spec, tuple(seed for seed, n in of_seed.items() if n == count), count)
            for spec, of_seed in levels.items()
            for count in dict.fromkeys(of_seed.values())
        ]
