"""One process a device; what a lost device leaves behind, the others do. All devices are pretended ones of this CPU."""

import errno
import fcntl
import os
import socket
import stat
import tempfile
import time
from collections import Counter
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from filelock import Timeout
from threadpoolctl import threadpool_info, threadpool_limits

from sdd_claims.engines import PoolEngine, SerialEngine, WorkerConfig, serial, slots
from sdd_claims.engines.tests.pretended import FallingWorker
from sdd_claims.errors import DeviceLostError, InputError, StoreError
from sdd_claims.machine import devices, provenance
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.planning.plan import Request, plan
from sdd_claims.storage import locks
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import NOISY, REDENSE, SEEDS, numbers, trained

SEVERAL = plan([Request(NOISY, SEEDS, 2), Request(REDENSE, SEEDS, 2)])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    path = tmp_path_factory.mktemp("alone")
    SerialEngine().run(SEVERAL, WorkerConfig(path))
    return numbers(Store(path), SEVERAL)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_cuda_is_every_gpu_that_this_process_sees(two_gpus):
    assert Device("cuda").each() == (Device("cuda:0"), Device("cuda:1"))
    assert Device("cuda:1").each() == (Device("cuda:1"),)
    assert CPU.each() == (CPU,)


def test_a_gpu_is_here_where_there_is_one(monkeypatch):
    gpu = Device("cuda:0")
    for found in (1, 0):
        monkeypatch.setattr(torch.cuda, "device_count", lambda found=found: found)
        assert gpu.if_here() == (gpu if found else None)
        assert CPU.if_here() == CPU


