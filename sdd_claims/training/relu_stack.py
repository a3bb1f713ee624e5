"""Stacked ReLU networks on one small set of inputs: forward, backward and penalties in closed form, full batch.

Tens of thousands of steps on 81 inputs are bound by the number of calls and not by arithmetic, so that autograd under
`vmap` takes several times as long. The tests compare every gradient with autograd's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.errors import InputError
from sdd_claims.spec import TrainingSpec
from sdd_claims.training.checkpoint import HasState

NEEDS_V = "the penalty 'rbv2' needs a V(l) in every layer; give the network a functional width"


class Seen(NamedTuple):
    """A copy of one network, its loss, and the outputs of the neurons of each hidden layer, on the CPU."""

    weights: dict[str, Tensor]
    loss: float
    hidden: list[Float[Tensor, "batch neurons"]]


class ReluTraining(Protocol):
    """The training of some networks of one architecture on the same inputs, full batch, by Adam.

    Attributes:
        parameters: all that moves.
        stride: epochs after which it is worth while to ask whether a checkpoint is due.
    """

    parameters: Tensor
    stride: int

    @property
    def optimizer(self) -> HasState:
        """What holds Adam's memory."""

    def take(self, epochs: int) -> None:
        """Train for some epochs."""

    def seen(self) -> list[Seen]:
        """Every network as it is now."""


@dataclass(frozen=True, slots=True)
class StackedLayer:
    """The parameters of `sdd_claims.models.relu_network.ReluLayer`, or their gradients, each [replicas, ...].

    Attributes:
        W: into the neurons.
        b: their thresholds.
        V: out of the neurons; None for the identity.
        C: skip connections.
        c0: offset.
    """

    W: Tensor
    b: Tensor
    V: Tensor | None
    C: Tensor
    c0: Tensor


class ReluStack:
    """R networks of one architecture that train on the same inputs, each towards targets of its own.

    Attributes:
        parameters: all parameters of all networks in one tensor, with their gradient in `parameters.grad`, so that an
            optimizer takes a step in one call.
        layers: views of the parameters.
    """

    def __init__(
        self,
        weights: Sequence[Mapping[str, Tensor]],
        inputs: Float[Tensor, "batch inputs"],
        targets: Float[Tensor, "replicas batch outputs"],
    ) -> None:
        """Stack the networks.

        Args:
            weights: weights of each network, the state of a `sdd_claims.models.relu_network.relu_network`.
            inputs: inputs of all networks.
            targets: target outputs of each network.
        """
        together = {name: torch.stack([each[name] for each in weights]).to(inputs) for name in weights[0]}
        self.parameters = torch.cat([value.flatten() for value in together.values()])
        self.parameters.grad = torch.zeros_like(self.parameters)
        self._named = _views(self.parameters, together)
        self.layers = _layers(self._named)
        self._gradients = _layers(_views(self.parameters.grad, together))
        self._inputs = inputs.expand(len(weights), *inputs.shape)
        self._targets = targets
        # Written anew at every step: fresh memory of this size costs more than the arithmetic on it.
        neurons = [layer.W.new_empty(len(weights), len(inputs), layer.W.shape[1]) for layer in self.layers]
        self._active, self._to_neurons = neurons, [torch.empty_like(each) for each in neurons]

    def __len__(self) -> int:
        return len(self._targets)

    def hidden_and_outputs(
        self,
    ) -> tuple[list[Float[Tensor, "replicas batch neurons"]], Float[Tensor, "replicas batch outputs"]]:
        """The outputs of the neurons of each hidden layer, and the outputs of the networks."""
        trail, outputs = self._forward()
        return [active.clone() for _, active in trail], outputs

    def loss(self) -> Float[Tensor, " replicas"]:
        """Mean squared error of every network."""
        return (self._forward()[1] - self._targets).square_().mean((1, 2))

    def differentiate(self, penalty: str, strength: float) -> None:
        """Set the gradient to that of mean squared error + strength x penalty.

        Args:
            penalty: "none"; "l2", the squared l2 norm of all parameters; "rbv2", Parhi et al. 2021, eq. 2.
            strength: strength of the penalty.
        """
        trail, outputs = self._forward()
        down = (outputs - self._targets).mul_(2 / outputs[0].numel())
        for index in reversed(range(len(self.layers))):
            layer, gradient, (x, active) = self.layers[index], self._gradients[index], trail[index]
            torch.bmm(down.mT, x, out=gradient.C)
            torch.sum(down, 1, out=gradient.c0)
            through = self._to_neurons[index]
            if layer.V is None or gradient.V is None:
                through.copy_(down)
            else:
                torch.bmm(down.mT, active, out=gradient.V)
                torch.bmm(down, layer.V, out=through)
            torch.ops.aten.threshold_backward.grad_input(through, active, 0, grad_input=through)
            torch.bmm(through.mT, x, out=gradient.W)
            torch.sum(through, 1, out=gradient.b).neg_()
            if index:
                down = torch.baddbmm(torch.bmm(down, layer.C), through, layer.W)
        if penalty == "l2" and self.parameters.grad is not None:
            self.parameters.grad.add_(self.parameters, alpha=2 * strength)
        if penalty == "rbv2":
            for layer, gradient in zip(self.layers, self._gradients, strict=True):
                _add_rbv2(layer, gradient, strength)

    def unstacked(self) -> list[dict[str, Tensor]]:
        """A copy of each network's parameters, on the CPU."""
        return [{name: value[r].cpu().clone() for name, value in self._named.items()} for r in range(len(self))]

    def _forward(self) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        x, trail = self._inputs, []
        for layer, active in zip(self.layers, self._active, strict=True):
            torch.baddbmm(layer.b[:, None], x, layer.W.mT, beta=-1, out=active).relu_()
            skip = torch.baddbmm(layer.c0[:, None], x, layer.C.mT)
            trail.append((x, active))
            x = skip.add_(active) if layer.V is None else torch.baddbmm(skip, active, layer.V.mT)
        return trail, x


