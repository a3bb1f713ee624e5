"""A step of stochastic gradient descent for stacked MLPs, written out, for a compiler to fuse.

Under autograd and an optimizer every small operation of a step is a kernel of its own: on a GPU they take longer than
the products. Written as one function of tensors, all operations between two products become one kernel.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sdd_claims.spec import TrainingSpec
from sdd_claims.training.batches import Batch
from sdd_claims.training.distillation import Distillation
from sdd_claims.training.mlp_stack import MlpStack
from sdd_claims.training.stack import ReplicaStack
from sdd_claims.training.step import ReplicaNumbers, Step, as_column


def replayed_step(
    stack: ReplicaStack, spec: TrainingSpec, numbers: ReplicaNumbers, distillation: Distillation | None
) -> Step:
    """The step to capture: written out for plain MLPs under SGD that learn from the labels alone, else as usual."""
    plain = spec.optimizer.name == "sgd" and spec.penalty.name == "none" and distillation is None
    kind = MlpStep if plain and isinstance(stack, MlpStack) else Step
    return kind(stack, spec, numbers, distillation, replayed=True)


class MlpStep(Step):
    """Takes the steps of `Step`, up to rounding. The state of its optimizer exists from the start."""

    compilable = True

    def __init__(
        self,
        stack: ReplicaStack,
        spec: TrainingSpec,
        numbers: ReplicaNumbers,
        distillation: Distillation | None = None,
        *,
        replayed: bool = True,
    ) -> None:
        """As for `Step`."""
        super().__init__(stack, spec, numbers, distillation, replayed=replayed)
        self._names = list(stack.parameters)
        self._momentum = spec.optimizer.momentum
        if self._momentum:
            for parameter in stack.parameters.values():
                self.optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self._memory = [
            self.optimizer.state[parameter]["momentum_buffer"] if self._momentum else None
            for parameter in stack.parameters.values()
        ]
        self._shared_decay: float = self.optimizer.param_groups[0]["weight_decay"]

    @torch.no_grad()
    def take(self, batch: Batch) -> None:
        """Take one step."""
        gradients = mlp_gradients([*self.stack.parameters.values()], batch.images.flatten(2), batch.labels)
        for name, gradient, memory in zip(self._names, gradients, self._memory, strict=True):
            parameter, mask = self.stack.parameters[name], self.stack.masks.get(name)
            if self._decay is not None:
                gradient = gradient + as_column(self._decay, parameter) * parameter
            elif self._shared_decay:
                gradient = gradient + self._shared_decay * parameter
            if mask is not None:
                gradient = gradient * mask
            if memory is not None:
                gradient = memory.mul_(self._momentum).add_(gradient)
            parameter.sub_(self._lr * gradient)


def mlp_gradients(
    parameters: Sequence[Float[Tensor, "replicas ..."]],
    rows: Float[Tensor, "replicas batch pixels"],
    labels: Int[Tensor, "replicas batch"],
) -> list[Float[Tensor, "replicas ..."]]:
    """The gradients of each replica's mean cross-entropy, in the order of the parameters.

    Args:
        parameters: weight and bias of every layer, in the order of the layers.
        rows: the images.
        labels: labels of the images.
    """
    weights, biases = parameters[::2], parameters[1::2]
    sources = [rows]
    for weight, bias in zip(weights, biases, strict=True):
        rows = torch.bmm(sources[-1], weight.mT) + bias[:, None]
        sources.append(rows.relu())
    targets = labels[..., None] == torch.arange(rows.shape[2], device=rows.device)
    down = (rows.softmax(2) - targets.to(rows.dtype)) / rows.shape[1]
    gradients: list[Tensor] = []
    for layer in reversed(range(len(weights))):
        gradients[:0] = [torch.bmm(down.mT, sources[layer]), down.sum(1)]
        if layer:
            down = torch.ops.aten.threshold_backward(torch.bmm(down, weights[layer]), sources[layer], 0)
    return gradients
