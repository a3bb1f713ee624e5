import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from sdd_claims.measures import evaluate_test, evaluate_training
from sdd_claims.models import build, initial_weights
from sdd_claims.pruning import dense_masks
from sdd_claims.randomness import TorchDraws
from sdd_claims.spec import ModelSpec
from sdd_claims.training import ReplicaStack, TrainingData

REPLICAS, CLASSES = 3, 4
ARCHITECTURE = build(ModelSpec(hidden=(5,)), (1, 2, 2), CLASSES)
SIZES = [1, 7, 999, 1000, 1001, 2000, 2013]
"""Around the borders of the chunks in which a set is evaluated."""


def weights_and_stack() -> tuple[list[dict[str, Tensor]], ReplicaStack]:
    weights = [initial_weights(ARCHITECTURE, TorchDraws(torch.Generator().manual_seed(r))) for r in range(REPLICAS)]
    masks = [dense_masks(w, ARCHITECTURE.prunable) for w in weights]
    return weights, ReplicaStack(ARCHITECTURE, weights, masks, torch.device("cpu"))


def one_by_one(weights: dict[str, Tensor], images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Accuracy and loss of one network, an image at a time as far as the sums go."""
    logits = functional_call(ARCHITECTURE.module, weights, (images,))
    right = [int(row.argmax()) == int(label) for row, label in zip(logits, labels, strict=True)]
    losses = [float(loss) for loss in cross_entropy(logits, labels, reduction="none")]
    return sum(right) / len(right), sum(losses) / len(losses)


@pytest.mark.parametrize("size", SIZES)
def test_the_training_set_is_evaluated_image_by_image_on_each_replicas_own_subset_and_labels(size):
    weights, stack = weights_and_stack()
    generator = torch.Generator().manual_seed(size)
    images = torch.randn(2100, 1, 2, 2, generator=generator)
    subset = torch.stack([torch.randperm(2100, generator=generator)[:size] for _ in range(REPLICAS)])
    labels = torch.randint(CLASSES, (REPLICAS, size), generator=generator)
    found = evaluate_training(stack, TrainingData(images, subset, labels))
    for r in range(REPLICAS):
        accuracy, loss = one_by_one(weights[r], images[subset[r]], labels[r])
        assert found.accuracy[r].item() == pytest.approx(accuracy, abs=1e-12)
        assert found.loss[r].item() == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_the_test_set_is_evaluated_image_by_image_for_every_replica(size):
    weights, stack = weights_and_stack()
    generator = torch.Generator().manual_seed(size)
    images = torch.randn(size, 1, 2, 2, generator=generator)
    labels = torch.randint(CLASSES, (size,), generator=generator)
    found = evaluate_test(stack, images, labels)
    for r in range(REPLICAS):
        accuracy, loss = one_by_one(weights[r], images, labels)
        assert found.accuracy[r].item() == pytest.approx(accuracy, abs=1e-12)
        assert found.loss[r].item() == pytest.approx(loss, rel=1e-5)


def test_evaluating_leaves_no_gradients():
    _, stack = weights_and_stack()
    evaluation = evaluate_test(stack, torch.randn(3, 1, 2, 2), torch.tensor([0, 1, 2]))
    assert not evaluation.loss.requires_grad
    assert all(parameter.grad is None for parameter in stack.parameters.values())
