"""One pytest run as the product sees it: trials to verdicts, verdicts to entries, a report and words."""

import hashlib
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from sdd_claims import report
from sdd_claims.engines import ProgressDisplay
from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.claim_entry import adjust_p_values, claim_entry_from, trained_on
from sdd_claims.judging.evidence_runs import CurvesAtHand
from sdd_claims.judging.plan_report import PlanReport, planned
from sdd_claims.judging.session import Session
from sdd_claims.judging.settings import Settings
from sdd_claims.judging.verdict import Verdict
from sdd_claims.locations import bundled, checkout
from sdd_claims.machine import provenance
from sdd_claims.machine.devices import CPU
from sdd_claims.planning.plan import Plan
from sdd_claims.registration.claim import Tier
from sdd_claims.registration.trial import Trial
from sdd_claims.report import calibration, claims_json, numbers, sentences
from sdd_claims.report.claims_json import (
    ClaimEntry,
    ClaimsDocument,
    EnvironmentEntry,
    YoursEntry,
)
from sdd_claims.report.deciding import margin
from sdd_claims.report.trial_errors import trial_errors
from sdd_claims.storage import locks
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.memo import results_kept
from sdd_claims.storage.opening import open_store
from sdd_claims.storage.schema import check_there
from sdd_claims.storage.store import Store

