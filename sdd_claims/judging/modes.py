"""The modes of a run: to judge, to try claims out on pilot seeds, or to go the whole way in miniature."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from sdd_claims.errors import InputError
from sdd_claims.judging import smoke
from sdd_claims.judging.verdict import Verdict, judge_at, without_windows
from sdd_claims.registration.curve_of import CurveOf, Reader
from sdd_claims.registration.pilots import PILOTS, FromPilots
from sdd_claims.registration.trial import Trial


class Mode(ABC):
    """The seeds and curves that a run looks at, and the verdicts that it makes of them.

    Attributes:
        option: the pytest option that chooses it; None for the default.
        report_folder: folder of the report in a checkout, where the user names none.
        judges: whether its verdicts count: every look is then checked against the ledger of judged blocks, and noted.
        checkpoints_every_epoch: whether every training goes through its checkpoints, epoch by epoch.
    """

    option: ClassVar[str | None]
    report_folder: ClassVar[str]
    judges: ClassVar[bool] = False
    checkpoints_every_epoch: ClassVar[bool] = False

    @abstractmethod
    def looks(self, trial: Trial) -> tuple[tuple[int, ...], ...]:
        """The seeds of each look at a trial."""

    def awaited_pilots(self, trial: Trial) -> FromPilots | None:
        """The pilots that must set the windows of a trial first; None where it waits for none."""
        return trial.rule if isinstance(trial.rule, FromPilots) else None

    def curves(self, trial: Trial) -> tuple[Mapping[str, CurveOf], Mapping[str, CurveOf]]:
        """The curves that are looked at, and those of the control.

        Raises:
            InputError: they cannot be had.
        """
        return trial.curves, trial.control_curves

    def verdict(self, trial: Trial, look: int, read: Reader, error_rate: float) -> Verdict:
        """The verdict at a look.

        Args:
            trial: with its windows set.
            look: number of the look, from 0 on.
            read: gives the curves.
            error_rate: the error rate of this claim.

        Raises:
            InputError: the rule cannot read the curves.
        """
        return judge_at(trial, look, self.looks(trial), read, error_rate)

    def verdict_without_windows(self, trial: Trial, rule: FromPilots, why: InputError) -> Verdict:
        """The verdict on a trial whose pilots show no windows."""
        return without_windows(trial, rule, why)


@dataclass(frozen=True)
class Judging(Mode):
    """Judge on the seeds that each trial registers, or on those that the user gives."""

    option: ClassVar[str | None] = None
    report_folder: ClassVar[str] = "reports/latest"
    judges: ClassVar[bool] = True

    def looks(self, trial: Trial) -> tuple[tuple[int, ...], ...]:
        """The seeds of each look at a trial."""
        return trial.judged_seeds()


@dataclass(frozen=True)
class Pilots(Mode):
    """Apply rules and controls to pilot seeds, and decide nothing."""

    option: ClassVar[str | None] = "--pilots"
    report_folder: ClassVar[str] = "reports/pilots"

    def looks(self, trial: Trial) -> tuple[tuple[int, ...], ...]:
        """One look, at the pilots."""
        return (PILOTS,)

    def verdict(self, trial: Trial, look: int, read: Reader, error_rate: float) -> Verdict:
        """The outcomes of rule and control, without a decision on the claim."""
        found = super().verdict(trial, look, read, error_rate)
        return replace(found, decision=None, reason="these are pilot seeds, which never judge")

    def verdict_without_windows(self, trial: Trial, rule: FromPilots, why: InputError) -> Verdict:
        """The verdict of a run that judges, without its decision."""
        return replace(super().verdict_without_windows(trial, rule, why), decision=None)


@dataclass(frozen=True)
class Smoke(Mode):
    """Take tiny trainings through engine, store and report, and judge nothing.

    Attributes:
        data_root: folder of data sets; stand-ins take the place of those that it lacks. None for the default.
    """

    option: ClassVar[str | None] = "--smoke"
    report_folder: ClassVar[str] = "reports/smoke"
    checkpoints_every_epoch: ClassVar[bool] = True

    data_root: Path | None = None

    def looks(self, trial: Trial) -> tuple[tuple[int, ...], ...]:
        """One look, at two pilots."""
        return (smoke.SEEDS,)

    def awaited_pilots(self, trial: Trial) -> FromPilots | None:
        """None: nothing is judged, so no windows are needed."""
        return None

    def curves(self, trial: Trial) -> tuple[Mapping[str, CurveOf], Mapping[str, CurveOf]]:
        """The curves of the trial and of its control, shrunk.

        Raises:
            InputError: a network that does not fit its images, whole as it is.
        """
        return smoke.smoke_curves(trial, self.data_root)

    def verdict(self, trial: Trial, look: int, read: Reader, error_rate: float) -> Verdict:
        """A verdict without findings; every curve is read."""
        seeds = self.looks(trial)[look]
        for curves in self.curves(trial):
            for curve in curves.values():
                read(curve, seeds)
        reason = "this was a smoke run, which only shows that the line works"
        return Verdict(trial, None, None, None, None, seeds, (len(seeds),), None, reason)
