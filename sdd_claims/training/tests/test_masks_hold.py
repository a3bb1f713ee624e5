"""A pruned weight is exactly zero after every single optimizer step, and so is its momentum."""

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from sdd_claims.spec import OptimizerSpec, PenaltySpec, TrainingSpec
from sdd_claims.training import train
from sdd_claims.training.tests import plain

EPOCHS, STEPS = 3, 3


@pytest.mark.parametrize("penalty", ["none", "l1", "l2", "matrix_norm"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", 0.0), ("sgd", 0.9), ("adam", 0.0), ("adamw", 0.0)])
def test_pruned_weights_and_their_momentum_are_zero_after_every_step(optimizer, momentum, decay, penalty):
    stack = plain.stack(3)
    spec = TrainingSpec(
        epochs=EPOCHS,
        batch_size=8,
        optimizer=OptimizerSpec(name=optimizer, lr=0.1, momentum=momentum),
        penalty=PenaltySpec(name=penalty),
    )
    seen = []

    def check(stepped: torch.optim.Optimizer, *_: object) -> None:
        for name, mask in stack.masks.items():
            weight = stack.parameters[name]
            held = [weight, *(s for s in stepped.state[weight].values() if s is not None and s.shape == weight.shape)]
            assert len(held) == 1 + {"sgd": int(momentum > 0)}.get(optimizer, 2)
            for tensor in held:
                assert not tensor[mask == 0].any()
                assert tensor[mask == 1].any()
        seen.append(stepped)

    hook = register_optimizer_step_post_hook(check)
    try:
        train(stack, plain.data(3, torch.float32), spec, plain.numbers([decay] * 3, [0.01] * 3))
    finally:
        hook.remove()
    assert len(seen) == EPOCHS * STEPS
    assert [int(stack.masks["1.weight"][r].sum() + stack.masks["3.weight"][r].sum()) for r in range(3)] == [98, 49, 32]


def test_masks_are_applied_to_the_weights_that_training_starts_from():
    weights, _ = plain.networks(3, torch.float32)
    stack = plain.stack(3)
    for r, unstacked in enumerate(stack.unstacked()):
        for name, value in unstacked.items():
            expected = weights[r][name] * (stack.masks[name][r] if name in stack.masks else 1)
            assert torch.equal(value, expected)


def test_the_weights_that_a_stack_was_made_from_are_left_as_they_were():
    weights, masks = plain.networks(2, torch.float32)
    copies = [{name: value.clone() for name, value in each.items()} for each in weights]
    stack = type(plain.stack(2))(plain.ARCHITECTURE, weights, masks, torch.device("cpu"))
    train(stack, plain.data(2, torch.float32), TrainingSpec(epochs=1), plain.numbers([0.0, 0.0]))
    for before, after in zip(copies, weights, strict=True):
        assert all(torch.equal(before[name], after[name]) for name in before)
