"""In which arithmetic products are computed, and that weights and updates stay in float32 whatever it is."""

from typing import Any

import pytest
import torch

from sdd_claims.measures import EpochWatch
from sdd_claims.spec import OptimizerSpec, Precision, TrainingSpec
from sdd_claims.training import ReplicaStack, products_in, train
from sdd_claims.training.tests import plain

KINDS: tuple[Any, ...] = torch.backends.cuda.matmul, torch.backends.cudnn.conv  # type: ignore[attr-defined]


def in_force() -> list[str]:
    return [kind.fp32_precision for kind in KINDS]


@pytest.mark.parametrize(("precision", "expected"), [("float32", "ieee"), ("tf32", "tf32"), ("bfloat16", "ieee")])
def test_float32_products_are_exact_unless_tf32_is_asked_for(precision, expected):
    before = in_force()
    with products_in(precision):
        assert in_force() == [expected] * 2
    assert in_force() == before


def test_the_arithmetic_is_set_back_after_an_error():
    before = in_force()
    with pytest.raises(RuntimeError, match="broken"), products_in("tf32"):
        raise RuntimeError("broken")
    assert in_force() == before


def trained(precision: Precision, momentum: float = 0.9) -> ReplicaStack:
    spec = TrainingSpec(
        epochs=3, batch_size=8, optimizer=OptimizerSpec(lr=0.05, momentum=momentum), precision=precision
    )
    stack = plain.stack(3, architecture=plain.BATCH_NORM)
    train(stack, plain.data(3, torch.float32), spec, plain.numbers([0.0, 0.01, 0.0]))
    return stack


def test_in_bfloat16_weights_stay_in_float32_and_move_as_in_float32_to_three_digits():
    rough, exact = trained("bfloat16"), trained("float32")
    assert all(parameter.dtype == torch.float32 for parameter in rough.parameters.values())
    differences = [(rough.parameters[name] - exact.parameters[name]).detach().abs().max() for name in exact.parameters]
    assert 0 < max(differences) < 0.02


def test_in_bfloat16_pruned_weights_stay_zero():
    rough = trained("bfloat16")
    for name, mask in rough.masks.items():
        assert bool((rough.parameters[name][mask == 0] == 0).all())


def test_tf32_is_float32_where_there_is_no_gpu():
    rough, exact = trained("tf32"), trained("float32")
    assert all(torch.equal(rough.parameters[name], exact.parameters[name]) for name in exact.parameters)


def test_what_is_measured_between_the_epochs_is_measured_in_float32():
    seen = list[list[str]]()
    stack = plain.stack(2)
    images = torch.randn(5, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    watch = EpochWatch(stack, images, torch.zeros(5, dtype=torch.int64), 5)
    logits = stack.logits_shared

    def noting(shared: torch.Tensor) -> torch.Tensor:
        seen.append(in_force())
        return logits(shared)

    stack.logits_shared = noting  # type: ignore[method-assign, assignment]
    spec = TrainingSpec(epochs=2, batch_size=8, precision="tf32")
    train(stack, plain.data(2, torch.float32), spec, plain.numbers([0.0, 0.0]), after_epoch=watch.look)
    assert seen == [["ieee", "ieee"]] * 2
