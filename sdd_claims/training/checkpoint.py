"""Checkpoints of a training, written now and then after an epoch, from which a training that was killed goes on.

Batch order, augmentation and dropout are drawn anew from the number of each epoch. So the parameters and buffers, the
optimizer's state, a snapshot that was taken and the measures after each epoch are the whole state of a training, and
one that is restored ends with the same bits as an uninterrupted one.
"""

import time
from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol

import torch
from torch import Tensor

from sdd_claims.errors import StoreError
from sdd_claims.training.stack import ReplicaStack

INTERVAL = 60.0
"""Seconds from the start of a training, and from one checkpoint, to the next. Shorter trainings write none."""


class HasState(Protocol):
    """What an optimizer remembers: for each tensor that it moves, tensors and numbers by name.

    Attributes:
        state: as `torch.optim.Optimizer` has it.
    """

    @property
    def state(self) -> MutableMapping[Tensor, Any]:
        """What it remembers."""


Snapshot = list[dict[str, Tensor]]
"""Copies of the weights of each replica, on the CPU."""


class CheckpointSlot(Protocol):
    """Where the newest state of one training is kept: plain JSON values, and tensors by name.

    Attributes:
        every_epoch: write after every epoch, and restore at once what was written.
    """

    every_epoch: bool

    def read(self) -> tuple[Mapping[str, Any], Mapping[str, Tensor]] | None:
        """The checkpoint that was written last; None where there is none, or a damaged one."""

    def write(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write a checkpoint in place of the one that is there."""


class Checkpointer:
    """Saves and restores the state of one training: tensors that it moves in place, and its optimizer's state."""

    def __init__(self, checkpoint_slot: CheckpointSlot) -> None:
        self._slot = checkpoint_slot
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return self._slot.every_epoch or time.monotonic() - self._last >= INTERVAL

    def write(
        self,
        facts: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        optimizer: HasState,
        others: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Save the state.

        Args:
            facts: everything that is not a tensor.
            tensors: the tensors that training moves, by name.
            optimizer: the optimizer of these tensors.
            others: other tensors to keep, by name.

        Raises:
            StoreError: a checkpoint that is restored at once (`every_epoch`) cannot be restored.
        """
        kept = {f"value/{name}": tensor for name, tensor in tensors.items()}
        for name, tensor in tensors.items():
            memory = optimizer.state.get(tensor, {})
            kept |= {f"{key}/{name}": value for key, value in memory.items() if isinstance(value, Tensor)}
        kept |= {f"other/{name}": tensor for name, tensor in (others or {}).items()}
        copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in kept.items()}
        self._slot.write(facts, copies)
        self._last = time.monotonic()
        if self._slot.every_epoch and self.restore(tensors, optimizer) is None:
            raise StoreError("a checkpoint that has just been written cannot be restored; look at the store's warnings")

    @torch.no_grad()
    def restore(
        self, tensors: Mapping[str, Tensor], optimizer: HasState
    ) -> tuple[Mapping[str, Any], dict[str, Tensor]] | None:
        """Give the tensors and the optimizer the values they had, in place.

        Returns:
            The facts and the other tensors that were saved; None where there is no checkpoint, or one of tensors of
            other shapes.
        """
        if (found := self._slot.read()) is None:
            return None
        facts, kept = found
        groups: dict[str, dict[str, Tensor]] = {"value": {}}
        for path, value in kept.items():
            key, name = path.split("/", 1)
            groups.setdefault(key, {})[name] = value
        values, others = groups.pop("value"), groups.pop("other", {})
        if {n: value.shape for n, value in values.items()} != {n: tensor.shape for n, tensor in tensors.items()}:
            return None
        for name, tensor in tensors.items():
            tensor.copy_(values[name])
            for key, memory in groups.items():
                if name in memory:
                    _remember(optimizer, tensor, key, memory[name])
        return facts, others


class StackCheckpointer(Checkpointer):
    """Saves and restores the training of a stack, epoch by epoch.

    Attributes:
        seconds: duration of the training before it was restored; 0 where it begins here.
    """

    def __init__(self, checkpoint_slot: CheckpointSlot, seen: list[Tensor]) -> None:
        """Save a training in a slot, together with `seen`, a tensor of measures after every epoch."""
        super().__init__(checkpoint_slot)
        self.seconds = 0.0
        self._seen = seen
        self._began = time.monotonic()

    def start(self, first: int, stack: ReplicaStack, optimizer: HasState) -> tuple[int, Snapshot | None]:
        """Restore the training if there is a checkpoint.

        Returns:
            The epoch to begin with, `first` where there is no checkpoint, and the snapshot if one has been taken.
        """
        if (found := self.restore(_moved(stack), optimizer)) is None:
            return first, None
        facts, others = found
        self.seconds = facts["seconds"]
        device = next(iter(stack.parameters.values())).device
        self._seen[:] = others["seen"].to(device).unbind() if "seen" in others else []
        snapshot: Snapshot = [{} for _ in range(len(stack))]
        for name, value in others.items():
            if name != "seen":
                index, weight = name.removeprefix("snapshot/").split("/", 1)
                snapshot[int(index)][weight] = value
        return facts["epochs"], snapshot if any(snapshot) else None

    def after_epoch(self, epoch: int, stack: ReplicaStack, optimizer: HasState, snapshot: Snapshot | None) -> None:
        """Write, if it is time to."""
        if not self.due:
            return
        others = {
            f"snapshot/{index}/{name}": value
            for index, weights in enumerate(snapshot or [])
            for name, value in weights.items()
        }
        if self._seen:
            others["seen"] = torch.stack(self._seen)
        seconds = self.seconds + time.monotonic() - self._began
        self.write({"epochs": epoch + 1, "seconds": seconds}, _moved(stack), optimizer, others)


def _moved(stack: ReplicaStack) -> dict[str, Tensor]:
    return {**stack.parameters, **stack.buffers}


def _remember(optimizer: HasState, tensor: Tensor, key: str, value: Tensor) -> None:
    held = optimizer.state[tensor].get(key)
    if not isinstance(held, Tensor):
        # In the layout of the tensor: fused optimizers go through the memory of both alike.
        shaped = value.shape == tensor.shape
        held = torch.empty_like(tensor, dtype=value.dtype) if shaped else torch.empty_like(value, device=tensor.device)
        optimizer.state[tensor][key] = held
    held.copy_(value)
