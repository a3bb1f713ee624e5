"""What the Ray engine makes of its tasks, on a cluster that is only pretended: Ray itself need not be installed."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from sdd_claims.engines import RayEngine, SerialEngine, WorkerConfig
from sdd_claims.engines import cluster as cluster_module
from sdd_claims.engines import work as work_module
from sdd_claims.engines.tests.pretended import FailingWorker, SmallWorker
from sdd_claims.errors import DeviceLostError, DeviceMemoryError, StoreError
from sdd_claims.planning.plan import Request, plan
from sdd_claims.storage.mirrored_store import MirroredStore
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, SEEDS, InstantPruning, numbers

SEVERAL = plan([Request(NOISY, SEEDS, 4), Request(REDENSE, SEEDS, 3)])
"""Chains of two settings, and what is derived from one of them."""

CHAINS = plan([Request(NOISY, SEEDS, 4)])
FROM_CHAINS = plan([Request(REDENSE, SEEDS, 3)])


class TaskError(Exception):
    """An error within a task."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class RayError(Exception):
    """An error of Ray's own."""


class LostTaskError(RayError):
    """A task that was lost with its machine."""


@dataclass(frozen=True, eq=False)
class Promise:
    """A task that was started, with what it waits for."""

    call: Callable[[], Any]
    stack: Any
    node: str
    before: tuple["Promise", ...]


class Task:
    """A function that can be started on a node."""

    def __init__(self, ray: "PretendedRay", function: Callable[..., Any], selector: str = "") -> None:
        self._ray, self._function, self._selector = ray, function, selector

    def options(self, label_selector: dict[str, str]) -> "Task":
        return Task(self._ray, self._function, label_selector["ray.io/node-id"])

    def remote(self, stack: object, config: object, *before: Promise) -> Promise:
        banned = self._selector.removeprefix("!in(").removesuffix(")").split(",")
        node = next(each["NodeID"] for each in self._ray.nodes() if each["NodeID"] not in banned)
        promise = Promise(lambda: self._function(stack, config), stack, node, before)
        self._ray.started.append(promise)
        return promise


class PretendedRay:
    """As much of Ray as the engine calls; a task runs when it is waited for, those that it waits for before."""

    exceptions = SimpleNamespace(
        RayTaskError=TaskError,
        RayError=RayError,
        WorkerCrashedError=LostTaskError,
        NodeDiedError=LostTaskError,
        LocalRayletDiedError=LostTaskError,
        OutOfMemoryError=LostTaskError,
    )

    def __init__(self, *names: str) -> None:
        self.node = ""
        self.started: list[Promise] = []
        self._names = names
        self._ended: dict[Promise, Any] = {}

    def is_initialized(self) -> bool:
        return True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0, "GPU": 1.0}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": name, "Alive": True, "Resources": {"CPU": 1.0, "GPU": 1.0}} for name in self._names]

    def remote(self, **held: object) -> Callable[[Callable[..., Any]], Task]:
        return lambda function: Task(self, function)

    def wait(self, tasks: list[Promise], timeout: float) -> tuple[list[Promise], list[Promise]]:
        first, *others = tasks
        self._run(first)
        return [first], others

    def get(self, task: Promise) -> Any:
        if isinstance(found := self._ended[task], Exception):
            raise found
        return found

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(get_node_id=lambda: self.node)

    def _run(self, task: Promise) -> None:
        for other in task.before:
            if other not in self._ended:
                self._run(other)
        if any(isinstance(self._ended[other], Exception) for other in task.before):
            self._ended[task] = next(found for other in task.before if (found := self._ended[other]))
            return
        self.node = task.node
        try:
            self._ended[task] = task.call()
        except RayError as error:
            self._ended[task] = error
        except Exception as error:
            self._ended[task] = TaskError(error)


@pytest.fixture(autouse=True)
def instant(monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)


@pytest.fixture
def cluster(monkeypatch):
    def pretend(*names):
        monkeypatch.setitem(sys.modules, "ray", PretendedRay(*names))
        return RayEngine(resources={"num_cpus": 1, "num_gpus": 1})

    return pretend


@pytest.fixture
def alone(tmp_path):
    SerialEngine().run(SEVERAL, WorkerConfig(tmp_path / "alone"))
    return numbers(Store(tmp_path / "alone"), SEVERAL)


def test_what_is_stored_at_the_end_is_what_one_process_comes_to(cluster, tmp_path, alone):
    looks: list[None] = []
    assert cluster("one").run(SEVERAL, WorkerConfig(tmp_path / "store"), lambda: looks.append(None)) == []
    assert numbers(Store(tmp_path / "store"), SEVERAL) == alone
    assert looks


