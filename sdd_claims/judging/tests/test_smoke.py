from pathlib import Path

import pytest

from sdd_claims.errors import InputError
from sdd_claims.judging import smoke
from sdd_claims.judging.networks import check_network
from sdd_claims.judging.smoke import LEVELS, shrunk, smoke_curves
from sdd_claims.models import build
from sdd_claims.planning.plan import Request, plan
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.spec import STAND_IN, ModelSpec, NoiseSpec, PruningSpec, RunSpec, TransformerSpec
from sdd_claims.tests.tiny import KEPT, trial_named

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


def test_what_is_derived_from_a_level_on_asks_for_a_chain_of_one_level_more(tmp_path):
    late = KEPT.but(derivation={"kind": "redense", "from_level": 11})
    small = shrunk(CurveOf(late, "test_accuracy", 2), tmp_path)
    assert small.spec.chain_level(small.levels) == LEVELS + 1


def test_an_absent_data_set_is_stood_in_for_and_a_present_one_is_not(tmp_path):
    assert shrunk(CurveOf(BIG, "test_accuracy", 33), tmp_path).spec.data.name == STAND_IN + "mnist"
    embedded = BIG.but(data={"name": "mnist_small"})
    assert shrunk(CurveOf(embedded, "test_accuracy", 33), tmp_path).spec.data.name == "mnist_small"


@pytest.mark.parametrize(("name", "side"), [("resnet18", 8), ("resnet101", 8), ("vgg16", 16)])
def test_a_large_network_sees_a_few_small_stand_ins_even_where_its_data_set_is_there(name, side, monkeypatch, tmp_path):
    monkeypatch.setattr(smoke, "why_unavailable", lambda name, data_root: None)
    large = BIG.but(
        data={"name": "tiny_imagenet", "side": 32, "augmentation": "crop_and_flip"},
        model={"name": name, "hidden": (), "batch_norm": True},
        training={"precision": "bfloat16"},
        record={"epoch_images": 1000, "directions": 3, "weights": "every_level"},
    )
    small = shrunk(CurveOf(large, "test_accuracy", 33), tmp_path).spec
    assert (small.data.name, small.data.side, small.data.train_size) == (STAND_IN + "tiny_imagenet", side, 8)
    assert (small.record.epoch_images, small.record.directions, small.record.weights) == (8, 1, "every_level")
    assert (small.data.augmentation, small.training.precision) == ("crop_and_flip", "bfloat16")
    assert small.training.optimizer == large.training.optimizer
    assert small.model.name in ("conv", "vgg_like")
    assert small.model.batch_norm
    noiseless = large.but(noise={"kind": "none", "rate": 0.0})
    clean = shrunk(CurveOf(noiseless, "test_accuracy", 33), tmp_path).spec
    assert (clean.model, clean.data) == (large.model, small.data)
    assert clean.training.precision == "float32"
    finetuned = shrunk(CurveOf(noiseless.but(pruning={"retraining": "finetuning"}), "test_accuracy", 33), tmp_path).spec
    assert finetuned.model == small.model


def test_absent_labels_of_annotators_are_stood_in_for_with_their_images(tmp_path, monkeypatch):
    monkeypatch.setattr(smoke, "why_unavailable", lambda name, data_root: None)  # the images are there
    human = CurveOf(BIG.but(data={"name": "cifar10"}, noise={"kind": "human", "rate": 0.0}), "test_accuracy", 33)
    assert shrunk(human, tmp_path).spec.data.name == STAND_IN + "cifar10"
    (tmp_path / "cifar-n").mkdir()
    (tmp_path / "cifar-n" / "CIFAR-10_human.pt").touch()
    assert shrunk(human, tmp_path).spec.data.name == "cifar10"


def test_a_smoke_run_shares_no_result_with_a_judged_one():
    trial = trial_named("obedience", spec=BIG.but(data={"name": "mnist_small"}), levels=4)
    curves, control = smoke_curves(trial, Path("/nowhere"))
    assert curves.keys() == trial.curves.keys()
    assert control == {name: shrunk(curve, Path("/nowhere")) for name, curve in trial.control_curves.items()}
    assert control != curves
    digests = {curve.spec.digest for curve in (*curves.values(), *control.values())}
    assert not digests & {curve.spec.digest for curve in trial.all_curves}


def test_smoke_seeds_are_pilots():
    assert max(smoke.SEEDS) < 1000


LARGE = {
    "resnet18": ModelSpec(name="resnet18", hidden=(), batch_norm=True),
    "resnet101": ModelSpec(name="resnet101", hidden=(), batch_norm=True),
    "vgg16": ModelSpec(name="vgg16", hidden=(), batch_norm=True),
    "vgg_like": ModelSpec(name="vgg_like", hidden=(), batch_norm=True, channels=(32, 64, 128, 256, 512)),
    "vit": ModelSpec(name="vit", hidden=(), transformer=TransformerSpec(), initialization="pytorch"),
}


