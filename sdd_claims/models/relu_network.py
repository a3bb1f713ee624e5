"""Deep ReLU networks with linear layers between the ReLUs (Parhi et al. 2021, theorem 1)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ReluLayer(nn.Module):
    """One step of the recursion: x(l) = V relu(W x(l-1) - b) + C x(l-1) + c0.

    Attributes:
        W: [neurons, inputs], into the neurons.
        b: [neurons], their thresholds.
        V: [outputs, neurons], out of the neurons; None where each neuron is an output, V being the identity.
        C: [outputs, inputs], the skip connections.
        c0: [outputs], the offset.
    """

    def __init__(self, inputs: int, neurons: int, outputs: int | None) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.empty(neurons, inputs))
        self.b = nn.Parameter(torch.empty(neurons))
        self.V = None if outputs is None else nn.Parameter(torch.empty(outputs, neurons))
        self.C = nn.Parameter(torch.empty(outputs or neurons, inputs))
        self.c0 = nn.Parameter(torch.empty(outputs or neurons))

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        """The step."""
        active = torch.relu(x @ self.W.mT - self.b)
        return (active if self.V is None else active @ self.V.mT) + x @ self.C.mT + self.c0


def relu_network(inputs: int, hidden: tuple[int, ...], functional_width: int, outputs: int) -> nn.Sequential:
    """The network of theorem 1, a layer for each hidden width.

    Args:
        inputs: entries of an input, which is flattened first.
        hidden: ReLU neurons of each layer.
        functional_width: outputs of each layer but the last. The matrix between two hidden layers is then the product
            W(l+1) V(l), of no higher rank. 0 for the standard network, whose matrices between hidden layers are not
            factored: the same recursion with V(l) the identity, so that x(l) has an entry a neuron and W(l+1) is that
            matrix.
        outputs: outputs of the last layer.
    """
    # The paper states of the standard network only that its matrix is not factored and that it has skip connections.
    between = functional_width or None
    widths = [inputs, *(functional_width or neurons for neurons in hidden[:-1])]
    steps = zip(widths, hidden, [*(between for _ in hidden[:-1]), outputs], strict=True)
    return nn.Sequential(nn.Flatten(), *(ReluLayer(*step) for step in steps))
