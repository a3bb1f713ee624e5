"""Killed with SIGKILL at any moment and started again, a run ends with the numbers of an unbroken one."""

import hashlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.engines import work as work_module
from sdd_claims.planning.plan import Request, plan
from sdd_claims.storage.checksummed_json import unseal
from sdd_claims.storage.store import Store
from sdd_claims.tests.crash import LEVELS
from sdd_claims.tests.tiny import NOISY, SPEC, InstantPruning, numbers, stack_of_three, trained

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Stores of runs killed at every moment at which a file becomes durable or gets its name, and finished since."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-m", "sdd_claims.tests.crash", folder],
        env={**ENVIRONMENT, "TMPDIR": str(tmp_path_factory.mktemp("slots"))},  # waits for no other training
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [folder / str(moment) for moment in range(1, int(done.stdout) + 1)]


@pytest.fixture
def unbroken(killed):
    return killed[0].parent / "unbroken"


def states(store: Path) -> dict[str, str]:
    """Digests of the states from which chains go on."""
    return {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in store.glob("runs/*/*/state-*")
    }


def test_a_run_killed_at_any_moment_ends_with_the_same_bits(killed, unbroken):
    wanted = stack_of_three(LEVELS)
    # Three calls for each of store.json and spec.json; a state and levels.json a replica, and the pass, a level.
    assert len(killed) == 3 + 3 + LEVELS * 3 * (3 * 2 + 1)
    for store in killed:
        assert numbers(Store(store), wanted) == numbers(Store(unbroken), wanted), store.name
        newest = states(store)
        assert {name: newest[name] for name in states(unbroken)} == states(unbroken), store.name


def test_a_run_killed_at_any_moment_trains_no_finished_level_twice(killed):
    wanted = sorted((r.spec.digest, r.seed, level) for r in stack_of_three(LEVELS).wanted for level in range(LEVELS))
    for store in killed:
        assert trained(store) == wanted, store.name


def test_a_run_killed_at_any_moment_leaves_nothing_half_written(killed):
    for store in killed:
        opened = Store(store)
        for replica in stack_of_three(LEVELS).wanted:
            opened.verify(replica)
        assert opened.warnings == [], store.name
        for path in store.rglob("*.json"):
            if not path.name.startswith("."):
                unseal(path.read_bytes())
        assert not list(store.glob("runs/*/*/.*")), store.name


def test_a_run_stopped_between_stacks_goes_on_with_the_next(tmp_path, monkeypatch):
    class Stopping(InstantPruning):
        stacks_left = 1

        def next_level(self, level, states, members=None):
            if level == 0:
                Stopping.stacks_left -= 1
            if Stopping.stacks_left < 0:
                raise KeyboardInterrupt
            return super().next_level(level, states, members)

    wanted = plan([Request(SPEC, tuple(range(1000, 1012)), 3), Request(NOISY, (1000, 1001), 2)])
    assert len(wanted.stacks) == 3
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "unbroken"))
    monkeypatch.setattr(work_module, "IterativePruning", Stopping)
    with pytest.raises(KeyboardInterrupt):
        SerialEngine().run(wanted, WorkerConfig(tmp_path / "stopped"))
    assert wanted.stored(Store(tmp_path / "stopped")) == sum(wanted.stacks[0].levels)
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "stopped"))
    assert numbers(Store(tmp_path / "stopped"), wanted) == numbers(Store(tmp_path / "unbroken"), wanted)
    assert len(trained(tmp_path / "stopped")) == wanted.needed


def test_a_worker_of_a_pool_ignores_interrupts_from_its_first_import_on_and_its_parent_heeds_them(tmp_path):
    program = (
        "import signal, sys; from pathlib import Path\n"
        "now = signal.getsignal(signal.SIGINT)\n"
        "Path(sys.argv[1], __name__).write_text(str(now == signal.SIG_IGN))\n"
        "if __name__ == '__main__':\n"
        "    import sdd_claims.engines.pool as pool\n"
        "    from sdd_claims.tests.tiny import stack_of_three\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    pool.PoolEngine([pool.WorkerConfig(Path()).device]).run(\n"
        "        stack_of_three(1), pool.WorkerConfig(Path(sys.argv[1], 'store'))\n"
        "    )\n"
        "    now = signal.getsignal(signal.SIGINT)\n"
        "    Path(sys.argv[1], 'after').write_text(str(now is signal.default_int_handler))\n"
    )
    (tmp_path / "program.py").write_text(program)
    subprocess.run([sys.executable, tmp_path / "program.py", tmp_path], env=ENVIRONMENT, check=True)
    assert (tmp_path / "__mp_main__").read_text() == "True"
    assert (tmp_path / "after").read_text() == "True"


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_worker_of_a_pool_dies_with_its_parent(tmp_path, ending):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = (
        "import signal, sys; from pathlib import Path; import sdd_claims.engines.pool as pool\n"
        "from sdd_claims.tests.tiny import hang, stack_of_three\n"
        "if __name__ == '__main__':\n"
        "    pool.work_through = hang\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # who runs tests may ignore it
        "    pool.PoolEngine(['cpu']).run(stack_of_three(1), pool.WorkerConfig(Path(sys.argv[1])))\n"
    )
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, tmp_path / "program.py", fifo]
    parent = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    with fifo.open("rb", buffering=0) as pipe:
        worker = int(pipe.readline())
        os.kill(parent.pid, ending)
        readable, _, _ = select.select([pipe], [], [], 60)
        if not readable:
            os.kill(worker, signal.SIGKILL)
        assert parent.wait() == -ending
        assert readable, "the worker outlives its parent"
        assert pipe.read(1) == b""  # its end of the pipe is closed: it is gone
