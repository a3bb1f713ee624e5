"""Pruning criteria: which of the weights that are left are the least worth keeping.

A criterion gives every prunable weight a score; the lowest go, across all layers (He et al. 2022, A.1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from sdd_claims.pruning.masks import Masks, keep_highest
from sdd_claims.randomness import Draws


@dataclass(frozen=True)
class Candidate:
    """A trained network that is to be pruned.

    Attributes:
        weights: weights at the end of its training.
        masks: masks of the prunable tensors, as it was trained.
        gradients: gives the gradient of the mean training loss on one random batch of its noisy training set; called
            only where a criterion needs it.
        draws: the stream of this seed and level for random scores.
    """

    weights: Mapping[str, Tensor]
    masks: Masks
    gradients: Callable[[], Mapping[str, Tensor]]
    draws: Draws


Criterion = Callable[[Candidate], dict[str, Tensor]]
"""Scores of the prunable weights; those that are pruned already are not looked at."""


def magnitude(network: Candidate) -> dict[str, Tensor]:
    """|w|."""
    return {name: network.weights[name].abs() for name in network.masks}


def gradient(network: Candidate) -> dict[str, Tensor]:
    """|w * dL/dw|, L the mean loss on one random batch."""
    gradients = network.gradients()
    return {name: (network.weights[name] * gradients[name]).abs() for name in network.masks}


def random(network: Candidate) -> dict[str, Tensor]:
    """Independent draws from U(0, 1), fresh at every level."""
    return {name: network.draws.uniform(mask.shape) for name, mask in network.masks.items()}


CRITERIA: dict[str, Criterion] = {"magnitude": magnitude, "gradient": gradient, "random": random}

IDENTITY = "none"
"""The criterion that prunes nothing: a control that retrains at every level with identity masks."""


def prune(criterion: str, network: Candidate, count: int) -> dict[str, Tensor]:
    """The masks that keep `count` of the weights left."""
    if criterion == IDENTITY:
        return dict(network.masks)
    return keep_highest(CRITERIA[criterion](network), network.masks, count)
