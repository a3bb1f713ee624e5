import os
import signal
import threading

import pytest

from sdd_claims.machine.termination import interrupted_when_terminated


@pytest.fixture(autouse=True)
def handler():
    """SIGTERM is handled after a test as it was before."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_request_to_end_is_an_interruption_and_a_second_one_ends_at_once():
    with pytest.raises(KeyboardInterrupt), interrupted_when_terminated():
        terminate()
    with interrupted_when_terminated():
        with pytest.raises(KeyboardInterrupt):
            terminate()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_afterwards_a_request_ends_the_process_as_before():
    with interrupted_when_terminated():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_somebody_else_does_on_such_a_request_stays():
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append("to end"))
    with interrupted_when_terminated():
        terminate()
    assert asked == ["to end"]
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL


def test_another_thread_may_not_handle_signals_and_goes_on():
    found = []

    def work():
        with interrupted_when_terminated():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]
