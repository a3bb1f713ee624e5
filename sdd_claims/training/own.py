"""A penalty of the user's own: a callable in a file, or one that an installed package offers by name."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from sdd_claims.errors import InputError
from sdd_claims.models.offers import Offers
from sdd_claims.models.own import FAILS, callable_of, said
from sdd_claims.spec import OWN, OwnCallable, PenaltySpec
from sdd_claims.training.penalties import PENALTIES

Stacked: TypeAlias = Mapping[str, Tensor]
"""Parameters by name, each [replicas, ...]."""

_ASKABLE = tuple(name for name in PENALTIES if name != "off")
_PENALTIES = Offers("penalty", "sdd_claims.penalties", "my.py:penalty", _ASKABLE, taken=("none", "off", "rbv2", OWN))


def chosen(given: Any, strength: float) -> PenaltySpec:
    """The penalty that a user asks for.

    Args:
        given: the name of one of the suite's, what `own_penalty` takes, or None for none.
        strength: its factor.

    Raises:
        InputError: there is none such, or one of the two is given without the other.
    """
    if given is None:
        if strength:
            raise InputError(f"--penalty-strength {strength:g} is given without a penalty; name one with --penalty")
        return PenaltySpec()
    if not 0 <= strength < math.inf:
        raise InputError(f"--penalty-strength {strength:g}: give a number above 0, such as 0.001")
    if strength == 0:
        raise InputError(f"--penalty {given} has no strength; give one above 0 with --penalty-strength, such as 0.001")
    if isinstance(given, str) and given in _ASKABLE:
        return PenaltySpec(name=given, strength=strength)  # type: ignore[arg-type]
    return PenaltySpec(name="own", strength=strength, own=own_penalty(given))


def own_penalty(given: Any) -> OwnCallable:
    """A penalty of the user's own, for `PenaltySpec(name="own", strength=..., own=...)`.

    Args:
        given: "my.py:penalty", a callable, or the name by which an installed package offers one.

    Raises:
        InputError: there is none such, its name is taken, or its module fails on import.
    """
    return _PENALTIES.callable_of(given)


def penalty_of(spec: PenaltySpec) -> Callable[[Stacked], Float[Tensor, " replicas"]]:
    """What a penalty adds to the loss of each replica, but for its strength.

    A user's own sees one network at a time, under `torch.func.vmap`, so that no replica can touch another.
    """
    if spec.own is None:
        of_all = PENALTIES[spec.name]
        return lambda parameters: of_all(parameters.values())
    own, penalty = spec.own, callable_of(spec.own)
    path = Path(own.file) if own.file.endswith(".py") else None

    def of_one(weights: dict[str, Tensor]) -> Tensor:
        value = penalty(weights)
        if not isinstance(value, Tensor) or value.shape != () or not value.is_floating_point():
            got = f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise InputError(f"the penalty {own} must return one number, a tensor of shape (), got {got}; sum it up")
        return value

    def of_stack(parameters: Stacked) -> Float[Tensor, " replicas"]:
        try:
            values: Tensor = vmap(of_one)(dict(parameters))
        except InputError:
            raise
        except FAILS as error:
            raise InputError(
                f"the penalty {own} fails: {said(error, path)}; it is called with the parameters of a network by "
                "name, under torch.func.vmap, and returns one number"
            ) from error
        return values

    return of_stack


def check(spec: PenaltySpec, shapes: Mapping[str, torch.Size], prunable: tuple[str, ...]) -> None:
    """Try a penalty on made-up weights, of which some are pruned, before anything is trained.

    Raises:
        InputError: it fails, gives no number or gradient that is finite, or the same network another number each time.
    """
    penalty, said_of = penalty_of(spec), f"the penalty {spec.own or spec.name}"
    generator = torch.Generator().manual_seed(0)
    weights = {name: torch.randn(2, *shape, generator=generator) for name, shape in shapes.items()}
    for name in prunable:
        weights[name] *= torch.rand(weights[name].shape, generator=generator) < 0.5
        weights[name][:, 0] = 0  # a unit that has lost all of its weights
    leaves = {name: value.requires_grad_() for name, value in weights.items()}
    first, again = penalty(leaves), penalty(leaves)
    if not bool(first.isfinite().all()):
        raise InputError(f"{said_of} gives {first[0].item():g} for a network of finite weights; give a finite number")
    if not torch.equal(first, again):
        raise InputError(f"{said_of} gives the same network another number each time; let it draw no random numbers")
    if not first.requires_grad:
        raise InputError(f"{said_of} has no gradient; compute it from the weights by PyTorch, without detach or item")
    first.sum().backward()  # type: ignore[no-untyped-call]
    for name, value in leaves.items():
        if value.grad is not None and not bool(value.grad.isfinite().all()):
            raise InputError(
                f"{said_of}: the gradient by {name} is not finite where pruned weights are 0; add a small number "
                "under a root, or within a logarithm"
            )
