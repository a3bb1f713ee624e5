"""Checkpoints that lie nowhere but in memory."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


class CheckpointSlot:
    """Holds what was written last."""

    every_epoch = False

    def __init__(self) -> None:
        self.held: tuple[Mapping[str, Any], Mapping[str, Tensor]] | None = None

    def read(self) -> tuple[Mapping[str, Any], Mapping[str, Tensor]] | None:
        return self.held

    def write(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        self.held = facts, tensors


class StoppingSlot(CheckpointSlot):
    """Of a process that ends when it has written to it."""

    def write(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        super().write(facts, tensors)
        raise InterruptedError
