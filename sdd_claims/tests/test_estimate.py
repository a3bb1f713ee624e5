import pytest
import torch

from sdd_claims import estimate
from sdd_claims.iterative import IterativePruning
from sdd_claims.plan import Request, plan
from sdd_claims.record import Replica
from sdd_claims.spec import DataSpec, ModelSpec, RunSpec, TrainingSpec
from sdd_claims.store import Store

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


def test_only_levels_that_are_not_stored_cost_anything(store):
    wanted = plan([Request(TINY, (0, 1), 3), Request(RunSpec(), (0,), 1)])
    expected = estimate.level_flops(TINY) * (2 + 3) + estimate.level_flops(RunSpec())
    assert estimate.missing_flops(wanted, store) == expected
    assert estimate.missing_flops(plan([Request(TINY, (0,), 1)]), store) == 0


def test_all_points_of_a_path_over_strengths_are_trained_and_those_over_epochs_are_one_training(tmp_path):
    path = TINY.but(
        pruning={"criterion": "none"},
        training={"penalty": {"name": "l1"}},
        path={"over": "penalty_strength", "values": (0, 1, 2, 3)},
    )
    epochs = path.but(path={"over": "epochs", "values": (0, 1, 2)})
    assert estimate.missing_flops(plan([Request(path, (0,), 2)]), Store(tmp_path)) == 4 * TINY_FLOPS
    assert estimate.missing_flops(plan([Request(epochs, (0, 1), 3)]), Store(tmp_path)) == 2 * TINY_FLOPS


def test_validation_images_are_not_trained_on():
    held_out = RunSpec(data=DataSpec(name="mnist", validation_size=10_000))
    assert estimate.level_flops(held_out) == LENET_FLOPS * 50_000 * 200


def test_the_rate_is_that_of_the_stored_runs(store):
    record = store.records(TINY.digest, 0)[0]
    rate, source = estimate.rate(plan([Request(TINY, (0, 1), 3)]), store)
    assert rate == record.train_flops / record.seconds
    assert source == "the stored runs' own rate"


def test_without_stored_runs_the_rate_is_a_share_of_a_matrix_product(tmp_path, monkeypatch):
    monkeypatch.setattr(estimate, "_matmul_rate", lambda: 1e9)
    rate, source = estimate.rate(plan([Request(TINY, (0,), 1)]), Store(tmp_path))
    assert 0 < rate < 1e9
    assert source == "a matrix product timed just now"


def test_timing_the_matrix_product_leaves_the_number_of_threads_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert estimate._matmul_rate(size=64, repeats=1) > 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
