"""Batch norm in a stack: batch statistics and running ones of each replica, as one network alone has them."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from sdd_claims.measures import evaluate_test, evaluate_training
from sdd_claims.spec import OptimizerSpec, TrainingSpec
from sdd_claims.training import ReplicaStack, train
from sdd_claims.training.tests import plain

SPEC = TrainingSpec(epochs=3, batch_size=8, optimizer=OptimizerSpec(lr=0.1, momentum=0.9))
STEPS = 3  # an epoch
STATISTICS = {f"{layer}.{part}" for layer in (1, 4) for part in ("running_mean", "running_var", "num_batches_tracked")}


def trained(decay: Sequence[float], dtype: torch.dtype = torch.float32) -> ReplicaStack:
    stack = plain.stack(len(decay), dtype, plain.BATCH_NORM)
    train(stack, plain.data(len(decay), dtype), SPEC, plain.numbers(decay))
    return stack


def same_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def alone(state: dict[str, Tensor]) -> nn.Module:
    module = plain.module_of(plain.BATCH_NORM)
    module.load_state_dict(state)
    return module


def test_weights_and_running_statistics_are_those_of_each_network_trained_alone():
    decay = [0.0, 0.03, 0.1]
    data, numbers = plain.data(3, torch.float64), plain.numbers(decay)
    before = plain.stack(3, torch.float64, plain.BATCH_NORM).unstacked()
    for replica, state in enumerate(trained(decay, torch.float64).unstacked()):
        expected = plain.trained_alone(replica, data, SPEC, numbers, torch.float64, plain.BATCH_NORM)
        assert state.keys() == expected.keys()
        for name, value in state.items():
            torch.testing.assert_close(value, expected[name], rtol=1e-8, atol=1e-11)
            assert not torch.equal(value, before[replica][name])


def test_every_replica_counts_every_batch():
    for state in trained([0.0, 0.0]).unstacked():
        assert state["1.num_batches_tracked"] == state["4.num_batches_tracked"] == SPEC.epochs * STEPS


def test_buffers_are_the_running_statistics_and_nothing_that_learns():
    stack = trained([0.0, 0.0])
    assert set(stack.buffers) == STATISTICS
    assert not STATISTICS & set(stack.parameters)
    assert not any(buffer.requires_grad for buffer in stack.buffers.values())


def test_evaluation_uses_the_running_statistics_and_leaves_them_alone():
    stack, data = trained([0.0, 0.0, 0.0]), plain.data(3, torch.float32)
    before = stack.unstacked()
    labels = torch.randint(4, (30,), generator=torch.Generator().manual_seed(1))
    on_train, on_test = evaluate_training(stack, data), evaluate_test(stack, data.images, labels)
    for replica, state in enumerate(stack.unstacked()):
        assert same_bits(before[replica], state)
        module = alone(state).eval()
        for found, images, truth in [
            (on_train, data.images[data.subset[replica]], data.labels[replica]),
            (on_test, data.images, labels),
        ]:
            loss = nn.functional.cross_entropy(module(images), truth).item()
            assert found.loss[replica].item() == pytest.approx(loss, rel=1e-5)


def test_after_evaluation_the_statistics_of_the_batch_count_again():
    stack, images = trained([0.0, 0.0]), plain.data(2, torch.float32).images[:8]
    with stack.evaluating():
        evaluated = stack.logits_shared(images)
    with pytest.raises(RuntimeError, match="stop"), stack.evaluating():
        raise RuntimeError("stop")
    modules = [alone(state) for state in stack.unstacked()]
    again = stack.logits_shared(images)
    torch.testing.assert_close(again, torch.stack([module(images) for module in modules]), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(again, evaluated, rtol=1e-2)


def test_two_stacks_of_one_architecture_are_evaluated_apart():
    one, other = trained([0.0]), trained([0.0])
    images = plain.data(1, torch.float32).images
    with one.evaluating():
        other.logits_shared(images)
        one.logits_shared(images)
    assert one.buffers["1.num_batches_tracked"] == SPEC.epochs * STEPS
    assert other.buffers["1.num_batches_tracked"] == SPEC.epochs * STEPS + 1


def test_a_stack_made_from_trained_weights_has_their_statistics_and_moves_only_its_own():
    states = trained([0.0, 0.0]).unstacked()
    copies = [{name: value.clone() for name, value in state.items()} for state in states]
    masks = [{name: torch.ones_like(state[name]) for name in plain.BATCH_NORM.prunable} for state in states]
    stack = ReplicaStack(plain.BATCH_NORM, states, masks, torch.device("cpu"))
    assert all(same_bits(a, b) for a, b in zip(stack.unstacked(), states, strict=True))
    train(stack, plain.data(2, torch.float32), SPEC, plain.numbers([0.0, 0.0]))
    assert all(same_bits(a, b) for a, b in zip(copies, states, strict=True))


def test_a_snapshot_holds_the_statistics_of_its_iteration():
    stack = plain.stack(2, architecture=plain.BATCH_NORM)
    snapshot = train(stack, plain.data(2, torch.float32), SPEC, plain.numbers([0.0, 0.0]), snapshot_iteration=4)
    assert snapshot is not None
    assert [int(state["4.num_batches_tracked"]) for state in snapshot] == [4, 4]


def test_pruned_weights_and_their_momentum_are_zero_after_every_step():
    stack, seen = plain.stack(3, architecture=plain.BATCH_NORM), []

    def check(stepped: torch.optim.Optimizer, *_: object) -> None:
        for name, mask in stack.masks.items():
            for tensor in (stack.parameters[name], stepped.state[stack.parameters[name]]["momentum_buffer"]):
                assert not tensor[mask == 0].any()
                assert tensor[mask == 1].any()
        seen.append(stepped)

    hook = register_optimizer_step_post_hook(check)
    try:
        train(stack, plain.data(3, torch.float32), SPEC, plain.numbers([0.1] * 3))
    finally:
        hook.remove()
    assert len(seen) == SPEC.epochs * STEPS
    total = 27 + 108 + 16
    assert [sum(int(mask[r].sum()) for mask in stack.masks.values()) for r in range(3)] == [
        total,
        total // 2,
        total // 3,
    ]


@pytest.mark.parametrize("place", range(3))
def test_a_replica_that_diverges_leaves_the_others_and_their_statistics_as_they_were_to_the_bit(place):
    sound = trained([0.01] * 3).unstacked()
    diverged = trained([1e20 if r == place else 0.01 for r in range(3)]).unstacked()
    assert not diverged[place]["4.running_var"].isfinite().all()
    assert [same_bits(a, b) for a, b in zip(sound, diverged, strict=True)] == [r != place for r in range(3)]
