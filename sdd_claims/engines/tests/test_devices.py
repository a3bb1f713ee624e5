"""One process a device; what a lost device leaves behind, the others do. All devices are pretended ones of this CPU."""

import os
import time
from collections import Counter

import pytest
import torch
from filelock import Timeout

from sdd_claims.engines import PoolEngine, SerialEngine, Site, processes, serial, slots
from sdd_claims.engines.tests.pretended import FallingSite
from sdd_claims.errors import DeviceLostError, InputError, StoreError
from sdd_claims.machine import devices
from sdd_claims.planning.plan import Request, plan
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import NOISY, REDENSE, SEEDS, numbers, trained

SEVERAL = plan([Request(NOISY, SEEDS, 2), Request(REDENSE, SEEDS, 2)])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    path = tmp_path_factory.mktemp("alone")
    SerialEngine().run(SEVERAL, Site(path))
    return numbers(Store(path), SEVERAL)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_cuda_is_every_gpu_that_this_process_sees(two_gpus):
    assert devices.each_of("cuda") == ("cuda:0", "cuda:1")
    assert devices.each_of("cuda:1") == ("cuda:1",)
    assert devices.each_of("cpu") == ("cpu",)


def test_a_gpu_is_here_where_there_is_one(monkeypatch):
    for found in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=found: found)
        assert devices.here("cuda:0") == ("cuda:0" if found else None)
        assert devices.here("cpu") == "cpu"
        assert devices.here(None) is None


def test_a_machine_without_gpus_has_no_cuda(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for engine in (SerialEngine(), PoolEngine()):
        with pytest.raises(InputError, match="no GPU is visible here; use --device cpu"):
            engine.run(SEVERAL, Site(tmp_path, "cuda"))


@pytest.mark.parametrize(
    ("device", "per_device", "expected"),
    [
        ("cuda", 1, ("cuda:0", "cuda:1")),
        ("cuda", 2, ("cuda:0", "cuda:1", "cuda:0", "cuda:1")),
        ("cuda:1", 1, ("cuda:1",)),
        ("cuda:1", 3, ("cuda:1",) * 3),
    ],
)
def test_a_pool_has_as_many_processes_as_its_gpus_are_meant_for(two_gpus, tmp_path, device, per_device, expected):
    assert processes(Site(tmp_path, device, per_device=per_device)) == expected


def test_a_pool_has_one_process_a_core(tmp_path, monkeypatch):
    monkeypatch.setattr("sdd_claims.engines.pool.cores", lambda: 3)
    assert processes(Site(tmp_path)) == ("cpu",) * 3


@pytest.mark.parametrize(
    ("worker", "device"), [(None, "cuda:0"), ("gw0", "cuda:0"), ("gw1", "cuda:1"), ("gw4", "cuda:0")]
)
def test_workers_of_xdist_take_the_gpus_in_turn(two_gpus, tmp_path, monkeypatch, worker, device):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    seen = []

    def watched(stacks, site):
        seen.append(site.device)
        return ["the store has something to say"]

    monkeypatch.setattr(serial, "work_through", watched)
    assert SerialEngine().run(SEVERAL, Site(tmp_path, "cuda")) == ["the store has something to say"]
    assert seen == [device]


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
    site = FallingSite(tmp_path / "store", fallen=tmp_path / "fallen", killed=killed)
    (said,) = PoolEngine(["cpu:0", "cpu"]).run(SEVERAL, site)
    assert said.startswith(note.rstrip("*"))
    assert max(Counter(trained(site.store)).values()) == 1
    assert numbers(Store(site.store), SEVERAL) == alone


@pytest.mark.parametrize(
    ("killed", "error", "sentence"),
    [
        (False, DeviceLostError, "fallen off the bus"),
        (True, StoreError, "a training process was killed .*; the levels it had finished are stored, so run again"),
    ],
)
def test_where_no_device_is_left_the_loss_is_raised_and_a_new_run_goes_on(tmp_path, alone, killed, error, sentence):
    with pytest.raises(error, match=sentence):
        PoolEngine(["cpu:0"]).run(SEVERAL, FallingSite(tmp_path, killed=killed))
    assert SEVERAL.stored(Store(tmp_path)) == len(SEEDS)
    SerialEngine().run(SEVERAL, Site(tmp_path))
    assert max(Counter(trained(tmp_path)).values()) == 1
    assert numbers(Store(tmp_path), SEVERAL) == alone


def test_what_nobody_had_the_time_to_do_is_not_said_to_be_done(tmp_path):
    os.mkfifo(tmp_path / "fallen")
    site = FallingSite(tmp_path / "store", fallen=tmp_path / "fallen", closes=True)
    (said,) = PoolEngine(["cpu:0", "cpu"]).run(SEVERAL, site)
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
    known = {"cuda:0": "GPU-a", "cuda:1": "GPU-b", "cuda:7": "GPU-b"}
    monkeypatch.setattr(slots, "identity", known.__getitem__)


def test_training_holds_one_slot_and_one_thread_and_gives_both_back(monkeypatch, no_waiting):
    monkeypatch.setattr(slots, "cores", lambda: 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    with slots.training_slot("cpu"):
        assert threads == [1]
        with pytest.raises(BusyError), slots.training_slot("cpu"):
            pass
    with slots.training_slot("cpu"):
        pass
    assert threads == [1, 1, 7, 7, 1, 7]


def test_a_training_that_waits_in_vain_for_a_lock_of_its_own_says_so(monkeypatch, no_waiting):
    monkeypatch.setattr(slots, "cores", lambda: 2)
    with pytest.raises(Timeout), slots.training_slot("cpu"):
        raise Timeout("a lock")


def test_nobody_waits_for_a_slot_beyond_the_deadline(monkeypatch, no_waiting):
    monkeypatch.setattr(slots, "cores", lambda: 1)
    with slots.training_slot("cpu", deadline=0) as first:
        assert first
        with slots.training_slot("cpu", deadline=0) as second:
            assert not second
        with pytest.raises(BusyError), slots.training_slot("cpu", deadline=time.time() + 3600):
            pass


def test_a_site_that_closes_while_it_waits_for_a_slot_trains_nothing(tmp_path, monkeypatch, no_waiting):
    monkeypatch.setattr(slots, "cores", lambda: 1)
    deadline = time.time() + 3600
    with slots.training_slot("cpu"):
        monkeypatch.setattr("time.sleep", lambda seconds: monkeypatch.setattr("time.time", lambda: deadline))
        SerialEngine().run(SEVERAL, Site(tmp_path, deadline=deadline))
    assert SEVERAL.stored(Store(tmp_path)) == 0


def test_a_gpu_takes_one_process_whatever_its_index(identities, no_waiting):
    with slots.training_slot("cuda:1"):
        with pytest.raises(BusyError), slots.training_slot("cuda:7"):
            pass
        with slots.training_slot("cuda:0"):
            pass
    with slots.training_slot("cuda:7"):
        pass


def test_a_gpu_takes_as_many_processes_as_it_is_meant_for(identities, no_waiting):
    with slots.training_slot("cuda:0", 2), slots.training_slot("cuda:0", 2):
        for per_device in (1, 2):
            with pytest.raises(BusyError), slots.training_slot("cuda:0", per_device):
                pass
        with slots.training_slot("cuda:0", 3):
            pass