class NativeReluTraining(ReluTraining):
    """The training of a `ReluStack` in PyTorch's arithmetic."""

    stride = 1

    def __init__(self, stack: ReluStack, training: TrainingSpec) -> None:
        self._stack, self._penalty = stack, training.penalty
        self.parameters = stack.parameters
        self._optimizer = torch.optim.Adam([stack.parameters], lr=training.optimizer.lr, fused=True)

    @property
    def optimizer(self) -> HasState:
        """As of the class."""
        return self._optimizer

    def take(self, epochs: int) -> None:
        """As of the class."""
        for _ in range(epochs):
            self._stack.differentiate(self._penalty.name, self._penalty.strength)
            self._optimizer.step()

    def seen(self) -> list[Seen]:
        """As of the class."""
        losses, (hidden, _) = self._stack.loss().tolist(), self._stack.hidden_and_outputs()
        outputs = [layer.cpu() for layer in hidden]
        return [
            Seen(weights, loss, [layer[index] for layer in outputs])
            for index, (weights, loss) in enumerate(zip(self._stack.unstacked(), losses, strict=True))
        ]


def _add_rbv2(layer: StackedLayer, gradient: StackedLayer, strength: float) -> None:
    """Add the gradient of one layer's share of eq. 2: |v|_1^2 + |w|_2^2 a neuron, |c|_1 a skip connection.

    The paper's sum has neither thresholds nor offsets.
    """
    if layer.V is None or gradient.V is None:
        raise InputError(NEEDS_V)
    gradient.W.add_(layer.W, alpha=2 * strength)
    gradient.V.addcmul_(layer.V.sign(), layer.V.abs().sum(1, keepdim=True), value=2 * strength)
    gradient.C.add_(layer.C.sign(), alpha=strength)


def _views(flat: Tensor, shapes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    parts = torch.split(flat, [value.numel() for value in shapes.values()])
    return {name: part.view(value.shape) for (name, value), part in zip(shapes.items(), parts, strict=True)}


def _layers(named: Mapping[str, Tensor]) -> list[StackedLayer]:
    return [
        StackedLayer(**{part: named.get(f"{layer}.{part}") for part in ("W", "b", "V", "C", "c0")})  # type: ignore[arg-type]
        for layer in dict.fromkeys(name.split(".")[0] for name in named)
    ]
