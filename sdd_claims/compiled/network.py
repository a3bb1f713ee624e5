"""One multilayer perceptron in flat arrays, and its compiled gradient: dense, or kept weights between live units only.

Layer by layer, weights and then biases stand in one vector of parameters. Activations have the layout [units, images]:
a sum over units, the only kind in a forward pass, is then vectorised over images, which are not summed.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float32, Float64, Int64

from sdd_claims.compiled.functions import exp, exp_single, log
from sdd_claims.compiled.jit import compiled, inlined
from sdd_claims.compiled.lanes import EIGHT, LANES
from sdd_claims.compiled.products import (
    FROM_TOTAL,
    FROM_ZERO,
    add_product,
    add_rows,
    clear,
    copy,
    products_by_lanes,
    products_in_order,
    turn,
)
from sdd_claims.compiled.views import matrix, part, strided

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
    """Memory for one batch.

    Attributes:
        active: activations of all layers.
        turned: those of one layer with images first.
        errors: gradients of all activations.
        probabilities: of the classes, a teacher's logits, and what is needed to find them.
        factors: the kept weights of a layer, or a number for each of its units.
        beside: what `turn` works in.
        ones: one an image.
        zeros: a zero for each unit of the widest layer.
        order: 0, 1, 2 ...
    """

    active: Float32[np.ndarray, " units_and_images"]
    turned: Float32[np.ndarray, " units_and_images"]
    errors: Float32[np.ndarray, " units_and_images"]
    probabilities: Float32[np.ndarray, " twice_classes_and_images"]
    factors: Float32[np.ndarray, " kept_or_widest"]
    beside: Float32[np.ndarray, " eight_times_widest_or_images"]
    ones: Float32[np.ndarray, " images"]
    zeros: Int64[np.ndarray, " widest"]
    order: Int64[np.ndarray, " widest_or_images"]


def room(network: Network, images: int) -> Room:
    """Memory for batches of up to so many images."""
    units = int(network.widths.sum()) * images
    active, turned, errors = (_aligned(units) for _ in range(3))
    widest, classes = int(network.widths.max()), int(network.widths[-1])
    return Room(
        active=active,
        turned=turned,
        errors=errors,
        probabilities=np.empty(2 * (classes + 1) * images, np.float32),
        factors=np.empty(max(len(network.entries), widest), np.float32),
        beside=_aligned(EIGHT * max(images, widest)),
        ones=np.ones(images, np.float32),
        zeros=np.zeros(widest, np.int64),
        order=np.arange(max(images, widest)),
    )


def _aligned(count: int) -> Float32[np.ndarray, " count"]:
    """Memory that begins with a line of the cache: vectors that lie across two lines take twice as long."""
    memory = np.empty(count + LANES, np.float32)
    start = -memory.ctypes.data % (LANES * memory.itemsize) // memory.itemsize
    return memory[start : start + count]


@compiled
def forward(
    network: Network,
    parameters: Vector,
    images: Float32[np.ndarray, "images pixels"],
    chosen: Int64[np.ndarray, " batch"],
    room: Room,
) -> None:
    """Fill the activations of all layers for some images; those of the last are the logits, see `logits_in`.

    Args:
        network: where everything stands.
        parameters: its parameters.
        images: all images, [images, pixels].
        chosen: which of them.
        room: memory for so many.
    """
    count = chosen.shape[0]
    widths = network.widths
    layers = widths.shape[0] - 1
    turn(images, chosen, network.pixels, matrix(room.active, 0, widths[0], count), room.beside)
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
            rows, first = part(network.rows, network.row_at[layer], units + 1), network.source_at[layer]
            for unit in range(units):
                start, kept = rows[unit], rows[unit + 1] - rows[unit]
                factors, sources = part(parameters, at + start, kept), part(network.sources, first + start, kept)
                add_rows(factors, sources, source, target[unit])
        else:
            add_product(strided(matrix(parameters, at, units, below)), source, target, FROM_TOTAL)
        if layer < layers - 1:
            for unit in range(units):
                line = target[unit]
                for place in range(count):
                    # NaN stays NaN, and -0 becomes 0. Were a number stored just as it was loaded, LLVM would store only
                    # the others, under a mask, which takes AMD's processors without AVX-512 many times as long.
                    value = line[place] + np.float32(0)
                    line[place] = np.float32(0) if value < np.float32(0) else value


@inlined
def logits_in(room: Room, network: Network, count: int) -> Float32[np.ndarray, "classes batch"]:
    """The logits that a forward pass of so many images has left in the room."""
    last = network.widths.shape[0] - 1
    return matrix(room.active, network.active_at[last] * count, network.widths[last], count)


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
            so_far = largest[place] + np.float32(0)  # a full store, as in `forward`; of equals none is larger
            largest[place] = line[place] if line[place] > so_far else so_far
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


@inlined
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
    forward(network, parameters, images, chosen, room)
    logits = logits_in(room, network, count)
    last = network.biases[layers - 1] + classes
    clear(part(found, last, found.shape[0] - last))
    share = np.float32(1) / np.float32(count)
    error = matrix(room.errors, network.active_at[layers] * count, classes, count)
    scratch = matrix(room.probabilities, 0, classes + 2, count)
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
        taught = matrix(room.probabilities, (classes + 2) * count, classes, count)
        turn(teacher, part(room.order, 0, count), part(room.order, 0, classes), taught, room.beside)
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
        of_biases, ones = part(found, network.biases[layer], units), matrix(room.ones, 0, 1, count)
        products_by_lanes(ones, error, part(room.zeros, 0, units), part(room.order, 0, units), of_biases)
        if network.sparse[0]:
            first, kept = network.source_at[layer], network.rows[network.row_at[layer] + units]
            sources, above = part(network.sources, first, kept), part(network.above, first, kept)
            of_weights = part(found, at, kept)
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
                turn(active, part(room.order, 0, below), part(room.order, 0, count), turned, room.beside)
            add_product(strided(error), turned, matrix(found, at, units, below), FROM_ZERO)
        if layer == 0:
            return
        below_error = matrix(room.errors, network.active_at[layer] * count, below, count)
        if network.sparse[0]:
            clear(part(room.errors, network.active_at[layer] * count, below * count))
            entries, columns = (
                part(network.entries, first, kept),
                part(network.columns, network.column_at[layer], below + 1),
            )
            for k in range(kept):
                room.factors[k] = parameters[at + entries[k]]
            for unit in range(below):
                start, some = columns[unit], columns[unit + 1] - columns[unit]
                factors, targets = part(room.factors, start, some), part(network.targets, first + start, some)
                add_rows(factors, targets, error, below_error[unit])
        else:
            add_product(strided(matrix(parameters, at, units, below).T), error, below_error, FROM_ZERO)
        for unit in range(below):
            line, target = active[unit], below_error[unit]
            for place in range(count):
                summed = target[place] + np.float32(0)  # a full store, as in `forward`; no sum from zero is -0
                target[place] = np.float32(0) if line[place] <= np.float32(0) else summed


def losses(
    logits: Float32[np.ndarray, "classes images"],
    labels: Int64[np.ndarray, " images"],
    found: Float64[np.ndarray, " images"],
) -> int:
    """Write the cross-entropy of each image in nats, in double precision, and return how many are classified right."""
    count = logits.shape[1]
    return int(_losses(logits, labels, found, np.empty(count, np.float32), np.empty(count, np.int64)))


@compiled
def _losses(
    logits: Float32[np.ndarray, "classes images"],
    labels: Int64[np.ndarray, " images"],
    found: Float64[np.ndarray, " images"],
    largest: Float32[np.ndarray, " images"],
    best: Int64[np.ndarray, " images"],
) -> int:
    classes, count = logits.shape
    _find_best(logits, largest, best)
    for place in range(count):
        found[place] = 0.0
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


@inlined
def _find_best(
    logits: Float32[np.ndarray, "classes batch"],
    largest: Float32[np.ndarray, " batch"],
    best: Int64[np.ndarray, " batch"],
) -> None:
    """Write the largest logit of each image, and its class: the first one of equal logits, or of NaN."""
    classes, count = logits.shape
    copy(logits[0], largest)
    for place in range(count):
        best[place] = 0
    for label in range(1, classes):
        line = logits[label]
        for place in range(count):
            so_far = largest[place]
            higher = (line[place] > so_far) | ((line[place] != line[place]) & (so_far == so_far))
            largest[place] = line[place] if higher else so_far
            best[place] = label if higher else best[place]


def count_right(logits: Float32[np.ndarray, "classes images"], labels: Int64[np.ndarray, " images"]) -> int:
    """The number of images that are classified right."""
    count = logits.shape[1]
    return int(_count_right(logits, labels, np.empty(count, np.float32), np.empty(count, np.int64)))


@compiled
def _count_right(
    logits: Float32[np.ndarray, "classes images"],
    labels: Int64[np.ndarray, " images"],
    largest: Float32[np.ndarray, " images"],
    best: Int64[np.ndarray, " images"],
) -> int:
    _find_best(logits, largest, best)
    right = 0
    for place in range(logits.shape[1]):
        right += best[place] == labels[place]
    return right


def all_logits(
    network: Network,
    parameters: Vector,
    images: Float32[np.ndarray, "images pixels"],
    room: Room,
    batch: int,
) -> Float32[np.ndarray, "classes images"]:
    """The logits of all images, computed batch by batch: the activations of few of them fit a core's cache."""
    count = len(images)
    found = np.empty((int(network.widths[-1]), count), np.float32)
    _find_logits(network, parameters, images, room, batch, np.arange(count), found)
    return found


@compiled
def _find_logits(
    network: Network,
    parameters: Vector,
    images: Float32[np.ndarray, "images pixels"],
    room: Room,
    batch: int,
    order: Int64[np.ndarray, " images"],
    found: Float32[np.ndarray, "classes images"],
) -> None:
    for start in range(0, order.shape[0], batch):
        some = min(batch, order.shape[0] - start)
        forward(network, parameters, images, part(order, start, some), room)
        logits = logits_in(room, network, some)
        for label in range(found.shape[0]):
            copy(logits[label], part(found[label], start, some))
