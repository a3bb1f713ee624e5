"""A network and data of one's own, checked before anything is trained."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sdd_claims.data import own as own_data
from sdd_claims.errors import InputError
from sdd_claims.locations import in_home
from sdd_claims.machine.devices import CPU
from sdd_claims.models import Architecture, build
from sdd_claims.models import own as own_network
from sdd_claims.own.recipe import FEWEST_LEVELS, Recipe
from sdd_claims.pruning import own as own_criterion
from sdd_claims.pruning import scheduled_count
from sdd_claims.registration.own import OwnSetting
from sdd_claims.registration.pilots import PILOTS
from sdd_claims.report import numbers
from sdd_claims.spec import OwnNetwork, RunSpec
from sdd_claims.storage import layout
from sdd_claims.storage.store import Store
from sdd_claims.training import own as own_penalty
from sdd_claims.training.arithmetic import why_no_numba
from sdd_claims.training.forward import forward_of
from sdd_claims.training.sparse import is_plain_mlp

_ONE_START = "every seed begins with the same weights, which the network's callable sets itself"
_DRAWS_ITSELF = "the network draws its first weights in a way of its own, so PyTorch trains it: others find other bits"


def setting_of(
    network: Any, data: Any, how: Recipe, store: Path, device: torch.device, *, clean_alone: bool = False
) -> OwnSetting:
    """The setting of a user's network and data, both checked before anything is trained.

    Args:
        network: "my.py:build", or a callable.
        data: "my.npz", a folder of images, "my.py:load", or arrays.
        how: the recipe.
        store: the folder of results, which also keeps the data for all processes.
        device: where it trains.
        clean_alone: no labels are made wrong, so none need be left over for it.

    Raises:
        InputError: whatever is wrong with either, in one sentence.
        StoreError: there can be no store.
    """
    path: Path | None
    arrays, label, loader = _arrays(data)
    if isinstance(network, str):
        path, function, made_by = own_network.from_file(network, "--network")
        file, source, name = str(path), own_network.source_of(path), f"{path.name}:{function}"
    elif callable(network):
        file, function, source = own_network.from_object(network)
        made_by, name, path = network, function, own_network.written_in(network)
    else:
        raise InputError(f"the network is a {type(network).__name__}; give 'my.py:build', or a callable that makes it")
    if not clean_alone:
        own_data.check_noise(len(arrays["train_labels"]), how.noise, int(arrays["train_labels"].max()) + 1, label)
    own_data.check_apart(arrays, label)
    Store(store)  # made, or refused, before anything else lies there
    kept = own_data.keep(arrays, store / layout.OWN_DATA, label)
    shape = (kept.shape[0], kept.shape[1], kept.shape[2])
    module = own_network.made(made_by, name, shape, kept.classes)
    one_start, structure = _check_draws(made_by, name, shape, kept.classes, module)
    if not file:  # once more, since what it imports is loaded now
        source = own_network.with_classes(own_network.from_object(network)[2], module)
    called = own_network.seen_in_use(module, name, shape, kept.classes, path)
    spec = OwnNetwork(
        function=function,
        source=source,
        versions=own_network.versions(file),
        prunable=own_network.prunable(module, called, name, how.prunable),
        structure=structure,
        file=file,
    )
    natively = how.clean(kept, spec, "native")
    callables = (spec, natively.pruning.own, natively.training.penalty.own)
    files = (Path(own.file) for own in callables if own is not None and own.file.endswith(".py"))
    own_network.check_names(loader, *files)
    architecture = build(natively.model, shape, kept.classes)
    size = min(how.batch_size, kept.train_count)
    _check_stacking(architecture, name, shape, kept.classes, (size, kept.train_count % size or size), path)
    own_network.check_passes(own_network.made(made_by, name, shape, kept.classes), name, shape, size)
    if not file and own_network.with_classes(own_network.from_object(network)[2], module) != source:
        raise InputError(
            f"{name} reads something that changes when it or its network is called, such as a counter, a list or a "
            "cache, so that nobody could tell its networks apart; let it change nothing"
        )
    sizes = {key: value.shape for key, value in module.named_parameters()}
    if natively.pruning.own:
        own_criterion.check(natively.pruning.own, sizes, spec.prunable)
    if (penalty := natively.training.penalty).name != "none":
        own_penalty.check(penalty, sizes, spec.prunable)
    _check_levels(name, natively, sum(sizes[key].numel() for key in spec.prunable), how.levels)
    known = device.type == "cpu" and is_plain_mlp(architecture) and penalty.own is None
    obstacle = ""
    if known and not own_network.draws_default_weights(made_by, name, shape, kept.classes):
        obstacle = _DRAWS_ITSELF
    elif known and (why := why_no_numba()):
        obstacle = f"{why}, so PyTorch trains the network in place of compiled code: others find other bits"
    portable = known and not obstacle
    clean = how.clean(kept, replace(spec, default_weights=True), "portable") if portable else natively
    return OwnSetting(
        tier="fast",
        levels=how.levels,
        block=how.block,
        deviations=(
            "asked of a network and data of the user's own; nothing was registered before, and nothing is expected",
            f"windows are set by {how.pilots} pilots, by the formula that sets those of the papers' claims",
            *([obstacle] if obstacle else []),
            *([_ONE_START] if one_start else []),
            *_left_whole(module, spec.prunable, called),
        ),
        network=f"{name} on {label}",  # whatever the recipe: a change after a look is found by it
        clean=clean,
        rate=how.noise,
        seeds=how.seeds,
        pilots=PILOTS[: how.pilots],
        one_start=one_start,
        weight_decay=how.weight_decay,
    )


def _arrays(data: Any) -> tuple[dict[str, np.ndarray], str, Path | None]:
    """The arrays of whatever the user gave, in the prepared form, their name, and the file of what has loaded them."""
    if not isinstance(data, str | Path):
        return own_data.prepared(data, "the data"), "own arrays", None
    text = str(data)
    if re.search(r"\.py:\w+$", text):
        path, function, load = own_network.from_file(text, "--data")
        try:
            given = load()
        except own_network.FAILS as error:
            raise InputError(
                f"--data {text} fails: {own_network.said(error, path)}; it is called without arguments"
            ) from error
        return own_data.prepared(given, f"--data {text}"), f"{path.name}:{function}", path
    if not text.strip():
        raise InputError("--data is empty; give an .npz, a folder of images, or a callable such as my.py:load")
    path = in_home(text, "give the whole path with --data") if text.startswith("~") else Path(text)
    if path.suffix == ".py":
        raise InputError(f"--data {text}: give the name of a callable in it as well, such as {path.name}:load")
    try:
        given = own_data.from_folder(path) if path.is_dir() else own_data.from_npz(path)
    except OSError as error:
        raise InputError(
            f"--data {text} cannot be read ({error.strerror or error}); give an .npz or a folder of images that can"
        ) from error
    return own_data.prepared(given, f"--data {text}"), path.name, None


def _check_levels(name: str, spec: RunSpec, count: int, levels: int) -> None:
    """Check that pruning leaves a weight a layer to the last level: nothing can be learned by a network without one.

    Args:
        name: of what makes the network.
        spec: says which tensors are pruned, and how much of them at each level.
        count: number of their weights.
        levels: of a curve.

    Raises:
        InputError: fewer are left.
    """
    assert spec.model.own is not None
    layers = {key.rpartition(".")[0] for key in spec.model.own.prunable}
    left = [scheduled_count(count, spec.pruning.density(level)) for level in range(levels)]
    if left[-1] < len(layers):
        most = sum(each >= len(layers) for each in left)
        raise InputError(
            f"{name}: at level {levels}, of density {spec.pruning.density(levels - 1):.2g}, {left[-1]} of the {count} "
            f"weights that are pruned would be left for {numbers.count(len(layers), 'layer')}; give "
            f"{f'--levels {most} or less, or ' if most >= FEWEST_LEVELS else ''}a smaller --fraction"
        )


def _left_whole(module: nn.Module, prunable: Sequence[str], called: Sequence[str]) -> list[str]:
    """A deviation, where there are weights beside those of the last layer that pruning leaves as they are."""
    sizes = {key: value.numel() for key, value in module.named_parameters() if value.ndim > 1}
    left = [key for key in sizes if key not in prunable and (not called or key != f"{called[-1]}.weight")]
    if not left:
        return []
    share = sum(sizes[key] for key in left) / sum(sizes.values())
    return [f"{', '.join(left)} are not pruned: {100 * share:.3g} % of the weights, beside those of the last layer"]


def _check_draws(
    made_by: Any, name: str, shape: tuple[int, int, int], classes: int, module: nn.Module
) -> tuple[bool, str]:
    """Check that the callable draws the same weights, and the same buffers, of the same seed, for a new network.

    Returns:
        Whether it draws the same of another seed, too; and the network's structure, "" where it is another then.
    """
    once_more, other = (own_network.made(made_by, name, shape, classes, seed) for seed in (0, 1))
    again, first = (dict([*each.named_parameters(), *each.named_buffers()]) for each in (once_more, module))
    if {*map(id, first.values())} & {*map(id, again.values())}:
        raise InputError(f"{name} returns weights, or buffers, that it has returned before; let it make new layers")
    if again.keys() != first.keys() or any(not _same(first[key], again[key]) for key in first):
        raise InputError(
            f"{name} makes another network each time it is called; let it draw its weights from PyTorch's generator "
            "alone"
        )
    structure = own_network.structure_of(module)
    alike = structure == own_network.structure_of(other)
    one_start = alike and all(_same(first[key], value) for key, value in other.named_parameters())
    return one_start, structure if alike else ""


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors hold the same numbers, or NaN at the same places."""
    return one.shape == other.shape and bool(((one == other) | (one.isnan() & other.isnan())).all())


