"""A pruning criterion of the user's own: a callable in a file, or one that an installed package offers by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdd_claims.errors import InputError
from sdd_claims.models.offers import Offers
from sdd_claims.models.own import FAILS, callable_of, said
from sdd_claims.pruning.criteria import CRITERIA, IDENTITY, Candidate
from sdd_claims.randomness import TorchDraws
from sdd_claims.spec import OWN, OwnCallable

_CRITERIA = Offers("criterion", "sdd_claims.criteria", "my.py:score", (*CRITERIA,), taken=(IDENTITY, OWN))


def chosen(given: Any) -> dict[str, Any]:
    """The settings of `PruningSpec` that name a criterion.

    Args:
        given: the name of one of the suite's, or what `own_criterion` takes.

    Raises:
        InputError: there is none such.
    """
    if isinstance(given, str) and given in CRITERIA:
        return {"criterion": given}
    return {"criterion": OWN, "own": own_criterion(given)}


def own_criterion(given: Any) -> OwnCallable:
    """A criterion of the user's own, for `PruningSpec(criterion="own", own=...)`.

    Args:
        given: "my.py:score", a callable, or the name by which an installed package offers one.

    Raises:
        InputError: there is none such, its name is taken, or its module fails on import.
    """
    return _CRITERIA.callable_of(given)


def scores(own: OwnCallable, network: Candidate) -> dict[str, Tensor]:
    """What a user's criterion gives every prunable weight; it sees copies, so that it can change nothing.

    Raises:
        InputError: it fails, or does not give one number for every weight that is left.
    """
    copies = {name: weights.clone() for name, weights in network.weights.items()}
    masks = {name: mask.clone() for name, mask in network.masks.items()}
    path = Path(own.file) if own.file.endswith(".py") else None
    score = callable_of(own)
    try:
        given = score(Candidate(copies, masks, network.gradients, network.draws))
    except FAILS as error:
        raise InputError(
            f"the criterion {own} fails: {said(error, path)}; it is called with the network that is to be pruned, and "
            "returns a mapping from each name in network.masks to scores"
        ) from error
    if not isinstance(given, Mapping) or set(given) != set(network.masks):
        got = ", ".join(map(str, given)) if isinstance(given, Mapping) else f"a {type(given).__name__}"
        raise InputError(
            f"the criterion {own} must return a mapping with scores of {', '.join(network.masks)}, got {got or 'none'}"
        )
    finite = all(bool(weights.isfinite().all()) for weights in network.weights.values())
    found = {}
    for name, mask in network.masks.items():
        value = given[name]
        if not isinstance(value, Tensor) or value.shape != mask.shape:
            got = f"one of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise InputError(
                f"the criterion {own}: the scores of {name} must be a tensor of shape {tuple(mask.shape)}, got {got}"
            )
        found[name] = value.detach().to(mask.device)
        if finite and bool(found[name][mask].isnan().any()):  # a diverged network has no scores, and is not pruned
            raise InputError(f"the criterion {own}: some scores of {name} are NaN; give every weight that is left one")
    return found


def check(own: OwnCallable, shapes: Mapping[str, torch.Size], prunable: tuple[str, ...]) -> None:
    """Try a user's criterion on made-up weights and gradients, before anything is trained.

    Raises:
        InputError: as of `scores`, or it gives the same network other scores each time.
    """
    generator = torch.Generator().manual_seed(0)
    weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    gradients = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    masks = {name: torch.ones(shapes[name], dtype=torch.bool) for name in prunable}
    pruned = {name: torch.rand(shapes[name], generator=generator) < 0.5 for name in prunable}

    def once(masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        draws = TorchDraws(torch.Generator().manual_seed(0))
        return scores(own, Candidate(weights, masks, lambda: gradients, draws))

    once(pruned)
    first, again = once(masks), once(masks)
    if any(not torch.equal(first[name], again[name]) for name in masks):
        raise InputError(
            f"the criterion {own} gives the same network other scores each time; let it draw from network.draws alone"
        )
