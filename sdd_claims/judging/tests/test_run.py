"""What a run says while it judges: of several processes, one speaks for all."""

from types import SimpleNamespace

import pytest

from sdd_claims.errors import InputError
from sdd_claims.judging.run import ClaimRun
from sdd_claims.judging.tests.opener import settings_on
from sdd_claims.storage import locks
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
