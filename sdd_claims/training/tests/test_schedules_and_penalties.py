from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR

from sdd_claims.spec import ScheduleSpec
from sdd_claims.training.penalties import PENALTIES
from sdd_claims.training.schedules import learning_rate


def by_torch(make: Callable[[Optimizer], LRScheduler], lr: float, epochs: int) -> list[float]:
    """The learning rate in every epoch that a scheduler of torch gives."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = make(optimizer)
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


lrs, lengths = st.floats(1e-5, 10), st.integers(1, 60)


@given(lr=lrs, epochs=lengths)
def test_constant_never_changes(lr, epochs):
    assert {learning_rate(ScheduleSpec(), lr, epoch, epochs) for epoch in range(epochs)} == {lr}


@settings(max_examples=50)
@given(lr=lrs, epochs=lengths, milestones=st.sets(st.integers(1, 70), min_size=1), factor=st.floats(0.01, 2))
def test_step_is_multi_step_lr_of_torch(lr, epochs, milestones, factor):
    spec = ScheduleSpec(name="step", milestones=tuple(sorted(milestones)), factor=factor)
    expected = by_torch(lambda o: MultiStepLR(o, spec.milestones, factor), lr, epochs)
    assert [learning_rate(spec, lr, epoch, epochs) for epoch in range(epochs)] == pytest.approx(expected, rel=1e-9)


@settings(max_examples=50)
@given(lr=lrs, epochs=lengths)
def test_cosine_is_cosine_annealing_of_torch(lr, epochs):
    expected = by_torch(lambda o: CosineAnnealingLR(o, epochs), lr, epochs)
    found = [learning_rate(ScheduleSpec(name="cosine"), lr, epoch, epochs) for epoch in range(epochs)]
    assert found == pytest.approx(expected, rel=1e-9, abs=lr * 1e-9)


def parameters() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    some = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in [(3, 4, 2), (3, 5)]]
    some[0][:, 0] = 0  # pruned
    return [p.requires_grad_() for p in some]


@pytest.mark.parametrize(
    ("name", "value", "gradient"),
    [("l1", lambda p: p.abs(), lambda p: p.sign()), ("l2", lambda p: p * p, lambda p: 2 * p)],
)
def test_a_penalty_sums_over_all_entries_of_each_replica_with_the_textbook_gradient(name, value, gradient):
    stacked, strength = parameters(), torch.tensor([0.0, 1.0, 2.5], dtype=torch.float64)
    penalty = PENALTIES[name](stacked)
    for r in range(3):
        assert penalty[r].item() == pytest.approx(sum(value(p[r]).sum().item() for p in stacked))
    (strength * penalty).sum().backward()
    for p in stacked:
        assert p.grad is not None
        torch.testing.assert_close(p.grad, strength.view(-1, *[1] * (p.ndim - 1)) * gradient(p.detach()))
        assert not p.grad[p == 0].any()
