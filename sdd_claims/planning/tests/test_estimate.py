import pytest
import torch

from sdd_claims.machine import devices, provenance
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.planning import estimate
from sdd_claims.planning.estimate import Cost, Estimate, duration, missing, processes
from sdd_claims.planning.plan import Request, plan
from sdd_claims.planning.rates import Rates
from sdd_claims.record import Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import DataSpec, ModelSpec, RunSpec, TrainingSpec
from sdd_claims.storage.store import Store

TINY = RunSpec(
    data=DataSpec(name="stand_in:mnist", side=7, train_size=100),
    model=ModelSpec(hidden=(8,)),
    training=TrainingSpec(epochs=2),
)
TINY_FLOPS = 2 * (2 * 49 * 8 + 3 * 8 * 10) * 100 * 2
LENET_FLOPS = 2 * (2 * 784 * 300 + 3 * 300 * 100 + 3 * 100 * 10)


@pytest.fixture
def store(tmp_path):
    """One level of one replica of TINY is stored."""
    opened = Store(tmp_path)
    replica = Replica(TINY, 0)
    opened.commit([(replica, *IterativePruning([replica], torch.device("cpu")).next_level(0, [None])[0])], {})
    return opened


@pytest.mark.parametrize(
    ("spec", "flops"),
    [
        (TINY, TINY_FLOPS),
        (RunSpec(data=DataSpec(name="mnist")), LENET_FLOPS * 60_000 * 200),
        (RunSpec(), LENET_FLOPS * 8_000 * 200),
        (
            RunSpec(data=DataSpec(name="cifar10", train_size=10), model=ModelSpec(hidden=(5,))),
            2 * (2 * 3 * 32 * 32 * 5 + 3 * 5 * 10) * 10 * 200,
        ),
    ],
)
def test_a_level_costs_its_products_times_images_times_epochs(spec, flops):
    assert estimate.level_flops(spec) == flops


def test_the_estimate_is_what_training_then_records(store):
    assert store.records(TINY.digest, 0)[0].train_flops == estimate.level_flops(TINY)


def cost(wanted, store):
    """At a rate of 1 GFLOP/s that nobody has measured."""
    return Estimate(Rates(store, assumed=1e9), CPU, 1).cost(missing(wanted.wanted, store))


def test_only_levels_that_are_not_stored_cost_anything(store):
    wanted = plan([Request(TINY, (0, 1), 3), Request(RunSpec(), (0,), 1)])
    expected = estimate.level_flops(TINY) * (2 + 3) + estimate.level_flops(RunSpec())
    assert cost(wanted, store).flops == expected
    assert cost(plan([Request(TINY, (0,), 1)]), store) == Cost()


def test_seconds_are_operations_by_the_rate_of_their_kind_and_those_by_measured_rates_are_counted_apart(store):
    store.commit(
        [(Replica(TINY, 1), *IterativePruning([Replica(TINY, 1)], torch.device("cpu")).next_level(0, [None])[0])],
        {"device": "cpu", "hardware": provenance.hardware()},
    )
    record = store.records(TINY.digest, 1)[0]
    found = cost(plan([Request(TINY, (0, 1), 2), Request(RunSpec(), (0,), 1)]), store)
    assert found.measured == pytest.approx(2 * record.seconds)
    assert found.seconds == pytest.approx(2 * record.seconds + LENET_FLOPS * 8_000 * 200 / 1e9)


def test_all_points_of_a_path_are_trained_together_and_those_over_epochs_and_of_refits_are_one_training(tmp_path):
    path = TINY.but(
        pruning={"criterion": "none"},
        training={"penalty": {"name": "l1"}},
        path={"over": "penalty_strength", "values": (0, 1, 2, 3)},
    )
    epochs = path.but(path={"over": "epochs", "values": (0, 1, 2)})
    refit = path.but(training={"penalty": {"name": "none"}}, path={"over": "ridge_refit", "values": (0, 1, 2)})
    store = Store(tmp_path)
    assert cost(plan([Request(path, (0,), 2)]), store).flops == 4 * TINY_FLOPS
    assert cost(plan([Request(epochs, (0, 1), 3)]), store).flops == pytest.approx(2 * TINY_FLOPS)
    assert cost(plan([Request(refit, (0,), 3)]), store).flops == TINY_FLOPS


def test_no_more_processes_work_than_stacks_are_left(store):
    at = [Estimate(Rates(store, assumed=1e9), CPU, processes) for processes in (1, 2, 8)]
    two_stacks = plan([Request(TINY, (0, 6), 2)])
    alone, shared, shared_no_further = (duration(two_stacks, store, estimate) for estimate in at)
    assert alone == pytest.approx(3 * TINY_FLOPS / 1e9)
    assert shared == shared_no_further == alone / 2
    assert duration(plan([Request(TINY, (0,), 1)]), store, at[1]) == 0


def test_what_trains_on_the_cpu_of_a_gpus_tier_is_shared_by_its_cores(store):
    """One device after the other."""
    portable = TINY.but(training={"arithmetic": "portable"})
    estimate = Estimate(Rates(store, assumed=1e9), None, 1, on_cpu=4)
    on_gpu, on_cpu = plan([Request(TINY, (6, 12), 1)]), plan([Request(portable, (0, 1, 2, 3, 4, 5), 1)])
    took = [duration(each, store, estimate) for each in (on_gpu, on_cpu)]
    assert took == pytest.approx([2 * TINY_FLOPS / 1e9, 6 / 4 * TINY_FLOPS / 1e9])
    both = plan([Request(TINY, (6, 12), 1), Request(portable, (0, 1, 2, 3, 4, 5), 1)])
    assert duration(both, store, estimate) == pytest.approx(sum(took))
    lacking = [*missing(both.wanted, store)]
    assert estimate.shared(lacking) == pytest.approx(sum(took))


def test_a_plan_for_workers_of_xdist_counts_with_as_many(monkeypatch):
    monkeypatch.setattr(devices, "cores", lambda: 4)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    assert [processes(engine, CPU, workers=2) for engine in ("pool", "serial")] == [2, 2]
    assert processes("pool", CPU, workers=9) == 4


def test_a_process_a_core_trains_unless_they_are_the_workers_of_xdist(monkeypatch):
    monkeypatch.setattr(devices, "cores", lambda: 4)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    assert (processes("pool", CPU), processes("serial", CPU), processes("pool", None)) == (4, 1, 1)
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    assert processes("serial", CPU) == 3
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "9")
    assert processes("serial", CPU) == 4


def test_validation_images_are_not_trained_on():
    held_out = RunSpec(data=DataSpec(name="mnist", validation_size=10_000))
    assert estimate.level_flops(held_out) == LENET_FLOPS * 50_000 * 200


def test_a_gpu_trains_in_as_many_processes_as_it_is_meant_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    assert [processes("pool", Device(name), 4) for name in ("cuda", "cuda:1")] == [8, 4]
    assert [
        processes("serial", Device("cuda"), 4),
        processes("serial", Device("cuda"), 1),
        processes("ray", Device("cuda"), 4),
    ] == [3, 2, 1]
