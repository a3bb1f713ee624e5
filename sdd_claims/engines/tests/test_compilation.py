"""What is compiled ahead is all that training calls; where it cannot be compiled so, training compiles it itself."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from claims.he2022.settings import FAST as HE
from claims.parhi2021.settings import FAST as PARHI
from claims.parhi2021.settings import eq2
from sdd_claims.compiled import ahead, jit
from sdd_claims.engines import compilation
from sdd_claims.engines.compilation import compile_ahead
from sdd_claims.spec import OwnNetwork
from sdd_claims.storage import locks

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
    assert {path.name.partition("-")[0] for path in tmp_path.rglob("*.made")} == {"mlp", "relu_network"}


def test_no_pytorch_is_needed():
    program = "import sys, sdd_claims.compiled.ahead; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "_FOLDER", tmp_path)
    return tmp_path


MLP = HE.noisy()
RELU = PARHI.factored(eq2())


@pytest.fixture
def asked(monkeypatch):
    """The networks that processes were asked to compile, which all of them do."""
    return compiling(monkeypatch, True)


def compiling(monkeypatch: pytest.MonkeyPatch, found: bool) -> list[str]:
    asked: list[str] = []

    def pretend(module: str, arguments: Sequence[str], until: float | None) -> bool:
        asked.append(arguments[-1])
        return found

    monkeypatch.setattr(compilation, "_compiles", pretend)
    return asked


def test_each_network_is_compiled_once(folder, asked):
    compile_ahead([MLP, MLP, RELU])
    compile_ahead([MLP])
    assert sorted(asked) == ["mlp", "relu_network"]


def test_only_what_portable_runs_train_is_compiled(folder, asked):
    compile_ahead([MLP.but(training={"arithmetic": "native"}), RELU])
    assert asked == ["relu_network"]


def test_a_network_of_another_name_is_compiled_as_an_mlp(folder, asked):
    """As one of the user's own, which is trained so where it is one."""
    network = OwnNetwork(function="build", source="ab", versions="", prunable=("0.weight",), file="/a/my.py")
    own = {"name": "own", "hidden": (), "initialization": "pytorch", "own": network}
    compile_ahead([MLP.but(model=own)])
    assert asked == ["mlp"]


def test_what_fails_is_tried_again_by_the_next_caller_and_not_by_the_same(folder, monkeypatch):
    asked = compiling(monkeypatch, False)
    compile_ahead([MLP])
    compile_ahead([MLP])
    assert asked == ["mlp", "mlp"]


def test_sources_of_another_time_or_place_are_compiled_again(tmp_path):
    """By these Numba tells code that it has kept."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").touch()
        os.utime(tmp_path / name / "module.py", (1, 1))
    before = compilation._state(tmp_path / "one")
    assert compilation._state(tmp_path / "one") == before
    assert compilation._state(tmp_path / "other") != before
    os.utime(tmp_path / "one" / "module.py", (2, 2))
    assert compilation._state(tmp_path / "one") != before


def test_what_another_process_compiles_is_waited_for_and_not_compiled_again(folder, monkeypatch):
    """The lock of one network is held until the other is compiled."""
    held = locks.lock(folder / "mlp.lock", False, "")
    assert held is not None
    asked: list[str] = []

    def pretend(module: str, arguments: Sequence[str], until: float | None) -> bool:
        asked.append(arguments[-1])
        if asked == ["relu_network"]:
            held.release()
        return True

    monkeypatch.setattr(compilation, "_compiles", pretend)
    compile_ahead([MLP, RELU])
    assert asked == ["relu_network"]


def test_nothing_is_compiled_ahead_where_nothing_is_kept(asked, monkeypatch):
    monkeypatch.setattr(jit, "_FOLDER", None)
    compile_ahead([MLP])
    assert asked == []


def test_a_folder_without_locks_is_no_error(folder, asked):
    (folder / "mlp.lock").mkdir()
    compile_ahead([MLP])
    assert asked == []


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that a process of `_compiles` can find, from its text."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str) -> str:
        (tmp_path / "module_of_test.py").write_text(text)
        return "module_of_test"

    return write


def test_a_process_that_ends_well_has_compiled(module):
    assert compilation._compiles(module("import sys; assert sys.argv[1:] == ['a', 'b']"), ["a", "b"])


def test_one_that_fails_says_why(module):
    with pytest.warns(UserWarning, match=r"ahead \(status 1; ValueError: no room\), so every process compiles it"):
        assert not compilation._compiles(module("raise ValueError('no room')"), [])


def test_warnings_that_are_errors_elsewhere_stop_no_compilation(module, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert compilation._compiles(module("import warnings; warnings.warn('harmless')"), [])


def test_a_process_that_takes_for_ever_is_given_up(module, monkeypatch):
    monkeypatch.setattr(compilation, "_SECONDS", 0.1)
    with pytest.warns(UserWarning, match=r"ahead \(status -9"):
        assert not compilation._compiles(module("import threading; threading.Event().wait()"), [])


def test_whoever_compiles_leaves_when_its_parent_does():
    """The pipe ends before the compilation can, which would end with 1: nothing is kept."""
    command = [sys.executable, "-m", ahead.__name__, ahead.WHILE_READ, "mlp"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": os.devnull, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait() == 2


def test_what_cannot_be_kept_is_said_with_its_reason(tmp_path, monkeypatch):
    """Code that is kept in the place of a folder."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.syspath_prepend(ROOT)
    (tmp_path / "sdd_claims").touch()
    with pytest.warns(UserWarning, match=r"ahead \(status 1; it cannot be kept: .*sdd_claims"):
        assert not compilation._compiles(ahead.__name__, [ahead.WHILE_READ])


def test_nobody_waits_beyond_the_deadline(folder, asked):
    held = locks.lock(folder / "mlp.lock", False, "")
    assert held is not None
    compile_ahead([MLP], until=0.0)
    assert asked == []
    held.release()
