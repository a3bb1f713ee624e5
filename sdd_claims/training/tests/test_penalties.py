"""Penalties against autograd and torch's own norms, on parameters of any shapes."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import softshrink

from sdd_claims.errors import InputError
from sdd_claims.training.penalties import PENALTIES, shrink_l1
from sdd_claims.training.tests import plain

widths = st.lists(st.integers(1, 6), min_size=2, max_size=4)
names, seeds = st.sampled_from(sorted(plain.PENALTIES)), st.integers(0, 99)


def parameters(replicas: int, widths: list[int], seed: int) -> list[Tensor]:
    """The stacked weights and biases of an MLP, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [shape for sources, units in pairwise(widths) for shape in ((replicas, units, sources), (replicas, units))]
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


@settings(max_examples=25, deadline=None)
@given(name=names, replicas=st.integers(1, 3), widths=widths, seed=seeds)
def test_value_and_gradient_are_those_of_each_network_alone(name, replicas, widths, seed):
    stacked = parameters(replicas, widths, seed)
    strength = torch.linspace(0, 2, replicas, dtype=torch.float64)
    found = PENALTIES[name](stacked)
    (strength * found).sum().backward()
    for replica in range(replicas):
        own = [p.detach()[replica].clone().requires_grad_() for p in stacked]
        alone = sum((plain.PENALTIES[name](p) for p in own), torch.zeros(()))
        torch.testing.assert_close(found[replica], alone)
        (strength[replica] * alone).backward()
        for whole, part in zip(stacked, own, strict=True):
            assert whole.grad is not None
            torch.testing.assert_close(whole.grad[replica], part.grad)


@settings(max_examples=10, deadline=None)
@given(name=names, replicas=st.integers(1, 2), widths=widths, seed=seeds)
def test_the_gradient_is_that_of_finite_differences(name, replicas, widths, seed):
    assert torch.autograd.gradcheck(
        lambda *stacked: PENALTIES[name](stacked), tuple(parameters(replicas, widths, seed)), eps=1e-8, atol=1e-5
    )


@given(seed=seeds, amounts=st.lists(st.floats(0, 3), min_size=1, max_size=4))
def test_shrinking_is_soft_thresholding_of_every_entry_by_its_replicas_amount(seed, amounts):
    stacked = parameters(len(amounts), [4, 3, 2], seed)
    before = [p.detach().clone() for p in stacked]
    shrink_l1(stacked, torch.tensor(amounts, dtype=torch.float64))
    for old, new in zip(before, stacked, strict=True):
        for replica, amount in enumerate(amounts):
            torch.testing.assert_close(new.detach()[replica], softshrink(old[replica], amount))
            assert torch.equal(new.detach()[replica] == 0, old[replica].abs() <= amount)


def test_nothing_shrinks_by_nothing():
    stacked = parameters(2, [3, 2], 0)
    before = [p.detach().clone() for p in stacked]
    shrink_l1(stacked, torch.zeros(2, dtype=torch.float64))
    assert all(torch.equal(old, new) for old, new in zip(before, stacked, strict=True))


def test_a_penalty_that_is_off_is_nothing_and_has_no_gradient():
    found = PENALTIES["off"](parameters(3, [3, 2], 0))
    assert torch.equal(found, torch.zeros(3, dtype=torch.float64))
    assert not found.requires_grad


def test_the_matrix_norm_of_a_convolution_is_refused():
    with pytest.raises(InputError, match="give a network of linear layers, or another penalty"):
        PENALTIES["matrix_norm"]([torch.zeros(2, 3, 1, 3, 3)])
