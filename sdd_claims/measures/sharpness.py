"""How sharp a minimum is: the loss along random directions that are as long, filter by filter, as the weights."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sdd_claims.errors import InputError
from sdd_claims.measures.exact import exact_sum, exact_sums
from sdd_claims.measures.line import along_line
from sdd_claims.models import Architecture
from sdd_claims.randomness import Draws
from sdd_claims.training import TrainingData, Weights

RADIUS, POINTS = 0.1, 11
"""Largest step in filter norms, and steps: part of every stored sharpness, so a change needs a new `spec.PIPELINE`."""


def sharpness(
    architecture: Architecture,
    weights: Sequence[Weights],
    masks: Sequence[Weights] | None,
    data: TrainingData,
    generators: Sequence[Draws],
    directions: int = 3,
    radius: float = RADIUS,
    points: int = POINTS,
    *,
    portable: bool = False,
) -> Float[Tensor, " replicas"]:
    """Curvature of the training loss along filter-normalised random directions, their mean.

    It is the second derivative, in nats a squared filter norm, of the parabola fitted to `losses_along_directions`,
    whose arguments these are.

    Raises:
        InputError: no direction, or fewer than the three points that a parabola needs.
    """
    if points < 3:
        raise InputError(f"a parabola needs three points, {points} are too few; give at least 3")
    losses = losses_along_directions(
        architecture, weights, masks, data, generators, directions, radius, points, portable=portable
    )
    if portable:
        found = torch.tensor(
            [[_curvature(radius, line) for line in own] for own in losses.tolist()], dtype=torch.float64
        )
        return torch.tensor([exact_sum(own) / directions for own in found], dtype=torch.float64)
    steps = torch.linspace(-radius, radius, points, dtype=losses.dtype, device=losses.device)
    return curvature(steps, losses.flatten(0, 1)).view(losses.shape[:2]).mean(1)


@torch.no_grad()
def losses_along_directions(
    architecture: Architecture,
    weights: Sequence[Weights],
    masks: Sequence[Weights] | None,
    data: TrainingData,
    generators: Sequence[Draws],
    directions: int,
    radius: float,
    points: int,
    *,
    portable: bool = False,
) -> Float[Tensor, "replicas directions points"]:
    """Training loss at w + a d along filter-normalised random directions d, for a from -radius to radius.

    He et al. 2022, A.6; Li et al. 2018, "Visualizing the loss landscape of neural nets".

    Args:
        architecture: the networks' form.
        weights: weights of each replica, without a replica axis.
        masks: masks of each replica's pruned parameters, by name: 1 where a weight is kept, 0 where it is pruned and
            stays zero. None for dense networks.
        data: images and each replica's labels; the loss is the mean cross-entropy over them, in nats.
        generators: for each replica the source of its directions.
        directions: random directions a replica.
        radius: largest step, in filter norms.
        points: steps along each direction, both ends included.
        portable: draw, normalise and evaluate in portable arithmetic.

    Raises:
        InputError: no direction, or fewer than two points.
    """
    if directions < 1:
        raise InputError("a loss along no direction is no number; give at least 1 direction")
    chosen = [{} for _ in weights] if masks is None else masks
    found = []
    for _ in range(directions):
        ways = [
            filter_normalised(architecture, replica, mask, generator, exact=portable)
            for replica, mask, generator in zip(weights, chosen, generators, strict=True)
        ]
        ends = [
            [_moved(replica, way, distance) for replica, way in zip(weights, ways, strict=True)]
            for distance in (-radius, radius)
        ]
        found.append(along_line(architecture, ends[0], ends[1], data, points, portable=portable).loss)
    return torch.stack(found, dim=1)


def filter_normalised(
    architecture: Architecture, weights: Weights, mask: Weights, generator: Draws, *, exact: bool = False
) -> dict[str, Tensor]:
    """A random direction whose every filter has the norm of the same filter of the weights (Li et al. 2018, 4).

    A filter is a row of a linear layer or an output channel of a convolution. Biases and other one-dimensional
    parameters have no part in the direction. `exact` norms are rounded once, in the same way everywhere.
    """
    direction = {}
    for name, parameter in architecture.module.named_parameters():
        if parameter.ndim < 2:
            continue
        weight = weights[name]
        drawn = generator.normal(weight.shape, dtype=weight.dtype)
        if name in mask:
            drawn = drawn * mask[name]
        norm, target = (_norms(value.flatten(1), exact=exact) for value in (drawn, weight))
        scale = torch.where(norm > 0, target / norm, 0.0)
        direction[name] = drawn * scale.view(-1, *[1] * (weight.ndim - 1))
    return direction


def _norms(rows: Float[Tensor, "filters weights"], *, exact: bool) -> Float[Tensor, " filters"]:
    if not exact:
        return rows.norm(dim=1)
    lengths = [math.sqrt(each) for each in exact_sums(rows.double().square())]
    return torch.tensor(lengths, dtype=torch.float64).to(rows.dtype)


def _curvature(radius: float, losses: Sequence[float]) -> float:
    """The same as `curvature` on equidistant steps, in closed form and with sums that are rounded once."""
    count = len(losses)
    squares = [(radius * (2 * point / (count - 1) - 1)) ** 2 for point in range(count)]
    second, fourth = math.fsum(squares), math.fsum(square * square for square in squares)
    if not all(math.isfinite(loss) for loss in losses):
        return math.nan
    weighted = math.fsum(square * loss for square, loss in zip(squares, losses, strict=True))
    return 2 * (count * weighted - second * math.fsum(losses)) / (count * fourth - second * second)


def curvature(steps: Float[Tensor, " points"], losses: Float[Tensor, "replicas points"]) -> Float[Tensor, " replicas"]:
    """Second derivative of the least-squares parabola through each curve; NaN where a loss is NaN."""
    powers = torch.stack([torch.ones_like(steps), steps, steps.square()], dim=1)
    return 2 * losses @ torch.linalg.pinv(powers)[2]


def _moved(weights: Weights, direction: Mapping[str, Tensor], distance: float) -> dict[str, Tensor]:
    return {name: value + distance * direction[name] if name in direction else value for name, value in weights.items()}
