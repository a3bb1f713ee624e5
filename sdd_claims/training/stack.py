"""Many networks of one architecture as one set of tensors with a leading replica axis."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sdd_claims.models import Architecture

Weights = Mapping[str, Tensor]
"""Parameters and buffers of one network by name, without a replica axis."""


class ReplicaStack:
    """R networks that train together and never touch each other.

    Attributes:
        parameters: each [R, ...], leaves of the autograd graph. A pruned weight is exactly zero.
        buffers: each [R, ...], the running statistics of batch norm. Every forward pass outside `evaluating` moves
            them in place.
        masks: of the prunable parameters, each [R, ...], 1.0 where a weight is kept and 0.0 where it is pruned.
        has_dropout: whether a forward pass outside `evaluating` draws from PyTorch's global generator, for each replica
            its own.
    """

    has_dropout = False

    def __init__(
        self,
        architecture: Architecture,
        weights: Sequence[Weights],
        masks: Sequence[Weights],
        device: torch.device,
    ) -> None:
        # In the module's order, not in that of the given mappings: a state read from a file has lost its order, and
        # sums over parameters would differ in the last bit.
        names = [name for name, _ in architecture.module.named_parameters()]
        self.parameters = {name: torch.stack([w[name] for w in weights]).to(device) for name in names}
        held = [name for name, _ in architecture.module.named_buffers()]
        self.buffers = {name: torch.stack([w[name] for w in weights]).to(device) for name in held}
        self.masks = {
            name: torch.stack([m[name] for m in masks]).to(device, self.parameters[name].dtype)
            for name in architecture.prunable
        }
        for name, mask in self.masks.items():
            self.parameters[name].mul_(mask)
        for parameter in self.parameters.values():
            parameter.requires_grad_()
        self.has_dropout = any(isinstance(layer, nn.Dropout) and layer.p > 0 for layer in architecture.module.modules())
        self._pruned = any(bool((mask == 0).any()) for mask in self.masks.values())

        def forward(parameters: Weights, buffers: Weights, images: Tensor) -> Tensor:
            architecture.module.train(self._training)
            return functional_call(architecture.module, {**parameters, **buffers}, (images,))

        self._training = True
        self._on_own_images = vmap(forward, in_dims=(0, 0, 0), randomness="different")
        self._on_shared_images = vmap(forward, in_dims=(0, 0, None), randomness="different")

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    def logits(self, images: Float[Tensor, "replicas batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """Every replica on a batch of its own."""
        return self._on_own_images(self.parameters, self.buffers, images)

    def logits_shared(self, images: Float[Tensor, "batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """Every replica on the same batch."""
        return self._on_shared_images(self.parameters, self.buffers, images)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Within it batch norm uses its running statistics and leaves them alone, and dropout drops nothing."""
        self._training = False
        try:
            yield
        finally:
            self._training = True

    def mask_gradients(self) -> None:
        """Zero the gradients of pruned weights.

        With zero gradient, zero momentum and weight zero at the start, every optimizer here leaves a pruned weight and
        its momentum at exactly zero, step after step: one pass over memory instead of two.
        """
        if not self._pruned:
            return
        for name, mask in self.masks.items():
            gradient = self.parameters[name].grad
            if gradient is not None:
                gradient.mul_(mask)

    def unstacked(self) -> list[dict[str, Tensor]]:
        """A copy of each replica's parameters and buffers, on the CPU."""
        whole = {name: tensor.detach().cpu() for name, tensor in {**self.parameters, **self.buffers}.items()}
        return [{name: value[r].clone() for name, value in whole.items()} for r in range(len(self))]
