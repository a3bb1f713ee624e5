from pathlib import Path

import pytest

from sdd_claims import smoke
from sdd_claims.claim import CurveOf
from sdd_claims.data import stand_in
from sdd_claims.plan import Request, plan
from sdd_claims.smoke import shrunk, smoke_curves
from sdd_claims.spec import NoiseSpec, RunSpec
from sdd_claims.tests.tiny import trial_named

BIG = RunSpec().but(
    data={"name": "mnist"},
    noise=NoiseSpec(kind="symmetric_permute", rate=0.2),
    training={"schedule": {"name": "step", "milestones": (80, 120)}},
    pruning={"rewind_iteration": 1000},
)


def test_a_shrunk_curve_keeps_everything_that_does_not_cost_time(tmp_path):
    curve = shrunk(CurveOf(BIG, "learning_distance", 33, 100), tmp_path)
    assert (curve.measure, curve.levels, curve.offset) == ("learning_distance", 2, 100)
    small = curve.spec
    assert (small.noise, small.model, small.training.optimizer) == (BIG.noise, BIG.model, BIG.training.optimizer)
    assert small.pruning.rewind_iteration == 1
    assert small.data.train_size == 256
    assert small.training.epochs <= 2


def test_an_absent_data_set_is_stood_in_for_and_a_present_one_is_not(tmp_path):
    assert shrunk(CurveOf(BIG, "test_accuracy", 33), tmp_path).spec.data.name == stand_in.PREFIX + "mnist"
    embedded = BIG.but(data={"name": "mnist_small"})
    assert shrunk(CurveOf(embedded, "test_accuracy", 33), tmp_path).spec.data.name == "mnist_small"


def test_a_smoke_run_shares_no_result_with_a_judged_one():
    trial = trial_named("obedience", spec=BIG.but(data={"name": "mnist_small"}), levels=4)
    curves, control = smoke_curves(trial, Path("/nowhere"))
    assert curves.keys() == trial.curves.keys()
    assert control.keys() == trial.control_curves.keys()
    digests = {curve.spec.digest for curve in (*curves.values(), *control.values())}
    assert not digests & {curve.spec.digest for curve in (*trial.curves.values(), *trial.control_curves.values())}


def test_smoke_seeds_are_pilots():
    assert max(smoke.SEEDS) < 1000


@pytest.mark.parametrize("train_size", [None, 64, 5000])
def test_a_smoke_plan_is_small(train_size):
    spec = BIG.but(data={"name": "mnist_small", "train_size": train_size})
    curve = shrunk(CurveOf(spec, "test_accuracy", 33), None)
    assert plan([Request(curve.spec, smoke.SEEDS, curve.levels)]).needed == 4
    assert curve.spec.data.train_size == min(256, train_size or 256)
