"""A convolutional network by itself gives what it gives as one of a stack."""

from functools import partial

import pytest
import torch

from sdd_claims.models import build
from sdd_claims.spec import ModelSpec
from sdd_claims.training import ReplicaStack, forward
from sdd_claims.training.tests import plain

CPU = torch.device("cpu")


def alone_and_stacked(dtype: torch.dtype = torch.float64) -> tuple[ReplicaStack, ReplicaStack]:
    """Replica 1 by itself, and beside replica 0."""
    weights, masks = plain.networks(2, dtype, plain.BATCH_NORM)
    pair = ReplicaStack(plain.BATCH_NORM, weights, masks, CPU)
    return ReplicaStack(plain.BATCH_NORM, weights[1:], masks[1:], CPU), pair


def gradients(stack: ReplicaStack, images: torch.Tensor) -> dict[str, torch.Tensor]:
    stack.logits(images).square().sum().backward()
    return {name: value.grad for name, value in stack.parameters.items() if value.grad is not None}


def test_logits_gradients_and_running_statistics_are_those_of_the_stack():
    one, pair = alone_and_stacked()
    images = torch.randn(2, 6, 1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    alone, stacked = gradients(one, images[1:]), gradients(pair, images)
    for name, value in alone.items():
        torch.testing.assert_close(value[0], stacked[name][1])
    for name, value in one.buffers.items():
        torch.testing.assert_close(value[0], pair.buffers[name][1])
    assert int(one.buffers["1.num_batches_tracked"]) == 1


@pytest.mark.parametrize("evaluating", [False, True])
def test_shared_images_are_seen_as_own_ones(evaluating):
    one, pair = alone_and_stacked()
    images = torch.randn(6, 1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    if evaluating:
        with one.evaluating(), pair.evaluating():
            torch.testing.assert_close(one.logits_shared(images)[0], pair.logits_shared(images)[1])
        assert int(one.buffers["1.num_batches_tracked"]) == 0
    else:
        torch.testing.assert_close(one.logits_shared(images)[0], pair.logits_shared(images)[1])


def test_a_network_that_pytorch_has_traced_and_differentiated_ahead_of_time_gives_the_same(monkeypatch):
    """As on a GPU, but for the code that is generated there."""
    architecture = build(ModelSpec(name="conv", hidden=(), channels=(3, 4), batch_norm=True), (1, 3, 3), 4)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    weights, masks = plain.networks(1, torch.float32, architecture)
    images = torch.randn(1, 6, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    plainly, compiled = (ReplicaStack(architecture, weights, masks, CPU) for _ in range(2))
    compiled._on_own_images = forward._compiled(architecture, forward._alone(architecture, shared=False))
    one, other = gradients(plainly, images), gradients(compiled, images)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name])
    for name, value in plainly.buffers.items():
        torch.testing.assert_close(value, compiled.buffers[name])


def test_where_pytorch_cannot_compile_training_goes_on_uncompiled_and_says_so(monkeypatch):
    architecture = build(ModelSpec(name="conv", hidden=(), channels=(3, 4), batch_norm=True), (1, 3, 3), 4)

    def cannot(*_: object) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=cannot))
    weights, masks = plain.networks(1, torch.float32, architecture)
    images = torch.randn(1, 6, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    plainly, fallen = (ReplicaStack(architecture, weights, masks, CPU) for _ in range(2))
    fallen._on_own_images = forward._compiled(architecture, forward._alone(architecture, shared=False))
    with pytest.warns(UserWarning, match="trained uncompiled"):
        first = fallen.logits(images)
    torch.testing.assert_close(first, plainly.logits(images))
    torch.testing.assert_close(fallen.logits(images), plainly.logits(images))  # and says it once
