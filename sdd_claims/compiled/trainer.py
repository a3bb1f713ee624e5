"""Training of one network in flat arrays: everything between its batches and its new weights."""

import math

import numpy as np
from jaxtyping import Float32, Int64

from sdd_claims.compiled import updates
from sdd_claims.compiled.form import Form
from sdd_claims.compiled.jit import compiled
from sdd_claims.compiled.network import Network, Room, Vector, gradient, room
from sdd_claims.compiled.views import lines, part

_SGD, _ADAM = 0, 1
_NO_PENALTY, _L1, _L2, _MATRIX_NORM = range(4)
_PENALTIES = {"none": _NO_PENALTY, "off": _NO_PENALTY, "l1": _L1, "l2": _L2, "matrix_norm": _MATRIX_NORM}


class Trainer:
    """Takes steps for one network. Pruned weights stay exactly zero.

    Attributes:
        form: the network; its parameters move in place.
        gradient: that of the last step, penalty and coupled decay included, in the order of the parameters.
        memory: what the optimizer remembers of each parameter, by name, and the number of its steps; moves in place.
    """

    def __init__(
        self,
        form: Form,
        batch_size: int,
        *,
        optimizer: str = "sgd",
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        penalty: str = "none",
        strength: float = 0.0,
        proximal: bool = False,
    ) -> None:
        """Prepare to train a network.

        Args:
            form: the network.
            batch_size: images of the largest batch.
            optimizer: "sgd", "adam" or "adamw".
            momentum: of SGD.
            weight_decay: added to the gradient, or decoupled for "adamw".
            penalty: see `sdd_claims.spec.PenaltySpec`.
            strength: its factor.
            proximal: whether it is taken by a proximal step after each of the optimizer's.
        """
        self.form = form
        kinds = ("velocity",) if optimizer == "sgd" else ("mean", "square")
        self.memory = {kind: np.zeros_like(form.parameters) for kind in kinds} | {"steps": np.zeros((), np.int64)}
        self._mask = form.mask[:0] if form.mask.all() else form.mask
        self._batch_size = batch_size
        self._room = room(form.network, batch_size)
        self.gradient = np.zeros_like(form.parameters)
        first, *others = (self.memory[kind] for kind in kinds)
        self._state = (first, others[0] if others else first)
        self._optimizer = _SGD if optimizer == "sgd" else _ADAM
        self._coupled = np.float32(0.0 if optimizer == "adamw" else weight_decay)
        self._decoupled = weight_decay if optimizer == "adamw" else 0.0
        self._momentum = np.float32(momentum)
        self._penalty = _NO_PENALTY if proximal else _PENALTIES[penalty]
        self._strength = np.float32(strength)
        self._proximal = strength if proximal else 0.0

    def take(
        self,
        images: Float32[np.ndarray, "images pixels"],
        chosen: Int64[np.ndarray, " some"],
        labels: Int64[np.ndarray, " some"],
        lr: float,
        teacher: Float32[np.ndarray, "some classes"] | None = None,
        alpha: float = 0.0,
        temperature: float = 1.0,
    ) -> None:
        """Take a step for every batch of some images, in their order; the last batch may be smaller.

        Args:
            images: all images.
            chosen: those to learn from.
            labels: their labels.
            lr: learning rate.
            teacher: a teacher's logits of them; None where there is none.
            alpha: weight of the teacher.
            temperature: by which both networks' logits are divided.
        """
        rates, roots = self._rates(lr, -(-len(chosen) // self._batch_size))
        _take(
            self.form.network,
            self.form.parameters,
            self._mask,
            images,
            chosen,
            labels,
            self._batch_size,
            _NO_TEACHER if teacher is None else teacher,
            np.float32(alpha),
            np.float32(temperature),
            self._room,
            self.gradient,
            self._state,
            self._optimizer,
            rates,
            roots,
            self._momentum,
            self._coupled,
            np.float32(1 - lr * self._decoupled),
            self._penalty,
            self._strength,
            np.float32(lr * self._proximal),
        )

    def _rates(self, lr: float, count: int) -> tuple[Float32[np.ndarray, " steps"], Float32[np.ndarray, " steps"]]:
        """For each of the next steps the learning rate and, for Adam, corrections for what few steps have left."""
        first = int(self.memory["steps"]) + 1
        self.memory["steps"] += count
        if self._optimizer == _SGD:
            constant = np.full(count, lr, np.float32)
            return constant, constant  # SGD reads no corrections
        powers = [
            [_power(beta, step) for beta in (updates.BETA1, updates.BETA2)] for step in range(first, first + count)
        ]
        rates, roots = [lr / (1 - one) for one, _ in powers], [math.sqrt(1 - two) for _, two in powers]
        return np.array(rates, np.float32), np.array(roots, np.float32)


_NO_TEACHER = np.zeros((0, 0), np.float32)


def _power(base: float, exponent: int) -> float:
    """By repeated squaring: a library's power may differ in its last digit from machine to machine."""
    result = 1.0
    while exponent:
        if exponent % 2:
            result *= base
        base, exponent = base * base, exponent // 2
    return result


@compiled
def _take(
    network: Network,
    parameters: Vector,
    mask: Vector,
    images: Float32[np.ndarray, "images pixels"],
    chosen: Int64[np.ndarray, " some"],
    labels: Int64[np.ndarray, " some"],
    batch_size: int,
    teacher: Float32[np.ndarray, "some classes"],
    alpha: np.float32,
    temperature: np.float32,
    room: Room,
    slopes: Vector,
    state: tuple[Vector, Vector],
    optimizer: int,
    rates: Float32[np.ndarray, " steps"],
    roots: Float32[np.ndarray, " steps"],
    momentum: np.float32,
    coupled: np.float32,
    kept: np.float32,
    penalty: int,
    strength: np.float32,
    reach: np.float32,
) -> None:
    for step in range(rates.shape[0]):
        first = step * batch_size
        count = min(batch_size, chosen.shape[0] - first)
        some, their = part(chosen, first, count), part(labels, first, count)
        taught = lines(teacher, first, count) if teacher.shape[0] > 0 else lines(teacher, 0, 0)
        gradient(network, parameters, images, some, their, taught, alpha, temperature, room, slopes)
        if penalty == _L1:
            updates.add_l1(parameters, strength, slopes)
        elif penalty == _L2:
            updates.add_l2(parameters, strength, slopes)
        elif penalty == _MATRIX_NORM:
            places = network.widths, network.weights, network.biases
            updates.add_matrix_norm(parameters, strength, places, room.factors, slopes)
        if coupled > np.float32(0):
            updates.add_decay(parameters, coupled, slopes)
        if kept < np.float32(1):
            updates.shrink(parameters, kept)
        if mask.shape[0] > 0:
            updates.mask_gradient(slopes, mask)
        if optimizer == _SGD:
            updates.step_sgd(parameters, slopes, state[0], rates[step], momentum)
        else:
            updates.step_adam(parameters, slopes, state[0], state[1], rates[step], roots[step])
        if reach > np.float32(0):
            updates.shrink_to_zero(parameters, reach)