def test_the_work_of_a_lost_gpu_goes_to_another_node_and_is_said(cluster, tmp_path, alone):
    (tmp_path / "token").touch()
    config = FailingWorker(tmp_path / "store", token=tmp_path / "token")
    assert cluster("one", "two").run(SEVERAL, config) == ["a GPU of node one was lost; other nodes have done its work"]
    assert numbers(Store(config.store), SEVERAL) == alone
    assert sys.modules["ray"].node == "two"  # where nothing was lost


def test_a_node_that_does_not_share_the_store_makes_none_of_its_own(cluster, tmp_path):
    @dataclass(frozen=True)
    class OfTheDriver(WorkerConfig):
        def open_store(self) -> Store:
            return Store(tmp_path / "driver")

    with pytest.raises(StoreError, match=r"node is gone: .* or this machine does not have it"):
        cluster("one").run(CHAINS, OfTheDriver(tmp_path / "node"))
    assert not (tmp_path / "node").exists()


def test_a_lost_gpu_without_another_node_is_an_error(cluster, tmp_path):
    (tmp_path / "token").touch()
    with pytest.raises(DeviceLostError):
        cluster("one").run(CHAINS, FailingWorker(tmp_path / "store", token=tmp_path / "token"))


def test_what_is_derived_from_a_chain_waits_until_another_node_has_trained_it(cluster, tmp_path, monkeypatch):
    begun: list[int] = []

    def watched(stacks, config):
        store = Store(config.store)
        begun.extend(stack.chains.remaining(store) for stack in stacks if stack.chains is not None)
        return work_module.work_through(stacks, config)

    monkeypatch.setattr(cluster_module, "work_through", watched)
    (tmp_path / "token").touch()
    config = FailingWorker(tmp_path / "store", token=tmp_path / "token")
    (said,) = cluster("one", "two").run(FROM_CHAINS, config)
    assert "was lost" in said
    assert begun == [0]
    derived = [promise for promise in sys.modules["ray"].started if promise.stack.chains is not None]
    assert [promise.node for promise in derived] == ["one", "two"]
    assert all(promise.before for promise in derived)  # Ray may run in any order what waits for nothing
    assert FROM_CHAINS.is_stored(Store(config.store))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (LostTaskError("the worker died\nlog"), r"Ray lost a task 11 times \(LostTaskError: the worker died\)"),
        (RayError("no such wheel\nlog"), r"Ray could not run a task \(RayError: no such wheel\); .* run again"),
    ],
)
def test_what_ray_says_of_a_task_that_it_gives_up_is_said(cluster, tmp_path, monkeypatch, error, sentence):
    def gives_up(stacks, config):
        raise error

    monkeypatch.setattr(cluster_module, "work_through", gives_up)
    with pytest.raises(StoreError, match=sentence):
        cluster("one").run(CHAINS, WorkerConfig(tmp_path / "store"))


def test_a_task_that_fails_fails_the_run_though_the_others_end_well(cluster, tmp_path, alone):
    config = SmallWorker(tmp_path / "store", too_large=KEPT.digest)
    with pytest.raises(DeviceMemoryError):
        cluster("one").run(SEVERAL, config)
    assert numbers(Store(config.store), CHAINS).items() <= alone.items()


def test_what_the_driver_could_not_fetch_at_once_it_fetches_at_the_end(cluster, tmp_path, alone, monkeypatch):
    config = WorkerConfig(tmp_path / "driver", url=f"file://{tmp_path}/far")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # of the node's copy
    synchronise, missed = MirroredStore.synchronise, []

    def missing_its_first_looks(store, replicas, wait):
        if store.path == config.store and replicas not in missed:
            missed.append(replicas)
            raise StoreError("it does not answer")
        return synchronise(store, replicas, wait)

    monkeypatch.setattr(MirroredStore, "synchronise", missing_its_first_looks)
    cluster("one").run(SEVERAL, config)
    assert missed
    assert numbers(Store(config.store), SEVERAL) == alone


def test_what_a_node_finds_damaged_at_the_url_is_said(cluster, tmp_path, monkeypatch):
    config = WorkerConfig(tmp_path / "driver", url=f"file://{tmp_path}/far")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # of the node's copy
    SerialEngine().run(plan([Request(NOISY, SEEDS, 2)]), replace(config, store=tmp_path / "before"))
    for state in (tmp_path / "far").glob("runs/*/*/state-1.safetensors"):
        state.write_bytes(b"rot")
    assert "is not whole and has not been fetched" in "\n".join(cluster("one").run(CHAINS, config))
