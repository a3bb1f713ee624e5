"""Many networks of one architecture as one set of tensors with a leading replica axis."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sdd_claims.models import Architecture
from sdd_claims.record import ChainState
from sdd_claims.spec import TrainingSpec
from sdd_claims.training.batches import CHUNK
from sdd_claims.training.forward import Weights, forward_of
from sdd_claims.training.losses import count_right, mean_loss, summed_loss
from sdd_claims.training.precision import products_in

if TYPE_CHECKING:  # they are built on stacks
    from sdd_claims.training.batches import TrainingData
    from sdd_claims.training.distillation import Distillation
    from sdd_claims.training.step import ReplicaNumbers


class ReplicaStack:
    """R networks that train together and never touch each other.

    Attributes:
        parameters: each [R, ...], leaves of the autograd graph. A pruned weight is exactly zero.
        buffers: each [R, ...], the running statistics of batch norm. Every forward pass outside `evaluating` updates
            them in place.
        masks: masks of the prunable parameters, each [R, ...], 1.0 where a weight is kept, 0.0 where it is pruned.
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
        for parameter in self.parameters.values():
            parameter.requires_grad_()
        self._apply_masks()
        self.has_dropout = architecture.random
        self._module = architecture.module
        self._training = True
        self._on_own_images = forward_of(architecture, len(weights), device, shared=False)
        self._on_shared_images = forward_of(architecture, len(weights), device, shared=True)

    @classmethod
    def of(cls, architecture: Architecture, states: Sequence[ChainState], device: torch.device) -> "ReplicaStack":
        """The networks after some levels, as a stack."""
        return cls(architecture, [state.trained for state in states], [state.masks for state in states], device)

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(iter(self.parameters.values())).device

    @torch.no_grad()
    def load(self, weights: Sequence[Weights], masks: Sequence[Weights]) -> None:
        """Load other networks of the same form in place of these: the tensors stay where they are."""
        for held, given in ((self.parameters, weights), (self.buffers, weights), (self.masks, masks)):
            for name, value in held.items():
                value.copy_(torch.stack([each[name] for each in given]))
        self._apply_masks()

    def logits(self, images: Float[Tensor, "replicas batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """The logits of every replica on a batch of its own."""
        self._module.train(self._training)
        return self._on_own_images(self.parameters, self.buffers, images)

    def logits_shared(self, images: Float[Tensor, "batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """The logits of every replica on the same batch."""
        self._module.train(self._training)
        return self._on_shared_images(self.parameters, self.buffers, images)

    @torch.no_grad()
    @products_in("float32")
    def count_right(
        self, images: Float[Tensor, "images ..."], labels: Int[Tensor, " images"]
    ) -> Int[Tensor, " replicas"]:
        """How many of some images every replica classifies right, as within `evaluating`."""
        right = torch.zeros(len(self), dtype=torch.int64, device=images.device)
        with self.evaluating():
            for some, own in zip(torch.split(images, CHUNK), torch.split(labels, CHUNK), strict=True):
                right += count_right(self.logits_shared(some), own.expand(len(self), -1))
        return right

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Within it batch norm uses its running statistics and leaves them alone, and dropout drops nothing."""
        self._training = False
        try:
            yield
        finally:
            self._training = True

    def own_steps(
        self, data: "TrainingData", spec: TrainingSpec, numbers: "ReplicaNumbers", distillation: "Distillation | None"
    ) -> Any:
        """The steps of a stack that has its own; None where `sdd_claims.training.step.Step` takes them."""
        return None

    def summed_loss(
        self, logits: Float[Tensor, "replicas batch classes"], labels: Int[Tensor, "replicas batch"]
    ) -> Float[Tensor, " replicas"]:
        """The cross-entropies of a batch in nats, summed in double precision."""
        return summed_loss(logits, labels)

    def gradients(
        self, images: Float[Tensor, "replicas batch ..."], labels: Int[Tensor, "replicas batch"]
    ) -> list[dict[str, Tensor]]:
        """For each replica the gradient of its mean cross-entropy over a batch, on the CPU."""
        mean_loss(self.logits(images), labels).backward()  # type: ignore[no-untyped-call]
        stacked = {name: value.grad.cpu() for name, value in self.parameters.items() if value.grad is not None}
        return [{name: value[index] for name, value in stacked.items()} for index in range(len(self))]

    def mask_gradients(self, *, always: bool = False) -> None:
        """Zero the gradients of pruned weights.

        With zero gradient, zero momentum and weight zero at the start, every optimizer here leaves a pruned weight and
        its momentum at exactly zero, step after step: one pass over memory instead of two.

        Args:
            always: even where nothing is pruned, for a step that is captured now and replayed when something is.
        """
        if not (self._pruned or always):
            return
        gradients = {name: grad for name in self.masks if (grad := self.parameters[name].grad) is not None}
        if gradients:  # on a GPU one launch for all
            torch._foreach_mul_([*gradients.values()], [self.masks[name] for name in gradients])

    def unstacked(self) -> list[dict[str, Tensor]]:
        """A copy of each replica's parameters and buffers, on the CPU."""
        stacked = {name: tensor.detach().cpu() for name, tensor in {**self.parameters, **self.buffers}.items()}
        return [{name: value[r].clone() for name, value in stacked.items()} for r in range(len(self))]

    @torch.no_grad()
    def _apply_masks(self) -> None:
        for name, mask in self.masks.items():
            self.parameters[name].mul_(mask)
        self._pruned = any(bool((mask == 0).any()) for mask in self.masks.values())
