"""Training on a GPU against the chip's own matrix product: `python -m benchmarks.on_gpu` (with `lenet` or `resnet18`).

Both train as the full tier of He et al. 2022 does, by the product's own loop with captured steps, on random images of
the data sets' shapes, whose content makes no difference to the time. LeNet-300-100: five seeds at three noise rates as
one stack. ResNet-18: one network, batches of 128, flips and shifts. An epoch's own costs (order, draws, gathering) are
in its time; capturing and compiling are not. With `--device cpu --images 1024` it runs anywhere, to see that it runs.
"""

import argparse
import sys

import torch

from benchmarks.harness import Case, Comparison, interleaved, positive
from sdd_claims.data import catalogue
from sdd_claims.data.augmentation import augmentation
from sdd_claims.data.preparation import Normalisation
from sdd_claims.data.view import View
from sdd_claims.measures import training_flops_per_image
from sdd_claims.models import build, initial_weights
from sdd_claims.pruning import dense_masks
from sdd_claims.randomness import Stream, draws
from sdd_claims.spec import DataSpec, ModelSpec, OptimizerSpec, RunSpec, TrainingSpec
from sdd_claims.training import (
    Replays,
    ReplicaNumbers,
    ReplicaStack,
    TrainingData,
    mlp_stack_where_faster,
    products_in,
    train,
)

LENET = RunSpec(
    data=DataSpec(name="mnist"),
    model=ModelSpec(hidden=(300, 100)),
    training=TrainingSpec(epochs=1, batch_size=128, optimizer=OptimizerSpec(lr=0.1), precision="tf32"),
)
RESNET = RunSpec(
    data=DataSpec(name="cifar10", augmentation="flip_and_shift"),
    model=ModelSpec(name="resnet18", hidden=(), batch_norm=True),
    training=TrainingSpec(
        epochs=1,
        batch_size=128,
        optimizer=OptimizerSpec(lr=0.1, momentum=0.9, weight_decay=1e-4),
        precision="bfloat16",
    ),
)
NETWORKS = {"lenet": (LENET, 15, 200), "resnet18": (RESNET, 1, 160)}
"""Spec, networks in the stack, and epochs that the paper trains a level."""
SIDE, PRODUCTS = 8192, 10


def compare(name: str, device: torch.device, repetitions: int, images: int | None) -> Comparison:
    """Measure an epoch and the matrix product in turns."""
    spec, replicas, epochs = NETWORKS[name]
    entry = catalogue.find(spec.data.name)
    height, width, *channels = entry.image_shape
    shape = (channels[0] if channels else 1, height, width)
    architecture = build(spec.model, shape, entry.classes)
    size = min(images or entry.train_count, entry.train_count)
    numbers = ReplicaNumbers(
        list(range(replicas)), [(0,)] * replicas, [spec.training.optimizer.weight_decay] * replicas, [0.0] * replicas
    )
    weights = [initial_weights(architecture, draws(seed, Stream.INITIALIZATION)) for seed in numbers.seeds]
    masks = [dense_masks(drawn, architecture.prunable) for drawn in weights]
    stack = ReplicaStack(architecture, weights, masks, device)
    stack = mlp_stack_where_faster(stack, architecture, numbers, spec.training.precision)
    mean, std = (torch.tensor(values, device=device).view(-1, 1, 1) for values in (entry.mean, entry.std))
    held, normalised = torch.randint(256, (size, *shape), dtype=torch.uint8, device=device), Normalisation(mean, std)
    if (augmented := augmentation(spec.data.augmentation, height, None)) is None:
        held = normalised(held.float())
    data = TrainingData(
        held,
        torch.arange(size, device=device).expand(replicas, -1),
        torch.randint(entry.classes, (replicas, size), device=device),
        None if augmented is None else View(normalised, height, augmented),
    )
    replays: Replays = {}
    dtype = torch.bfloat16 if spec.training.precision == "bfloat16" else torch.float32
    side = SIDE if device.type == "cuda" else 512
    left, right = torch.randn(2, side, side, device=device, dtype=dtype)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def epoch() -> None:
        train(stack, data, spec.training, numbers, replays=replays)
        wait()

    def products() -> None:
        with products_in(spec.training.precision):
            for _ in range(PRODUCTS):
                left @ right
        wait()

    flop = float(training_flops_per_image(architecture, shape) * replicas * size)
    cases = (
        Case(f"matrix product of {side}", products, PRODUCTS, 2.0 * side**3),
        Case(f"epoch of {replicas} x {size} images", epoch, 1, flop),
    )
    for case in cases:
        case.run()
    yardstick, product = interleaved(cases, repetitions)
    rate, minutes = replicas * size / product.minimum, product.minimum / 60 * entry.train_count / size
    memory = f"{torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB" if device.type == "cuda" else "no GPU"
    return Comparison(
        benchmark=f"on_gpu {name}",
        settings={
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "network": f"{spec.model}, {replicas} in one stack, batch 128, {spec.training.precision}; dense count",
            "images a second": f"{rate:,.0f} at the minimum",
            f"30 levels of {epochs} epochs": f"{30 * epochs * minutes:,.1f} minutes at the minimum",
            "peak memory": memory,
        },
        yardsticks=(yardstick,),
        product=product,
        rate="TFLOP/s",
        scale=1e12,
        aim=0.1 if name == "lenet" else 0.25,
    )


def main() -> None:
    """Print a table and a line of JSON for each network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network", nargs="?", choices=NETWORKS, help="default: both")
    parser.add_argument("-n", type=positive, default=5, help="repetitions (default: 5)")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu (default: cuda)")
    parser.add_argument("--images", type=positive, help="training images (default: those of the data set)")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("no GPU was found; --device cpu --images 1024 shows that it runs, and measures nothing of interest")
    for name in [options.network] if options.network else NETWORKS:
        found = compare(name, torch.device(options.device), options.n, options.images)
        print(found.table(), found.as_json(), sep="\n", end="\n\n")


if __name__ == "__main__":
    main()
