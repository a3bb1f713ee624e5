"""The choice of what is trained of a masked network: all of it, or its kept weights between live units."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float32, Int64

from sdd_claims.compiled.network import DENSE, SPARSE, SPARSE_IN_ORDER, Network

DENSITY = 0.55
"""Above this fraction of kept weights between live units, of all weights, dense products are faster (196-128-64-10).

Both forms sum in orders of their own, so it is part of every portable number: a change needs a new `spec.PIPELINE`.
"""
DENSITY_IN_ORDER = 0.35
"""The same where weights decay. There both forms have the same bits, so that it decides about time alone."""


@dataclass(frozen=True, eq=False)
class Form:
    """A network's flat vectors, and where their numbers stand in the network's own arrays.

    Attributes:
        network: where everything stands in the flat vectors.
        trained: for each layer, indices of the weights that are trained, in the flattened matrix.
        units: for each layer, the units whose biases are trained.
        idle: for each layer, indices of other weights and biases, which no gradient reaches but weight decay does.
        parameters: the numbers that are trained, layer by layer, and then the idle ones.
        mask: 1 where they are, 0 where a weight of a dense form is pruned.
    """

    network: Network
    trained: Sequence[Int64[np.ndarray, " weights"]]
    units: Sequence[Int64[np.ndarray, " units"]]
    idle: Sequence[tuple[Int64[np.ndarray, " weights"], Int64[np.ndarray, " units"]]]
    parameters: Float32[np.ndarray, " parameters"]
    mask: Float32[np.ndarray, " parameters"]

    def read(
        self, weights: Sequence[Float32[np.ndarray, "units below"]], biases: Sequence[np.ndarray]
    ) -> Float32[np.ndarray, " parameters"]:
        """The numbers of a network's matrices and biases, in the order of `parameters`."""
        network = list(zip(weights, biases, strict=True))
        places = [*zip(self.trained, self.units, strict=True), *self.idle]
        pieces = [
            array.reshape(-1)[chosen]
            for arrays, both in zip(network * 2, places, strict=True)
            for array, chosen in zip(arrays, both, strict=True)
        ]
        return np.concatenate(pieces).astype(np.float32)

    def write(self, weights: Sequence[Float32[np.ndarray, "units below"]], biases: Sequence[np.ndarray]) -> None:
        """Write what was trained into a network's matrices and biases; the rest of them stays."""
        for layer, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
            at, offset = int(self.network.weights[layer]), int(self.network.biases[layer])
            matrix.reshape(-1)[self.trained[layer]] = self.parameters[at : at + len(self.trained[layer])]
            bias[self.units[layer]] = self.parameters[offset : offset + len(self.units[layer])]
        at = len(self.parameters) - sum(len(each) for pair in self.idle for each in pair)
        for arrays, places in zip(zip(weights, biases, strict=True), self.idle, strict=True):
            for array, chosen in zip(arrays, places, strict=True):
                array.reshape(-1)[chosen] = self.parameters[at : at + len(chosen)]
                at += len(chosen)


