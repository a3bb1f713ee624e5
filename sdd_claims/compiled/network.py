"""One multilayer perceptron in flat arrays, and its compiled gradient: dense, or kept weights between live units only.

Layer by layer, weights and then biases stand in one vector of parameters. Activations have the layout [units, images]:
a sum over units, the only kind in a forward pass, is then vectorised over images, which are not summed.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float32, Float64, Int64

from sdd_claims.compiled.functions import exp, exp_single, log
from sdd_claims.compiled.jit import compiled
from sdd_claims.compiled.lanes import LANES
from sdd_claims.compiled.products import (
    add_product,
    add_rows,
    copy,
    dot,
    matrix,
    products_by_lanes,
    products_in_order,
    turn,
)

Vector: TypeAlias = Float32[np.ndarray, " parameters"]
Matrix: TypeAlias = Float32[np.ndarray, "rows columns"]
Lists: TypeAlias = Int64[np.ndarray, " some"]

DENSE, SPARSE, SPARSE_IN_ORDER = 0, 1, 2
"""Kinds of networks. A dense one sums a weight's gradient image by image; a sparse one by lanes, or in order too."""


class Network(NamedTuple):
    """Where everything of a network stands.

    Attributes:
        widths: units of each layer, pixels first, classes last.
        weights: where the weights of each layer begin among the parameters: all, row by row, or those that are kept.
        biases: where its biases begin.
        sparse: DENSE where all weights are there, SPARSE or SPARSE_IN_ORDER where kept ones between live units are.
        pixels: which pixels of an image are the first layer.
        rows: where the kept weights of each unit begin among those of its layer, layer after layer, with their end.
        sources: the unit below each kept weight, in the same order.
        above: the unit above each.
        columns: where the kept weights of each unit below begin in the two lists that follow, with their end.
        targets: the unit above each kept weight, unit below by unit below.
        entries: which weight of its layer that is.
        row_at: where a layer begins in `rows`.
        column_at: where it begins in `columns`.
        source_at: where it begins in `sources`, `above`, `targets` and `entries`.
        active_at: where the activations of each layer begin, in images of one.
    """

    widths: Int64[np.ndarray, " layers_and_one"]
    weights: Int64[np.ndarray, " layers"]
    biases: Int64[np.ndarray, " layers"]
    sparse: Int64[np.ndarray, " one"]
    pixels: Int64[np.ndarray, " first"]
    rows: Int64[np.ndarray, " a"]
    sources: Int64[np.ndarray, " b"]
    above: Int64[np.ndarray, " b"]
    columns: Int64[np.ndarray, " c"]
    targets: Int64[np.ndarray, " b"]
    entries: Int64[np.ndarray, " b"]
    row_at: Int64[np.ndarray, " layers"]
    column_at: Int64[np.ndarray, " layers"]
    source_at: Int64[np.ndarray, " layers"]
    active_at: Int64[np.ndarray, " layers_and_one"]


class Room(NamedTuple):
    """Memory for one batch: activations, the same with images first, gradients of activations; ones; 0, 1, 2 ..."""

    active: Float32[np.ndarray, " units_and_images"]
    turned: Float32[np.ndarray, " units_and_images"]
    errors: Float32[np.ndarray, " units_and_images"]
    ones: Float32[np.ndarray, " images"]
    order: Int64[np.ndarray, " widest_or_images"]


def room(network: Network, images: int) -> Room:
    """Memory for batches of up to so many images."""
    units = int(network.widths.sum()) * images
    active, turned, errors = (_aligned(units) for _ in range(3))
    return Room(active, turned, errors, np.ones(images, np.float32), np.arange(max(images, int(network.widths.max()))))


def _aligned(count: int) -> Float32[np.ndarray, " count"]:
    """Memory that begins with a line of the cache: vectors that lie across two lines take twice as long."""
    memory = np.empty(count + LANES, np.float32)
    start = -memory.ctypes.data % (LANES * memory.itemsize) // memory.itemsize
    return memory[start : start + count]


@compiled
def _kept_of_layer(network: Network, layer: int) -> tuple[Lists, ...]:
    """The lists of one layer: rows, sources and above, columns, targets and entries."""
    units, below = network.widths[layer + 1], network.widths[layer]
    first_row, first_column, first = network.row_at[layer], network.column_at[layer], network.source_at[layer]
    rows = network.rows[first_row : first_row + units + 1]
    columns = network.columns[first_column : first_column + below + 1]
    end = first + rows[units]
    sources, above, targets = network.sources[first:end], network.above[first:end], network.targets[first:end]
    return rows, sources, above, columns, targets, network.entries[first:end]


