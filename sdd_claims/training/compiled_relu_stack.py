"""ReLU networks that are trained one at a time by compiled code: the numbers of each depend on nothing but itself."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.compiled import relu_network
from sdd_claims.errors import InputError
from sdd_claims.spec import TrainingSpec
from sdd_claims.training.relu_stack import NEEDS_V, ReluTraining, Seen

_PENALTIES = {"none": relu_network.NO_PENALTY, "l2": relu_network.L2, "rbv2": relu_network.RBV2}


class CompiledReluTraining(ReluTraining):
    """Networks of one architecture and one output, on the same points, in place of a `ReluStack`.

    Attributes:
        parameters: those of each network in the order of `compiled.relu_network`, [replicas, parameters].
        state: what Adam remembers, for checkpoints.
    """

    stride = 1_000

    def __init__(
        self,
        weights: Sequence[Mapping[str, Tensor]],
        inputs: Float[Tensor, "batch inputs"],
        targets: Float[Tensor, "replicas batch 1"],
        training: TrainingSpec,
    ) -> None:
        """Prepare to train the networks; the arguments are those of `ReluStack`, and their training's settings.

        Raises:
            InputError: the penalty "rbv2" of a matrix that is not factored.
        """
        self._shapes = {name: tuple(value.shape) for name, value in weights[0].items()}
        self._places = relu_network.places(self._shapes)
        if training.penalty.name == "rbv2" and not self._places.network.factored.all():
            raise InputError(NEEDS_V)
        self._room = relu_network.room(self._places, inputs.numpy())
        self._targets = targets[..., 0].contiguous().numpy()
        self._training = training
        self.parameters = _zeros(len(weights), self._places.size)
        for own, named in zip(self.parameters.numpy(), weights, strict=True):
            for name, value in named.items():
                own[self._places.of[name]] = value.numpy() * _sign(name)
        memory = {
            "steps": torch.zeros((), dtype=torch.int64),
            "mean": _zeros(*self.parameters.shape),
            "square": _zeros(*self.parameters.shape),
        }
        self.state: MutableMapping[Tensor, Any] = {self.parameters: memory}

    @property
    def optimizer(self) -> "CompiledReluTraining":
        """Itself: it holds what Adam remembers."""
        return self

    def take(self, epochs: int) -> None:
        """Train for some epochs, one network after the other."""
        memory, penalty = self.state[self.parameters], self._training.penalty
        for index, targets in enumerate(self._targets):
            parameters, mean, square = (
                each[index].numpy() for each in (self.parameters, memory["mean"], memory["square"])
            )
            relu_network.train(
                self._places.network,
                parameters,
                mean,
                square,
                int(memory["steps"]),
                epochs,
                targets,
                self._room,
                self._training.optimizer.lr,
                _PENALTIES[penalty.name],
                penalty.strength,
            )
        memory["steps"] += epochs

    def seen(self) -> list[Seen]:
        """As of the class. The squared errors are summed in double precision, point by point."""
        return [self._seen(index) for index in range(len(self.parameters))]

    def _seen(self, index: int) -> Seen:
        network, room = self._places.network, self._room
        parameters, targets = self.parameters[index].numpy(), self._targets[index]
        relu_network.forward(network, parameters, room)
        errors = (room.outputs.astype(np.float64) - targets) ** 2
        loss = float(np.add.accumulate(errors)[-1]) / len(errors)
        weights = {name: torch.from_numpy(parameters[at] * _sign(name)) for name, at in self._places.of.items()}
        hidden = []
        for layer, start, columns in zip(
            self._layers, network.rows_at, network.neurons + network.widths[:-1], strict=True
        ):
            rows = room.rows[start * len(errors) : (start + columns) * len(errors)].reshape(len(errors), columns)
            hidden.append(torch.from_numpy(rows[:, : self._shapes[f"{layer}.b"][0]].copy()))
        return Seen(weights, loss, hidden)

    @property
    def _layers(self) -> list[str]:
        return [name.removesuffix(".b") for name in self._shapes if name.endswith(".b")]


def _zeros(replicas: int, parameters: int) -> Float[Tensor, "replicas parameters"]:
    return torch.from_numpy(relu_network.zeros(replicas * parameters).reshape(replicas, parameters))


def _sign(name: str) -> np.float32:
    """Thresholds are kept with the other sign."""
    return np.float32(-1 if name.endswith(".b") else 1)
