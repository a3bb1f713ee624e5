from dataclasses import asdict
from itertools import accumulate

import numpy as np
import pytest
import torch

from sdd_claims.data import regression
from sdd_claims.engines import WorkerConfig, engine
from sdd_claims.errors import InputError
from sdd_claims.measures import training_flops_per_image
from sdd_claims.models import build, initial_weights
from sdd_claims.models.relu_network import relu_network
from sdd_claims.planning import estimate
from sdd_claims.planning.plan import Request, plan
from sdd_claims.randomness import Stream, draws, numpy_stream
from sdd_claims.record import Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.spec import DataSpec, ModelSpec, OptimizerSpec, PathSpec, PruningSpec, RunSpec, TrainingSpec
from sdd_claims.storage.store import Store
from sdd_claims.training.compiled_relu_stack import CompiledReluTraining
from sdd_claims.training.relu_stack import NativeReluTraining

CPU = torch.device("cpu")
SPEC = RunSpec(
    data=DataSpec(name="grid"),
    model=ModelSpec(name="relu_network", hidden=(8, 8), functional_width=3, initialization="uniform"),
    training=TrainingSpec(epochs=40, loss="mean_squared_error", optimizer=OptimizerSpec(name="adam", lr=0.01)),
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="epochs", values=(0, 10, 40)),
).but(training={"penalty": {"name": "rbv2", "strength": 0.001}})
WHOLE = SPEC.but(model={"functional_width": 0}, training={"penalty": {"name": "l2"}})
SHALLOW = SPEC.but(model={"hidden": (12,), "functional_width": 0})
PORTABLE = SPEC.but(training={"arithmetic": "portable"})


def path(spec, seeds=(0, 1, 2)):
    """The numbers of each seed's records."""
    trained = train_path([Replica(spec, seed) for seed in seeds], CPU)
    return [[{**asdict(record), "seconds": None} for record in records] for records in trained]


@pytest.mark.parametrize("spec", [SPEC, WHOLE, SHALLOW, PORTABLE])
def test_a_look_is_what_a_shorter_training_ends_with(spec):
    shorter = spec.but(training={"epochs": 10}, path={"values": (0, 5, 10)})
    for long, short in zip(path(spec), path(shorter), strict=True):
        assert long[0]["train_loss"] == short[0]["train_loss"] > long[2]["train_loss"]
        for measure in ("train_loss", "nonzero_fraction", "active_neurons", "rank", "parallel_rows"):
            assert long[1][measure] == pytest.approx(short[2][measure])


@pytest.mark.parametrize(("spec", "training"), [(SPEC, NativeReluTraining), (PORTABLE, CompiledReluTraining)])
def test_a_look_is_after_the_epoch_that_it_says(monkeypatch, spec, training):
    taken = []
    take = training.take

    def counted(self, epochs):
        taken.append(epochs)
        take(self, epochs)

    monkeypatch.setattr(training, "take", counted)
    path(spec, (0,))
    after = list(accumulate(taken))
    assert 10 in after
    assert after[-1] == 40


def test_every_network_has_the_measures_of_its_form():
    def measured(spec):
        return {name for name, value in path(spec, (0,))[0][-1].items() if value is not None}

    common = {"level", "density", "remaining", "diverged", "train_flops", "train_loss", "nonzero_fraction"}
    assert measured(SHALLOW) == common | {"active_neurons"}
    assert measured(WHOLE) == common | {"active_neurons", "rank"}
    assert measured(SPEC) == common | {"active_neurons", "rank", "parallel_rows"}


def test_a_seed_trains_in_a_stack_as_it_does_alone_and_every_seed_otherwise():
    together, (alone,) = path(SPEC), path(SPEC, (1,))
    for stacked, single in zip(together[1], alone, strict=True):
        for measure in ("train_loss", "nonzero_fraction", "active_neurons", "rank", "parallel_rows"):
            assert stacked[measure] == pytest.approx(single[measure], rel=1e-4)
    assert len({records[0]["train_loss"] for records in together}) == 3


def test_the_last_loss_is_that_of_ordinary_training_of_the_module():
    (records,) = path(SPEC.but(training={"penalty": {"name": "none", "strength": 0.0}}), (3,))
    spec = SPEC.model
    architecture = build(spec, (4, 1, 1), 1)
    weights = initial_weights(architecture, draws(3, Stream.INITIALIZATION), "uniform")
    module = relu_network(4, spec.hidden, spec.functional_width, 1)
    module.load_state_dict(weights)
    points = torch.from_numpy(regression.inputs("grid"))
    targets = torch.from_numpy(regression.targets(81, numpy_stream(3, Stream.TARGETS)))
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(module(points), targets).backward()
        optimizer.step()
    loss = torch.nn.functional.mse_loss(module(points), targets).item()
    assert records[-1]["train_loss"] == pytest.approx(loss, rel=1e-3)


