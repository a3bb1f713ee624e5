import math

import pytest
import torch
from torch import Tensor, nn

from sdd_claims.errors import InputError
from sdd_claims.measures import sharpness
from sdd_claims.measures.line import POINTS as POINTS_ON_A_LINE
from sdd_claims.measures.sharpness import POINTS, RADIUS, curvature, filter_normalised
from sdd_claims.models import Architecture, build, initial_weights
from sdd_claims.randomness import TorchDraws
from sdd_claims.spec import ModelSpec
from sdd_claims.training import TrainingData, Weights

CLASSES, SIZE = 4, 50
ARCHITECTURE = build(ModelSpec(hidden=(5,)), (1, 2, 2), CLASSES)


def generator(seed: int = 0) -> TorchDraws:
    return TorchDraws(torch.Generator().manual_seed(seed))


def solution(seed: int) -> dict[str, Tensor]:
    return {name: value + 0.1 for name, value in initial_weights(ARCHITECTURE, generator(seed)).items()}


def training_data(replicas: int) -> TrainingData:
    images = generator(7).normal((SIZE, 1, 2, 2))
    labels = generator(8).uniform((SIZE,), 0, CLASSES).long().expand(replicas, -1)
    return TrainingData(images, torch.arange(SIZE).expand(replicas, -1), labels)


def sharpness_of(*weights: Weights, masks: list[dict[str, Tensor]] | None = None, seed: int = 0) -> list[float]:
    generators = [generator(seed + r) for r in range(len(weights))]
    return sharpness(ARCHITECTURE, weights, masks, training_data(len(weights)), generators).tolist()


def test_the_curvature_of_a_parabola_is_its_own_and_a_slope_has_none():
    steps = torch.linspace(-0.5, 0.5, 11, dtype=torch.float64)
    curves = torch.stack([3 * steps**2 - steps + 7, -0.5 * steps**2, 2 * steps + 1])
    torch.testing.assert_close(curvature(steps, curves), torch.tensor([6.0, -1.0, 0.0], dtype=torch.float64))


def test_the_parabola_is_the_least_squares_one():
    """Two losses a step, with the means 0, 0 and 1: the parabola through the means is (x^2 + x) / 2."""
    steps = torch.tensor([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    losses = torch.tensor([[0.0, 0.0, -0.5, 0.5, 1.0, 1.0], [0.0, math.nan, 0.0, 0.0, 1.0, 1.0]], dtype=torch.float64)
    found = curvature(steps, losses)
    assert found[0].item() == pytest.approx(1.0)
    assert found[1].isnan()


def test_every_filter_of_a_direction_is_as_long_as_that_of_the_weights():
    with torch.device("meta"):
        module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, CLASSES))
    architecture = Architecture(module, ("0.weight",))
    weights = {name: generator(1).normal(p.shape) for name, p in module.named_parameters()}
    weights["3.weight"][2] = 0.0  # a filter without weights stays without
    direction = filter_normalised(architecture, weights, {}, generator(2))
    assert list(direction) == ["0.weight", "3.weight"]  # no bias, no batch norm
    for name, step in direction.items():
        torch.testing.assert_close(step.flatten(1).norm(dim=1), weights[name].flatten(1).norm(dim=1))
        assert step.flatten(1).std(dim=1).max() > 0.1
    assert (direction["3.weight"][2] == 0).all()


def test_a_pruned_weight_stays_zero_and_the_others_make_up_the_norm():
    weights = solution(0)
    mask = (generator(3).uniform((5, 4)) < 0.5).float()
    weights["1.weight"] *= mask
    step = filter_normalised(ARCHITECTURE, weights, {"1.weight": mask}, generator(4))["1.weight"]
    assert ((step == 0) == (mask == 0)).all()
    torch.testing.assert_close(step.norm(dim=1), weights["1.weight"].norm(dim=1))


def test_the_mask_of_a_pruned_network_counts():
    weights = solution(0)
    mask = (generator(3).uniform((5, 4)) < 0.5).float()
    weights["1.weight"] *= mask
    assert sharpness_of(weights, masks=[{"1.weight": mask}]) != sharpness_of(weights)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_scaling_a_relu_layer_and_the_next_one_back_leaves_the_sharpness(factor):
    weights = solution(0)
    scaled = {
        "1.weight": weights["1.weight"] * factor,
        "1.bias": weights["1.bias"] * factor,
        "3.weight": weights["3.weight"] / factor,
        "3.bias": weights["3.bias"],
    }
    assert sharpness_of(scaled) == pytest.approx(sharpness_of(weights), rel=1e-4)


def test_sharpness_is_the_curvature_of_the_loss_along_the_directions_drawn():
    weights, data, draws = solution(0), training_data(1), generator()
    found = []
    for _ in range(2):
        step = filter_normalised(ARCHITECTURE, weights, {}, draws)
        steps = torch.linspace(-0.3, 0.3, 5, dtype=torch.float64)
        losses = []
        for a in steps:
            at = {name: value.double() + a * step.get(name, torch.zeros(())) for name, value in weights.items()}
            logits = torch.func.functional_call(ARCHITECTURE.module, at, (data.images.double(),))
            losses.append(nn.functional.cross_entropy(logits, data.labels[0]))
        found.append(curvature(steps, torch.stack(losses)[None])[0])
    measured = sharpness(ARCHITECTURE, [weights], None, data, [generator()], directions=2, radius=0.3, points=5)
    assert measured.dtype == torch.float64
    assert measured.item() == pytest.approx(torch.stack(found).mean().item(), rel=1e-4)


def test_a_replica_has_the_sharpness_it_has_alone():
    both = sharpness_of(solution(0), solution(1))
    alone = sharpness_of(solution(0)) + sharpness_of(solution(1), seed=1)
    assert both == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize(("settings", "message"), [({"points": 2}, "at least 3"), ({"directions": 0}, "at least 1")])
def test_too_few_points_or_directions_are_an_error(settings, message):
    with pytest.raises(InputError, match=message):
        sharpness(ARCHITECTURE, [solution(0)], None, training_data(1), [generator()], **settings)


def test_what_is_stored_is_measured_at_these_points():
    """Another choice is another result: it takes a new `spec.PIPELINE`."""
    assert (RADIUS, POINTS, POINTS_ON_A_LINE) == (0.1, 11, 101)
