"""Compilation before training, by one process for all that train. It has no PyTorch, beside which there is less room.

    python -m sdd_claims.compiled.ahead mlp relu_network

compiles what trains these networks, and keeps it where `jit` does.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import numpy as np
from filelock import FileLock, Timeout

from sdd_claims.compiled import relu_network
from sdd_claims.compiled.form import form
from sdd_claims.compiled.functions import normals
from sdd_claims.compiled.jit import kept_in
from sdd_claims.compiled.network import all_logits, count_right, losses, room
from sdd_claims.compiled.sums import exact_sums
from sdd_claims.compiled.trainer import Trainer


def compile_ahead(networks: Iterable[str]) -> None:
    """Return when what trains these networks is compiled: by a process of its own, or by another that was first.

    Several callers compile different networks at once. Where it fails, or compiled code is not kept, nothing is said:
    whoever calls a function first compiles it.

    Args:
        networks: names of `NETWORKS`.
    """
    if (folder := kept_in()) is None:
        return
    waiting = [network for network in networks if not (folder / f"{network}.compiled").exists()]
    for patience in (0, -1):  # first those that nobody else compiles, and then the others
        for network in list(waiting):
            with suppress(Timeout, OSError, NotImplementedError), FileLock(folder / f"{network}.lock", patience):
                done = folder / f"{network}.compiled"
                if done.exists() or _compiles(network):
                    done.touch()
                waiting.remove(network)


def _compiles(network: str) -> bool:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # it finds what this process does
    command = [sys.executable, "-P", "-m", __name__, network]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def _compile_mlp() -> None:
    """Take one step of each kind of sum; which optimizer and penalty is a number, and all are compiled together."""
    weights, biases = [np.ones((2, 1), np.float32)], [np.zeros(2, np.float32)]
    network = form(weights, biases, [np.ones((2, 1), bool)])
    images, labels = np.ones((1, 1), np.float32), np.zeros(1, np.int64)
    Trainer(network, batch_size=1).take(images, np.zeros(1, np.int64), labels, lr=0.1)
    logits = all_logits(network.network, network.parameters, images, room(network.network, 1), batch=1)
    losses(logits, labels, np.empty(1))
    count_right(logits, labels)
    normals(np.random.default_rng(0), 1)
    exact_sums(np.ones((1, 1)), np.empty(1))


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

if __name__ == "__main__":
    for name in sys.argv[1:]:
        NETWORKS[name]()
