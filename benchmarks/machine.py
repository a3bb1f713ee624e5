"""The speed of this machine: `python -m benchmarks.machine` prints the line to put beside a time measured on it."""

import time

import torch

from sdd_claims.machine import provenance
from sdd_claims.machine.devices import cores

SIDE, REPETITIONS = 1024, 30


def product_rate(threads: int) -> tuple[float, float]:
    """GFLOP/s of a float32 product of two square matrices: the fastest of the repetitions, and the median."""
    torch.set_num_threads(threads)
    left, right = torch.randn(2, SIDE, SIDE)
    seconds = []
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - began)
    flop = 2.0 * SIDE**3
    return flop / min(seconds) / 1e9, flop / sorted(seconds)[REPETITIONS // 2] / 1e9


def main() -> None:
    """Print one line."""
    threads = cores()
    fastest, median = product_rate(threads)
    print(
        f"{provenance.hardware()}, torch {torch.__version__}, {provenance.capability()}, float32 product of {SIDE} in "
        f"{threads} threads: {fastest:.0f} GFLOP/s (median {median:.0f}, n = {REPETITIONS})"
    )


if __name__ == "__main__":
    main()
