"""The last layer fitted anew: against closed forms, against scikit-learn's own conditions, along whole paths."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call

from sdd_claims.errors import InputError
from sdd_claims.models import build, initial_weights
from sdd_claims.randomness import TorchDraws
from sdd_claims.record import RECORDED, Replica, recorded
from sdd_claims.runs import refits as module
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.runs.refits import last_layer, learned_features, refits
from sdd_claims.spec import ModelSpec, PathSpec
from sdd_claims.tests.tiny import SPEC
from sdd_claims.training import draw_setup

CLASSES = 3
CPU = torch.device("cpu")


def problem(seed: int, images: int = 40, units: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features as of a ReLU, one of them silent; labels; features of other images."""
    rng = np.random.default_rng(seed)
    features, others = (np.maximum(rng.normal(size=(n, units)) * np.arange(1, units + 1), 0) for n in (images, 7))
    features[:, 2] = 0
    return features, rng.integers(CLASSES, size=images), others


def standardised(features: np.ndarray) -> np.ndarray:
    spread = features.std(0)
    return np.where(spread > 0, (features - features.mean(0)) / np.where(spread > 0, spread, 1), 0)


def targets(labels: np.ndarray) -> np.ndarray:
    return 2.0 * np.eye(CLASSES)[labels] - 1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), strength=st.floats(1e-4, 10))
def test_ridge_is_its_closed_form(seed, strength):
    features, labels, others = problem(seed)
    (fit,) = refits("ridge", features, labels, others, CLASSES, [strength])
    x, y = standardised(features), targets(labels)
    expected = np.linalg.solve(x.T @ x + len(x) * strength * np.eye(5), x.T @ (y - y.mean(0))).T
    np.testing.assert_allclose(fit.weights, expected, atol=1e-9)
    np.testing.assert_allclose(fit.intercept, y.mean(0), atol=1e-9)
    np.testing.assert_allclose(fit.train_scores, x @ expected.T + y.mean(0), atol=1e-9)
    scaled = np.where(features.std(0) > 0, (others - features.mean(0)) / np.maximum(features.std(0), 1e-300), 0)
    np.testing.assert_allclose(fit.test_scores, scaled @ expected.T + y.mean(0), atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), strength=st.floats(1e-3, 1))
def test_the_lasso_meets_its_conditions_of_optimality(seed, strength):
    features, labels, others = problem(seed)
    (fit,) = refits("lasso", features, labels, others, CLASSES, [strength])
    pull = standardised(features).T @ (targets(labels) - fit.train_scores) / len(labels)
    kept = fit.weights.T != 0
    np.testing.assert_allclose(pull[kept], strength * np.sign(fit.weights.T[kept]), atol=2e-3)
    assert (np.abs(pull[~kept]) <= strength + 2e-3).all()


@pytest.mark.parametrize("kind", ["ridge", "lasso"])
def test_without_strength_it_is_least_squares_and_with_much_only_the_intercept_is_left(kind):
    features, labels, others = problem(0)
    loose, tight = refits(kind, features, labels, others, CLASSES, [0, 1e9])
    x, y = standardised(features), targets(labels)
    expected = np.linalg.lstsq(x, y - y.mean(0), rcond=None)[0]
    np.testing.assert_allclose(loose.weights, expected.T, atol=1e-9)
    np.testing.assert_allclose(tight.test_scores, np.broadcast_to(y.mean(0), (7, CLASSES)), atol=1e-6)


@pytest.mark.parametrize("kind", ["ridge", "lasso"])
def test_a_point_does_not_depend_on_the_others_of_its_path(kind):
    features, labels, others = problem(1)
    path = refits(kind, features, labels, others, CLASSES, [0, 0.01, 0.1, 1])
    for strength, fit in zip([0, 0.01, 0.1, 1], path, strict=True):
        (alone,) = refits(kind, features, labels, others, CLASSES, [strength])
        np.testing.assert_allclose(fit.weights, alone.weights, atol=1e-3)


def test_a_stronger_lasso_has_more_exact_zeros_and_ridge_none():
    features, labels, others = problem(2)
    zeros = [
        int((fit.weights == 0).sum()) for fit in refits("lasso", features, labels, others, CLASSES, [0.01, 0.1, 1])
    ]
    assert zeros == sorted(zeros)
    assert zeros[-1] == 15
    (ridge,) = refits("ridge", features, labels, others, CLASSES, [1])
    assert (ridge.weights[:, [0, 1, 3, 4]] != 0).all()


def test_a_lasso_that_does_not_converge_is_no_result(monkeypatch):
    monkeypatch.setattr(module, "_ITERATIONS", 1)
    with pytest.raises(InputError, match=r"not converged at strength 1e-06 within 1 iterations .*greater strength"):
        refits("lasso", *problem(3), CLASSES, [1e-6])


