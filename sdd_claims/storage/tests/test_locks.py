import errno
import fcntl
import os
import stat
import subprocess
import sys
from itertools import count

import pytest

from sdd_claims.errors import StoreError
from sdd_claims.storage import locks
from sdd_claims.storage.locks import Held, first_free, lock, locked

REMEDY = "do something else"


def held(found: Held | None) -> Held:
    """What must have been had."""
    assert found is not None
    return found


class Clock:
    """Time passes only where somebody sleeps, a second each time; what is waited for comes free after so many."""

    def __init__(self, monkeypatch, free_after, release):
        self.now = 0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.sleep", self.sleep)
        self._free_after, self._release = free_after, release

    def sleep(self, seconds):
        self.now += 1
        if self.now == self._free_after:
            self._release()


@pytest.mark.parametrize(("free_after", "says"), [(2, 0), (20, 1)])
def test_who_waits_longer_than_a_moment_says_once_what_for_and_since_when(
    tmp_path, monkeypatch, capsys, free_after, says
):
    other = held(lock(tmp_path / "a.lock", wait=True, what="the key"))
    Clock(monkeypatch, free_after, other.release)
    with locked(tmp_path / "a.lock", "the key"):
        pass
    said = capsys.readouterr().err.splitlines()
    assert len(said) == says
    for line in said:
        assert line.startswith("waiting for the key, held by another process since ")
        assert line.endswith(f"at least ({tmp_path / 'a.lock'})")


def test_who_waits_for_one_of_several_says_it_too_unless_another_process_does(tmp_path, monkeypatch, capsys):
    paths = [tmp_path / "a.lock", tmp_path / "b.lock"]
    first, second = (held(first_free(paths, "a slot", REMEDY)) for _ in paths)
    Clock(monkeypatch, 20, second.release)
    third = held(first_free(paths, "a slot", REMEDY))
    assert capsys.readouterr().err.count("waiting for a slot, held by another process since ") == 1
    before = locks.tell(locks.nobody)
    Clock(monkeypatch, 20, first.release)
    held(first_free(paths, "a slot", REMEDY)).release()
    locks.tell(before)
    assert capsys.readouterr().err == ""
    third.release()


@pytest.mark.parametrize("until", [None, 20])
def test_a_listener_is_told_what_is_waited_for_and_when_no_longer(tmp_path, monkeypatch, capsys, until):
    other = held(first_free([tmp_path / "a.lock"], "a slot", REMEDY))
    clock = Clock(monkeypatch, 0 if until else 20, other.release)
    monkeypatch.setattr("time.time", lambda: clock.now)
    heard: list[str] = []
    before = locks.tell(heard.append)
    found = first_free([tmp_path / "a.lock"], "a slot", REMEDY, until)
    assert locks.tell(before) == heard.append
    (found or other).release()
    assert [sentence.partition(",")[0] for sentence in heard] == ["waiting for a slot", ""]
    assert capsys.readouterr().err == ""


def test_nobody_waits_for_one_of_several_beyond_the_deadline(tmp_path):
    other = held(first_free([tmp_path / "a.lock"], "a slot", REMEDY))
    assert first_free([tmp_path / "a.lock"], "a slot", REMEDY, until=0) is None
    other.release()
    held(first_free([tmp_path / "a.lock"], "a slot", REMEDY, until=0)).release()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
@pytest.mark.parametrize(
    "taken", [lambda path: lock(path, True, "the key", REMEDY), lambda path: first_free([path], "a slot", REMEDY)]
)
def test_a_file_system_without_locks_is_one_sentence_with_the_remedy(tmp_path, monkeypatch, number, taken):
    def refuse(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match=r"cannot lock .*a\.lock: .*; do something else"):
        taken(tmp_path / "a.lock")


def test_the_lock_of_a_process_that_is_killed_comes_free(tmp_path):
    program = (
        "import os, sys; from pathlib import Path\n"
        "from sdd_claims.storage.locks import Held, first_free, lock\n"
        "held = lock(Path(sys.argv[1], 'a.lock'), True, ''), first_free([Path(sys.argv[1], 'b.lock')], '', '')\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert lock(tmp_path / "a.lock", wait=False, what="") is None
    assert first_free([tmp_path / "b.lock"], "", "", until=0) is None
    holder.kill()
    holder.communicate()
    held(lock(tmp_path / "a.lock", wait=False, what="")).release()
    held(first_free([tmp_path / "b.lock"], "", "", until=0)).release()


def test_a_lock_of_all_users_can_be_opened_by_all_and_follows_no_link(tmp_path):
    mask = os.umask(0o077)
    try:
        held(first_free([tmp_path / "a.lock"], "a slot", REMEDY)).release()
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a.lock").stat().st_mode) == 0o666
    (tmp_path / "mine").write_text("of value")
    (tmp_path / "b.lock").symlink_to(tmp_path / "mine")
    with pytest.raises(StoreError, match="cannot lock"):
        first_free([tmp_path / "b.lock"], "a slot", REMEDY)


def test_a_file_that_is_cleared_away_while_it_is_locked_is_no_lock(tmp_path, monkeypatch):
    path, flock, tries = tmp_path / "a.lock", fcntl.flock, count()

    def cleared(number, how):
        flock(number, how)
        if next(tries) == 0:
            path.unlink()

    monkeypatch.setattr(fcntl, "flock", cleared)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    second = held(first_free([path], "a slot", REMEDY))
    assert first_free([path], "a slot", REMEDY, until=0) is None
    second.release()
