"""A pruning criterion of the user's own: a callable in a file, or one that an installed package offers by name."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdd_claims.errors import InputError, nearest
from sdd_claims.models.own import callable_of, file_of, from_file, from_object, said, source_of, versions
from sdd_claims.pruning.criteria import CRITERIA, IDENTITY, Candidate
from sdd_claims.randomness import TorchDraws
from sdd_claims.spec import OWN, OwnCriterion

GROUP = "sdd_claims.criteria"
"""The entry points by which a package offers criteria: `[project.entry-points."sdd_claims.criteria"]`."""

_TAKEN = {*CRITERIA, IDENTITY, OWN}


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


def own_criterion(given: Any) -> OwnCriterion:
    """A criterion of the user's own, for `PruningSpec(criterion="own", own=...)`.

    Args:
        given: "my.py:score", a callable, or the name by which an installed package offers one.

    Raises:
        InputError: there is none such, its name is taken, or its module fails on import.
    """
    if callable(given):
        file, function, source = from_object(given)
        return OwnCriterion(function=function, source=source, versions=versions(file), file=file)
    name = str(given)
    if name.rpartition(":")[0].endswith(".py"):
        path, function, _ = from_file(name, "--criterion")
        return OwnCriterion(function=function, source=source_of(path), versions=versions(str(path)), file=str(path))
    return _offered(name)


def _offered(name: str) -> OwnCriterion:
    """The criterion that an installed package offers by a name."""
    offered = entry_points(group=GROUP)
    found = {entry.value: entry for entry in offered if entry.name == name}
    if not found:
        known = [*CRITERIA, *sorted({entry.name for entry in offered} - _TAKEN)]
        raise InputError(
            f"--criterion {name}: there is no such criterion{nearest(name, known)}; use {', '.join(known)}, or a "
            "callable in a file, such as my.py:score"
        )
    if name in _TAKEN:
        raise InputError(f"--criterion {name}: this name is taken by one of the suite's own; offer it by another")
    if len(found) > 1:
        raise InputError(f"--criterion {name}: {' and '.join(found)} both have this name; uninstall one of them")
    (entry,) = found.values()
    _loaded(entry)
    file, package = file_of(entry.module), entry.dist
    used = versions(str(file))
    own = "" if package is None else f", {package.name} {package.version}"
    return OwnCriterion(function=entry.attr, source=source_of(file), versions=used + own, file=entry.module)


def _loaded(entry: EntryPoint) -> None:
    try:
        found = entry.load()
    except Exception as error:
        raise InputError(
            f"--criterion {entry.name}: {entry.value} cannot be imported: {said(error)}; mend or uninstall its package"
        ) from error
    if not callable(found) or "." in entry.attr:
        raise InputError(f"--criterion {entry.name}: {entry.value} names no callable of a module; mend its package")


def scores(own: OwnCriterion, network: Candidate) -> dict[str, Tensor]:
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
    except Exception as error:
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


def check(own: OwnCriterion, shapes: Mapping[str, torch.Size], prunable: tuple[str, ...]) -> None:
    """Try a user's criterion on made-up weights and gradients, before anything is trained.

    Raises:
        InputError: as of `scores`, or it gives the same network other scores each time.
    """
    generator = torch.Generator().manual_seed(0)
    weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    gradients = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    masks = {name: torch.ones(shapes[name], dtype=torch.bool) for name in prunable}

    def once() -> dict[str, Tensor]:
        draws = TorchDraws(torch.Generator().manual_seed(0))
        return scores(own, Candidate(weights, masks, lambda: gradients, draws))

    first, again = once(), once()
    if any(not torch.equal(first[name], again[name]) for name in masks):
        raise InputError(
            f"the criterion {own} gives the same network other scores each time; let it draw from network.draws alone"
        )