def _check_stacking(
    architecture: Architecture,
    name: str,
    shape: tuple[int, int, int],
    classes: int,
    batches: tuple[int, int],
    path: Path | None,
) -> None:
    """Take two networks through forward and backward passes at once, as they will be trained.

    Args:
        architecture: of the networks.
        name: of what makes them.
        shape: of an image.
        classes: their number.
        batches: images of a batch, and of the last one of an epoch.
        path: the file that makes them.

    Raises:
        InputError: the network cannot be stacked, or gives no logits.
    """
    assert architecture.drawn is not None
    drawn = [architecture.drawn() for _ in range(2)]
    parameters = {
        key: torch.stack([dict(each.named_parameters())[key].detach() for each in drawn]).requires_grad_()
        for key, _ in architecture.module.named_parameters()
    }
    buffers = {
        key: torch.stack([dict(each.named_buffers())[key] for each in drawn])
        for key, _ in architecture.module.named_buffers()
    }
    for size, training in dict.fromkeys(((batches[0], True), (batches[1], True), (batches[0], False))):
        try:
            with torch.random.fork_rng(devices=[]):
                architecture.module.train(training)
                images = torch.randn(2, size, *shape)
                logits = forward_of(architecture, 2, CPU.torch, shared=False)(parameters, buffers, images)
                loss = cross_entropy(logits.flatten(0, 1), torch.arange(2 * size) % classes)
                loss.backward()  # type: ignore[no-untyped-call]
        except own_network.FAILS as error:
            raise InputError(
                f"{name}: the network cannot be trained as one of a stack, which torch.func.vmap does, on batches of "
                f"{size}: {own_network.said(error, path)}; use layers without in-place changes of other tensors, "
                ".item(), or branches on the images, or another --batch-size: batch norm needs two images in the last "
                "batch too"
            ) from error
    if not bool(logits.isfinite().all()):
        raise InputError(
            f"{name}: before any training the network gives numbers that are not finite, for images of mean 0 and "
            "deviation 1; look for logarithms, roots and divisions in it"
        )
    if bool((logits >= 0).all()) and torch.allclose(logits.sum(2), torch.ones(())):
        raise InputError(f"{name}: the network returns probabilities; leave its softmax out, so that it returns logits")
    unused = [key for key in architecture.prunable if parameters[key].grad is None]
    if unused:
        raise InputError(f"{name}: no gradient reaches {unused[0]}; leave it out with --prunable")
