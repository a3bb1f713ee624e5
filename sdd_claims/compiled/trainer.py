"""Training of one network in flat arrays: everything between its batches and its new weights."""

import numpy as np
from jaxtyping import Float32, Int64

from sdd_claims.compiled import updates
from sdd_claims.compiled.form import Form
from sdd_claims.compiled.jit import compiled
from sdd_claims.compiled.network import Network, Room, Vector, gradient, room

_SGD, _ADAM = 0, 1
_NO_PENALTY, _L1, _L2, _MATRIX_NORM = range(4)
_PENALTIES = {"none": _NO_PENALTY, "off": _NO_PENALTY, "l1": _L1, "l2": _L2, "matrix_norm": _MATRIX_NORM}


class Trainer:
    """Takes steps for one network. Pruned weights stay exactly zero.

    Attributes:
        form: the network; its parameters move in place.
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
        self._room = room(form.network, batch_size)
        self._gradient = np.zeros_like(form.parameters)
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
        chosen: Int64[np.ndarray, " batch"],
        labels: Int64[np.ndarray, " batch"],
        lr: float,
        teacher: Float32[np.ndarray, "batch classes"] | None = None,
        alpha: float = 0.0,
        temperature: float = 1.0,
    ) -> None:
        """Take one step.

        Args:
            images: all images.
            chosen: those of the batch.
            labels: their labels.
            lr: learning rate.
            teacher: a teacher's logits of them; None where there is none.
            alpha: weight of the teacher.
            temperature: by which both networks' logits are divided.
        """
        self.memory["steps"] += 1
        rate, root = self._rates(lr)
        _take(
            self.form.network,
            self.form.parameters,
            self.form.mask,
            images,
            chosen,
            labels,
            _NO_TEACHER if teacher is None else teacher,
            np.float32(alpha),
            np.float32(temperature),
            self._room,
            self._gradient,
            self._state,
            self._optimizer,
            rate,
            root,
            self._momentum,
            self._coupled,
            np.float32(1 - lr * self._decoupled),
            self._penalty,
            self._strength,
            np.float32(lr * self._proximal),
        )

    def _rates(self, lr: float) -> tuple[np.float32, np.float32]:
        """The learning rate and, for Adam, its corrections for what is remembered since few steps only."""
        if self._optimizer == _SGD:
            return np.float32(lr), np.float32(1)
        first, second = (_power(beta, int(self.memory["steps"])) for beta in (updates.BETA1, updates.BETA2))
        return np.float32(lr / (1 - first)), np.float32(np.sqrt(1 - second))


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
    chosen: Int64[np.ndarray, " batch"],
    labels: Int64[np.ndarray, " batch"],
    teacher: Float32[np.ndarray, "batch classes"],
    alpha: np.float32,
    temperature: np.float32,
    room: Room,
    slopes: Vector,
    state: tuple[Vector, Vector],
    optimizer: int,
    rate: np.float32,
    root: np.float32,
    momentum: np.float32,
    coupled: np.float32,
    kept: np.float32,
    penalty: int,
    strength: np.float32,
    reach: np.float32,
) -> None:
    gradient(network, parameters, images, chosen, labels, teacher, alpha, temperature, room, slopes)
    if penalty == _L1:
        updates.add_l1(parameters, strength, slopes)
    elif penalty == _L2:
        updates.add_l2(parameters, strength, slopes)
    elif penalty == _MATRIX_NORM:
        updates.add_matrix_norm(parameters, strength, network.widths, network.weights, network.biases, slopes)
    if coupled > np.float32(0):
        updates.add_decay(parameters, coupled, slopes)
    if kept < np.float32(1):
        updates.shrink(parameters, kept)
    if optimizer == _SGD:
        updates.step_sgd(parameters, slopes, mask, state[0], rate, momentum)
    else:
        updates.step_adam(parameters, slopes, mask, state[0], state[1], rate, root)
    if reach > np.float32(0):
        updates.shrink_to_zero(parameters, reach)
