"""Plain MLPs that are trained one at a time by compiled code: the numbers of each depend on nothing but itself."""

from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int64
from torch import Tensor

from sdd_claims.compiled.form import form
from sdd_claims.compiled.network import all_logits, count_right, losses, room
from sdd_claims.compiled.trainer import Trainer
from sdd_claims.models import Architecture
from sdd_claims.spec import TrainingSpec
from sdd_claims.training.batches import Epoch, TrainingData
from sdd_claims.training.distillation import Distillation
from sdd_claims.training.forward import Weights
from sdd_claims.training.stack import ReplicaStack
from sdd_claims.training.step import ReplicaNumbers


class CompiledStack(ReplicaStack):
    """Plain MLPs, to be trained and evaluated in place of a stack.

    Attributes:
        parameters: a vector a replica, by its index: all that is trained of it.
        masks: none; the vectors have their own.
    """

    def __init__(self, full: ReplicaStack, numbers: ReplicaNumbers | None = None, penalty: str = "none") -> None:
        """Take over a full stack at the start of its training.

        Args:
            full: the networks.
            numbers: settings of the replicas. With a penalty, which moves weights that no gradient reaches, all of a
                network is trained. None to evaluate only.
            penalty: its name, see `PenaltySpec`.
        """
        self._full = full
        self._names = list(full.parameters)
        kinds = [(False, False)] * len(full) if numbers is None else _moved_otherwise(numbers, penalty)
        self.forms = [
            form(*self._arrays(index), sparse=False if penalised else None, decays=decays)
            for index, (decays, penalised) in enumerate(kinds)
        ]
        self.parameters = {str(index): torch.from_numpy(each.parameters) for index, each in enumerate(self.forms)}
        self.masks = {}
        self.buffers = {}
        self._rooms = [room(each.network, _BATCH) for each in self.forms]

    def __len__(self) -> int:
        return len(self._full)

    def logits(self, images: Float[Tensor, "replicas batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """Every replica on a batch of its own."""
        return torch.stack([torch.from_numpy(self._logits(index, flat(own)).T) for index, own in enumerate(images)])

    def logits_shared(self, images: Float[Tensor, "batch ..."]) -> Float[Tensor, "replicas batch classes"]:
        """Every replica on the same batch."""
        pixels = flat(images)
        return torch.stack([torch.from_numpy(self._logits(index, pixels).T) for index in range(len(self))])

    def summed_loss(
        self, logits: Float[Tensor, "replicas batch classes"], labels: Int[Tensor, "replicas batch"]
    ) -> Float[Tensor, " replicas"]:
        """The cross-entropies of a batch, summed image by image in double precision."""
        pairs = zip(logits, labels, strict=True)
        sums = [_summed_loss(np.ascontiguousarray(own.numpy().T), right)[0] for own, right in pairs]
        return torch.tensor(sums, dtype=torch.float64)

    def count_right(
        self, images: Float[Tensor, "images ..."], labels: Int[Tensor, " images"]
    ) -> Int[Tensor, " replicas"]:
        """How many of some images every replica classifies right."""
        pixels, right = flat(images), labels.numpy()
        counts = [count_right(self._logits(index, pixels), right) for index in range(len(self))]
        return torch.from_numpy(np.array(counts))

    def own_steps(
        self, data: TrainingData, spec: TrainingSpec, numbers: ReplicaNumbers, distillation: Distillation | None
    ) -> "CompiledSteps":
        """Steps of compiled code."""
        return CompiledSteps(self, data, spec, numbers, distillation)

    def gradients(
        self, images: Float[Tensor, "replicas batch ..."], labels: Int[Tensor, "replicas batch"]
    ) -> list[dict[str, Tensor]]:
        """For each replica the gradient of its mean cross-entropy over a batch; that of pruned weights as well."""
        found = []
        for index, (own, right) in enumerate(zip(images, labels, strict=True)):
            weights, biases, _ = self._arrays(index)
            dense = form(weights, biases, [np.ones_like(each, bool) for each in weights], sparse=False)
            trainer = Trainer(dense, len(right))
            trainer.take(flat(own), np.arange(len(right)), right.numpy(), lr=0.0)
            sizes = [part.size for pair in zip(weights, biases, strict=True) for part in pair]
            pieces = np.split(trainer.gradient, np.cumsum(sizes)[:-1])
            shapes = [part.shape for pair in zip(weights, biases, strict=True) for part in pair]
            found.append(
                {
                    name: torch.from_numpy(piece.reshape(shape))
                    for name, piece, shape in zip(self._names, pieces, shapes, strict=True)
                }
            )
        return found

    def mask_gradients(self, *, always: bool = False) -> None:
        """Do nothing: a trainer leaves pruned weights alone."""

    def unstacked(self) -> list[dict[str, Tensor]]:
        """A copy of each replica's weights: all of them, the pruned and the dead as well."""
        for index, each in enumerate(self.forms):
            weights, biases, _ = self._arrays(index)
            each.write(weights, biases)
        return self._full.unstacked()

    def _arrays(self, index: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """A replica's weights and biases, which share their memory with the full stack, and which weights are kept."""
        tensors = {name: value.detach()[index].numpy() for name, value in self._full.parameters.items()}
        weights, biases = self._names[::2], self._names[1::2]
        masks = self._full.masks
        kept = [masks[w][index].numpy() != 0 if w in masks else np.ones_like(tensors[w], bool) for w in weights]
        return [tensors[name] for name in weights], [tensors[name] for name in biases], kept

    def _logits(
        self, index: int, pixels: Float32[np.ndarray, "images pixels"]
    ) -> Float32[np.ndarray, "classes images"]:
        each = self.forms[index]
        return all_logits(each.network, each.parameters, pixels, self._rooms[index], _BATCH)


class CompiledSteps:
    """The steps of a compiled stack, batch by batch, one replica after the other.

    Attributes:
        state: what each replica's optimizer remembers, by its vector of parameters and by name, for checkpoints.
    """

    def __init__(
        self,
        stack: CompiledStack,
        data: TrainingData,
        spec: TrainingSpec,
        numbers: ReplicaNumbers,
        distillation: Distillation | None = None,
    ) -> None:
        """Prepare to train; the arguments are those of `sdd_claims.training.loop.train`."""
        self._batch_size = spec.batch_size
        self._images = flat(data.images)
        self._distillation = distillation
        self._lr = 0.0
        self._trainers = [
            Trainer(
                each,
                min(spec.batch_size, data.size),
                optimizer=spec.optimizer.name,
                momentum=spec.optimizer.momentum,
                weight_decay=decay,
                penalty=spec.penalty.name,
                strength=strength,
                proximal=spec.penalty.step == "proximal",
            )
            for each, decay, strength in zip(stack.forms, numbers.weight_decay, numbers.penalty_strength, strict=True)
        ]
        self.state: MutableMapping[Tensor, Any] = {
            tensor: {name: torch.from_numpy(value) for name, value in trainer.memory.items()}
            for tensor, trainer in zip(stack.parameters.values(), self._trainers, strict=True)
        }

    @property
    def optimizer(self) -> "CompiledSteps":
        """Itself: it holds the state of all optimizers."""
        return self

    def learn_at(self, lr: float) -> None:
        """Set the learning rate."""
        self._lr = lr

    def advance(self, epoch: Epoch, first: int, end: int) -> None:
        """Take the steps of an epoch from the first on, up to the end."""
        part = slice(first * self._batch_size, end * self._batch_size)
        chosen, labels, indices = (each.numpy()[:, part] for each in (epoch.chosen, epoch.labels, epoch.indices))
        for index, trainer in enumerate(self._trainers):
            trainer.take(self._images, chosen[index], labels[index], self._lr, *self._taught(index, indices[index]))

    def _taught(
        self, index: int, images: Int64[np.ndarray, " some"]
    ) -> tuple[Float32[np.ndarray, "some classes"] | None, float, float]:
        if self._distillation is None:
            return None, 0.0, 1.0
        teacher = self._distillation.teacher
        assert isinstance(teacher, Tensor), "images that are not augmented have their teacher's logits at hand"
        return teacher[index].numpy()[images], float(self._distillation.alpha[index]), self._distillation.temperature


class NetworksBetween:
    """Plain MLPs on the line between two, to be evaluated."""

    def __init__(self, architecture: Architecture, start: Weights, end: Weights) -> None:
        names = [name for name, _ in architecture.module.named_parameters()]
        ends = [[weights[name].detach().numpy() for name in names] for weights in (start, end)]
        highest = [np.maximum(abs(one), abs(other)) for one, other in zip(*ends, strict=True)]
        # What is zero at both ends is zero between them, as if it were pruned. The form for weights that decay has the
        # bits of the whole network, whatever is pruned.
        self._form = form(highest[::2], highest[1::2], [each != 0 for each in highest[::2]], decays=True)
        self._start, self._end = (self._form.read(values[::2], values[1::2]) for values in ends)
        self._room = room(self._form.network, _BATCH)

    def evaluate(
        self, share: float, images: Float[Tensor, "images ..."], labels: Int[Tensor, " images"]
    ) -> tuple[float, float]:
        """Accuracy and mean cross-entropy over some images at (1 - share) start + share end."""
        between = self._end if share == 1 else self._start + np.float32(share) * (self._end - self._start)
        logits = all_logits(self._form.network, between, flat(images), self._room, _BATCH)
        loss, right = _summed_loss(logits, labels)
        return right / len(labels), loss / len(labels)


def last_hidden_units(
    architecture: Architecture, weights: Weights, images: Float[Tensor, "images ..."]
) -> Float32[np.ndarray, "images units"]:
    """The activations of the last hidden layer of a plain MLP for some images."""
    values = [weights[name].detach().numpy() for name, _ in architecture.module.named_parameters()][:-2]
    below = form(values[::2], values[1::2], [np.ones_like(each, bool) for each in values[::2]], sparse=False)
    found = all_logits(below.network, below.parameters, flat(images), room(below.network, _BATCH), _BATCH)
    return np.maximum(found.T, np.float32(0))


def _summed_loss(logits: Float32[np.ndarray, "classes images"], labels: Int[Tensor, " images"]) -> tuple[float, int]:
    """The cross-entropies of some images, summed one after the other, and how many are classified right."""
    found = np.empty(len(labels))
    right = losses(logits, labels.numpy(), found)
    return float(np.add.accumulate(found)[-1]), right


_BATCH = 128  # images of one pass: its activations fit a core's cache


def flat(images: Float[Tensor, "images ..."]) -> Float32[np.ndarray, "images pixels"]:
    """Images as rows of pixels."""
    return images.flatten(1).contiguous().numpy()


def _moved_otherwise(numbers: ReplicaNumbers, penalty: str) -> Sequence[tuple[bool, bool]]:
    """Whether each replica's weights decay, and whether a penalty moves them."""
    pairs = zip(numbers.weight_decay, numbers.penalty_strength, strict=True)
    return [(bool(decay), bool(strength and penalty != "off")) for decay, strength in pairs]
