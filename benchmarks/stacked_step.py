"""The stacked training step against the machine's own matrix product: `python -m benchmarks.stacked_step`.

Eight replicas of 196-300-100-10 train on batches of 128 with the product's own loop, masks in force as at every level
but the first, on one compute thread. Their rate of matrix-product FLOP/s, forward and backward, is compared with that
of a product of two 1024 x 1024 float32 matrices on the same thread. An epoch's own costs (batch order, optimizer,
gathering labels) are in the time of its steps.
"""

import torch

from benchmarks.harness import Case, Comparison, StackedTraining, interleaved, parser
from sdd_claims.data.datasets import load
from sdd_claims.judging.options import limit_threads
from sdd_claims.spec import DataSpec, ModelSpec, OptimizerSpec, PruningSpec, RunSpec, TrainingSpec

REPLICAS = 8
STEPS = 60
BATCH = 128
SIDE = 1024
PRODUCTS = 20

SPEC = RunSpec(
    data=DataSpec(name="mnist_small", side=14, train_size=STEPS * BATCH),
    model=ModelSpec(hidden=(300, 100)),
    training=TrainingSpec(epochs=1, batch_size=BATCH, optimizer=OptimizerSpec(name="sgd", lr=0.05, momentum=0.9)),
    pruning=PruningSpec(fraction=0.36),
)


def compare(repetitions: int) -> Comparison:
    """Measure both sides in turns."""
    limit_threads()
    training = StackedTraining(load(SPEC.data.name), SPEC, range(REPLICAS), level=1)
    left, right, out = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE), torch.empty(SIDE, SIDE)

    def products() -> None:
        for _ in range(PRODUCTS):
            torch.mm(left, right, out=out)

    flop = training.flops_per_image * BATCH * REPLICAS
    cases = (
        Case(f"matrix product {SIDE} x {SIDE} x {SIDE}", products, PRODUCTS, 2.0 * SIDE**3),
        Case("stacked training step", training.train, STEPS, float(flop)),
    )
    for case in cases:
        case.run()
    yardstick, product = interleaved(cases, repetitions)
    return Comparison(
        benchmark="stacked_step",
        settings={
            "stack": f"{REPLICAS} replicas of 196-300-100-10, batch {BATCH}, SGD with momentum 0.9, masks at density "
            f"{SPEC.pruning.density(1):.2f}; {flop / 1e6:.0f} MFLOP a step, counted dense",
            "repetition": f"{PRODUCTS} products, then an epoch of {STEPS} steps; float32, one process, one thread",
        },
        yardsticks=(yardstick,),
        product=product,
        rate="GFLOP/s",
        scale=1e9,
        aim=0.5,
    )


def main() -> None:
    """Print the table and a JSON line."""
    given = parser("stacked_step", __doc__, of="both sides", repetitions=25, takes="20 s").parse_args()
    comparison = compare(given.repetitions)
    print(comparison.table())
    print(comparison.as_json())


if __name__ == "__main__":
    main()