@pytest.mark.parametrize("spec", [SPEC, WHOLE, SHALLOW])
def test_a_portable_seed_is_another_draw_of_the_same_distribution_and_trains_to_the_same_bits_alone(spec):
    portable = spec.but(training={"arithmetic": "portable"})
    together, (alone,) = path(portable), path(portable, (1,))
    assert together[1] == alone
    seeds = range(12)
    losses = [[records[0]["train_loss"] for records in path(each, seeds)] for each in (spec, portable)]
    assert set(losses[0]).isdisjoint(losses[1])
    (mean, spread), (other, _) = ((np.mean(each), np.std(each)) for each in losses)
    assert abs(mean - other) < 2 * spread


def test_penalties_of_other_strengths_train_otherwise():
    strong = SPEC.but(training={"penalty": {"strength": 1.0}})
    assert path(strong, (0,))[0][-1]["nonzero_fraction"] != path(SPEC, (0,))[0][-1]["nonzero_fraction"]


def test_a_network_that_diverges_stays_so_and_has_no_measures():
    wild = SPEC.but(training={"optimizer": {"lr": 1e30}})
    for records in path(wild) + path(wild.but(training={"arithmetic": "portable"})):
        assert [record["diverged"] for record in records] == [False, True, True]
        assert records[2]["train_loss"] is records[2]["rank"] is None


def test_the_points_of_a_path_cost_what_is_estimated():
    (records,) = path(SPEC, (0,))
    whole = 40 * 81 * training_flops_per_image(build(SPEC.model, (4, 1, 1), 1), (4, 1, 1))
    assert [record["train_flops"] for record in records] == [0, whole / 4, whole * 3 / 4]
    assert 3 * estimate.level_flops(SPEC) == whole


def test_an_engine_trains_a_path_and_stores_its_points(tmp_path):
    engine("serial").run(plan([Request(SPEC, (0, 1), 3)]), WorkerConfig(tmp_path))
    curve = Store(tmp_path).curve(SPEC.digest, "nonzero_fraction", (0, 1), 3)
    assert curve.axis == "epoch"
    assert curve.position.tolist() == [0, 10, 40]
    assert np.isfinite(curve.values).all()


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"data": {"name": "mnist_small"}}, "no regression problem"),
        ({"data": {"train_size": 5}}, "leave side, train_size"),
        ({"noise": {"kind": "symmetric_always_wrong", "rate": 0.2}}, "targets are numbers"),
        ({"model": {"name": "mlp", "functional_width": 0}}, "ModelSpec.name"),
        ({"model": {"functional_width": 0}}, "functional_width"),
        ({"training": {"loss": "cross_entropy"}}, "TrainingSpec.loss"),
        ({"training": {"batch_size": 80}}, "batch_size must be 81"),
        ({"training": {"optimizer": {"name": "sgd"}}}, "OptimizerSpec.name"),
        ({"training": {"schedule": {"name": "cosine"}}}, "ScheduleSpec.name"),
        ({"training": {"penalty": {"name": "l1"}}}, "PenaltySpec.name"),
        ({"record": {"directions": 1}}, "RecordSpec"),
    ],
)
def test_what_the_regression_cannot_train_is_refused_with_its_remedy(changes, remedy):
    with pytest.raises(InputError, match=remedy):
        train_path([Replica(SPEC.but(**changes), 0)], CPU)


def test_portable_arithmetic_is_refused_on_a_gpu():
    with pytest.raises(InputError, match="--device=cpu"):
        train_path([Replica(PORTABLE, 0)], torch.device("cuda"))


def test_seeds_of_two_settings_are_refused():
    with pytest.raises(InputError, match="stack of their own"):
        train_path([Replica(SPEC, 0), Replica(SHALLOW, 1)], CPU)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"training": {"loss": "mean_squared_error"}}, "'mnist_small' has classes"),
        ({"training": {"penalty": {"name": "rbv2"}}}, "'rbv2'"),
        ({"model": {"name": "relu_network"}}, "never pruned"),
    ],
)
def test_what_only_the_regression_trains_is_refused_on_images(changes, remedy):
    with pytest.raises(InputError, match=remedy):
        IterativePruning([Replica(RunSpec().but(**changes), 0)], CPU)
