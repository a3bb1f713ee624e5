import time
from dataclasses import replace

import pytest
import torch

from sdd_claims.machine import provenance
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.planning import rates
from sdd_claims.planning.rates import Rates
from sdd_claims.record import Replica
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import NOISY, SPEC, instant_level

HERE, GPU = "a machine, 2 cores", "a machine, 2 cores, NVIDIA H200"


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setattr(provenance, "hardware", lambda device=CPU: GPU if device.is_gpu else HERE)
    monkeypatch.setattr(rates, "product_rate", lambda device, precision: 1e12 if device.is_gpu else 1e9)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def keep(store, spec, seconds, *, seed=0, flops=8e6, device="cpu", hardware=HERE):
    """Store one dense level that took so long."""
    replica = Replica(spec, seed)
    record, state = instant_level(replica, 0, None)
    timed = replace(record, train_flops=flops, seconds=seconds)
    store.commit([(replica, timed, state)], {"device": device, "hardware": hardware})


def test_a_kind_is_as_fast_as_all_of_its_trainings_on_this_hardware_were(store):
    keep(store, SPEC, 1.0)
    keep(store, NOISY, 3.0, seed=1)  # the same network, in another setting
    keep(store, SPEC.but(model={"hidden": (9,)}), 100.0)
    keep(store, SPEC.but(training={"precision": "bfloat16"}), 100.0)
    keep(store, SPEC.but(training={"arithmetic": "portable"}), 100.0)
    keep(store, SPEC, 100.0, seed=2, hardware="another machine")
    found = Rates(store).of(SPEC.but(training={"epochs": 7}), CPU)
    assert (found.flops, found.measured) == (4e6, True)
    assert HERE in found.source


def test_of_many_seeds_of_a_run_the_last_ones_count(store):
    for seed in (1000, 1001, 1002):  # by an older engine
        keep(store, SPEC, 50.0, seed=seed)
    for seed in range(1012, 1018):
        keep(store, SPEC, 2.0, seed=seed)
    assert Rates(store).of(SPEC, CPU).flops == 4e6


def test_what_was_trained_on_another_machine_says_nothing_of_this_one(store):
    keep(store, SPEC, 1.0, hardware="another machine")
    keep(store, SPEC, 1.0, seed=1, device="cuda", hardware=GPU)
    found = Rates(store).of(SPEC, CPU)
    assert not found.measured
    assert 0 < found.flops < 1e9
    assert "assumed: 40% of a matrix product timed just now" in found.source


def test_a_gpu_that_is_not_here_is_as_fast_as_the_one_that_trained_most(store):
    keep(store, SPEC, 1.0, hardware=HERE)
    keep(store, SPEC, 2.0, seed=1, device="cuda:1", hardware="with an old GPU")
    keep(store, SPEC, 4.0, seed=2, device="cuda", hardware=GPU)
    found = Rates(store).of(SPEC, None)
    assert (found.flops, found.source, found.measured) == (2e6, f"measured on {GPU}", True)


@pytest.mark.parametrize("device", [CPU, Device("cuda:0"), None])
def test_a_rate_that_nobody_has_measured_is_said_to_be_assumed_and_the_users_comes_first(store, device):
    guess, given = Rates(store).of(SPEC, device), Rates(store, assumed=7e12).of(SPEC, device)
    assert not guess.measured
    assert guess.source.startswith("assumed: ")
    assert (given.flops, given.source, given.measured) == (7e12, "assumed by --rate", False)


def test_a_measured_rate_comes_before_the_users(store):
    keep(store, SPEC, 2.0)
    assert Rates(store, assumed=7e12).of(SPEC, CPU).flops == 4e6


def test_levels_that_took_no_time_measure_nothing_and_damaged_ones_neither(store):
    keep(store, SPEC, 0.0)
    assert not Rates(store).of(SPEC, CPU).measured
    keep(store, SPEC, 1.0, seed=1)
    (store.path / "runs" / SPEC.digest / "0" / "levels.json").write_bytes(b"{}")
    assert Rates(store).of(SPEC, CPU).flops == 8e6
    (store.path / "runs" / SPEC.digest / "spec.json").write_bytes(b"{}")
    assert not Rates(store).of(SPEC, CPU).measured


def test_a_level_that_comes_in_between_is_not_counted_yet(store, monkeypatch):
    keep(store, SPEC, 2.0, seed=0)
    keep(store, SPEC, 1.0, seed=1)
    records = store.records
    monkeypatch.setattr(store, "records", lambda digest, seed: records(digest, seed) if seed else ())
    assert Rates(store).of(SPEC, CPU).flops == 8e6


def test_timing_a_matrix_product_leaves_the_number_of_threads_as_it_was(monkeypatch):
    monkeypatch.undo()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert rates.product_rate(CPU, "float32", size=64, repeats=1) > 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_matrix_product_that_takes_seconds_is_timed_once(monkeypatch):
    monkeypatch.undo()
    clock = iter((0.0, 3.0))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert rates.product_rate(CPU, "bfloat16", size=8) == 2 * 8**3 / 3
