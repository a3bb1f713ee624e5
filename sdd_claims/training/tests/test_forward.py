"""A convolutional network by itself gives what it gives as one of a stack."""

from functools import partial
from typing import Any

import pytest
import torch
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.compilers import nop

from sdd_claims.models import Architecture, build
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


def small(channels: int = 3) -> Architecture:
    """Of its own in every test: what is compiled is kept by architecture."""
    return build(ModelSpec(name="conv", hidden=(), channels=(channels, 4), batch_norm=True), (1, 3, 3), 4)


def plain_and_compiled(architecture: Architecture) -> tuple[ReplicaStack, ReplicaStack]:
    """The same network twice; the second goes the way that a GPU's goes."""
    weights, masks = plain.networks(1, torch.float32, architecture)
    stacks = [ReplicaStack(architecture, weights, masks, CPU) for _ in range(2)]
    stacks[1]._on_own_images = forward._compiled(architecture, forward._alone(architecture, shared=False))
    return stacks[0], stacks[1]


def assert_same_steps(one: ReplicaStack, other: ReplicaStack) -> None:
    images = torch.randn(1, 6, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        expected, found = gradients(one, images), gradients(other, images)
        for name, value in expected.items():
            torch.testing.assert_close(value, found[name])
    for name, value in one.buffers.items():
        torch.testing.assert_close(value, other.buffers[name])


def test_a_network_that_pytorch_has_traced_and_differentiated_ahead_of_time_gives_the_same(monkeypatch, caplog):
    """As on a GPU, but for the code that is generated there."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    assert_same_steps(*plain_and_compiled(small()))
    assert "uncompiled" not in caplog.text


def test_every_architecture_is_compiled_for_each_batch_size_however_many_a_process_trains(monkeypatch):
    compiled = []

    def counting(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> Any:
        compiled.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counting))
    architectures = torch._dynamo.config.recompile_limit // 2 + 1
    for channels in range(1, architectures + 1):
        _, stack = plain_and_compiled(small(channels))
        for batch in (6, 4, 6):
            gradients(stack, torch.zeros(1, batch, 1, 3, 3))
    assert len(compiled) == 2 * architectures


def failing(*_: object) -> None:
    raise RuntimeError("no compiler")


@pytest.mark.parametrize("part", ["fw_compiler", "bw_compiler"])
def test_where_pytorch_cannot_compile_training_goes_on_uncompiled_and_the_log_says_so_once(monkeypatch, caplog, part):
    """Whether it is the forward or the backward pass that fails, and though warnings are errors here."""
    compilers: dict[str, Any] = {"fw_compiler": nop, "bw_compiler": nop, part: failing}
    backend = aot_autograd(**compilers)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    assert_same_steps(*plain_and_compiled(small()))
    assert caplog.text.count("training goes on uncompiled") == 1
    assert "no compiler" in caplog.text
