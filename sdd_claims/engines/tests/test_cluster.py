"""A Ray cluster of two nodes on this machine, with pretended GPUs: a task holds one, and trains on the CPU."""

import os
import re
import shutil
import socket
import sys
import tempfile
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from sdd_claims.engines import RayEngine, SerialEngine, WorkerConfig
from sdd_claims.engines import cluster as cluster_module
from sdd_claims.engines.tests.pretended import FailingWorker, SmallWorker, heard
from sdd_claims.errors import DeviceMemoryError, InputError, StoreError
from sdd_claims.machine.devices import Device
from sdd_claims.planning.plan import Request, plan
from sdd_claims.storage.mirrored_store import MirroredStore
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, SEEDS, SPEC, numbers, stack_of_three, trained

SEVERAL = plan([Request(NOISY, SEEDS, 4), Request(REDENSE, SEEDS, 3)])
"""Two stacks of chains, and one of what is derived from one of them."""

FROM_CHAINS = plan([Request(REDENSE, SEEDS, 3)])
"""Only the last two."""

MEMORY = {"object_store_memory": 80 << 20, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster():
    """A cluster whose head trains nothing."""
    pytest.importorskip("ray", reason=f"Ray is not installed: {cluster_module.INSTALL}")
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: paths of sockets end at 107 characters
    # A node that does not answer is given up after a second, and workers do not step back behind all else (nice 15).
    quick = {
        "health_check_period_ms": 300,
        "health_check_timeout_ms": 1000,
        "health_check_failure_threshold": 2,
        "worker_niceness": 0,
    }
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("TMPDIR", folder)
        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": quick, **MEMORY})
        yield started
        started.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def nodes(cluster, monkeypatch, tmp_path_factory):
    """Two nodes, each with a GPU and a home of its own."""
    while len(cluster.worker_nodes) < 2:
        monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        cluster.add_node(num_cpus=1, num_gpus=1, **MEMORY)
    cluster.wait_for_nodes()
    return cluster


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The numbers that one process alone comes to."""
    path = tmp_path_factory.mktemp("alone")
    SerialEngine().run(SEVERAL, WorkerConfig(path))
    return numbers(Store(path), SEVERAL)


def engine(nodes):
    return RayEngine(nodes.address, {"num_cpus": 0.5, "num_gpus": 1})


def test_a_node_that_is_killed_half_way_leaves_its_chain_to_the_other(nodes, tmp_path, alone):
    os.mkfifo(tmp_path / "halted")
    (tmp_path / "token").touch()
    config = FailingWorker(tmp_path / "store", token=tmp_path / "token", halted=tmp_path / "halted")
    with ThreadPoolExecutor(1) as driver:
        running = driver.submit(engine(nodes).run, SEVERAL, config)
        lost = heard(tmp_path / "halted").decode()
        nodes.remove_node(next(node for node in nodes.worker_nodes if node.node_id == lost), allow_graceful=False)
        assert running.result() == []
    assert numbers(Store(config.store), SEVERAL) == alone
    assert max(Counter(trained(config.store)).values()) == 1


def test_a_gpu_that_is_lost_leaves_its_chain_to_another_node(nodes, tmp_path, alone):
    (tmp_path / "token").touch()
    config = FailingWorker(tmp_path / "store", token=tmp_path / "token")
    (said,) = engine(nodes).run(FROM_CHAINS, config)
    assert re.fullmatch(r"a GPU of node [0-9a-f]{12} was lost; other nodes have done its work", said)
    assert numbers(Store(config.store), FROM_CHAINS).items() <= alone.items()
    assert max(Counter(trained(config.store)).values()) == 1


def test_results_travel_through_a_store_at_a_url_though_the_driver_misses_it_for_a_moment(
    nodes, tmp_path, alone, monkeypatch
):
    config = WorkerConfig(tmp_path / "driver", url=f"file://{tmp_path}/far")
    calls, synchronise = count(), MirroredStore.synchronise

    def at_second_try(store, replicas, wait):
        if next(calls) == 0:
            raise StoreError("it does not answer")
        return synchronise(store, replicas, wait)

    monkeypatch.setattr(MirroredStore, "synchronise", at_second_try)
    RayEngine(nodes.address).run(FROM_CHAINS, config)
    for path in (config.store, tmp_path / "far"):
        assert numbers(Store(path), FROM_CHAINS).items() <= alone.items()
    assert max(Counter(trained(tmp_path / "far")).values()) == 1


def test_tasks_that_no_living_node_can_hold_are_said(nodes, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_module, "_SECONDS_A_LOOK", 0.1)
    monkeypatch.setattr(cluster_module, "_SECONDS_WITHOUT_A_NODE", 0)
    with pytest.raises(
        StoreError, match=r"no node for 0 minutes that can hold a task \(CPU 0.5, GPU 2\); .* run again"
    ):
        RayEngine(nodes.address, {"num_cpus": 0.5, "num_gpus": 2}).run(FROM_CHAINS, WorkerConfig(tmp_path))


@pytest.mark.parametrize("named", ["by an argument", "by the variable"])
def test_an_error_in_a_task_is_raised_as_itself_and_tasks_read_the_drivers_data(nodes, tmp_path, monkeypatch, named):
    monkeypatch.setenv("SDD_CLAIMS_DATA", str(tmp_path))
    root = tmp_path if named == "by an argument" else None
    absent = SPEC.but(data={"name": "cifar10", "side": 8})
    with pytest.raises(InputError) as raised:
        RayEngine(nodes.address).run(plan([Request(absent, (1000,), 1)]), WorkerConfig(tmp_path, data_root=root))
    assert type(raised.value) is InputError
    assert str(raised.value).startswith(f"{tmp_path} holds neither cifar10.npz nor")


def test_what_is_too_large_for_a_gpu_stops_only_what_is_derived_from_it(nodes, tmp_path, alone):
    config = SmallWorker(tmp_path / "store", too_large=KEPT.digest)
    with pytest.raises(DeviceMemoryError, match="too little memory to train seed 1000"):
        engine(nodes).run(SEVERAL, config)
    fine = plan([Request(NOISY, SEEDS, 4)])
    assert numbers(Store(config.store), fine).items() <= alone.items()
    assert {digest for digest, _, _ in trained(config.store)} == {NOISY.digest}


def test_a_cluster_without_gpus_is_said(tmp_path):
    with pytest.raises(InputError, match="the Ray cluster has no GPU; add a node that has one, or give --device cpu"):
        RayEngine()._held(WorkerConfig(tmp_path, Device("cuda")), {"CPU": 2.0})


@pytest.mark.parametrize("per_device", range(1, 20))
def test_as_many_tasks_as_are_meant_to_fit_on_a_gpu(tmp_path, per_device):
    share = RayEngine()._held(WorkerConfig(tmp_path, Device("cuda"), per_device=per_device), {"GPU": 8.0})["num_gpus"]
    assert share * per_device <= 1 < share * (per_device + 1)


def answer(port, words):
    with port.accept()[0] as caller:
        caller.sendall(words)


@pytest.mark.parametrize("listening", ["nobody", "somebody who says nothing", "somebody else"])
def test_a_cluster_that_does_not_answer_is_said(tmp_path, monkeypatch, listening):
    pytest.importorskip("ray", reason=f"Ray is not installed: {cluster_module.INSTALL}")
    monkeypatch.setattr(cluster_module, "_SECONDS_TO_ANSWER", 0.2)
    with socket.socket() as port, ThreadPoolExecutor(1) as other:
        port.bind(("127.0.0.1", 0))
        if listening != "nobody":
            port.listen()
        if listening == "somebody else":
            other.submit(answer, port, b"HTTP/1.1 400 Bad Request\r\n\r\n")
        address = f"127.0.0.1:{port.getsockname()[1]}"
        with pytest.raises(InputError, match=f"--ray-address {address}: no Ray cluster answers there"):
            RayEngine(address).run(stack_of_three(1), WorkerConfig(tmp_path))


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "head:port", "ray://head:10001"])
def test_an_address_that_means_nothing_is_said(tmp_path, address):
    pytest.importorskip("ray", reason=f"Ray is not installed: {cluster_module.INSTALL}")
    with pytest.raises(InputError, match=f"--ray-address {address}: give HOST:PORT, or auto"):
        RayEngine(address).run(stack_of_three(1), WorkerConfig(tmp_path))


def test_without_ray_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"Ray, which is not installed: pip install 'ray>=2\.50'"):
        RayEngine().run(stack_of_three(1), WorkerConfig(tmp_path))