def test_learned_features_times_the_last_layer_are_the_networks_logits():
    network = build(ModelSpec(hidden=(6, 4), initialization="pytorch"), (1, 3, 3), CLASSES)
    weights = initial_weights(network, TorchDraws(torch.Generator().manual_seed(0)), "pytorch")
    images = torch.randn(5, 1, 3, 3)
    features = learned_features(network, weights, images)
    logits = functional_call(network.module, weights, (images,)).detach().numpy()
    assert features.shape == (5, 4)
    assert (features >= 0).all()
    np.testing.assert_allclose(features @ weights["5.weight"].numpy().T + weights["5.bias"].numpy(), logits, atol=1e-6)
    assert last_layer(network).out_features == CLASSES


def test_a_network_without_a_linear_end_has_no_last_layer_to_refit():
    with pytest.raises(InputError, match="choose another model, such as 'mlp'"):
        last_layer(build(ModelSpec(name="resnet18", hidden=(), batch_norm=True), (3, 8, 8), 10))


REFIT = SPEC.but(pruning={"criterion": "none", "fraction": 0.2}, path=PathSpec(over="lasso_refit", values=(0, 0.01, 5)))


@pytest.mark.parametrize("hidden", [(8,), (12, 8)])
def test_portable_features_are_those_of_pytorch_up_to_rounding(hidden):
    setup = draw_setup([Replica(REFIT.but(model={"hidden": hidden}, path=PathSpec()), 0)], CPU)
    given = setup.architecture, setup.initial[0], setup.test_images
    natively, portably = learned_features(*given), learned_features(*given, portable=True)
    assert portably.shape == (len(setup.test_images), hidden[-1])
    assert (portably == 0).any()
    np.testing.assert_allclose(portably, natively, rtol=1e-5, atol=1e-6)


def test_a_network_in_portable_arithmetic_is_refitted_on_its_portable_features():
    spec = REFIT.but(training={"arithmetic": "portable"})
    pruning = IterativePruning([Replica(spec.but(path=PathSpec()), 1)], CPU)
    ((trained, state),) = pruning.next_level(0, [None])
    setup = pruning.setup
    features, others = (
        learned_features(setup.architecture, state.trained, images, portable=True)
        for images in (setup.training.seen(setup.training.subset[0]), setup.test_images)
    )
    labels, unseen = setup.training.labels[0].numpy(), setup.test_labels.numpy()
    fits = refits("lasso", features, labels, others, 10, spec.path.values)
    (records,) = train_path([Replica(spec, 1)], CPU)
    assert records[0].train_flops == trained.train_flops
    wanted = np.where(labels[:, None] == np.arange(10), 1.0, -1.0)
    for record, fit in zip(records, fits, strict=True):
        assert record.test_accuracy == (fit.test_scores.argmax(1) == unseen).mean()
        assert record.train_loss == np.square(fit.train_scores - wanted).mean()  # to the last bit


def test_a_path_of_refits_trains_once_and_records_every_strength():
    loose, middle, tight = train_path([Replica(REFIT, 1)], CPU)[0]
    assert [record.level for record in (loose, middle, tight)] == [0, 1, 2]
    ((trained, _),) = IterativePruning([Replica(REFIT.but(path=PathSpec()), 1)], CPU).next_level(0, [None])
    assert (loose.train_flops, middle.train_flops, tight.train_flops) == (trained.train_flops, 0, 0)
    accuracies, losses = (
        [record.measure(name) or 0.0 for record in (loose, middle, tight)] for name in ("train_accuracy", "train_loss")
    )
    assert accuracies[0] >= accuracies[1] > accuracies[2]
    assert losses[0] <= losses[1] < losses[2]
    assert [record.measure("zero_fraction") == 1 for record in (loose, middle, tight)] == [False, False, True]
    assert middle.measure("test_accuracy") == middle.test_accuracy
    with pytest.raises(InputError, match="learning_distance was not recorded"):
        middle.measure("learning_distance")


def test_a_refit_records_what_it_may_and_nothing_of_the_network_before_it():
    spec = REFIT.but(data={"validation_size": 32})
    for record in train_path([Replica(spec, 1)], CPU)[0]:
        assert [name for name in RECORDED if getattr(record, name) is not None] == [
            name for name in RECORDED if recorded(spec, name)
        ]
        with pytest.raises(InputError, match="validation_accuracy was not recorded"):
            record.measure("validation_accuracy")


def test_a_replica_that_diverged_has_no_refit():
    spec = REFIT.but(training={"optimizer": {"lr": 1e30}})
    records = train_path([Replica(spec, 1)], CPU)[0]
    assert all(record.diverged and record.test_accuracy is None for record in records)