def test_a_machine_without_gpus_has_no_cuda(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for engine in (SerialEngine(), PoolEngine()):
        with pytest.raises(InputError, match="no GPU is visible here; use --device cpu"):
            engine.run(SEVERAL, WorkerConfig(tmp_path, Device("cuda")))


@pytest.mark.parametrize(
    ("device", "per_device", "expected"),
    [
        ("cuda", 1, ("cuda:0", "cuda:1")),
        ("cuda", 2, ("cuda:0", "cuda:1", "cuda:0", "cuda:1")),
        ("cuda:1", 1, ("cuda:1",)),
        ("cuda:1", 3, ("cuda:1",) * 3),
    ],
)
def test_a_pool_has_as_many_processes_as_its_gpus_are_meant_for(two_gpus, device, per_device, expected):
    assert Device(device).processes(per_device) == tuple(map(Device, expected))


def test_a_pool_has_one_process_a_core(monkeypatch):
    monkeypatch.setattr(devices, "cores", lambda: 3)
    assert CPU.processes(per_device=2) == (CPU,) * 3


@pytest.mark.parametrize(
    ("worker", "device"), [(None, "cuda:0"), ("gw0", "cuda:0"), ("gw1", "cuda:1"), ("gw4", "cuda:0")]
)
def test_workers_of_xdist_take_the_gpus_in_turn(two_gpus, tmp_path, monkeypatch, worker, device):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    seen = []

    def watched(stacks, config, watch=None):
        seen.append(config.device)
        return ["the store has something to say"]

    monkeypatch.setattr(serial, "work_through", watched)
    assert SerialEngine().run(SEVERAL, WorkerConfig(tmp_path, Device("cuda"))) == ["the store has something to say"]
    assert seen == [Device(device)]


# A device that is lost


@pytest.mark.parametrize(
    ("killed", "note"),
    [
        (False, "cpu:0 was lost; the other processes have done its work"),
        (True, "a training process was killed (out of memory, perhaps) on cpu:0; the other processes have *"),
    ],
)
def test_the_others_finish_the_plan_and_train_nothing_twice(tmp_path, alone, killed, note):
    os.mkfifo(tmp_path / "fallen")
    config = FallingWorker(tmp_path / "store", fallen=tmp_path / "fallen", killed=killed)
    (said,) = PoolEngine([Device("cpu:0"), CPU]).run(SEVERAL, config)
    assert said.startswith(note.rstrip("*"))
    assert max(Counter(trained(config.store)).values()) == 1
    assert numbers(Store(config.store), SEVERAL) == alone


@pytest.mark.parametrize(
    ("killed", "error", "sentence"),
    [
        (False, DeviceLostError, "fallen off the bus"),
        (True, StoreError, "a training process was killed .*; the levels it had finished are stored, so run again"),
    ],
)
def test_where_no_device_is_left_the_loss_is_raised_and_a_new_run_goes_on(tmp_path, alone, killed, error, sentence):
    with pytest.raises(error, match=sentence):
        PoolEngine([Device("cpu:0")]).run(SEVERAL, FallingWorker(tmp_path, killed=killed))
    assert SEVERAL.stored(Store(tmp_path)) == len(SEEDS)
    SerialEngine().run(SEVERAL, WorkerConfig(tmp_path))
    assert max(Counter(trained(tmp_path)).values()) == 1
    assert numbers(Store(tmp_path), SEVERAL) == alone


def test_what_nobody_had_the_time_to_do_is_not_said_to_be_done(tmp_path):
    os.mkfifo(tmp_path / "fallen")
    config = FallingWorker(tmp_path / "store", fallen=tmp_path / "fallen", closes=True)
    (said,) = PoolEngine([Device("cpu:0"), CPU]).run(SEVERAL, config)
    assert said == "cpu:0 was lost; the others went on until the time was up"


# Slots


class BusyError(Exception):
    """There is no slot."""


@pytest.fixture
def no_waiting(monkeypatch):
    def busy(seconds):
        raise BusyError

    monkeypatch.setattr("time.sleep", busy)


@pytest.fixture
def identities(monkeypatch):
    """Two GPUs, the second of which has two names."""
    known = {Device("cuda:0"): "GPU-a", Device("cuda:1"): "GPU-b", Device("cuda:7"): "GPU-b"}
    monkeypatch.setattr(slots, "gpu_uuid", known.__getitem__)


def test_training_holds_one_slot_and_one_thread_and_gives_both_back(monkeypatch, no_waiting):
    monkeypatch.setattr(devices, "cores", lambda: 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    with slots.training_slot(CPU):
        assert threads == [1]
        with pytest.raises(BusyError), slots.training_slot(CPU):
            pass
    with slots.training_slot(CPU):
        pass
    assert threads == [1, 1, 7, 7, 1, 7]


def test_training_holds_numpys_products_to_one_thread_too(no_waiting):
    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(2):
        before = threads()
        with slots.training_slot(CPU):
            assert threads() == {1}
        assert threads() == before != {1}


def test_a_training_that_waits_in_vain_for_a_lock_of_its_own_says_so(monkeypatch, no_waiting):
    monkeypatch.setattr(devices, "cores", lambda: 2)
    with pytest.raises(Timeout), slots.training_slot(CPU):
        raise Timeout("a lock")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files, as /tmp is: of all users."""
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(socket, "gethostname", lambda: "node-7.cluster")
    return tmp_path


def slots_made(temporary):
    with slots.training_slot(CPU) as had:
        assert had
    return sorted(path.name for path in temporary.iterdir())


def test_the_users_of_a_machine_share_its_slots_where_they_share_the_temporary_folder(temporary):
    assert slots_made(temporary) == ["sdd-claims-slots-node-7.cluster"]
    (folder,) = temporary.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    assert slots_made(temporary) == [folder.name]


def test_in_a_temporary_folder_of_his_own_a_user_has_slots_of_his_own(temporary):
    temporary.chmod(0o700)
    assert slots_made(temporary) == [f"sdd-claims-slots-node-7.cluster-{os.getuid()}"]


@pytest.mark.parametrize("planted", [lambda path: path.mkdir(0o700), Path.touch, lambda path: path.symlink_to("/")])
def test_where_something_else_stands_in_the_place_of_the_shared_slots_a_user_has_his_own(temporary, planted):
    planted(temporary / "sdd-claims-slots-node-7.cluster")
    assert f"sdd-claims-slots-node-7.cluster-{os.getuid()}" in slots_made(temporary)


def test_processes_that_are_bound_to_different_cores_share_no_slots(temporary, monkeypatch, no_waiting):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {4})
    with slots.training_slot(CPU):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5})
        with slots.training_slot(CPU) as had:
            assert had
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {4})
        with pytest.raises(BusyError), slots.training_slot(CPU):
            pass


def test_machines_that_share_a_temporary_folder_share_no_slots(temporary, monkeypatch, no_waiting):
    monkeypatch.setattr(devices, "cores", lambda: 1)
    with slots.training_slot(CPU):
        monkeypatch.setattr(socket, "gethostname", lambda: "node-8.cluster")
        with slots.training_slot(CPU) as had:
            assert had


def test_a_temporary_folder_without_locks_is_one_sentence(temporary, monkeypatch):
    def refuse(*args):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match=r"cannot lock .*; set TMPDIR to a writable folder on a file system with"):
        slots_made(temporary)


def test_a_temporary_folder_that_is_not_there_is_one_sentence(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "absent"))
    with pytest.raises(StoreError, match=r"no place for the locks of training slots .*; set TMPDIR to a writable"):
        slots_made(temporary)


def test_who_waits_for_a_slot_says_so(temporary, monkeypatch, capsys, no_waiting):
    monkeypatch.setattr(devices, "cores", lambda: 1)
    clock = count(step=10)
    with slots.training_slot(CPU):
        monkeypatch.setattr(locks, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=time.sleep))
        with pytest.raises(BusyError), slots.training_slot(CPU):
            pass
    said = capsys.readouterr().err
    assert said.startswith("waiting for a training slot, of which cpu has 1, held by another process since ")


def test_nobody_waits_for_a_slot_beyond_the_deadline(monkeypatch, no_waiting):
    monkeypatch.setattr(devices, "cores", lambda: 1)
    with slots.training_slot(CPU, deadline=0) as first:
        assert first
        with slots.training_slot(CPU, deadline=0) as second:
            assert not second
        with pytest.raises(BusyError), slots.training_slot(CPU, deadline=time.time() + 3600):
            pass


def test_a_worker_whose_deadline_passes_while_it_waits_for_a_slot_trains_nothing(tmp_path, monkeypatch, no_waiting):
    monkeypatch.setattr(devices, "cores", lambda: 1)
    deadline = time.time() + 3600
    with slots.training_slot(CPU):
        monkeypatch.setattr("time.sleep", lambda seconds: monkeypatch.setattr("time.time", lambda: deadline))
        SerialEngine().run(SEVERAL, WorkerConfig(tmp_path, deadline=deadline))
    assert SEVERAL.stored(Store(tmp_path)) == 0


def test_a_gpu_takes_one_process_whatever_its_index(identities, no_waiting):
    with slots.training_slot(Device("cuda:1")):
        with pytest.raises(BusyError), slots.training_slot(Device("cuda:7")):
            pass
        with slots.training_slot(Device("cuda:0")):
            pass
    with slots.training_slot(Device("cuda:7")):
        pass


def test_a_gpu_takes_as_many_processes_as_it_is_meant_for(identities, no_waiting):
    with slots.training_slot(Device("cuda:0"), 2), slots.training_slot(Device("cuda:0"), 2):
        for per_device in (1, 2):
            with pytest.raises(BusyError), slots.training_slot(Device("cuda:0"), per_device):
                pass
        with slots.training_slot(Device("cuda:0"), 3):
            pass


def test_a_level_says_how_many_processes_were_meant_to_share_its_device(tmp_path, monkeypatch):
    stored = provenance.of_training

    def of_a_gpu(device, per_device=1):
        return stored(device) | {"per_device": per_device}  # kept of GPUs alone

    monkeypatch.setattr(provenance, "of_training", of_a_gpu)
    one = plan([Request(NOISY, SEEDS[:1], 1)])
    SerialEngine().run(one, WorkerConfig(tmp_path, per_device=3))
    (replica,) = one.wanted
    (about,) = Store(tmp_path).provenance(*replica.key)
    assert about["per_device"] == 3
