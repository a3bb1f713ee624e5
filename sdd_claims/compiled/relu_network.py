"""One ReLU network of `sdd_claims.models.relu_network` on a few points: its compiled training, full batch, by Adam.

Activations have the layout [points, neurons], and a row of a matrix of parameters has an entry a neuron: products are
then vectorised over neurons, and the points of a gradient are summed in their order. Two matrices a layer are turned at
every step, large ones part by part, which costs little beside the products. Neurons, and the outputs of all layers but
the last, are filled up to whole vectors with parameters that are zero, have no gradient, and stay zero.

Thresholds are kept with the other sign, as what is added.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float32, Int64

from sdd_claims.compiled.blocks import (
    TERMS,
    add_blocks,
    add_turned_blocks,
    write_blocks,
    write_rectified,
    write_where_positive,
)
from sdd_claims.compiled.jit import compiled, inlined
from sdd_claims.compiled.lanes import EIGHT, LANES
from sdd_claims.compiled.products import clear, dot, turn
from sdd_claims.compiled.updates import BETA1, BETA2, EPSILON, add_l1
from sdd_claims.compiled.views import matrix, part, strided

NO_PENALTY, L2, RBV2 = range(3)
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
MANY = 256
"""From so many columns on a product is worth the search for terms that are zero."""
STRIP = 16
"""Rows of W that are moved at a time: a cache keeps their gradient."""
TINY = np.float32(1e-30)
"""Smaller parameters become zero, where decay takes them in the end: many processors are slow at subnormal numbers."""
TINY_SQUARE, TINY_SLOPE = np.float32(1e-37), np.float32(1e-20)
"""Smaller means of squares become zero, too, and smaller slopes add nothing to them: beside EPSILON neither is felt."""

Vector: TypeAlias = Float32[np.ndarray, " numbers"]
Matrix: TypeAlias = Float32[np.ndarray, "rows columns"]


class Network(NamedTuple):
    """Where everything of a network stands.

    Attributes:
        inputs: entries of what comes into each layer; but for the first, filled up.
        widths: the same, filled up, and 1, the output.
        neurons: of each layer, filled up.
        factored: 1 where a layer has a V(l), 0 where that is the identity.
        W: where the weights of each layer begin, [inputs, neurons].
        b: where its thresholds begin, [neurons].
        V: where its second matrix begins, [outputs, neurons].
        C: where its skip connections begin, [inputs, outputs] or, for the last layer, [widths].
        c0: where its offset begins, [outputs].
        rows_at: where the rows of each layer begin, in points of one.
    """

    inputs: Int64[np.ndarray, " layers"]
    widths: Int64[np.ndarray, " layers_and_one"]
    neurons: Int64[np.ndarray, " layers"]
    factored: Int64[np.ndarray, " layers"]
    W: Int64[np.ndarray, " layers"]
    b: Int64[np.ndarray, " layers"]
    V: Int64[np.ndarray, " layers"]
    C: Int64[np.ndarray, " layers"]
    c0: Int64[np.ndarray, " layers"]
    rows_at: Int64[np.ndarray, " layers"]


class Room(NamedTuple):
    """Memory for all points.

    Attributes:
        rows: of each layer, the outputs of its neurons and then what comes into it, [points, neurons + width].
        outputs: of the network.
        down: gradients of what goes out of one layer.
        below: of what comes into it.
        through: of its neurons.
        turned: a matrix of parameters, turned, or a part of it.
        listed: which terms of that part a block of points feels.
        beside: what `turn` works in, and a number for each neuron.
        ones: one a point.
        order: 0, 1, 2 ...
        gradient: of the parameters, but for the weights W.
        strip: of some rows of W.
    """

    rows: Vector
    outputs: Vector
    down: Vector
    below: Vector
    through: Vector
    turned: Vector
    listed: Int64[np.ndarray, " TERMS"]
    beside: Vector
    ones: Matrix
    order: Int64[np.ndarray, " widest"]
    gradient: Vector
    strip: Vector


class Places(NamedTuple):
    """Where the parameters of a network stand.

    Attributes:
        network: the network.
        size: the number of its parameters, filled up to whole vectors.
        of: for each of its tensors, by name, where every entry stands among them.
    """

    network: Network
    size: int
    of: Mapping[str, Int64[np.ndarray, "..."]]


def places(shapes: Mapping[str, Sequence[int]]) -> Places:
    """Where the parameters of a network of one output stand.

    Args:
        shapes: of the tensors in the state of a `relu_network`, by name ("1.W").
    """
    layers = list(dict.fromkeys(name.split(".")[0] for name in shapes))
    of: dict[str, Int64[np.ndarray, "..."]] = {}
    starts: dict[str, list[int]] = {part: [] for part in ("W", "b", "V", "C", "c0")}
    inputs, widths, neurons = list[int](), list[int](), list[int]()
    size = 0

    def place(part: str, rows: int, columns: int) -> Int64[np.ndarray, "rows columns"]:
        nonlocal size
        starts[part].append(size)
        found = np.arange(size, size + rows * columns).reshape(rows, columns)
        size += rows * columns
        return found

    for layer in layers:
        units, below = shapes[f"{layer}.W"]
        outputs, last = shapes[f"{layer}.c0"][0], layer == layers[-1]
        inputs.append(_filled(below) if inputs else below)
        widths.append(_filled(below))
        neurons.append(_filled(units))
        of[f"{layer}.W"] = place("W", inputs[-1], neurons[-1]).T[:units, :below]
        of[f"{layer}.b"] = place("b", 1, neurons[-1])[0, :units]
        above = 1 if last else _filled(outputs)
        if f"{layer}.V" in shapes:
            of[f"{layer}.V"] = place("V", above, neurons[-1])[:outputs, :units]
        else:
            starts["V"].append(size)
        skips = place("C", 1, widths[-1]) if last else place("C", inputs[-1], above).T
        of[f"{layer}.C"] = skips[:outputs, :below]
        of[f"{layer}.c0"] = place("c0", 1, above)[0, :outputs]
    network = Network(
        inputs=np.array(inputs),
        widths=np.array([*widths, 1]),
        neurons=np.array(neurons),
        factored=np.array([int(f"{layer}.V" in shapes) for layer in layers]),
        rows_at=np.cumsum([0, *np.add(neurons, widths)[:-1]]),
        **{part: np.array(at) for part, at in starts.items()},
    )
    return Places(network, _filled(size), of)


def _filled(units: int) -> int:
    return -(-units // LANES) * LANES


def room(places: Places, points: Float32[np.ndarray, "points inputs"]) -> Room:
    """Memory for some points."""
    network, count = places.network, len(points)
    widest, most = int(network.widths.max()), int(network.neurons.max())
    rows = zeros(int(network.widths[:-1].sum() + network.neurons.sum()) * count)
    first = rows[: int(network.neurons[0] + network.widths[0]) * count].reshape(count, -1)
    first[:, network.neurons[0] : network.neurons[0] + points.shape[1]] = points
    return Room(
        rows=rows,
        outputs=zeros(count),
        down=zeros(widest * count),
        below=zeros(widest * count),
        through=zeros(most * count),
        turned=zeros(max(TERMS * widest, min(MANY, widest) * max(widest, most))),
        listed=np.zeros(TERMS, np.int64),
        beside=zeros(EIGHT * max(widest, most)),
        ones=np.ones((1, count), np.float32),
        order=np.arange(max(widest, most)),
        gradient=zeros(places.size),
        strip=zeros(STRIP * most),
    )


def zeros(numbers: int) -> Vector:
    """Zeros that begin where a line of the cache does: whole vectors are then loaded at once.

    NumPy asks the system for large pages where they are many, in which memory is found faster.
    """
    found = np.zeros(numbers + LANES, np.float32)
    start = -found.ctypes.data // found.itemsize % LANES
    return found[start : start + numbers]


@compiled
def _add_turned(left: Matrix, given: Matrix, total: Matrix, room: Room) -> None:
    """Add left x given.T to `total`."""
    columns, terms = given.shape
    if columns < MANY:
        turned = matrix(room.turned, 0, terms, columns)
        turn(given, part(room.order, 0, columns), part(room.order, 0, terms), turned, room.beside)
        add_blocks(left, turned, total)
    else:
        add_turned_blocks(left, given, total, room.turned, room.order, room.listed)


@inlined
def _rows(network: Network, room: Room, layer: int) -> Matrix:
    count, columns = room.outputs.shape[0], network.neurons[layer] + network.widths[layer]
    return matrix(room.rows, network.rows_at[layer] * count, count, columns)


@compiled
def forward(network: Network, parameters: Vector, room: Room) -> None:
    """Fill the rows of all layers, but for the points, and the outputs of the network."""
    count, layers = room.outputs.shape[0], network.inputs.shape[0]
    for layer in range(layers):
        inputs, neurons, above = network.inputs[layer], network.neurons[layer], network.widths[layer + 1]
        rows = _rows(network, room, layer)
        active, x = rows[:, :neurons], rows[:, neurons : neurons + inputs]
        start = part(parameters, network.b[layer], neurons)
        write_rectified(x, matrix(parameters, network.W[layer], inputs, neurons), start, active)
        if layer == layers - 1:
            # V(l) and C(l) stand one after the other, as what they are multiplied with does.
            last = network.V[layer]
            out, offset = part(parameters, last, network.c0[layer] - last), parameters[network.c0[layer]]
            for point in range(count):
                room.outputs[point] = offset + dot(rows[point], out)
            return
        onwards, at, factored = _rows(network, room, layer + 1), network.neurons[layer + 1], network.factored[layer]
        offsets = part(parameters, network.c0[layer], above)
        for point in range(count):
            line, own = onwards[point, at:], rows[point]
            for column in range(above):
                line[column] = offsets[column] if factored else offsets[column] + own[column]
        target = onwards[:, at:]
        add_blocks(x, matrix(parameters, network.C[layer], inputs, above), target)
        if factored:
            _add_turned(strided(active), matrix(parameters, network.V[layer], above, neurons), strided(target), room)


class Step(NamedTuple):
    """A step of Adam.

    Attributes:
        mean: running mean of the gradient, moves in place.
        square: running mean of its square, moves in place.
        rate: learning rate / (1 - BETA1^t).
        inverse_root: 1 / sqrt(1 - BETA2^t).
    """

    mean: Vector
    square: Vector
    rate: np.float32
    inverse_root: np.float32


@compiled
def _step_adam(parameters: Vector, start: int, gradient: Vector, step: Step, strength: np.float32) -> None:
    """One step of Adam for some parameters: that of `updates`, but for `TINY` and a product in place of a division.

    Args:
        parameters: all parameters.
        start: the first of those that move.
        gradient: of these, to which that of strength x the sum of squares is added on the way.
        step: the step.
        strength: its factor.
    """
    size = gradient.shape[0]
    moving, mean, square = part(parameters, start, size), part(step.mean, start, size), part(step.square, start, size)
    for i in range(size):
        slope = gradient[i] + strength * (_TWO * moving[i]) if strength > _ZERO else gradient[i]
        moved = mean[i] + np.float32(1 - BETA1) * (slope - mean[i])
        mean[i] = _ZERO if abs(moved) < TINY else moved
        steep = _ZERO if abs(slope) < TINY_SLOPE else slope
        felt = np.float32(BETA2) * square[i] + np.float32(1 - BETA2) * (steep * steep)
        square[i] = _ZERO if felt < TINY_SQUARE else felt
        value = moving[i] - step.rate * (mean[i] / (np.sqrt(square[i]) * step.inverse_root + np.float32(EPSILON)))
        moving[i] = _ZERO if abs(value) < TINY else value


@inlined
def _move_weights(
    network: Network, parameters: Vector, targets: Vector, room: Room, step: Step, strength: np.float32
) -> None:
    """Move the weights W of all layers, after a forward pass, and write the gradient of all other parameters.

    That of W is as large as W, and stays in a cache if it is felt as soon as a part of it is found.

    Args:
        network: where everything stands.
        parameters: its parameters.
        targets: target outputs, one a point.
        room: what the forward pass has filled, and where the gradient goes.
        step: the step.
        strength: of the squared l2 penalty of W.
    """
    count, layers, found = targets.shape[0], network.inputs.shape[0], room.gradient
    share = np.float32(2) / np.float32(count)
    total = _ZERO
    for point in range(count):
        room.down[point] = (room.outputs[point] - targets[point]) * share
        total += room.down[point]
    down, below = room.down, room.below
    for layer in range(layers - 1, -1, -1):
        inputs, neurons, width = network.inputs[layer], network.neurons[layer], network.widths[layer]
        above, last = network.widths[layer + 1], layer == layers - 1
        rows = _rows(network, room, layer)
        active, x = rows[:, :neurons], rows[:, neurons : neurons + inputs]
        error = matrix(down, 0, count, above)
        through = matrix(room.through, 0, count, neurons)
        if last:
            found[network.c0[layer]] = total
            write_blocks(error.T, rows, matrix(found, network.V[layer], 1, neurons + width))
            write_where_positive(error, matrix(parameters, network.V[layer], 1, neurons), active, through)
        else:
            write_blocks(room.ones, error, matrix(found, network.c0[layer], 1, above))
            write_blocks(x.T, error, matrix(found, network.C[layer], inputs, above))
            if network.factored[layer]:
                write_blocks(error.T, active, matrix(found, network.V[layer], above, neurons))
                write_where_positive(error, matrix(parameters, network.V[layer], above, neurons), active, through)
            else:
                for point in range(count):
                    own, source, target = rows[point], error[point], through[point]
                    for neuron in range(neurons):
                        target[neuron] = _ZERO if own[neuron] <= _ZERO else source[neuron]
        write_blocks(room.ones, through, matrix(found, network.b[layer], 1, neurons))
        if layer:
            onwards = matrix(below, 0, count, width)
            clear(part(below, 0, count * width))
            if last:
                add_blocks(error, matrix(parameters, network.C[layer], 1, width), onwards)
            else:
                of_skips = matrix(parameters, network.C[layer], inputs, above)
                _add_turned(strided(error), of_skips, strided(onwards), room)
            of_weights = matrix(parameters, network.W[layer], inputs, neurons)
            _add_turned(strided(through), of_weights, strided(onwards), room)
            down, below = below, down
        for row in range(0, inputs, STRIP):
            end = min(row + STRIP, inputs)
            slopes = part(room.strip, 0, (end - row) * neurons)
            write_blocks(x[:, row:end].T, through, matrix(slopes, 0, end - row, neurons))
            _step_adam(parameters, network.W[layer] + row * neurons, slopes, step, strength)


@inlined
def _add_rbv2(network: Network, parameters: Vector, strength: np.float32, room: Room) -> None:
    """Add the gradient of eq. 2 of Parhi et al. 2021, but for W: |v|_1^2 a neuron, |c|_1 a skip connection."""
    found = room.gradient
    twice = np.float32(2) * strength
    for layer in range(network.inputs.shape[0]):
        neurons, above = network.neurons[layer], network.widths[layer + 1]
        out = matrix(parameters, network.V[layer], above, neurons)
        slopes = matrix(found, network.V[layer], above, neurons)
        sums = part(room.beside, 0, neurons)
        clear(sums)
        for row in range(above):
            line = out[row]
            for neuron in range(neurons):
                sums[neuron] += abs(line[neuron])
        for row in range(above):
            line, target = out[row], slopes[row]
            for neuron in range(neurons):
                value = line[neuron]
                sign = _ONE if value > _ZERO else (-_ONE if value < _ZERO else _ZERO)
                target[neuron] += twice * (sums[neuron] * sign)
        first, size = network.C[layer], network.c0[layer] - network.C[layer]
        add_l1(part(parameters, first, size), strength, part(found, first, size))


@compiled
def train(
    network: Network,
    parameters: Vector,
    mean: Vector,
    square: Vector,
    steps: int,
    epochs: int,
    targets: Vector,
    room: Room,
    lr: float,
    penalty: int,
    strength: float,
) -> None:
    """Train by Adam for some epochs, each a step on all points.

    Args:
        network: where everything stands.
        parameters: its parameters; they move in place.
        mean: running mean of their gradient, moves in place.
        square: running mean of its square, moves in place.
        steps: number of steps taken before.
        epochs: number of steps to take.
        targets: target outputs, one a point.
        room: of these points.
        lr: learning rate.
        penalty: NO_PENALTY, L2 or RBV2.
        strength: its factor.
    """
    of_weights = np.float32(0.0 if penalty == NO_PENALTY else strength)
    of_the_rest = np.float32(strength if penalty == L2 else 0.0)
    first, second = 1.0, 1.0  # the betas to the power of the steps, by products: no library's power
    for _ in range(steps):
        first *= BETA1
        second *= BETA2
    for _ in range(epochs):
        first *= BETA1
        second *= BETA2
        step = Step(mean, square, np.float32(lr / (1 - first)), np.float32(1 / np.sqrt(1 - second)))
        forward(network, parameters, room)
        _move_weights(network, parameters, targets, room, step, of_weights)
        if penalty == RBV2:
            _add_rbv2(network, parameters, np.float32(strength), room)
        for layer in range(network.inputs.shape[0]):
            start = network.b[layer]  # what lies between the weights of two layers
            end = network.W[layer + 1] if layer + 1 < network.inputs.shape[0] else parameters.shape[0]
            _step_adam(parameters, start, part(room.gradient, start, end - start), step, of_the_rest)
