"""Stacks in portable arithmetic, in place of those that PyTorch would train or evaluate."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from sdd_claims.models import Architecture
from sdd_claims.record import ChainState
from sdd_claims.training.stack import ReplicaStack

if TYPE_CHECKING:  # it is built on distillation, which is built on this
    from sdd_claims.training.step import ReplicaNumbers


def compiled(stack: ReplicaStack, numbers: "ReplicaNumbers | None" = None, penalty: str = "none") -> ReplicaStack:
    """The networks of a stack as a `CompiledStack`; `numbers` and `penalty` are those of its training."""
    from sdd_claims.training.compiled_stack import CompiledStack  # late: it needs Numba

    return CompiledStack(stack, numbers, penalty)


def stack_of(
    architecture: Architecture, states: Sequence[ChainState], device: torch.device, *, portable: bool
) -> ReplicaStack:
    """The networks after some levels, to be evaluated in the arithmetic that is asked for."""
    stack = ReplicaStack.of(architecture, states, device)
    return compiled(stack) if portable else stack
