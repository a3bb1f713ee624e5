"""Shared by the benchmarks: the product's stacked training, ready to be timed, and n interleaved timings as a table.

Times are measured and printed, never asserted: they depend on the machine as much as on the code.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sdd_claims.data.datasets import Dataset
from sdd_claims.data.preparation import prepare
from sdd_claims.data.sampling import draw_training_set
from sdd_claims.machine import provenance
from sdd_claims.measures import training_flops_per_image
from sdd_claims.models import build, initial_weights
from sdd_claims.pruning import dense_masks, keep_highest, scheduled_count
from sdd_claims.randomness import Stream, draws
from sdd_claims.record import Replica
from sdd_claims.spec import RunSpec
from sdd_claims.training import ReplicaNumbers, ReplicaStack, TrainingData, train


class StackedTraining:
    """A stack as iterative pruning would train it at a level, ready to be trained again and again.

    Attributes:
        replicas: number of networks in the stack.
        flops_per_image: operations of one forward and backward pass of one network, see `sdd_claims.measures`.
    """

    def __init__(self, dataset: Dataset, spec: RunSpec, seeds: Sequence[int], level: int = 0) -> None:
        """Draw data and weights as the product does; beyond level 0, pruned to its density: which weights go does
        not matter for the time."""
        images, _ = prepare(dataset, spec.data.side)
        channels, height, width = images.shape[1:]
        architecture = build(spec.model, (channels, height, width), dataset.classes)
        weights = [initial_weights(architecture, draws(seed, Stream.INITIALIZATION)) for seed in seeds]
        masks = [dense_masks(w, architecture.prunable) for w in weights]
        if level:
            count = scheduled_count(architecture.prunable_count, spec.pruning.density(level))
            masks = [keep_highest(w, m, count) for w, m in zip(weights, masks, strict=True)]
        drawn = [draw_training_set(dataset, Replica(spec, seed)) for seed in seeds]
        self.replicas = len(seeds)
        self.flops_per_image = training_flops_per_image(architecture, (channels, height, width))
        self._spec = spec.training
        self._stack = ReplicaStack(architecture, weights, masks, torch.device("cpu"))
        self._data = TrainingData(
            images,
            torch.from_numpy(np.stack([subset for subset, _ in drawn])),
            torch.from_numpy(np.stack([labels for _, labels in drawn])),
        )
        none = [0.0] * len(seeds)
        self._numbers = ReplicaNumbers(list(seeds), [(level,)] * len(seeds), weight_decay=none, penalty_strength=none)

    def train(self, size: int | None = None) -> None:
        """Train on from the stack's current weights, for the spec's epochs, on each replica's first `size` images."""
        data = TrainingData(self._data.images, self._data.subset[:, :size], self._data.labels[:, :size])
        train(self._stack, data, self._spec, self._numbers)


@dataclass(frozen=True)
class Case:
    """One of the things that are compared.

    Attributes:
        name: its row in the table.
        run: the function that is timed, after a warm-up.
        units: number of units of work (a step, an epoch) in one run; times are given for one unit.
        amount: FLOP or images in a unit; rates are amounts a second.
    """

    name: str
    run: Callable[[], object]
    units: int
    amount: float


@dataclass(frozen=True)
class Timing:
    """The times of a case: seconds a unit, one number a repetition."""

    case: Case
    seconds: tuple[float, ...]

    @property
    def minimum(self) -> float:
        """Seconds a unit in the fastest repetition."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Median seconds a unit."""
        return statistics.median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """The times as they enter the JSON line."""
        return {
            "name": self.case.name,
            "units_a_run": self.case.units,
            "amount_a_unit": self.case.amount,
            "seconds_a_unit": list(self.seconds),
            "minimum": self.minimum,
            "median": self.median,
            "rate_at_minimum": self.case.amount / self.minimum,
            "rate_at_median": self.case.amount / self.median,
        }


