"""Loss and accuracy along the straight line between two solutions: is there a barrier between them?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sdd_claims.errors import InputError
from sdd_claims.measures.accuracy import Evaluation, Totals
from sdd_claims.models import Architecture
from sdd_claims.training import CHUNK, TrainingData, Weights, summed_loss

_BYTES = 64 * 2**20  # size of the weights that are evaluated at once: bounds memory

POINTS = 101
"""Points of a stored line: part of the record, so a change needs a new `spec.PIPELINE`."""


@dataclass(frozen=True)
class Line:
    """Means over each replica's training images at equidistant points of a line, in double precision.

    Attributes:
        loss: cross-entropy in nats; NaN where weights are not finite.
        accuracy: accuracy in [0, 1].
    """

    loss: Float[Tensor, "replicas points"]
    accuracy: Float[Tensor, "replicas points"]


@torch.no_grad()
def along_line(
    architecture: Architecture,
    start: Sequence[Weights],
    end: Sequence[Weights],
    data: TrainingData,
    points: int = POINTS,
    *,
    portable: bool = False,
) -> Line:
    """Evaluate (1 - a) start + a end for a = 0 .. 1 in equal steps (He et al. 2022, A.5: steps of .01).

    Every replica is evaluated on its own training images and the labels that it was trained on, noise included, in
    evaluation mode. Buffers are interpolated as parameters are; integer ones are those of `end`.

    Args:
        architecture: the networks' form.
        start: weights of each replica's one solution, without a replica axis.
        end: those of its other.
        data: images and each replica's labels.
        points: on each line, both ends included.
        portable: evaluate plain MLPs in portable arithmetic.

    Raises:
        InputError: fewer than two points.
    """
    if points < 2:
        raise InputError(f"a line has two ends, so {points} points are too few; give at least 2")
    with _evaluation_mode(architecture.module):
        found = [
            _evaluate_portably(architecture, pair, data, replica, points)
            if portable
            else _evaluate(architecture.module, pair, data, replica, points)
            for replica, pair in enumerate(zip(start, end, strict=True))
        ]
    return Line(torch.stack([line.loss for line in found]), torch.stack([line.accuracy for line in found]))


def _evaluate(
    module: nn.Module, ends: tuple[Weights, Weights], data: TrainingData, replica: int, points: int
) -> Evaluation:
    """One replica at all points: a chunk of points is a stack of networks that share their images."""
    device = data.images.device
    start, end = ({name: value.detach().to(device) for name, value in weights.items()} for weights in ends)
    fractions = torch.linspace(0, 1, points, dtype=torch.float64, device=device)
    together = max(1, _BYTES // sum(value.nbytes for value in start.values()))
    found = [
        _at(module, _between(start, end, fractions[first : first + together]), data, replica)
        for first in range(0, points, together)
    ]
    return Evaluation(torch.cat([at.accuracy for at in found]), torch.cat([at.loss for at in found]))


def _evaluate_portably(
    architecture: Architecture, ends: tuple[Weights, Weights], data: TrainingData, replica: int, points: int
) -> Evaluation:
    from sdd_claims.training.compiled_stack import NetworksBetween  # late: it needs Numba

    line = NetworksBetween(architecture, *ends)
    images, labels = data.seen(data.subset[replica]), data.labels[replica]
    found = [line.evaluate(point / (points - 1), images, labels) for point in range(points)]
    accuracy, loss = (torch.tensor(column, dtype=torch.float64) for column in zip(*found, strict=True))
    return Evaluation(accuracy, loss)


def _between(start: Weights, end: Weights, fractions: Float[Tensor, " points"]) -> dict[str, Tensor]:
    """The stacked weights at some fractions of the way, exact at both ends."""
    stacked = {}
    for name, target in end.items():
        if target.is_floating_point():
            weight = fractions.to(target.dtype).view(-1, *[1] * target.ndim)
            stacked[name] = torch.lerp(start[name], target, weight)
        else:
            stacked[name] = target.expand(len(fractions), *target.shape)
    return stacked


def _at(module: nn.Module, stacked: Mapping[str, Tensor], data: TrainingData, replica: int) -> Evaluation:
    def forward(weights: Weights, images: Tensor) -> Tensor:
        return functional_call(module, dict(weights), (images,))

    networks = len(next(iter(stacked.values())))
    logits_shared = vmap(forward, in_dims=(0, None))
    totals = Totals(networks, data.images.device)
    for start in range(0, data.size, CHUNK):
        chunk = slice(start, start + CHUNK)
        logits = logits_shared(stacked, data.seen(data.subset[replica, chunk]))
        labels = data.labels[replica, chunk].expand(networks, -1)
        totals.add(logits, labels, summed_loss(logits, labels))
    return totals.means()


@contextmanager
def _evaluation_mode(module: nn.Module) -> Iterator[None]:
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
