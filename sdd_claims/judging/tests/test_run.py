"""What a run says while it judges: of several processes, one speaks for all."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.run import ClaimRun
from sdd_claims.judging.tests.opener import settings_on
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.planning.plan import Plan
from sdd_claims.storage import locks
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import trial_named


def refuses(trial):
    raise InputError("it may not be judged")


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Judges one trial, which is refused, in a session with some notes; returns the run."""

    def judged(*notes):
        settings = settings_on(tmp_path / "store", report=tmp_path / "report")
        run = ClaimRun(settings, shared=tmp_path / "shared")
        session = SimpleNamespace(notes=[*notes], store=SimpleNamespace(warnings=["one is damaged"]), verdict=refuses)
        monkeypatch.setattr(run, "_opened", lambda: session)
        with pytest.raises(InputError):
            run.entry(trial_named("obedience"), "")
        return run

    return judged


def test_of_several_processes_one_says_what_all_know_and_each_what_it_alone_may_know(tmp_path, worker, capsys):
    speaks = worker("windows from pilots", "warning: a checkpoint is gone")
    assert capsys.readouterr().err == "warning: one is damaged\nwindows from pilots\nwarning: a checkpoint is gone\n"
    worker("windows from pilots", "warning: a checkpoint is gone")
    assert capsys.readouterr().err == "warning: one is damaged\nwarning: a checkpoint is gone\n"
    assert speaks._shows is not None


def test_who_has_nothing_to_say_leaves_it_to_another_to_speak(tmp_path, worker):
    worker("warning: a checkpoint is gone")
    lock = locks.lock(tmp_path / "shared" / "progress.lock", wait=False, what="")
    assert lock is not None
    lock.release()


def test_what_is_kept_is_said_where_the_store_cannot_count_it(tmp_path):
    class Unreadable(Plan):
        def stored(self, store):
            raise StoreError("it cannot be read")

    run = ClaimRun(settings_on(tmp_path / "store"))
    run._training = Unreadable(1, {}, ()), Store(tmp_path / "store")
    assert run.kept() == f"every level that was finished is kept in {tmp_path / 'store'}"


@pytest.mark.parametrize(
    ("tier", "device", "asked"),
    [
        ("fast", CPU, ""),
        ("fast", Device("cuda"), " --device cuda"),
        ("full", CPU, " --device cpu"),
        ("full", Device("cuda"), ""),
        ("full", None, ""),
    ],
)
def test_the_line_that_runs_it_again_names_a_device_that_is_not_the_tiers_own(tmp_path, tier, device, asked):
    settings = replace(settings_on(tmp_path / "store"), devices={"fast": CPU, "full": None, tier: device})
    line = ClaimRun(settings)._rerun(replace(trial_named("obedience"), tier=tier), "mine.py")
    assert line == f"pytest -p sdd_claims.plugin -m {tier} mine.py{asked}"