_REACHED = "reached"
_STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable in which GitHub names the file that the page of a CI run shows."""


class ClaimRun:
    """Opened when pytest is configured; trains when the first verdict is asked for.

    Attributes:
        trials: trials of the selected tests; set after collection.
        paths: of the modules of these tests, as pytest takes them, by claim, tier and network.
        settings: the user's choices.
    """

    def __init__(self, settings: Settings, shared: Path | None = None, quiet: bool = False) -> None:
        """Nothing is opened or written yet: most pytest runs of a developer judge no claim.

        Args:
            settings: the user's choices.
            shared: in a worker of xdist, a folder of all of them.
            quiet: show no progress.
        """
        self.trials: list[Trial] = []
        self.paths: dict[tuple[str, Tier, str], str] = {}
        self.settings = settings
        self._shared = shared
        self._quiet = quiet
        self._shows: locks.Held | None = None
        self._training: tuple[Plan, Store] | None = None
        self._handed: set[tuple[tuple[str, Tier, str], tuple[int, ...]]] = set()
        self._session: Session | None = None
        self._console: Console | None = None
        self._started = datetime.now(UTC)
        self._clock = time.monotonic()

    def entry(self, trial: Trial, path: str) -> ClaimEntry:
        """The entry of one of `trials`, trained and judged.

        Args:
            trial: of a test.
            path: of that test's module, as pytest takes it.

        Raises:
            InputError: it cannot be judged.
            StoreError: the store cannot be used.
        """
        session = self._opened()
        try:
            verdict = session.verdict(trial)
        finally:
            notes = [*self._notes(session)]
            warned = [note for note in notes if note.startswith("warning")]  # which other processes may not know of
            if len(warned) < len(notes) and not self._speaks():
                notes = warned
            for line in (*(f"warning: {warning}" for warning in session.store.warnings), *notes):
                print(line, file=sys.stderr)
            session.store.warnings.clear()
            session.notes.clear()
        return self._made(verdict, path)

    def _made(self, verdict: Verdict, path: str) -> ClaimEntry:
        """The entry of a verdict; `path` is that of its test's module."""
        session, trial = self._opened(), verdict.trial
        rerun, blocks = self._rerun(trial, path), session.blocks(trial)
        with results_kept():
            made = claim_entry_from(verdict, session.at_hand, *session.curves(trial), rerun=rerun, blocks=blocks)
        return session.at_hand.marked(made)

    def _notes(self, session: Session) -> Sequence[str]:
        """The session's notes that this run shows."""
        return session.notes

    def _yours(self) -> YoursEntry | None:
        """What a network of the user's own was judged by; None of the claims of papers."""
        return None

    @property
    def has_failed(self) -> bool:
        """Whether an error has stopped the training of all trials: what was reached before stands all the same."""
        return self._session is not None and self._session.failure is not None

    @property
    def has_bad_input(self) -> bool:
        """Whether bad input has stopped the training of all trials, as where no Ray cluster answers.

        Missing data are none: they have claims skipped.
        """
        return self._session is not None and type(self._session.failure) is InputError

    def reached_of(self, trial: Trial) -> ClaimEntry | None:
        """The entry of one trial; None where it has not been looked at."""
        looked_at = self._session.reached() if self._session else []
        return next((self._entry(verdict) for verdict in looked_at if verdict.trial.key == trial.key), None)

    def reached(self) -> list[ClaimEntry]:
        """The entries of all trials that have been looked at."""
        return (
            [entry for verdict in self._session.reached() if (entry := self._entry(verdict))] if self._session else []
        )

    def _entry(self, verdict: Verdict) -> ClaimEntry | None:
        """The entry of a verdict that no test has asked for yet; None where it crashes, which its own test will say."""
        try:
            return self._made(verdict, self.paths.get(verdict.trial.key, ""))
        except Exception:
            return None

    def _hand_over(self) -> None:
        """In a worker of xdist, leave the entry of every look where the controller finds it after Ctrl-C."""
        if self._session is None or self._shared is None:
            return
        for verdict in self._session.reached():
            key = verdict.trial.key
            if (key, verdict.looks) not in self._handed and (entry := self._entry(verdict)):
                name = hashlib.sha256(repr((key, verdict.looks)).encode()).hexdigest()
                write_atomically(self._shared / _REACHED / f"{name}.json", json.dumps(entry).encode())
            self._handed.add((key, verdict.looks))

    def kept(self) -> str:
        """What is stored, in words, of what was trained last: whatever stopped the training, it goes on from there."""
        what = "every level that was finished"
        if self._training is not None:
            plan, store = self._training
            with suppress(OSError, StoreError):  # what cannot be counted is no reason to say nothing else
                what = f"{plan.stored(store)} of {numbers.count(plan.needed, 'level')}"
        return f"{what} {'are' if what[0].isdigit() else 'is'} kept in {self.settings.store}"

    def planned(self) -> PlanReport:
        """What `trials` ask for: levels that are stored, those to train, and their cost."""
        return planned(self._opened(), self.settings)

    def write_report(self, entries: Sequence[ClaimEntry], command: str, unloaded: Sequence[str] = ()) -> Path:
        """Write claims.json, the evidence, the page and the summary; in a CI run of GitHub, its page has the table too.

        Args:
            entries: of all verdicts.
            command: the one that the user gave.
            unloaded: a sentence on each claim module that could not be loaded, and on each claim that has no verdict.

        Returns:
            The path of the page.
        """
        adjust_p_values(entries, self.settings.registered)
        check_there(self.settings.store)
        # The session's knows its chains already; in the controller of xdist there is none.
        store = self._session.store if self._session else Store(self.settings.store)
        at_hand = CurvesAtHand.of(entries, store, self.settings.evidence)
        used = [device for e in entries if (device := self.settings.devices[e["tier"]])]
        document = ClaimsDocument(
            schema=claims_json.SCHEMA,
            environment=EnvironmentEntry(
                commit=provenance.commit(),
                versions=provenance.versions(),
                hardware=provenance.hardware(max(used, default=CPU)),  # a GPU's line names the processor too
                started=self._started.isoformat(timespec="seconds"),
                duration=round(time.monotonic() - self._clock, 1),
                device=", ".join(sorted({str(self.settings.devices[e["tier"]]) for e in entries})),
                capability=provenance.capability(),
                training=trained_on(entries, at_hand),
                command=command,
            ),
            alpha=self.settings.alpha,
            registered=self.settings.registered,
            calibration=calibration.measured(bundled("fixtures")),
            claims=sorted(entries, key=lambda e: (e["tier"], e["paper"], e["id"], sentences.network(e))),
        )
        if found := trial_errors(entries, bundled("fixtures")):
            document["characteristics"] = found
        if taken := at_hand.taken(entries):
            document["environment"]["taken"] = taken
        if unloaded:
            document["unloaded"] = [*unloaded]
        if self.settings.block is not None:
            document["replication"] = self.settings.block
        if (yours := self._yours()) is not None:
            document["yours"] = yours
        with results_kept():
            page = report.write(self.settings.report, document, at_hand)
        if step := os.environ.get(_STEP_SUMMARY):
            self._add_to_step(Path(step), document)
        return page

    def _add_to_step(self, path: Path, document: ClaimsDocument) -> None:
        """Add the verdict table to the page of a CI run; what stands there of other steps stays."""
        from sdd_claims.report import markdown

        try:
            with path.open("a", encoding="utf-8") as page:
                page.write(f"\n{markdown.step_summary(document)}")
        except OSError as error:
            said = f"the verdicts cannot be added to {path} ({error.strerror or error}), which {_STEP_SUMMARY} names"
            print(f"warning: {said}", file=sys.stderr)

    def _rerun(self, trial: Trial, path: str) -> str:
        module = f"claims/{trial.claim.paper}/test_{trial.claim.name}"
        if not (bundled("claims").parent / f"{module}.py").exists():  # a claim of the user's own
            words = ["pytest", "-p", "sdd_claims.plugin", "-m", trial.tier, shlex.quote(path)]
        elif checkout() is None:  # installed from a wheel: the claims are inside the package
            words = ["pytest", "-p", "sdd_claims.plugin", "--pyargs", f"sdd_claims.{module.replace('/', '.')}"]
            words += ["-m", trial.tier]
        else:
            words = ["pytest", "-m", trial.tier, f"{module}.py"]
        if trial.network:
            words.append(f'-k "[{trial.network.replace(" ", "-")}]"')
        if self.settings.mode.option is not None:
            words.append(self.settings.mode.option)
        device = self.settings.devices[trial.tier]
        if device is not None and (device == CPU) == (trial.tier == "full"):  # not the tier's own
            words += ["--device", str(device)]
        if self.settings.seeds is not None:
            words += ["--seeds", numbers.seed_list(self.settings.seeds).replace("–", "-").replace(" ", "")]
        if self.settings.block is not None:
            words += ["--block", str(self.settings.block)]
        return " ".join(words)

    def check_store(self) -> None:
        """Open the store, which is made where there is none, before anything is trained.

        Raises:
            InputError: no URL that can be reached from here as it is installed.
            StoreError: the store cannot be used.
        """
        open_store(self.settings.store, self.settings.url)

    def _opened(self) -> Session:
        if self._session is None:
            self._session = Session(self.trials, self.settings, self._progress, self._announce, self._shared)
        return self._session

    def _progress(self, plan: Plan, store: Store, left: Callable[[], str]) -> AbstractContextManager[object]:
        self._training = plan, store
        self._hand_over()
        if self._quiet:
            return nullcontext()
        if not self._speaks():
            return _said_by_another()
        self._console = Console(file=sys.stderr, force_terminal=False if self._shared else None)
        return ProgressDisplay(plan, store, left, self._console)

    def _speaks(self) -> bool:
        """Whether this process says how all get on: of workers, which share a terminal, the first that has to."""
        if self._shared is None:
            return True
        self._shows = self._shows or locks.lock(self._shared / "progress.lock", wait=False, what="")
        return self._shows is not None

    def _announce(self, verdict: Verdict) -> None:
        """Show a verdict that is reached while others are still trained."""
        self._hand_over()
        console = self._console
        if console is None or (found := self._entry(verdict)) is None:
            return
        (line,) = summary_lines([found])
        ending = " (more seeds are planned)" if sentences.is_open_so_far(found) else ""
        # Above the bar, and whole: a terminal breaks it by itself.
        console.print(f"\n{line}{ending}", highlight=False, markup=False, soft_wrap=True)


