import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from sdd_claims.errors import InputError
from sdd_claims.measures import along_line, evaluate_training, line
from sdd_claims.models import Architecture, build, initial_weights
from sdd_claims.pruning import dense_masks
from sdd_claims.randomness import TorchDraws
from sdd_claims.spec import ModelSpec
from sdd_claims.training import ReplicaStack, TrainingData

REPLICAS, CLASSES, SIZE = 3, 4, 1013
ARCHITECTURE = build(ModelSpec(hidden=(5,)), (1, 2, 2), CLASSES)


def solutions(first_seed: int) -> list[dict[str, Tensor]]:
    return [
        initial_weights(ARCHITECTURE, TorchDraws(torch.Generator().manual_seed(first_seed + r)))
        for r in range(REPLICAS)
    ]


def training_data() -> TrainingData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1100, 1, 2, 2, generator=generator)
    subset = torch.stack([torch.randperm(1100, generator=generator)[:SIZE] for _ in range(REPLICAS)])
    return TrainingData(images, subset, torch.randint(CLASSES, (REPLICAS, SIZE), generator=generator))


START, END, DATA = solutions(0), solutions(10), training_data()


@pytest.mark.parametrize(("weights", "point"), [(START, 0), (END, -1)])
def test_the_ends_of_the_line_are_the_two_solutions(weights, point):
    masks = [dense_masks(w, ARCHITECTURE.prunable) for w in weights]
    expected = evaluate_training(ReplicaStack(ARCHITECTURE, weights, masks, torch.device("cpu")), DATA)
    found = along_line(ARCHITECTURE, START, END, DATA, points=7)
    torch.testing.assert_close(found.loss[:, point], expected.loss, rtol=1e-6, atol=0)
    assert found.accuracy[:, point].tolist() == expected.accuracy.tolist()


def test_a_point_of_the_line_is_the_network_with_the_weighted_mean_of_the_weights():
    found = along_line(ARCHITECTURE, START, END, DATA, points=5)
    assert found.loss.shape == found.accuracy.shape == (REPLICAS, 5)
    assert found.loss.dtype == found.accuracy.dtype == torch.float64
    for r in range(REPLICAS):
        mean = {name: 0.75 * START[r][name] + 0.25 * END[r][name] for name in START[r]}
        logits = functional_call(ARCHITECTURE.module, mean, (DATA.images[DATA.subset[r]],))
        assert found.loss[r, 1].item() == pytest.approx(cross_entropy(logits, DATA.labels[r]).item(), rel=1e-5)
        assert found.accuracy[r, 1].item() == (logits.argmax(1) == DATA.labels[r]).double().mean().item()


def test_the_line_has_the_papers_101_points_unless_told():
    assert along_line(ARCHITECTURE, START, END, DATA).loss.shape == (REPLICAS, 101)


def test_the_number_of_points_evaluated_together_changes_nothing(monkeypatch):
    whole = along_line(ARCHITECTURE, START, END, DATA, points=7)
    monkeypatch.setattr(line, "_BYTES", 3 * sum(value.nbytes for value in START[0].values()))
    in_threes = along_line(ARCHITECTURE, START, END, DATA, points=7)
    monkeypatch.setattr(line, "_BYTES", 1)
    one_by_one = along_line(ARCHITECTURE, START, END, DATA, points=7)
    for found in (in_threes, one_by_one):
        torch.testing.assert_close(found.loss, whole.loss, rtol=1e-6, atol=0)
        assert found.accuracy.tolist() == whole.accuracy.tolist()


def test_a_line_from_a_solution_to_itself_is_level():
    loss = along_line(ARCHITECTURE, START, START, DATA, points=9).loss
    assert (loss == loss[:, :1]).all()


def test_weights_that_are_not_finite_give_no_loss_and_leave_the_other_replicas_alone():
    diverged = [*START[:2], {name: torch.full_like(value, math.nan) for name, value in START[2].items()}]
    found = along_line(ARCHITECTURE, diverged, END, DATA, points=3).loss
    assert found[2].isnan().all()
    torch.testing.assert_close(found[:2], along_line(ARCHITECTURE, START, END, DATA, points=3).loss[:2])


def test_buffers_lie_on_the_line_and_the_network_is_evaluated_with_them():
    with torch.device("meta"):
        module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, CLASSES))
    generator = torch.Generator().manual_seed(5)

    def solution(count: int) -> dict[str, Tensor]:
        drawn = {
            name: torch.rand(value.shape, generator=generator) + 0.5 for name, value in module.state_dict().items()
        }
        return {**drawn, "1.num_batches_tracked": torch.tensor(count)}

    start, end = solution(3), solution(8)
    data = TrainingData(DATA.images, DATA.subset[:1], DATA.labels[:1])
    found = along_line(Architecture(module, ("2.weight",)), [start], [end], data, points=3)
    assert module.training  # as it was
    means = {name: (start[name] + end[name]) / 2 for name in start}
    flat = data.images[data.subset[0]].flatten(1)
    spread = (means["1.running_var"] + 1e-5).sqrt()
    normalised = (flat - means["1.running_mean"]) / spread * means["1.weight"] + means["1.bias"]
    loss = cross_entropy(normalised @ means["2.weight"].T + means["2.bias"], data.labels[0])
    assert found.loss[0, 1].item() == pytest.approx(loss.item(), rel=1e-5)


def test_a_line_of_one_point_is_an_error():
    with pytest.raises(InputError, match="at least 2"):
        along_line(ARCHITECTURE, START, END, DATA, points=1)
