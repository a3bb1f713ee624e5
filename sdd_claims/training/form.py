"""The choice of the form in which a stack trains fastest: dense under vmap, dense with own gradients, or sparse."""

from collections.abc import Sequence

import torch

from sdd_claims.models import Architecture
from sdd_claims.spec import TrainingSpec
from sdd_claims.training.forward import Weights
from sdd_claims.training.loop import Replays
from sdd_claims.training.mlp_stack import mlp_stack_where_faster
from sdd_claims.training.portable_form import compiled
from sdd_claims.training.sparse import sparse_where_faster
from sdd_claims.training.stack import ReplicaStack
from sdd_claims.training.step import ReplicaNumbers


class StackForms:
    """Builds the stack of every level in the form that trains fastest.

    Where steps are captured (on a GPU), the same replicas keep one stack for all levels, at whose tensors the captured
    steps read.

    Attributes:
        replays: the captured steps; None where steps are taken as they come.
    """

    def __init__(
        self, architecture: Architecture, training: TrainingSpec, device: torch.device, *, portable: bool = False
    ) -> None:
        self._portable = portable
        # What a user's own penalty does, nobody knows: it is not captured.
        captured = device.type == "cuda" and training.penalty.own is None
        self.replays: Replays | None = {} if captured else None
        self._architecture, self._training, self._device = architecture, training, device
        self._kept: tuple[tuple[int, ...], ReplicaStack] | None = None

    def build(
        self, members: Sequence[int], weights: Sequence[Weights], masks: Sequence[Weights], numbers: ReplicaNumbers
    ) -> ReplicaStack:
        """The stack of some replicas at the start of a level.

        Args:
            members: a key that identifies these replicas.
            weights: weights of each replica, before the mask is applied.
            masks: masks of each replica.
            numbers: settings that differ between the replicas.
        """
        if self._kept is not None and self._kept[0] == tuple(members):
            stack = self._kept[1]
            stack.load(weights, masks)
            return stack
        stack = ReplicaStack(self._architecture, weights, masks, self._device)
        if self._portable:
            return compiled(stack, numbers, self._training.penalty.name)
        stack = mlp_stack_where_faster(stack, self._architecture, numbers, self._training.precision)
        if self.replays is None:
            return sparse_where_faster(stack, self._architecture, numbers)
        # A group that has lost or gained a replica does not come back: its stack would only take memory.
        self.replays.clear()
        self._kept = tuple(members), stack
        return stack
