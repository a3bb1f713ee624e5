"""What is compiled ahead is all that training calls; where it cannot be compiled so, training compiles it itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from sdd_claims.compiled import ahead, jit

ROOT = Path(__file__).parents[3]

PROGRAM = """
import sys
from pathlib import Path

from claims.he2022.settings import FAST as HE
from claims.parhi2021.settings import FAST as PARHI, eq2
from claims.quetu2023.settings import FAST as QUETU
from claims.zhang2024.settings import FAST as ZHANG, MATRIX_NORM
from numba.core import event
from sdd_claims.engines import WorkerConfig, engine
from sdd_claims.planning.plan import Request, plan
from sdd_claims.storage.store import Store

class Listener(event.Listener):
    def on_start(self, event):
        print(event.data["dispatcher"])

    def on_end(self, event):
        pass

once = {"training": {"epochs": 1}}
requests = [
    Request(HE.noisy().but(**once), (0,), 3),
    Request(HE.derived("redense").but(**once), (0,), 2),
    Request(HE.noisy().but(**once, pruning={"criterion": "gradient"}), (0,), 2),
    Request(QUETU.optimal().but(**once), (0,), 9),
    Request(QUETU.taught("dense", 0.5).but(**once), (0,), 1),
    Request(ZHANG.path(MATRIX_NORM, 5).but(**once), (0,), len(ZHANG.strengths)),
    Request(PARHI.factored(eq2()).but(training={"epochs": 3}, path={"values": (1, 2, 3)}), (0,), 3),
]
whole = plan(requests)
assert all(stack.replicas[0].spec.training.arithmetic == "portable" for stack in whole.stacks)
store = Path(sys.argv[1])
with event.install_listener("numba:compile", Listener()):
    engine("serial").run(whole, WorkerConfig(store))
assert whole.stored(Store(store)) == whole.needed
"""


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_an_engine_has_all_compiled_ahead_that_training_calls(tmp_path):
    assert run(tmp_path, "-c", PROGRAM, str(tmp_path / "store")) == ""
    assert {path.name for path in tmp_path.rglob("*.compiled")} == {"mlp.compiled", "relu_network.compiled"}


def test_no_pytorch_is_needed():
    program = "import sys, sdd_claims.compiled.ahead; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "_FOLDER", tmp_path)
    return tmp_path


def compile_counting(monkeypatch, status: int) -> list[str]:
    """The networks that processes were asked to compile, which end with this status."""
    asked = []

    def pretend(command, **_):
        asked.append(command[-1])
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(subprocess, "run", pretend)
    ahead.compile_ahead(["mlp", "relu_network"])
    ahead.compile_ahead(["mlp"])
    return asked


def test_each_network_is_compiled_once(folder, monkeypatch):
    assert compile_counting(monkeypatch, 0) == ["mlp", "relu_network"]


def test_what_fails_is_tried_again_by_the_next_caller_and_not_by_the_same(folder, monkeypatch):
    assert compile_counting(monkeypatch, 1) == ["mlp", "relu_network", "mlp"]


def test_what_another_process_compiles_is_waited_for_after_the_others(folder, monkeypatch):
    """The lock of the first is held until the second is asked for."""
    held = FileLock(folder / "mlp.lock")
    held.acquire()
    asked = []

    def pretend(command, **_):
        asked.append(command[-1])
        (folder / "mlp.compiled").touch()
        held.release(force=True)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", pretend)
    ahead.compile_ahead(["mlp", "relu_network"])
    assert asked == ["relu_network"]


def test_nothing_is_compiled_ahead_where_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(jit, "_FOLDER", None)
    assert compile_counting(monkeypatch, 0) == []


def test_a_folder_without_locks_is_no_error(folder, monkeypatch):
    (folder / "mlp.lock").mkdir()
    assert compile_counting(monkeypatch, 0) == ["relu_network"]