@compiled
def forward(
    network: Network,
    parameters: Vector,
    images: Float32[np.ndarray, "images pixels"],
    chosen: Int64[np.ndarray, " batch"],
    room: Room,
) -> Float32[np.ndarray, "classes batch"]:
    """Fill the activations of all layers for some images.

    Args:
        network: where everything stands.
        parameters: its parameters.
        images: all images, [images, pixels].
        chosen: which of them.
        room: memory for so many.

    Returns:
        The logits, [classes, images], a part of the room.
    """
    count = chosen.shape[0]
    widths = network.widths
    layers = widths.shape[0] - 1
    turn(images, chosen, network.pixels, matrix(room.active, 0, widths[0], count))
    for layer in range(layers):
        units, below = widths[layer + 1], widths[layer]
        source = matrix(room.active, network.active_at[layer] * count, below, count)
        target = matrix(room.active, network.active_at[layer + 1] * count, units, count)
        for unit in range(units):
            bias = parameters[network.biases[layer] + unit]
            line = target[unit]
            for place in range(count):
                line[place] = bias
        at = network.weights[layer]
        if network.sparse[0]:
            rows, sources, _, _, _, _ = _kept_of_layer(network, layer)
            for unit in range(units):
                start, end = rows[unit], rows[unit + 1]
                add_rows(parameters[at + start : at + end], sources[start:end], source, target[unit])
        else:
            add_product(matrix(parameters, at, units, below), source, target)
        if layer < layers - 1:
            for unit in range(units):
                line = target[unit]
                for place in range(count):
                    value = line[place]
                    line[place] = np.float32(0) if value <= np.float32(0) else value  # NaN stays NaN
    return matrix(room.active, network.active_at[layers] * count, widths[layers], count)


@compiled
def _softmax(
    logits: Float32[np.ndarray, "classes batch"],
    factor: np.float32,
    found: Float32[np.ndarray, "classes_and_two batch"],
) -> None:
    """Softmax of factor x logits, image by image."""
    classes, count = logits.shape
    largest, total = found[classes], found[classes + 1]
    for place in range(count):
        largest[place] = logits[0, place]
        total[place] = np.float32(0)
    for label in range(1, classes):
        line = logits[label]
        for place in range(count):
            largest[place] = line[place] if line[place] > largest[place] else largest[place]
    for label in range(classes):
        line, target = logits[label], found[label]
        for place in range(count):
            value = exp_single((line[place] - largest[place]) * factor)
            target[place] = value
            total[place] += value
    for label in range(classes):
        target = found[label]
        for place in range(count):
            target[place] = target[place] / total[place]