def handed_over(shared: Path) -> list[ClaimEntry]:
    """The entries that workers of xdist have left in the folder that they share."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((shared / _REACHED).glob("*.json"))]


@contextmanager
def _said_by_another() -> Iterator[None]:
    before = locks.tell(locks.nobody)
    try:
        yield
    finally:
        locks.tell(before)


def summary_lines(entries: Sequence[ClaimEntry]) -> list[str]:
    """A line a verdict for the terminal."""
    lines = []
    for e in entries:
        control = e["control"]
        expected = f" (expected {e['expected']})" if sentences.is_surprise(e) else ""
        lines.append(
            f"{e['id']} [{sentences.column(e)}{', exploratory' if sentences.is_exploratory(e) else ''}]: "
            f"{sentences.ruling(e)}{expected}; effect {numbers.effect(e['effect'])} ({numbers.interval(e['effect'])}), "
            f"{sentences.seeds(e)}, p {sentences.shown_p(e)}, "
            f"{sentences.foreseen(e) or f'repeats {sentences.repeats(e)}'}; control, {control['setting']}: "
            f"{sentences.control_in_a_word(control)}"
        )
    return lines


def properties_of(e: ClaimEntry) -> list[tuple[str, str]]:
    """What a program wants to know of a verdict, as JUnit XML holds it: text, empty where there is no number.

    `p` is the one of the report, over all looks; `p_of` says whether it is the claim's or its contrary's.
    """
    effect, shown = e["effect"], e.get("decisive")
    said = {
        "verdict": sentences.verdict_word(e["verdict"]),
        "ruling": sentences.ruling(e),
        "expected": e["expected"],
        "effect": effect and effect["value"],
        "effect_low": effect and effect["low"],
        "effect_high": effect and effect["high"],
        "effect_unit": effect and effect["unit"],
        "p": shown["p"] if shown else e["p"],
        "p_of": shown and shown["of"],
        "seeds": len(e["seeds"]),
        "rerun": e["rerun"],
    }
    return [(name, "" if value is None else str(value)) for name, value in said.items()]


def paragraph(e: ClaimEntry) -> str:
    """Why a test failed: the claim, the verdict, the numbers and the line to run it again."""
    return "\n".join(
        [
            f"{sentences.name(e)}: {e['statement']}",
            sentences.verdict(e),
            e["words"] or f"Nothing was tested: {sentences.why(e)}.",
            f"Effect {numbers.effect(e['effect'])}, interval {numbers.interval(e['effect'])}; margin {margin(e)}.",
            f"Run it again: {e['rerun']}",
        ]
    )
