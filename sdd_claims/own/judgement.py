"""Claims on trial on a network of one's own."""

import html
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from sdd_claims.errors import InputError, StoreError, crash
from sdd_claims.judging.plan_report import PlanReport
from sdd_claims.judging.run import ClaimRun, summary_lines
from sdd_claims.judging.session import Session
from sdd_claims.judging.settings import Settings
from sdd_claims.judging.yours import as_written
from sdd_claims.locations import in_home
from sdd_claims.machine.devices import CPU
from sdd_claims.machine.termination import interrupted_when_terminated
from sdd_claims.own.recipe import recipe
from sdd_claims.own.running import as_engines_train, blamed, check_processes, settings_for
from sdd_claims.own.setting import setting_of
from sdd_claims.own.words import answer, asked_first, beginning, row_of
from sdd_claims.registration.own import EVERY_NAME, OF_OTHER_STARTS, PAPER, QUESTION, OwnSetting, chosen, own_trials
from sdd_claims.registration.trial import Trial
from sdd_claims.report import claims_json, papers_in, sentences
from sdd_claims.report.claims_json import ClaimEntry, YoursEntry
from sdd_claims.storage.store import Store

_IN_PYTHON = "sdd_claims.judge"
"""What a report names as its command where there was none."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """The verdicts on a user's network. They are "yours": about this network and data, and about no paper.

    Attributes:
        entries: by name of the claim, as in claims.json.
        answer: the question "does it show sparse double descent?" in a sentence, or the first claim that was asked.
        page: the report.
        unjudged: a sentence on each claim that could not be judged.
    """

    entries: Mapping[str, ClaimEntry]
    answer: str
    page: Path
    unjudged: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """ "supported", "refuted" or "inconclusive": of the question, or of the first claim that was asked."""
        return sentences.verdict_word(asked_first(self.entries)["verdict"])

    def __repr__(self) -> str:
        lines = [self.answer, *(f"  {line}" for line in summary_lines([*self.entries.values()]))]
        lines += [f"  not judged: {why}" for why in self.unjudged]
        return "\n".join([*lines, f"  report: {self.page}"])

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row_of(entry))}</tr>"
            for entry in self.entries.values()
        )
        return (
            f"<p>{html.escape(self.answer)}</p><table><thead><tr><th>yours</th><th>verdict</th><th>effect</th>"
            f"<th>p</th></tr></thead><tbody>{rows}</tbody></table>"
            + "".join(f"<p>not judged: {html.escape(why)}</p>" for why in self.unjudged)
            + f"<p>report: {html.escape(str(self.page))}</p>"
        )


def judge(
    network: str | Callable[..., nn.Module],
    data: Any,
    *,
    claims: str | Sequence[str] = QUESTION,
    store: str | Path = ".sdd_store",
    report: str | Path | None = None,
    processes: bool = False,
    device: str = "cpu",
    quiet: bool = False,
    command: str = _IN_PYTHON,
    **settings: Any,
) -> Judgement:
    """Put claims about sparse double descent on trial on a network of one's own.

    Pilots set the windows, fresh seeds judge, and a control in which the claim is false is judged by the same rule.

    Args:
        network: as of `sparsity_curve`.
        data: as of `sparsity_curve`.
        claims: "all", or names; by default the question whether it shows sparse double descent.
        store: folder of results: what is there is not trained again.
        report: folder of the report; by default one under reports/ named after the network.
        processes: train in a process a core; in a script under `if __name__ == "__main__":` alone.
        device: "cpu" or "cuda".
        quiet: show no progress.
        command: how it was asked, for the report.
        settings: as of `Recipe`.

    Returns:
        The verdicts. A claim that could not be judged stops no other: `Judgement.unjudged` says why.

    Raises:
        InputError: whatever is wrong with network, data or settings, in one sentence.
        StoreError: the store or the report cannot be written.
        KeyboardInterrupt: interrupted; the report has what was decided.
        Exception: the first error, where no claim could be judged.
    """
    with as_engines_train(), interrupted_when_terminated():
        asked = _Asked(network, data, claims, store, report, processes, device, settings, quiet=quiet, command=command)
        run = asked.checked_run()
        if not quiet:
            print(beginning(run.setting, run.trials), file=sys.stderr, flush=True)
        entries, refused = _judged(run)
        whys = {name: why for name, why in refused.items() if name not in entries}
        interrupted = next((why for why in refused.values() if isinstance(why, KeyboardInterrupt)), None)
        if interrupted is not None:
            goes_on = "the same line goes on from there" + ("" if command == _IN_PYTHON else f": {command}")
            print(f"interrupted: {run.kept()}; {goes_on}", file=sys.stderr)
        if not entries:
            raise next(iter(whys.values()))
        unjudged = tuple(_unjudged(f"{PAPER}/{name}", _said(why)) for name, why in whys.items())
        # Another run may have reported meanwhile, or this one be cut short.
        folder = _default_report(run.setting) if report is None else run.settings.report
        run.settings = replace(run.settings, report=_report_beside(folder, run.setting, [*entries]).absolute())
        page = run.write_report([*entries.values()], command, unjudged)
        found = Judgement(entries, answer(asked_first(entries), run.setting, Store(run.settings.store)), page, unjudged)
        if interrupted is not None:
            print(found, file=sys.stderr)
            raise interrupted
        return found


def planned(
    network: str | Callable[..., nn.Module],
    data: Any,
    *,
    claims: str | Sequence[str] = QUESTION,
    store: str | Path = ".sdd_store",
    report: str | Path | None = None,
    processes: bool = False,
    device: str = "cpu",
    **settings: Any,
) -> PlanReport:
    """What `judge` would train for the same arguments, pilots included, and how long it would take; nothing is trained.

    Returns:
        The plan; its `refused` has a sentence on each claim that may not be judged on these seeds.

    Raises:
        InputError: as of `judge`; or no claim may be judged on these seeds.
        StoreError: the store cannot be used.
    """
    with as_engines_train():
        found = _Asked(network, data, claims, store, report, processes, device, settings).checked_run().planned()
    if found.refused and not found.claims:
        raise InputError("; ".join(found.refused))
    return found


def _judged(run: "_OwnRun") -> tuple[dict[str, ClaimEntry], dict[str, BaseException]]:
    """What has been decided, and the errors of claims, by their names."""
    names = [trial.claim.name for trial in run.trials]
    entries, refused = dict[str, ClaimEntry](), dict[str, BaseException]()
    for trial in run.trials:
        try:
            entries[trial.claim.name] = run.entry(trial, "")
        except KeyboardInterrupt as interruption:
            refused |= dict.fromkeys((name for name in names if name not in entries | refused), interruption)
            break
        except Exception as error:  # of one claim, or what stopped the training: what is decided is reported
            refused[trial.claim.name] = blamed(error, run.setting, f"{run.kept()}; mend it and check again")
    entries |= {entry["id"].removeprefix(f"{PAPER}/"): entry for entry in run.reached()}
    return {name: entries[name] for name in names if name in entries}, refused


@dataclass(frozen=True)
class _Asked:
    """What a user asks for, as the arguments of `judge`."""

    network: Any
    data: Any
    claims: str | Sequence[str]
    store: str | Path
    report: str | Path | None
    processes: bool
    device: str
    settings: Mapping[str, Any]
    quiet: bool = True
    command: str = _IN_PYTHON

    @property
    def _claims(self) -> str:
        given: Any = self.claims
        names = [given] if isinstance(given, str) else [*given] if isinstance(given, Iterable) else None
        if names is None or not all(isinstance(name, str) for name in names):
            raise InputError(f"claims {given!r}: give names in a list, or 'all'")
        return ",".join(names)

    def checked_run(self) -> "_OwnRun":
        """The run, with everything checked that can be before training.

        Raises:
            InputError, StoreError: as of `judge`.
        """
        how = recipe(self.settings)
        names = chosen(self._claims, penalised=how.penalty is not None)
        folder = None if self.report is None else in_home(self.report, "give the whole path with --report")
        if folder is not None:
            _check_report(folder)
        options = settings_for(self.store, self.device, self.processes, folder or Path("reports/yours"))
        used = options.devices["fast"] or CPU
        setting = setting_of(self.network, self.data, how, options.store, used.torch)
        check_processes(setting, self.processes)
        if setting.one_start:
            names = self._of_one_start(names, setting.network)
        if folder is None:
            folder = _report_beside(_default_report(setting), setting, names)
            _check_report(folder)
        elif not _would_keep(folder, setting, names):
            raise InputError(
                f"{folder} holds verdicts on another question, which would be lost; choose another folder with "
                "--report, or move it away"
            )
        options = replace(options, report=folder.absolute(), registered=len(EVERY_NAME))
        run = _OwnRun(options, self.command, self.quiet, setting)
        run.trials = own_trials(setting, names)
        return run

    def _of_one_start(self, names: Sequence[str], network: str) -> tuple[str, ...]:
        """The claims that can be asked of a network whose every seed begins with the same weights.

        Raises:
            InputError: one that cannot is asked for by its name.
        """
        left = tuple(name for name in names if name not in OF_OTHER_STARTS)
        if self._claims != "all" and len(left) < len(names):
            lost = next(name for name in names if name in OF_OTHER_STARTS)
            raise InputError(
                f"--claims {lost}: {network} begins with the same weights whatever the seed, and this claim needs "
                "others; let the callable draw them from PyTorch's generator, and set no seed itself"
            )
        return left


def _unjudged(claim: str, why: str) -> str:
    return why if why.startswith(claim) else f"{claim}: {why}"


def _said(why: BaseException) -> str:
    """Why a claim has no verdict, in a sentence."""
    if isinstance(why, KeyboardInterrupt):
        return "interrupted before its verdict; run again, and it goes on from what is kept"
    return str(why) if isinstance(why, InputError | StoreError) else crash(why)


class _OwnRun(ClaimRun):
    """A run on a user's network: its line to run again is the one that was given.

    Attributes:
        setting: of the network and its data.
    """

    def __init__(self, settings: Settings, command: str, quiet: bool, setting: OwnSetting) -> None:
        super().__init__(settings, quiet=quiet)
        self.setting = setting
        self._command = command

    def _rerun(self, trial: Trial, path: str) -> str:
        return self._command

    def _yours(self) -> YoursEntry:
        return as_written(self.setting)

    def _notes(self, session: Session) -> Sequence[str]:
        """Warnings; nobody writes down the windows of a network of their own."""
        return [note for note in session.notes if note.startswith("warning")]


def _default_report(setting: OwnSetting) -> Path:
    """The folder of a report for which none was named."""
    return Path("reports") / f"yours-{re.sub(r'[^A-Za-z0-9_]+', '-', setting.network).strip('-')}"


def _report_beside(first: Path, setting: OwnSetting, names: Sequence[str]) -> Path:
    """A folder, or the first of those numbered after it, where a report on these claims replaces no other verdict."""
    for number in itertools.count(1):
        folder = first if number == 1 else first.with_name(f"{first.name}-{number}")
        if not (folder / "claims.json").exists():
            break
        with suppress(InputError):  # what cannot be read is nobody's to replace
            if _would_keep(folder, setting, names):
                break
    return folder


def _would_keep(folder: Path, setting: OwnSetting, names: Sequence[str]) -> bool:
    """Whether a report on these claims has all that a folder holds: those of the same setting, or nothing.

    Raises:
        InputError: what it holds cannot be read.
    """
    if not (folder / "claims.json").exists():
        return True
    there = claims_json.read(folder / "claims.json")
    asked = {claim["id"].removeprefix(f"{PAPER}/") for claim in there["claims"]}
    return there.get("yours") == as_written(setting) and asked <= {*names}


def _check_report(folder: Path) -> None:
    """Check that a folder of a report is new, empty, or one of these.

    Raises:
        InputError: it holds something else, which would be mixed up or lost.
    """
    if others := papers_in(folder) - {PAPER}:
        raise InputError(
            f"{folder} holds verdicts on {', '.join(sorted(others))}, which yours are never mixed with; choose another "
            "folder with --report"
        )
