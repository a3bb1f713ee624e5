import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

from sdd_claims.machine.termination import interrupted_when_terminated


@pytest.fixture(params=[signal.SIGTERM, signal.SIGHUP])
def request_to_end(request):
    """A signal; this one and the other are handled after a test as they were before."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield request.param
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(number):
    os.kill(os.getpid(), number)


def test_a_request_to_end_is_an_interruption(request_to_end):
    with pytest.raises(KeyboardInterrupt), interrupted_when_terminated():
        ask(request_to_end)


def test_a_second_request_ends_at_once_but_a_terminal_may_say_more_than_once_that_it_is_closed(request_to_end):
    handled = signal.SIG_DFL if request_to_end == signal.SIGTERM else signal.SIG_IGN
    with interrupted_when_terminated():
        with pytest.raises(KeyboardInterrupt):
            ask(request_to_end)
        assert signal.getsignal(request_to_end) is handled
    assert signal.getsignal(request_to_end) is handled  # while the report is written, too
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # which schedulers send after SIGTERM


def test_afterwards_a_request_ends_the_process_as_before(request_to_end):
    with interrupted_when_terminated():
        assert signal.getsignal(request_to_end) is not signal.SIG_DFL
    assert signal.getsignal(request_to_end) is signal.SIG_DFL


def test_what_somebody_else_does_on_such_a_request_stays(request_to_end):
    asked = []
    signal.signal(request_to_end, lambda *_: asked.append("to end"))
    with interrupted_when_terminated():
        ask(request_to_end)
    assert asked == ["to end"]
    assert signal.getsignal(request_to_end) is not signal.SIG_DFL


def test_a_request_that_is_ignored_as_under_nohup_stays_ignored(request_to_end):
    signal.signal(request_to_end, signal.SIG_IGN)
    with interrupted_when_terminated():
        ask(request_to_end)
    assert signal.getsignal(request_to_end) is signal.SIG_IGN


def test_another_thread_may_not_handle_signals_and_goes_on(request_to_end):
    found = []

    def work():
        with interrupted_when_terminated():
            found.append(signal.getsignal(request_to_end))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


CLOSED = """
import fcntl, signal, sys, termios
from pathlib import Path
from sdd_claims.machine.termination import interrupted_when_terminated

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
try:
    with interrupted_when_terminated():
        print("ready", flush=True)
        signal.pause()
except KeyboardInterrupt:
    print("said", flush=True)
    print("said", file=sys.stderr, flush=True)
    Path(sys.argv[1]).touch()
"""


def test_what_is_said_after_the_terminal_was_closed_ends_nothing(tmp_path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", CLOSED, str(tmp_path / "report")]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as run:
        os.close(theirs)
        assert os.read(ours, 5) == b"ready"
        os.close(ours)
    assert run.returncode == 0
    assert (tmp_path / "report").exists()
