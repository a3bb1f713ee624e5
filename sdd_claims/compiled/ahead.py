"""Compilation by itself, before anything trains. Without PyTorch in the same process it takes 90 MB less.

    python -m sdd_claims.compiled.ahead mlp relu_network

compiles what trains these networks, and keeps it where `jit` does. The status is 1 where it could not be kept, and 2
where it was left.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping

import numpy as np

from sdd_claims.compiled import jit, relu_network
from sdd_claims.compiled.form import form
from sdd_claims.compiled.functions import normals
from sdd_claims.compiled.network import all_logits, count_right, losses, room
from sdd_claims.compiled.sums import PARTS, split_sums
from sdd_claims.compiled.trainer import Trainer

WHILE_READ = "--while-stdin-is-open"
"""The option of whoever starts this and may die: the end of its pipe ends this process too."""


def _compile_mlp() -> None:
    """Take one step: which sums, optimizer and penalty it takes are numbers, and all are compiled together."""
    weights, biases = [np.ones((2, 1), np.float32)], [np.zeros(2, np.float32)]
    network = form(weights, biases, [np.ones((2, 1), bool)])
    images, labels = np.ones((1, 1), np.float32), np.zeros(1, np.int64)
    Trainer(network, batch_size=1).take(images, np.zeros(1, np.int64), labels, lr=0.1)
    logits = all_logits(network.network, network.parameters, images, room(network.network, 1), batch=1)
    losses(logits, labels, np.empty(1))
    count_right(logits, labels)
    normals(np.random.default_rng(0), 1)
    split_sums(np.ones((1, 1)), np.zeros((1, PARTS)))


def _compile_relu_network() -> None:
    """Take one step of a network of one neuron."""
    shapes = {"1.W": (1, 1), "1.b": (1,), "1.V": (1, 1), "1.C": (1, 1), "1.c0": (1,)}
    places = relu_network.places(shapes)
    parameters, mean, square = (relu_network.zeros(places.size) for _ in range(3))
    memory = relu_network.room(places, np.zeros((1, 1), np.float32))
    targets = np.zeros(1, np.float32)
    relu_network.train(
        places.network, parameters, mean, square, 0, 1, targets, memory, 0.1, relu_network.NO_PENALTY, 0.0
    )


NETWORKS: Mapping[str, Callable[[], None]] = {"mlp": _compile_mlp, "relu_network": _compile_relu_network}
"""What is compiled for each kind of network that portable arithmetic knows, by the name in its `ModelSpec`."""


def _leave_with_stdin() -> None:
    sys.stdin.read()
    os._exit(2)


if __name__ == "__main__":
    if WHILE_READ in sys.argv:
        threading.Thread(target=_leave_with_stdin, daemon=True).start()
    names = [each for each in sys.argv[1:] if each != WHILE_READ]
    if unknown := [each for each in names if each not in NETWORKS]:
        sys.exit(f"nothing is compiled for {unknown[0]!r}; name some of: {', '.join(NETWORKS)}")
    for name in names:
        NETWORKS[name]()
    if why := jit.why_not_kept():
        print(f"it cannot be kept: {why}", file=sys.stderr, flush=True)
    os._exit(1 if why else 0)  # the thread still reads