def parser(module: str, about: str | None, *, of: str, repetitions: int, takes: str) -> argparse.ArgumentParser:
    """A command line that asks for a number of repetitions.

    Args:
        module: of the benchmark.
        about: its docstring.
        of: what is repeated.
        repetitions: by default.
        takes: as long as these take.
    """
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{module}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    about_number = f"of {of}, in turns (default {repetitions}: {takes})"
    made.add_argument("-n", "--repetitions", type=positive, default=repetitions, help=about_number)
    return made


def positive(text: str) -> int:
    """A number of repetitions, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def interleaved(
    cases: Sequence[Case], repetitions: int, clock: Callable[[], float] = time.perf_counter
) -> list[Timing]:
    """Time the cases in turns, so that whatever else the machine does meets all of them alike.

    `clock` is `time.process_time` where CPU seconds are meant, of which a single thread has as many as it computes.
    """
    seconds: list[list[float]] = [[] for _ in cases]
    for _ in range(repetitions):
        for case, times in zip(cases, seconds, strict=True):
            began = clock()
            case.run()
            times.append((clock() - began) / case.units)
    return [Timing(case, tuple(times)) for case, times in zip(cases, seconds, strict=True)]


@dataclass(frozen=True)
class Comparison:
    """The product against one or more yardsticks, measured in the same run.

    Attributes:
        benchmark: module name.
        settings: a description of each side, in words.
        yardsticks: the timings that the product is compared with; the aim is set against the first.
        product: the product's own code.
        rate: unit of the rates.
        scale: amounts a second in one unit of the rates.
        aim: target for the ratio of the product's rate to the yardstick's.
    """

    benchmark: str
    settings: Mapping[str, str]
    yardsticks: Sequence[Timing]
    product: Timing
    rate: str
    scale: float
    aim: float

    def ratios(self, yardstick: Timing) -> tuple[float, float]:
        """The product's rate over a yardstick's: at the minimal times and at the median times."""
        amounts = self.product.case.amount / yardstick.case.amount
        return (
            amounts * yardstick.minimum / self.product.minimum,
            amounts * yardstick.median / self.product.median,
        )

    def table(self) -> str:
        """The settings, a row for each side, and the ratios."""
        timings = (*self.yardsticks, self.product)
        width = max(len(timing.case.name) for timing in timings) + 2
        lines = [f"{name}: {words}" for name, words in {"machine": provenance.hardware(), **self.settings}.items()]
        lines += ["", f"{'':{width}}{'':>3}{'time':^24}{self.rate:^22}{'product / this':^22}"]
        lines += [
            f"{'':{width}}{'n':>3}" + f"{'minimum':>12}{'median':>12}" + f"{'at minimum':>11}{'at median':>11}" * 2
        ]
        for timing in timings:
            rates = "".join(f"{timing.case.amount / s / self.scale:>11,.0f}" for s in (timing.minimum, timing.median))
            ratios = "".join(f"{ratio:>11.2f}" for ratio in self.ratios(timing)) if timing is not self.product else ""
            lines.append(
                f"{timing.case.name:{width}}{len(timing.seconds):>3}"
                f"{_time(timing.minimum):>12}{_time(timing.median):>12}{rates}{ratios}"
            )
        first = self.yardsticks[0]
        at_minimum, at_median = self.ratios(first)
        measured = f"{at_minimum:.2f} at the minimum, {at_median:.2f} at the median, n = {len(first.seconds)}"
        lines.append(f"product / {first.case.name}: {measured}; bar: at least {self.aim:g}")
        return "\n".join(lines)

    def as_json(self) -> str:
        """All that was measured, on one line; the ratios are to the first yardstick."""
        at_minimum, at_median = self.ratios(self.yardsticks[0])
        return json.dumps(
            {
                "benchmark": self.benchmark,
                "hardware": provenance.hardware(),
                "commit": provenance.commit(),
                "versions": provenance.versions(),
                "settings": dict(self.settings),
                "n": len(self.product.seconds),
                "rate": self.rate,
                "scale": self.scale,
                "yardsticks": [timing.as_dict() for timing in self.yardsticks],
                "product": self.product.as_dict(),
                "aim_against": self.yardsticks[0].case.name,
                "ratio_at_minimum": at_minimum,
                "ratio_at_median": at_median,
                "aim": self.aim,
            }
        )


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds:.3f} s"
