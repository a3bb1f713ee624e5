"""A step captured once and replayed for every batch of every level: otherwise a small network waits for GPU launches.

A step reads from tensors that stay where they are: weights, masks and the optimizer's state in the stack, the order of
the epoch and the position of the next batch here. A new epoch or level is copied into them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from sdd_claims.training.batches import Epoch, iterations_per_epoch
from sdd_claims.training.compiling import compiled_or
from sdd_claims.training.step import Step

_WARM_UP = 3
"""Steps before capturing, in which libraries choose their algorithms and the optimizer makes its state (PyTorch, CUDA
graphs)."""


class Replay:
    """The step of one stack, ready for any epoch over data of one form. On a CPU it takes the same steps uncaptured."""

    def __init__(self, step: Step, like: Epoch, batch_size: int) -> None:
        """Capture the step, for full batches and for the smaller last one. The stack is left as it is.

        Args:
            step: made with `replayed`.
            like: an epoch of the form that all others will have.
            batch_size: images a step and replica.
        """
        self.step = step
        self._batch_size = batch_size
        self._steps = iterations_per_epoch(like.data.size, batch_size)
        self._epoch = replace(
            like, **{name: value.clone() for name in _DRAWN if (value := getattr(like, name)) is not None}
        )
        device = like.indices.device
        self._next = torch.zeros((), dtype=torch.int64, device=device)
        last = like.data.size - (self._steps - 1) * batch_size
        self._within = {size: torch.arange(size, device=device) for size in {min(batch_size, like.data.size), last}}
        self._last = last
        self._pool: Any = None  # PyTorch has several types for it
        self._takes = {size: self._captured(size) for size in self._within}

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer of the captured step."""
        return self.step.optimizer

    def learn_at(self, lr: float) -> None:
        """Set the learning rate."""
        self.step.learn_at(lr)

    def advance(self, epoch: Epoch, first: int, end: int) -> None:
        """Take the steps of an epoch from the first on, up to the end."""
        for take in islice(self.takes(epoch, first), end - first):
            take()

    def forget(self) -> None:
        """Begin a new training: the optimizer remembers nothing."""
        for tensor in self._remembered():
            tensor.zero_()

    def takes(self, epoch: Epoch, skipped: int = 0) -> Iterator[Callable[[], None]]:
        """The steps of an epoch but for the first ones, each to be called once, in this order."""
        for name in _DRAWN:
            held, drawn = getattr(self._epoch, name), getattr(epoch, name)
            if held is not None:
                held.copy_(drawn)
        self._next.fill_(skipped * self._batch_size)
        for number in range(skipped, self._steps):
            yield self._takes[self._last if number == self._steps - 1 else self._batch_size]

    def _take(self, size: int) -> None:
        self.step.take(self._epoch.batch(self._next + self._within[size]))
        self._next.add_(size)

    def _captured(self, size: int) -> Callable[[], None]:
        def take() -> None:
            self._take(size)

        with self._left_as_it_is():
            if self._next.device.type != "cuda":
                take()
                return take
            with torch.cuda.device(self._next.device):  # capturing begins on the current device
                fused = compiled_or(take, lambda compiled: compiled()) if self.step.compilable else take
                return self._graph_of(fused).replay

    def _graph_of(self, take: Callable[[], None]) -> torch.cuda.CUDAGraph:
        """Capture as in PyTorch's notes on CUDA graphs: warm up on a side stream, allocate gradients in the graph."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                self._next.zero_()
                take()
        torch.cuda.current_stream().wait_stream(aside)
        self._next.zero_()
        self.step.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        # One pool for all: graphs are replayed one after another, and none reads what another has left.
        with torch.cuda.graph(graph, pool=self._pool, stream=aside):
            take()
        self._pool = graph.pool()
        return graph

    @contextmanager
    def _left_as_it_is(self) -> Iterator[None]:
        """Undo what happens within: warming up takes steps."""
        stack = self.step.stack
        held = [*stack.parameters.values(), *stack.buffers.values(), *self._remembered()]
        before = [tensor.detach().clone() for tensor in held]
        self._next.zero_()
        yield
        made = {id(tensor) for tensor in held}
        with torch.no_grad():
            for tensor, value in zip(held, before, strict=True):
                tensor.copy_(value)
            for tensor in self._remembered():
                if id(tensor) not in made:
                    tensor.zero_()

    def _remembered(self) -> list[Tensor]:
        """The optimizer's state. An optimizer of zeros takes its first step as a new one does."""
        return [
            value
            for state in self.step.optimizer.state.values()
            for value in state.values()
            if isinstance(value, Tensor)
        ]


_DRAWN = tuple(field.name for field in fields(Epoch) if field.name != "data")
