"""An epoch of LeNet-300-100 on MNIST against the usual way: `python -m benchmarks.mnist_epoch`.

The product: as many processes as the machine has cores, two at most, each with one compute thread and a stack of six
replicas that it trains with the product's own loop, every replica on all 60,000 images.

The usual way, as the papers' code does it: one model, a DataLoader with two workers over torchvision's MNIST (PIL
images, ToTensor, Normalize), SGD. Beside its workers it computes with as many threads as there are cores, PyTorch's
default, which the aim is set against; with one thread, which does not compete with the workers, it is faster, and that
is measured too.

Both: dense networks, float32, batch 128, SGD at learning rate 0.1 without momentum (He et al. 2022, B), training only.
Where MNIST is absent, random images of the same number and shape take its place; the arithmetic is the same.
"""

import multiprocessing
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from benchmarks.harness import Case, Comparison, StackedTraining, interleaved, parser
from sdd_claims.data import catalogue
from sdd_claims.data.datasets import Dataset, load, why_unavailable
from sdd_claims.errors import InputError
from sdd_claims.judging.options import limit_threads
from sdd_claims.machine.devices import cores
from sdd_claims.models.mlp import mlp
from sdd_claims.planning.plan import STACK_SIZE
from sdd_claims.spec import DataSpec, ModelSpec, OptimizerSpec, RunSpec, TrainingSpec

SPEC = RunSpec(
    data=DataSpec(name="mnist"),
    model=ModelSpec(hidden=(300, 100)),
    training=TrainingSpec(epochs=1, batch_size=128, optimizer=OptimizerSpec(name="sgd", lr=0.1)),
)
WORKERS = 2


def mnist(data_root: Path | None) -> Dataset:
    """MNIST, or random images in its place where it is absent."""
    if why_unavailable("mnist", data_root) is None:
        return load("mnist", data_root)
    entry, rng = catalogue.find("mnist"), np.random.default_rng(0)
    images, labels = (
        [rng.integers(0, top, (count, *shape), dtype=np.uint8) for count in (entry.train_count, entry.test_count)]
        for top, shape in ((256, entry.image_shape), (entry.classes, ()))
    )
    return Dataset("mnist", images[0], labels[0], images[1], labels[1], entry.classes)


class StackProcesses:
    """The product's way: processes of one compute thread each, every one with a stack of its own."""

    def __init__(self, count: int, data_root: Path | None) -> None:
        """Start the processes and train a little, so that the first epoch is like the others."""
        context = multiprocessing.get_context("spawn")
        self.replicas = count * STACK_SIZE
        self._connections = []
        for process in range(count):
            ours, theirs = context.Pipe()
            seeds = range(process * STACK_SIZE, (process + 1) * STACK_SIZE)
            context.Process(target=_serve, args=(theirs, data_root, seeds), daemon=True).start()
            theirs.close()
            self._connections.append(ours)
        self._train(20 * SPEC.training.batch_size)

    def epoch(self) -> None:
        """All processes at once; back when the last has finished."""
        self._train(None)

    def close(self) -> None:
        """Let the processes end."""
        for connection in self._connections:
            connection.close()

    def _train(self, size: int | None) -> None:
        for connection in self._connections:
            connection.send(size)
        for connection in self._connections:
            connection.recv()


def _serve(connection: Connection, data_root: Path | None, seeds: Sequence[int]) -> None:
    """Train on as many images as are asked for, until the parent closes the connection or dies."""
    limit_threads()
    training = StackedTraining(mnist(data_root), SPEC, seeds)
    try:
        while True:
            training.train(connection.recv())
            connection.send(None)
    except EOFError:
        return


class UsualWay:
    """One model, fed by DataLoader workers that turn image by image into the network's input."""

    def __init__(self, dataset: Dataset) -> None:
        entry, training = catalogue.find("mnist"), SPEC.training
        to_input = transforms.Compose([transforms.ToTensor(), transforms.Normalize(entry.mean, entry.std)])
        self._loader: DataLoader[Any] = DataLoader(
            _TorchvisionMnist(dataset, to_input), training.batch_size, shuffle=True, num_workers=WORKERS
        )
        self._model = mlp(28 * 28, SPEC.model.hidden, dataset.classes)
        self._optimizer = torch.optim.SGD(self._model.parameters(), training.optimizer.lr)

    def epoch(self, threads: int) -> None:
        """Train on all images with so many compute threads beside the workers."""
        torch.set_num_threads(threads)
        for images, labels in self._loader:
            self._optimizer.zero_grad()
            loss = cross_entropy(self._model(images), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()


class _TorchvisionMnist(datasets.MNIST):  # type: ignore[misc]
    """torchvision's own way from an index to an image, over arrays that are loaded already."""

    def __init__(self, dataset: Dataset, transform: transforms.Compose) -> None:
        datasets.VisionDataset.__init__(self, root="", transform=transform)
        self.data = torch.tensor(dataset.train_images)
        self.targets = torch.tensor(dataset.train_labels)


def compare(repetitions: int, data_root: Path | None) -> Comparison:
    """Measure both sides in turns.

    Raises:
        InputError: MNIST is there, but it is torn or not the published one.
    """
    dataset = mnist(data_root)
    absent = why_unavailable("mnist", data_root)
    count = len(dataset.train_labels)
    processes = min(2, cores())
    usual = UsualWay(dataset)
    with closing(StackProcesses(processes, data_root)) as stacks:
        cases = [
            Case(
                f"usual way, {threads} thread{'s' * (threads > 1)}{' (default)' * (threads == processes)}",
                partial(usual.epoch, threads),
                1,
                float(count),
            )
            for threads in range(processes, 0, -1)
        ]
        cases.append(Case("stacks", stacks.epoch, stacks.replicas, float(count)))
        cases[0].run()
        *yardsticks, product = interleaved(cases, repetitions)
    return Comparison(
        benchmark="mnist_epoch",
        settings={
            "images": f"{count:,} of MNIST" if absent is None else f"{count:,} random stand-ins for MNIST: {absent}",
            "both": "LeNet-300-100, dense, float32, batch 128, SGD without momentum; times are for one epoch of one "
            "replica, rates are of the whole machine",
            "usual way": f"one process with one model, and {WORKERS} DataLoader workers over PIL images",
            "stacks": f"{processes} process(es) at once, 1 compute thread and {STACK_SIZE} replicas each; "
            f"time = wall time / {stacks.replicas} replicas",
        },
        yardsticks=yardsticks,
        product=product,
        rate="images/s",
        scale=1.0,
        aim=6.0,
    )


def main() -> int:
    """Print the table and a JSON line; an error of the user's is one sentence and exit status 2."""
    words = parser("mnist_epoch", __doc__, of="both sides", repetitions=3, takes="1 to 2 min")
    words.add_argument(
        "--data-root",
        type=Path,
        help="folder with mnist.npz or torchvision's MNIST/ (default: as for the claims, SDD_CLAIMS_DATA)",
    )
    options = words.parse_args()
    try:
        comparison = compare(options.repetitions, options.data_root)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(comparison.table())
    print(comparison.as_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