@compiled
def gradient(
    network: Network,
    parameters: Vector,
    images: Float32[np.ndarray, "images pixels"],
    chosen: Int64[np.ndarray, " batch"],
    labels: Int64[np.ndarray, " batch"],
    teacher: Float32[np.ndarray, "batch classes"],
    alpha: np.float32,
    temperature: np.float32,
    room: Room,
    found: Vector,
) -> None:
    """Write the gradient of the mean loss over some images.

    The loss is cross-entropy or, with a teacher, (1 - alpha) x cross-entropy + alpha x temperature^2 x KL(teacher ||
    network), both softened by the temperature.

    Args:
        network: where everything stands.
        parameters: its parameters.
        images: all images, [images, pixels].
        chosen: the images of the batch.
        labels: their labels.
        teacher: the teacher's logits of them, [batch, classes]; without rows where there is none.
        alpha: weight of the teacher.
        temperature: by which logits are divided.
        room: memory for a batch.
        found: the gradient, in the order of the parameters; zero for idle ones (see `Form`).
    """
    count = chosen.shape[0]
    widths = network.widths
    layers = widths.shape[0] - 1
    classes = widths[layers]
    logits = forward(network, parameters, images, chosen, room)
    found[network.biases[layers - 1] + classes :] = np.float32(0)
    share = np.float32(1) / np.float32(count)
    error = matrix(room.errors, network.active_at[layers] * count, classes, count)
    scratch = np.empty((classes + 2, count), np.float32)
    _softmax(logits, np.float32(1), scratch)
    hard = (np.float32(1) - alpha) * share
    for label in range(classes):
        line, target = scratch[label], error[label]
        for place in range(count):
            target[place] = line[place] * hard
    for place in range(count):
        error[labels[place], place] -= hard
    if teacher.shape[0] > 0:
        soft = alpha * temperature * share
        inverse = np.float32(1) / temperature
        taught = np.empty((classes, count), np.float32)
        turn(teacher, room.order[:count], room.order[:classes], taught)
        _softmax(logits, inverse, scratch)
        for label in range(classes):
            for place in range(count):
                error[label, place] += scratch[label, place] * soft
        _softmax(taught, inverse, scratch)
        for label in range(classes):
            for place in range(count):
                error[label, place] -= scratch[label, place] * soft
    for layer in range(layers - 1, -1, -1):
        units, below = widths[layer + 1], widths[layer]
        at = network.weights[layer]
        active = matrix(room.active, network.active_at[layer] * count, below, count)
        error = matrix(room.errors, network.active_at[layer + 1] * count, units, count)
        for unit in range(units):
            found[network.biases[layer] + unit] = dot(error[unit], room.ones[:count])
        if network.sparse[0]:
            _, sources, above, columns, targets, entries = _kept_of_layer(network, layer)
            of_weights = found[at : at + sources.shape[0]]
            if network.sparse[0] == SPARSE_IN_ORDER:
                products_in_order(error, active, above, sources, of_weights)
            else:
                products_by_lanes(error, active, above, sources, of_weights)
        else:
            turned = matrix(room.turned, 0, count, below)
            if layer == 0:  # a dense network sees every pixel, and images lie row by row already
                for place in range(count):
                    copy(images[chosen[place]], turned[place])
            else:
                turn(active, room.order[:below], room.order[:count], turned)
            slopes = matrix(found, at, units, below)
            slopes[:, :] = np.float32(0)
            add_product(error, turned, slopes)
        if layer == 0:
            return
        below_error = matrix(room.errors, network.active_at[layer] * count, below, count)
        below_error[:, :] = np.float32(0)
        if network.sparse[0]:
            factors = np.empty(entries.shape[0], np.float32)
            for k in range(entries.shape[0]):
                factors[k] = parameters[at + entries[k]]
            for unit in range(below):
                start, end = columns[unit], columns[unit + 1]
                add_rows(factors[start:end], targets[start:end], error, below_error[unit])
        else:
            add_product(matrix(parameters, at, units, below).T, error, below_error)
        for unit in range(below):
            line, target = active[unit], below_error[unit]
            for place in range(count):
                target[place] = np.float32(0) if line[place] <= np.float32(0) else target[place]


@compiled
def losses(
    logits: Float32[np.ndarray, "classes images"],
    labels: Int64[np.ndarray, " images"],
    found: Float64[np.ndarray, " images"],
) -> int:
    """Write the cross-entropy of each image in nats, in double precision, and return how many are classified right."""
    classes, count = logits.shape
    largest, best = np.empty(count, np.float32), np.empty(count, np.int64)
    _find_best(logits, largest, best)
    found[:] = 0.0
    for label in range(classes):
        line = logits[label]
        for place in range(count):
            found[place] += exp(np.float64(line[place]) - np.float64(largest[place]))
    right = 0
    for place in range(count):
        highest = np.float64(largest[place])
        found[place] = log(found[place]) - (np.float64(logits[labels[place], place]) - highest)
        right += best[place] == labels[place]
    return right


@compiled
def _find_best(
    logits: Float32[np.ndarray, "classes batch"],
    largest: Float32[np.ndarray, " batch"],
    best: Int64[np.ndarray, " batch"],
) -> None:
    """Write the largest logit of each image, and its class: the first one of equal logits, or of NaN."""
    classes, count = logits.shape
    copy(logits[0], largest)
    best[:] = 0
    for label in range(1, classes):
        line = logits[label]
        for place in range(count):
            so_far = largest[place]
            higher = (line[place] > so_far) | ((line[place] != line[place]) & (so_far == so_far))
            largest[place] = line[place] if higher else so_far
            best[place] = label if higher else best[place]


@compiled
def count_right(logits: Float32[np.ndarray, "classes images"], labels: Int64[np.ndarray, " images"]) -> int:
    """The number of images that are classified right."""
    count = logits.shape[1]
    largest, best = np.empty(count, np.float32), np.empty(count, np.int64)
    _find_best(logits, largest, best)
    right = 0
    for place in range(count):
        right += best[place] == labels[place]
    return right


@compiled
def all_logits(
    network: Network,
    parameters: Vector,
    images: Float32[np.ndarray, "images pixels"],
    room: Room,
    batch: int,
) -> Float32[np.ndarray, "classes images"]:
    """The logits of all images, computed batch by batch: the activations of few of them fit a core's cache."""
    count, classes = images.shape[0], network.widths[network.widths.shape[0] - 1]
    found = np.empty((classes, count), np.float32)
    for start in range(0, count, batch):
        end = min(start + batch, count)
        logits = forward(network, parameters, images, np.arange(start, end), room)
        for label in range(classes):
            copy(logits[label], found[label, start:end])
    return found
