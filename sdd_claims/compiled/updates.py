"""The compiled steps of the optimizers, and the gradients of the penalties, on flat vectors."""

import numpy as np

from sdd_claims.compiled.jit import compiled, inlined
from sdd_claims.compiled.network import Lists, Vector
from sdd_claims.compiled.products import clear
from sdd_claims.compiled.views import part

_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Of Adam: PyTorch's defaults."""


@inlined
def add_decay(parameters: Vector, decay: np.float32, gradient: Vector) -> None:
    """Add weight decay to the gradient."""
    for i in range(parameters.shape[0]):
        gradient[i] += decay * parameters[i]


@compiled
def add_l1(parameters: Vector, strength: np.float32, gradient: Vector) -> None:
    """Add the gradient of strength x the sum of absolute values; that of 0 is 0."""
    for i in range(parameters.shape[0]):
        value = parameters[i]
        sign = _ONE if value > _ZERO else (-_ONE if value < _ZERO else _ZERO)
        gradient[i] += strength * sign


@inlined
def add_l2(parameters: Vector, strength: np.float32, gradient: Vector) -> None:
    """Add the gradient of strength x the sum of squares."""
    for i in range(parameters.shape[0]):
        gradient[i] += strength * (_TWO * parameters[i])


@compiled
def add_matrix_norm(
    parameters: Vector,
    strength: np.float32,
    places: tuple[Lists, Lists, Lists],
    memory: Vector,
    gradient: Vector,
) -> None:
    """Add a subgradient of strength x (matrix 1-norms of all weights + l1 norms of all biases).

    Columns of equal sums share it (see `sdd_claims.training.penalties`).

    Args:
        parameters: the parameters.
        strength: of the penalty.
        places: `widths`, `weights` and `biases` of the `Network`.
        memory: room for a number a unit of the widest layer; what it held is lost.
        gradient: what is added to.
    """
    widths, weights, biases = places
    for layer in range(widths.shape[0] - 1):
        units, below = widths[layer + 1], widths[layer]
        sums = part(memory, 0, below)
        clear(sums)
        for unit in range(units):
            at = weights[layer] + unit * below
            line = part(parameters, at, below)  # counted from 0, a loop is vectorised
            for source in range(below):
                sums[source] += abs(line[source])
        largest, ties = sums[0], 0
        for source in range(1, below):
            largest = max(largest, sums[source])
        for source in range(below):
            ties += sums[source] == largest
        share = strength / np.float32(ties)
        for source in range(below):
            if sums[source] == largest:
                for unit in range(units):
                    i = weights[layer] + unit * below + source
                    value = parameters[i]
                    gradient[i] += share * (_ONE if value > _ZERO else (-_ONE if value < _ZERO else _ZERO))
        start = biases[layer]
        add_l1(part(parameters, start, units), strength, part(gradient, start, units))


@inlined
def mask_gradient(gradient: Vector, mask: Vector) -> None:
    """Leave pruned weights without a gradient, so that they stay.

    Args:
        gradient: of all parameters.
        mask: 1 where a parameter is kept, 0 elsewhere.
    """
    for i in range(gradient.shape[0]):
        gradient[i] *= mask[i]


@inlined
def step_sgd(parameters: Vector, gradient: Vector, velocity: Vector, lr: np.float32, momentum: np.float32) -> None:
    """One step of SGD: velocity = momentum x velocity + gradient, parameters -= lr x velocity.

    Without momentum the velocity, which nobody reads then, is not written.
    """
    if momentum == _ZERO:
        for i in range(parameters.shape[0]):
            parameters[i] -= lr * (_ZERO + gradient[i])  # a gradient of -0 would make +0 of a pruned weight of -0
        return
    for i in range(parameters.shape[0]):
        velocity[i] = momentum * velocity[i] + gradient[i]
        parameters[i] -= lr * velocity[i]


@inlined
def step_adam(
    parameters: Vector,
    gradient: Vector,
    mean: Vector,
    square: Vector,
    rate: np.float32,
    root: np.float32,
) -> None:
    """One step of Adam (Kingma & Ba 2015), as PyTorch takes it.

    Args:
        parameters: the parameters.
        gradient: their gradient.
        mean: running mean of the gradient.
        square: running mean of its square.
        rate: learning rate / (1 - BETA1^t).
        root: sqrt(1 - BETA2^t).
    """
    for i in range(parameters.shape[0]):
        slope = gradient[i]
        mean[i] += np.float32(1 - BETA1) * (slope - mean[i])
        square[i] = np.float32(BETA2) * square[i] + np.float32(1 - BETA2) * (slope * slope)
        parameters[i] -= rate * (mean[i] / (np.sqrt(square[i]) / root + np.float32(EPSILON)))


@inlined
def shrink(parameters: Vector, factor: np.float32) -> None:
    """Decoupled weight decay: multiply all by a factor."""
    for i in range(parameters.shape[0]):
        parameters[i] *= factor


@inlined
def shrink_to_zero(parameters: Vector, reach: np.float32) -> None:
    """Move every parameter towards zero, and to exact zero within reach: the proximal operator of reach x l1."""
    for i in range(parameters.shape[0]):
        value = parameters[i]
        parameters[i] = value - min(max(value, -reach), reach)
