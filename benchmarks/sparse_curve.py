"""A whole sparsity curve by masks alone against sparse products: `python -m benchmarks.sparse_curve`.

The product: iterative pruning as it is, which goes over from masked dense products to `SparseStack` where that is
faster. The yardstick: the same, held to masked dense products at every level. Eight replicas, one compute thread,
magnitude pruning with lottery ticket rewinding of networks that are really trained, since which weights go decides
which units die. Pruning, measuring and all else that a level does is in the times.
"""

from functools import partial
from unittest.mock import patch

import torch

from benchmarks.harness import Case, Comparison, interleaved, parser
from sdd_claims.judging.options import limit_threads
from sdd_claims.record import ChainState, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import DataSpec, ModelSpec, NoiseSpec, OptimizerSpec, PruningSpec, RunSpec, TrainingSpec
from sdd_claims.training import ReplicaStack, form, sparse_where_faster

REPLICAS = 8
EPOCHS = 10
SIZE = 1000


def setting(hidden: tuple[int, ...], fraction: float) -> RunSpec:
    """Small images, noisy labels, few epochs."""
    return RunSpec(
        data=DataSpec(name="mnist_small", side=14, train_size=SIZE),
        noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
        model=ModelSpec(hidden=hidden),
        training=TrainingSpec(
            epochs=EPOCHS, batch_size=128, optimizer=OptimizerSpec(name="sgd", lr=0.05, momentum=0.9)
        ),
        pruning=PruningSpec(fraction=fraction),
    )


CURVES = ((setting((300, 100), 0.2), 30), (setting((128, 64), 0.36), 17))
"""Settings and their numbers of levels; the aim is set for the first."""


class Curves:
    """A stack's whole chain of levels, trained repeatedly, and the time of each level.

    Attributes:
        seconds: for each way, the least time of each level over the repetitions.
    """

    def __init__(self, spec: RunSpec, levels: int) -> None:
        self._pruning = IterativePruning([Replica(spec, seed) for seed in range(REPLICAS)], torch.device("cpu"))
        self.seconds = {dense: [float("inf")] * levels for dense in (True, False)}

    def run(self, dense: bool) -> None:
        """All levels, held to dense products or not."""
        way = patch.object(form, "sparse_where_faster", _left_dense if dense else sparse_where_faster)
        states: list[ChainState | None] = [None] * REPLICAS
        for level, least in enumerate(self.seconds[dense]):
            with way:
                results = self._pruning.next_level(level, states)
            states = [state for _, state in results]
            self.seconds[dense][level] = min(least, sum(record.seconds for record, _ in results))


def _left_dense(stack: ReplicaStack, *_: object) -> ReplicaStack:
    return stack


def compare(spec: RunSpec, levels: int, repetitions: int) -> tuple[Comparison, Curves]:
    """Measure both ways in turns."""
    limit_threads()
    curves = Curves(spec, levels)
    amount = float(REPLICAS * levels * EPOCHS * SIZE)
    cases = [
        Case("masks alone", partial(curves.run, True), 1, amount),
        Case("sparse products", partial(curves.run, False), 1, amount),
    ]
    IterativePruning([Replica(spec, 0)], torch.device("cpu")).next_level(0, [None])
    yardstick, product = interleaved(cases, repetitions)
    comparison = Comparison(
        benchmark="sparse_curve",
        settings={
            "curve": f"{REPLICAS} replicas of MLP 196-{'-'.join(map(str, spec.model.hidden))}-10, {levels} levels at "
            f"{spec.pruning.fraction:.1%} a level, down to a density of {spec.pruning.density(levels - 1):.2%}",
            "level": f"{EPOCHS} epochs of {SIZE:,} images in batches of 128, SGD with momentum 0.9; float32, one "
            "process, one thread; times are for the whole curve",
        },
        yardsticks=(yardstick,),
        product=product,
        rate="images/s",
        scale=1.0,
        aim=2.0,
    )
    return comparison, curves


def main() -> None:
    """Print a table, the ratio at each level, and a JSON line for each curve."""
    given = parser("sparse_curve", __doc__, of="both ways", repetitions=3, takes="2 min").parse_args()
    repetitions = given.repetitions
    for spec, levels in CURVES:
        comparison, curves = compare(spec, levels, repetitions)
        print(comparison.table())
        pairs = zip(curves.seconds[True], curves.seconds[False], strict=True)
        print("ratio at each level, at minimum:", " ".join(f"{dense / sparse:.1f}" for dense, sparse in pairs))
        print(comparison.as_json())
        print()


if __name__ == "__main__":
    main()