def form(
    weights: Sequence[Float32[np.ndarray, "units below"]],
    biases: Sequence[Float32[np.ndarray, " units"]],
    kept: Sequence[Bool[np.ndarray, "units below"]],
    *,
    sparse: bool | None = None,
    decays: bool = False,
) -> Form:
    """The form in which a network trains fastest.

    Args:
        weights: of each layer; pruned ones are zero.
        biases: of each layer.
        kept: which weights are kept.
        sparse: True for kept weights between live units, False for all; None for what is faster.
        decays: whether its weights and biases decay. A sparse form then has the bits of the dense one: it sums in the
            same order, and holds what decays though no gradient reaches it.
    """
    # With momentum a bias may decay beyond zero, and its unit begins to be active.
    live = live_units(kept, [bias != 0 if decays else ~(bias <= 0) for bias in biases])
    trained = [mask & above[:, None] & below for mask, (below, above) in zip(kept, pairwise(live), strict=True)]
    share = sum(int(mask.sum()) for mask in trained) / sum(mask.size for mask in kept)
    if sparse is None:
        sparse = share <= (DENSITY_IN_ORDER if decays else DENSITY)
    if not sparse:
        trained = [np.ones_like(mask) for mask in kept]
        live = [np.ones_like(units) for units in live]
    widths = np.array([int(units.sum()) for units in live])
    entries = [np.flatnonzero(mask) for mask in trained]
    units = [np.flatnonzero(each) for each in live[1:]]
    sizes = [size for pair in zip(map(len, entries), map(len, units), strict=True) for size in pair]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    lists: list[tuple[np.ndarray, ...]] = [(np.zeros(0, np.int64),) * 6] * len(kept)
    if sparse:
        matrices = zip(trained, pairwise(live), strict=True)
        lists = [_lists(mask[np.ix_(above, below)]) for mask, (below, above) in matrices]
    rows, sources, above, columns, targets, places = (np.concatenate(part) for part in zip(*lists, strict=True))
    network = Network(
        widths=widths,
        weights=starts[:-1:2].copy(),
        biases=starts[1:-1:2].copy(),
        sparse=np.array([(SPARSE_IN_ORDER if decays else SPARSE) if sparse else DENSE]),
        pixels=np.flatnonzero(live[0]),
        rows=rows,
        sources=sources,
        above=above,
        columns=columns,
        targets=targets,
        entries=places,
        row_at=_starts([len(each[0]) for each in lists]),
        column_at=_starts([len(each[3]) for each in lists]),
        source_at=_starts([len(each[1]) for each in lists]),
        active_at=np.concatenate([[0], np.cumsum(widths)])[:-1],
    )
    masks = [
        piece
        for mask, chosen, kinds in zip(kept, entries, units, strict=True)
        for piece in (mask.reshape(-1)[chosen].astype(np.float32), np.ones(len(kinds), np.float32))
    ]
    idle = [
        (np.flatnonzero(mask & ~chosen), np.flatnonzero(~alive)) if decays else (np.zeros(0, np.int64),) * 2
        for mask, chosen, alive in zip(kept, trained, live[1:], strict=True)
    ]
    masks += [np.ones(len(chosen), np.float32) for pair in idle for chosen in pair]
    nothing = np.zeros(0, np.float32)
    found = Form(network, entries, units, idle, nothing, np.concatenate(masks))
    return replace(found, parameters=found.read(weights, biases))


def live_units(
    kept: Sequence[Bool[np.ndarray, "units below"]], positive: Sequence[Bool[np.ndarray, " units"]]
) -> list[Bool[np.ndarray, " units"]]:
    """The units of each layer that are not dead, from the pixels to the classes, which are all alive.

    A unit is dead where nothing uses its output, or where no kept weight reaches it and its bias is not above zero, so
    that it never is active. No gradient reaches it or its weights, which stay bit for bit as they began, or decay.

    Args:
        kept: for each layer, which weights are kept.
        positive: for each layer, which biases are above zero, or may come to be.
    """
    outputs = np.ones(len(positive[-1]), bool)
    used = [outputs]
    for mask in reversed(kept):
        used.insert(0, (mask & used[0][:, None]).any(0))
    live, active = [used[0]], np.ones(len(used[0]), bool)
    for mask, above_zero, is_used in zip(kept[:-1], positive[:-1], used[1:-1], strict=True):
        active = (mask & active).any(1) | above_zero
        live.append(active & is_used)
    return [*live, outputs]


def _lists(kept: Bool[np.ndarray, "units below"]) -> tuple[Int64[np.ndarray, " some"], ...]:
    """Rows, sources, above, columns, targets and entries of `Network` for one layer of live units."""
    unit, below = np.nonzero(kept)
    by_column = np.argsort(below, kind="stable")
    return (
        np.concatenate([[0], np.cumsum(kept.sum(1))]),
        below,
        unit,
        np.concatenate([[0], np.cumsum(kept.sum(0))]),
        unit[by_column],
        by_column,
    )


def _starts(lengths: Sequence[int]) -> Int64[np.ndarray, " layers"]:
    return np.concatenate([[0], np.cumsum(lengths[:-1])]).astype(np.int64)