@pytest.mark.parametrize("augmentation", ["none", "flip_and_shift"])
@pytest.mark.parametrize("model", LARGE.values(), ids=LARGE)
def test_in_place_of_a_large_network_a_small_one_of_its_kind_is_trained_on_small_images(model, augmentation, tmp_path):
    spec = BIG.but(data={"name": "cifar10", "augmentation": augmentation}, model=model)
    small = shrunk(CurveOf(spec, "test_accuracy", 33), tmp_path).spec
    side = small.data.side
    assert side is not None
    assert side <= 16
    assert build(small.model, (3, side, side), 10).prunable_count < 20_000
    assert small.model.batch_norm == model.batch_norm
    assert small.data.augmentation == augmentation


def test_a_large_network_that_does_not_fit_its_images_is_found_though_a_small_one_is_trained(tmp_path):
    misfit = BIG.but(
        data={"name": "cifar10"},
        model=ModelSpec(name="vit", hidden=(), transformer=TransformerSpec(patch=5), initialization="pytorch"),
        record={"weights": "every_level"},
    )
    student = misfit.but(model=RunSpec().model, distillation={"alpha": 0.5, "teacher": misfit})
    for spec in (misfit, student):
        with pytest.raises(InputError, match="32 x 32 pixels are not squares of 5 x 5"):
            smoke_curves(trial_named("obedience", spec=spec, levels=4), tmp_path)


@pytest.mark.parametrize("train_size", [None, 64, 5000])
def test_a_smoke_plan_is_small(train_size):
    spec = BIG.but(data={"name": "mnist_small", "train_size": train_size})
    curve = shrunk(CurveOf(spec, "test_accuracy", 33), None)
    assert plan([Request(curve.spec, smoke.SEEDS, curve.levels)]).needed == 4
    assert curve.spec.data.train_size == min(256, train_size or 256)


BASE = RunSpec(pruning=PruningSpec(criterion="none"))
PATHS_OF_EACH_KIND = (
    BASE.but(path={"over": "penalty_strength", "values": (0, 0.1, 1, 10, 100)}, training={"penalty": {"name": "rbv2"}}),
    BASE.but(path={"over": "epochs", "values": (0, 10, 100, 200)}),
    BASE.but(path={"over": "epochs", "values": (1, 2, 4, 200)}),
    BASE.but(path={"over": "ridge_refit", "values": (0.5, 1, 10)}),
    BASE.but(path={"over": "lasso_refit", "values": (0, 1, 10, 20)}),
)


@pytest.mark.parametrize("spec", PATHS_OF_EACH_KIND, ids=lambda spec: spec.path.over)
@pytest.mark.parametrize("validation_size", [0, 10, 10_000])
def test_a_path_is_shrunk_to_three_points_and_not_pruned(spec, validation_size, tmp_path):
    whole = spec.but(data={"name": "mnist", "validation_size": validation_size})
    small = shrunk(CurveOf(whole, "train_loss", len(whole.path.values)), tmp_path)
    assert (small.levels, len(small.position()), small.axis) == (3, 3, spec.axis)
    assert small.spec.pruning == spec.pruning
    assert small.spec.training.epochs <= 3
    assert small.spec.data.validation_size == min(64, validation_size)
    assert (small.position()[0] == 0) == (spec.path.values[0] == 0)


@pytest.mark.parametrize("teacher_level", ["dense", "best_validation"])
@pytest.mark.parametrize("rewind_iteration", [0, 1000])
def test_a_teacher_shrinks_with_its_student(teacher_level, rewind_iteration, tmp_path):
    best = teacher_level == "best_validation"
    teacher = BIG.but(
        data={"validation_size": 5000},
        record={"weights": "every_level"},
        pruning={"rewind_iteration": rewind_iteration},
        model={"hidden": (500,)},
    )
    lesson = {"alpha": 0.8, "teacher": teacher, "teacher_level": teacher_level, "teacher_levels": 20 if best else 1}
    student = BIG.but(data={"validation_size": 5000}, distillation=lesson)
    small = shrunk(CurveOf(student, "test_accuracy", 33), tmp_path).spec
    assert small.distillation.teacher is not None
    assert small.distillation.teacher.data == small.data
    assert small.distillation.teacher.training.epochs <= 2
    assert small.distillation.teacher_levels == (2 if best else 1)
    assert small.distillation.alpha == 0.8
    assert plan([Request(small, smoke.SEEDS, 2)]).needed == (8 if best else 6)


def test_a_regression_keeps_all_its_points(tmp_path):
    spec = BASE.but(data={"name": "grid"}, path={"over": "epochs", "values": (0, 10, 100, 200)})
    small = shrunk(CurveOf(spec, "train_loss", 4), tmp_path).spec
    assert small.data == spec.data
    assert small.path.values == (0, 1, 2)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "tiny_imagenet"])
def test_a_large_network_on_stand_in_images_is_built_as_on_the_real_ones(name):
    model = {"name": "resnet18", "hidden": (), "batch_norm": True}
    check_network(RunSpec().but(data={"name": f"stand_in:{name}"}, model=model))
