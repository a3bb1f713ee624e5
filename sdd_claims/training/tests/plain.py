"""The usual way to train: one network, one torch optimizer, one scheduler. What a stack must agree with."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softshrink

from sdd_claims.models import Architecture, build, initial_weights
from sdd_claims.models.mlp import mlp
from sdd_claims.pruning import dense_masks, keep_highest
from sdd_claims.randomness import Stream, TorchDraws
from sdd_claims.spec import ModelSpec, OptimizerSpec, ScheduleSpec, TrainingSpec
from sdd_claims.training import ReplicaNumbers, ReplicaStack, TrainingData

ARCHITECTURE = build(ModelSpec(hidden=(7, 5)), (1, 3, 3), 4)
BATCH_NORM = build(ModelSpec(name="conv", hidden=(), channels=(3, 4), batch_norm=True), (1, 3, 3), 4)
SIZE = 22
"""Training images a replica: with batches of 8 the last one holds 6."""

PENALTIES = {
    "l1": lambda p: p.abs().sum(),
    "l2": lambda p: p.pow(2).sum(),
    "matrix_norm": lambda p: torch.linalg.norm(p, 1),
}
"""Of one parameter of one network."""


def data(replicas: int, dtype: torch.dtype) -> TrainingData:
    """Random images, each replica with a subset and labels of its own."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(30, 1, 3, 3, generator=generator, dtype=dtype)
    subset = torch.stack([torch.randperm(30, generator=generator)[:SIZE] for _ in range(replicas)])
    return TrainingData(images, subset, torch.randint(4, (replicas, SIZE), generator=generator))


def networks(
    replicas: int, dtype: torch.dtype, architecture: Architecture = ARCHITECTURE
) -> tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]:
    """Weights and masks: replica 0 is dense, replica 1 keeps a half, replica 2 a third ..."""
    weights, masks = [], []
    for r in range(replicas):
        drawn = initial_weights(architecture, TorchDraws(torch.Generator().manual_seed(r)))
        dense = dense_masks(drawn, architecture.prunable)
        scores = {name: drawn[name].abs() for name in dense}
        masks.append(keep_highest(scores, dense, architecture.prunable_count // (r + 1)))
        weights.append({name: value.to(dtype) if value.is_floating_point() else value for name, value in drawn.items()})
    return weights, masks


def stack(replicas: int, dtype: torch.dtype = torch.float32, architecture: Architecture = ARCHITECTURE) -> ReplicaStack:
    """The networks as one stack."""
    return ReplicaStack(architecture, *networks(replicas, dtype, architecture), torch.device("cpu"))


def numbers(decay: Sequence[float], strength: Sequence[float] | None = None) -> ReplicaNumbers:
    """Replicas of seeds 1000, 1001, ... at levels 0, 1, ..."""
    places = range(len(decay))
    return ReplicaNumbers([1000 + r for r in places], [(r,) for r in places], decay, strength or [0.0] * len(decay))


def module_of(architecture: Architecture) -> nn.Module:
    """The network written out."""
    if architecture is ARCHITECTURE:
        return mlp(9, (7, 5), 4)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4, 4),
    )


def trained_alone(
    replica: int,
    of: TrainingData,
    spec: TrainingSpec,
    settings: ReplicaNumbers,
    dtype: torch.dtype,
    architecture: Architecture = ARCHITECTURE,
) -> Mapping[str, Tensor]:
    """Train one replica of `networks` by itself, in plain PyTorch."""
    weights, masks = networks(replica + 1, dtype, architecture)
    module = module_of(architecture).to(dtype)
    module.load_state_dict(weights[replica])
    _zero_pruned(module, masks[replica])
    optimizer = _optimizer(spec.optimizer, module, settings.weight_decay[replica])
    scheduler = _scheduler(spec.schedule, optimizer, spec.epochs)
    images, labels = of.images[of.subset[replica]], of.labels[replica]
    for epoch in range(spec.epochs):
        (level,) = settings.branches[replica]
        branch = np.random.SeedSequence(settings.seeds[replica]).spawn(len(Stream))[Stream.BATCH_ORDER]
        order = np.random.default_rng(branch.spawn(level + 1)[level].spawn(epoch + 1)[epoch]).permutation(SIZE)
        for batch in torch.split(torch.from_numpy(order), spec.batch_size):
            loss = cross_entropy(module(images[batch]), labels[batch])
            strength, proximal = settings.penalty_strength[replica], spec.penalty.step == "proximal"
            if spec.penalty.name != "none" and not proximal:
                loss = loss + strength * sum(PENALTIES[spec.penalty.name](p) for p in module.parameters())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if proximal:
                _shrink(module, strength * optimizer.param_groups[0]["lr"])
            _zero_pruned(module, masks[replica])
        scheduler.step()
    return module.state_dict()


@torch.no_grad()
def _zero_pruned(module: nn.Module, masks: Mapping[str, Tensor]) -> None:
    for name, mask in masks.items():
        module.get_parameter(name).mul_(mask)


@torch.no_grad()
def _shrink(module: nn.Module, amount: float) -> None:
    for parameter in module.parameters():
        parameter.copy_(softshrink(parameter, amount))


def _optimizer(spec: OptimizerSpec, module: nn.Module, decay: float) -> torch.optim.Optimizer:
    if spec.name == "sgd":
        return torch.optim.SGD(module.parameters(), lr=spec.lr, momentum=spec.momentum, weight_decay=decay)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[spec.name]
    return kind(module.parameters(), lr=spec.lr, weight_decay=decay)


def _scheduler(
    spec: ScheduleSpec, optimizer: torch.optim.Optimizer, epochs: int
) -> torch.optim.lr_scheduler.LRScheduler:
    if spec.name == "step":
        return torch.optim.lr_scheduler.MultiStepLR(optimizer, list(spec.milestones), spec.factor)
    if spec.name == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    return torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
