"""The pytest side: markers, options, one fixture, and how verdicts are shown. What happens is decided elsewhere."""

import gc
import os
import re
import shlex
import tempfile
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sdd_claims import command_line
from sdd_claims.data.datasets import ROOT_VARIABLE, no_such_root
from sdd_claims.errors import BudgetError, InputError, MissingDataError, StoreError, crash, escaped, nearest
from sdd_claims.judging.options import limit_threads, settings_of
from sdd_claims.judging.plan_report import in_words
from sdd_claims.judging.run import ClaimRun, handed_over, paragraph, properties_of, summary_lines
from sdd_claims.judging.settings import Settings
from sdd_claims.locations import in_home
from sdd_claims.machine.termination import interrupted_when_terminated
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trial import Trial
from sdd_claims.report import papers_in, sentences
from sdd_claims.report.claims_json import ClaimEntry

TIERS = ("fast", "full")
_TIER = re.compile(rf"\b({'|'.join(TIERS)})\b")
_VERDICTS = "sdd_claims_verdicts"
_NO_TIER = "not fast and not full"  # of the checkout's own settings: a plain pytest trains nothing
_ENTRY = "sdd_claim"
_UNLOADED = "sdd_unloaded"
_UNJUDGED = "sdd_unjudged"
_PASSING = "sdd_passing"
_STATUS = {
    "supported": ("passed", "S", ("SUPPORTED", {"green": True})),
    "refuted": ("refuted", "R", ("REFUTED", {"red": True})),
    "inconclusive": ("inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})),
    None: ("not judged", "n", ("NOT JUDGED", {"cyan": True})),
}
_run: pytest.StashKey[ClaimRun] = pytest.StashKey()
_passing: pytest.StashKey[str] = pytest.StashKey()
_entry: pytest.StashKey[ClaimEntry] = pytest.StashKey()
_without_short: pytest.StashKey[Sequence[command_line.Option]] = pytest.StashKey()


@dataclass(frozen=True)
class CheckedVerdict:
    """The verdict that a claim's test asked for.

    Attributes:
        entry: the verdict as it will stand in claims.json.
        strict: every verdict but the registered one fails.
    """

    entry: ClaimEntry
    strict: bool

    def check(self) -> None:
        """Fail on a refutation that was not registered; if strict, on any verdict but the registered one.

        An exploratory question has no registered verdict, so it passes whatever comes out. Nor is a borderline verdict
        held to it: another block of seeds, or another processor, may come to another.
        """
        held = self.strict and not sentences.is_borderline(self.entry)
        if sentences.is_surprise(self.entry) and (self.entry["verdict"] == "refuted" or held):
            pytest.fail(paragraph(self.entry), pytrace=False)


class _Hooks:
    """Hooks of this plugin's own."""

    @pytest.hookspec
    def pytest_sdd_claims_planned(self, plan: dict[str, Any]) -> None:
        """Called by --plan, before it is said in words.

        Args:
            plan: `sdd_claims.judging.plan_report.PlanReport` in values that JSON has, and sentences on claim modules
                that could not be loaded.
        """


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks."""
    pluginmanager.add_hookspecs(_Hooks)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the options, under short names only once the other plugins have declared theirs."""
    command_line.declare_long(parser)
    if any(name.endswith("conftest.py") for name, _ in pluginmanager.list_name_plugin()):  # they are all there
        _declare_short(parser, pluginmanager.getplugin("pytestconfig"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> Generator[None]:
    """Where this plugin is named by `-p`, all others come after it, and some conftest.py may have options, too."""
    yield
    _declare_short(parser, early_config)


def _declare_short(parser: pytest.Parser, config: pytest.Config) -> None:
    config.stash[_without_short] = command_line.declare_short(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and check the options before anything runs."""
    for tier in TIERS:
        config.addinivalue_line("markers", f"{tier}(trial): judges a claim in the {tier} tier")
    if config.option.sdd_plan:
        config.option.dist = "no"  # there is nothing to share out
    if "s" not in getattr(config.option, "reportchars", "s"):
        config.option.reportchars += "s"  # what is skipped says what to fetch
    of_worker: dict[str, str] | None = getattr(config, "workerinput", None)
    smokes = config.option.sdd_smoke and config.option.sdd_store is None
    if of_worker is not None:
        config.stash[_passing] = of_worker[_PASSING]
    elif smokes or getattr(config.option, "tx", None):
        passing = tempfile.TemporaryDirectory(prefix="sdd-claims-")
        config.add_cleanup(passing.cleanup)
        config.stash[_passing] = passing.name
    if smokes:
        config.option.sdd_store = str(Path(config.stash[_passing]) / "store")
    try:
        if of_worker is None:
            _check_arguments(config)
        settings = settings_of(
            command_line.chosen(config.option), the_register(), config.rootpath, in_worker=of_worker is not None
        )
        if of_worker is None:
            _check_data_root(settings, asked=bool(_TIER.search(config.option.markexpr.replace(_NO_TIER, ""))))
            if config.option.sdd_report is not None and not config.option.sdd_plan:
                papers_in(settings.report)
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    shared = Path(config.stash[_passing]) if of_worker is not None else None
    quiet = getattr(config.option, "verbose", 0) < 0  # an option of pytest's terminal, which may be off
    config.stash[_run] = ClaimRun(settings, shared, quiet)
    if of_worker is None:
        config.pluginmanager.register(_Verdicts(config), _VERDICTS)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist where the folder of all workers is, which goes with the run."""
    node.workerinput[_PASSING] = node.config.stash[_passing]


def _check_arguments(config: pytest.Config) -> None:
    """Refuse what pytest or xdist would misunderstand long before it comes to us.

    Raises:
        InputError: a folder after a space, which pytest has taken for one of tests; a byte that no worker can be told.
    """
    arguments = [str(argument) for argument in config.invocation_params.args]
    here, root, chosen = config.invocation_params.dir, config.rootpath, config.option
    # Pytest looks for its settings above all folders that it is given, before it knows which of them follow an option.
    sought = not (chosen.inifilename or chosen.rootdir) and (config.inipath is None or not here.is_relative_to(root))
    for option, word in pairwise(arguments):
        if option.replace("--sdd-", "--", 1) in ("--store", "--report", "--data-root", "--evidence") and sought:
            folder = Path(word).absolute()
            if folder.is_dir() and folder.is_relative_to(root) and not folder.is_relative_to(here):
                raise InputError(
                    f"{option} {word}: pytest takes this folder for one of tests and looks for its settings there "
                    f"(rootdir: {root}); write it with an equals sign, {option}={word}"
                )
    if getattr(chosen, "numprocesses", None):
        for argument in arguments:
            if (said := escaped(argument)) != argument:
                raise InputError(
                    f"{said}: workers of pytest-xdist cannot be told a byte that is not UTF-8; leave -n out, or choose "
                    "another name"
                )


def _check_data_root(settings: Settings, asked: bool) -> None:
    """Refuse a folder of data sets that is not there: nothing would be found, or all be downloaded, where nobody looks.

    Args:
        settings: of the run.
        asked: a tier was asked for; whoever tests the suite itself may have any variables.

    Raises:
        InputError: there is no such folder.
    """
    named = os.environ.get(ROOT_VARIABLE, "") if asked and settings.data_root is None else ""
    root = in_home(named, f"give the whole path with {ROOT_VARIABLE}") if named else settings.data_root
    if root is None or settings.engine == "ray":  # whose machines may have it all the same
        return
    said = f"{ROOT_VARIABLE}={root}" if named else f"--data-root {root}"
    try:
        is_there = root.is_dir()
    except OSError as error:
        raise InputError(f"{said} cannot be looked into ({error.strerror or error}); name another folder") from error
    if not is_there:
        raise no_such_root(said)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the suite's own tests unread where a tier is all that is asked for: reading them takes seconds."""
    return True if config.option.markexpr in TIERS and _is_suites_own(collection_path) else None


def _is_suites_own(path: Path) -> bool:
    """Whether this is a folder of the suite's own tests, or in one."""
    return path.is_relative_to(here := Path(__file__).parent) and "tests" in path.relative_to(here).parts


def trial_of(item: pytest.Item) -> Trial | None:
    """The trial that a test judges: the argument of its tier's marker.

    Raises:
        InputError: the marker has no trial, or one of the other tier.
    """
    for tier in TIERS:
        if marker := item.get_closest_marker(tier):
            if not marker.args and "verdict" not in _fixtures(item):
                continue  # somebody else's marker of the same name
            trial = marker.args[0] if marker.args else None
            if not isinstance(trial, Trial) or trial.tier != tier:
                raise InputError(f"{item.nodeid}: mark it @pytest.mark.{tier}(trial) with a trial of that tier")
            return trial
    return None


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A claim module that cannot be loaded says why in one sentence, to the process that writes the report, too."""
    report = yield
    call: pytest.CallInfo[object] | None = getattr(report, "call", None)
    if report.failed and call is not None and call.excinfo is not None:
        error = call.excinfo.value
        if isinstance(error, collector.CollectError):
            error = error.__cause__ or error
        if isinstance(error, InputError) or _is_claim_module(collector.path):
            setattr(report, _UNLOADED, why := _why_unloaded(collector, error))
            says_all = isinstance(error, InputError | SyntaxError) or type(error) in (ImportError, ModuleNotFoundError)
            # Text, of which xdist shows once what all of its workers say.
            report.longrepr = why if says_all else f"{why}\n\n{report.longrepr}"
    return report


def _is_claim_module(path: Path) -> bool:
    return not _is_suites_own(path) and path.is_file() and b"sdd_claims" in path.read_bytes()


def _why_unloaded(module: pytest.Collector, error: BaseException) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, InputError):
        return f"{_place(module)}: {said}"
    where = ""
    if not isinstance(error, SyntaxError):  # which names its line itself
        root = module.config.rootpath
        lines = [(Path(at.filename), at.lineno) for at in traceback.extract_tb(error.__traceback__)]
        inside = [(path.relative_to(root), line) for path, line in lines if path.is_relative_to(root)]
        path, line = (inside or lines)[-1]
        where = f" ({path}, line {line})"
    return f"{_place(module)} cannot be imported: {type(error).__name__}: {said}{where}"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Gather the trials of the selected tests, so that the first verdict trains for all of them at once."""
    run = session.config.stash[_run]
    for item in session.items:
        try:
            trial = trial_of(item)
        except InputError as error:
            if not session.config.option.sdd_plan:
                continue  # the test will say it, and the others are judged
            raise pytest.UsageError(str(error)) from error
        if trial is not None:  # a claim module that cannot be loaded fails by itself, and the others are judged
            session.config.option.continue_on_collection_errors = True
            run.paths[trial.key] = _place(item)
        may_run = trial is not None and run.settings.devices[trial.tier] is not None
        if trial is not None and (may_run or session.config.option.sdd_plan):
            run.trials.append(trial)
    if run.trials:  # somebody else's tests keep their threads, and their garbage
        limit_threads()
        gc.freeze()  # what is imported stays to the end: without it, collecting garbage there takes seconds


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose tier marker holds no trial."""
    try:
        trial_of(item)
    except InputError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """With --plan, say what would be trained in place of running tests."""
    if not session.config.option.sdd_plan or session.config.option.collectonly:
        return None
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    run = session.config.stash[_run]
    try:
        found = run.planned()
    except (InputError, StoreError) as error:
        raise pytest.UsageError(str(error)) from error
    verdicts = session.config.pluginmanager.getplugin(_VERDICTS)  # in no worker of xdist
    unloaded = verdicts.unloaded() if verdicts else ()
    session.config.hook.pytest_sdd_claims_planned(plan={**asdict(found), "unloaded": [*unloaded]})
    for line in in_words(found, verdicts.meant() if verdicts else ""):
        (reporter.write_line if reporter else print)(line)
    if found.refused:
        raise pytest.UsageError(*found.refused)
    return True


def _place(node: pytest.Item | pytest.Collector) -> str:
    """The path of a module, as pytest takes it: outside of its root folder a test has none in its name."""
    return node.nodeid.partition("::")[0] or str(node.path)


@pytest.fixture
def verdict(request: pytest.FixtureRequest) -> CheckedVerdict:
    """The verdict on the claim of the test's tier marker; trains whatever is missing."""
    trial = trial_of(request.node)
    if trial is None:
        pytest.fail("a test that asks for a verdict needs @pytest.mark.fast(trial) or @pytest.mark.full(trial)")
    run = request.config.stash[_run]
    if run.settings.devices[trial.tier] is None:
        pytest.skip("the full tier needs a GPU and none was found; --device cpu runs it here, slowly")
    try:
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():  # progress is for the terminal
            entry = run.entry(trial, _place(request.node))
    except (MissingDataError, BudgetError) as error:
        pytest.skip(str(error))
    except (InputError, StoreError) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    request.node.user_properties += properties_of(entry)  # which JUnit XML shows
    request.node.stash[_entry] = entry
    return CheckedVerdict(entry, request.config.option.sdd_strict_verdicts)


class _Verdicts:
    """Collects verdicts as reports come in, from this process or from xdist workers; shows them, writes the report."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._entries: dict[tuple[str, str, str], ClaimEntry] = {}
        self._unloaded: dict[str, str] = {}
        self._unjudged: dict[str, str] = {}
        self._deselected: set[str] = set()
        self._page: Path | None = None
        self._trouble: str | None = None
        self._interrupted = False

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        if report.when == "call" and report.outcome == "passed" and (entry := _entry_of(report)):
            return _STATUS[entry["verdict"]]
        return None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if why := getattr(report, _UNLOADED, None):
            self._unloaded[report.nodeid] = why

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected |= {item.nodeid for item in items if "verdict" in _fixtures(item)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if entry := _entry_of(report):
            # A test may run twice, under one name or under two: a trial has one verdict, the last.
            self._add(entry)
        if why := getattr(report, _UNJUDGED, None):
            self._unjudged[report.nodeid] = why

    def _add(self, entry: ClaimEntry) -> None:
        key = sentences.key(entry)
        # What is handed over may be an earlier look than another process has taken since.
        if key not in self._entries or len(entry["looks"]) >= len(self._entries[key]["looks"]):
            self._entries[key] = entry

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Refuse a store that cannot be opened, as any bad option, and take a request to end as Ctrl-C."""
        if self._may_have_trained() and not self._config.option.collectonly:
            try:
                self._config.stash[_run].check_store()
            except (InputError, StoreError) as error:
                raise pytest.UsageError(str(error)) from error
        with interrupted_when_terminated() if self._may_have_trained() else nullcontext():
            return (yield)

    def pytest_keyboard_interrupt(self) -> None:
        self._interrupted = True

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        run = self._config.stash[_run]
        if self._interrupted or run.has_failed:  # tests that had no turn, of claims that are judged
            passing = self._config.stash.get(_passing, None)
            for entry in [*run.reached(), *(handed_over(Path(passing)) if passing and self._interrupted else ())]:
                self._add(entry)
        if self._entries:
            try:
                unjudged = [*self._unloaded.values(), *self._unjudged.values()]
                self._page = run.write_report(list(self._entries.values()), self._command(), unjudged)
            except (InputError, StoreError) as error:
                self._trouble = str(error)
        if self._trouble or run.has_bad_input:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _command(self) -> str:
        return " ".join(["pytest", *(shlex.quote(str(word)) for word in self._config.invocation_params.args)])

    def unloaded(self) -> Sequence[str]:
        """A sentence on each claim module that could not be loaded."""
        return list(self._unloaded.values())

    def meant(self) -> str:
        """The claim that the first misspelt name after -k may mean, as the end of a sentence."""
        registered = the_register().claims
        names = {Path(test.partition("::")[0]).stem.removeprefix("test_") for test in self._deselected}
        names |= {claim.partition("/")[2] for claim in registered}
        known = "\n".join([*self._deselected, *registered, *TIERS, "and", "or", "not"]).lower()
        misspelt = [word for word in re.findall(r"\w+", self._config.option.keyword) if word.lower() not in known]
        return next(filter(None, (nearest(word, names) for word in misspelt)), "")

    def _may_have_trained(self) -> bool:
        """Whether claims were selected, here or, as far as one can tell, in the workers of xdist."""
        option = self._config.option
        in_workers = getattr(option, "tx", None) and option.markexpr != _NO_TIER and _TIER.search(option.markexpr)
        return bool(self._config.stash[_run].trials or self._entries or in_workers)

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        if self._entries:
            terminalreporter.section("verdicts")
            for line in summary_lines(list(self._entries.values())):
                terminalreporter.write_line(line)
            for said in sentences.again(list(self._entries.values()), self._config.stash[_run].settings.error_rate):
                terminalreporter.write_line(said)
            if self._config.option.sdd_strict_verdicts:
                for entry in filter(sentences.is_borderline, self._entries.values()):
                    terminalreporter.write_line(sentences.not_held(entry))
            for why in self._unloaded.values():
                terminalreporter.write_line(f"not judged: {why}", red=True)
            if self._trouble:
                terminalreporter.write_line(f"there is no report: {self._trouble}", red=True)
            else:
                terminalreporter.write_line(f"report: {self._page}")
        if self._interrupted and self._may_have_trained():
            run, passing = self._config.stash[_run], self._config.stash.get(_passing, None)
            if passing is not None and run.settings.store.is_relative_to(passing):
                said = f"nothing is kept of a smoke run; the same line starts it again: {self._command()}"
            else:
                said = f"{run.kept()}; the same line goes on from there: {self._command()}"
            terminalreporter.write_line(f"interrupted: {said}")
        if (
            exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
            and not self._config.option.sdd_plan
            and _TIER.search(self._config.option.markexpr)
        ):
            option = self._config.option
            if option.markexpr == _NO_TIER:
                why = "no claim is judged where no tier is named: give -m fast or -m full"
            else:
                why = (
                    f"nothing is selected by -m {option.markexpr!r} and -k {option.keyword!r}{self.meant()}: the "
                    f"tiers are {' and '.join(TIERS)}, and a claim is named as its module, such as -k "
                    "sdd_appears_under_label_noise"
                )
            terminalreporter.write_line(why, red=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the entry of a claim's test, or why it has none, into its report, which comes from a worker of xdist too."""
    report = yield
    entry = item.stash.get(_entry, None)
    if report.when == "call" and entry:
        setattr(report, _ENTRY, entry)
    elif report.failed and entry is None and "verdict" in _fixtures(item) and call.excinfo is not None:
        if reached := _reached_before_it_failed(item):
            setattr(report, _ENTRY, reached)
            return report
        error = call.excinfo.value
        said = " ".join(str(error).split()) if isinstance(error, pytest.fail.Exception) else crash(error)
        setattr(report, _UNJUDGED, said if item.nodeid in said else f"{item.nodeid}: {said}")
    return report


def _reached_before_it_failed(item: pytest.Item) -> ClaimEntry | None:
    """The verdict on a test's claim that was reached before an error stopped the training of all."""
    run = item.config.stash[_run]
    try:
        trial = trial_of(item)
    except InputError:
        return None
    return run.reached_of(trial) if trial is not None and run.has_failed else None


def _entry_of(report: pytest.TestReport) -> ClaimEntry | None:
    return getattr(report, _ENTRY, None)


def pytest_report_header(config: pytest.Config) -> Iterator[str]:
    """Say where results are kept, and which options go by their long names alone."""
    settings = config.stash[_run].settings
    yield f"sdd_claims: results in {settings.store}" + (f", a copy of {settings.url}" if settings.url else "")
    if settings.evidence:
        names = ", ".join(run.name for run in settings.evidence)
        yield f"sdd_claims: what the store lacks is read from the evidence of {names}, where it is there"
    for option in config.stash.get(_without_short, ()):
        yield f"sdd_claims: {option.short} is another plugin's option here; give {option.long}"
