"""The speed at which each kind of network trains on a machine: measured by stored trainings, or marked as assumed."""

import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from sdd_claims.errors import StoreError
from sdd_claims.machine import provenance
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.spec import OMITTED_FROM_DIGEST_AT, RunSpec, canonical_json
from sdd_claims.storage.store import Store

ASSUMED = 10e12
"""Operations a second of a GPU of which nothing is known: a round number, and reported as assumed."""

_SHARE_OF_PRODUCT: Mapping[str, float] = {"cpu": 0.4, "cuda": 0.1}
"""Assumed share of a large matrix product's rate that training reaches, where no training has been measured.

For a CPU it is that of a stacked step (see benchmarks/). For a GPU nothing has been measured: small networks wait for
launches, and the best public ResNet-18 runs reach about a quarter.
"""

_SEEDS = 6
"""Seeds of a run whose times are read, the last ones: enough for a rate, and trained by the newest code as a rule."""

_LONG_ENOUGH = 1.0
"""Seconds after which no further matrix product is timed on a CPU."""

_Kind = tuple[str, ...]
"""The settings on which the speed of training on a machine depends: network, precision and arithmetic."""


@dataclass(frozen=True)
class Rate:
    """How fast one core or one GPU trains.

    Attributes:
        flops: operations a second of matrix products, counted dense; measures and all else that takes time included.
        source: where the figure comes from, in words.
        measured: whether it was measured by trainings of this kind on this hardware.
    """

    flops: float
    source: str
    measured: bool


@dataclass
class _Clocked:
    """Stored trainings of one kind on one hardware."""

    on_gpu: bool
    flops: float = 0.0
    seconds: float = 0.0


class Rates:
    """Rates by kind of network: small ones train a hundred times slower than large ones, in operations a second."""

    def __init__(self, store: Store, assumed: float | None = None) -> None:
        """Read the settings of all stored runs.

        Args:
            store: whose trainings count as measurements.
            assumed: operations a second where none has been measured, given by the user.
        """
        self._store, self._assumed = store, assumed
        self._clocked: dict[_Kind, Mapping[str, _Clocked]] = {}
        self._runs = defaultdict[_Kind, list[tuple[str, tuple[int, ...]]]](list)
        for settings, digest, seeds in store.runs():
            self._runs[_kind(settings)].append((digest, seeds))

    def of(self, spec: RunSpec, device: Device | None) -> Rate:
        """The rate of a spec's network on a device; None means a GPU that is not here."""
        clocked = self._measured(_kind(spec.as_dict()))
        if device is None:
            gpus = {name: found for name, found in clocked.items() if found.on_gpu}
            hardware = max(gpus, key=lambda name: gpus[name].seconds, default="")
        else:
            hardware = provenance.hardware(device.each()[0])
        if hardware in clocked:
            found = clocked[hardware]
            return Rate(found.flops / found.seconds, f"measured on {hardware}", True)
        if self._assumed is not None:
            return Rate(self._assumed, "assumed by --rate", False)
        if device is None:
            return Rate(ASSUMED, "assumed: none has been measured on a GPU", False)
        share = _SHARE_OF_PRODUCT[device.torch.type]
        product = product_rate(device, spec.training.precision)
        return Rate(product * share, f"assumed: {share:.0%} of a matrix product timed just now", False)

    def _measured(self, kind: _Kind) -> Mapping[str, _Clocked]:
        """The stored trainings of a kind, by hardware; levels that took no time do not count."""
        if kind not in self._clocked:
            found: dict[str, _Clocked] = {}
            for digest, seeds in self._runs.get(kind, ()):
                for seed in seeds[-_SEEDS:]:
                    with suppress(StoreError):  # Damage is found and reported when the level is needed.
                        records, origins = self._store.records(digest, seed), self._store.provenance(digest, seed)
                        # While others train, a level may come in between the two.
                        for record, about in zip(records, origins, strict=False):
                            on_gpu = about.get("device", CPU.name) != CPU.name
                            clocked = found.setdefault(str(about.get("hardware")), _Clocked(on_gpu))
                            clocked.flops += record.train_flops
                            clocked.seconds += record.seconds
            self._clocked[kind] = {name: each for name, each in found.items() if each.flops and each.seconds}
        return self._clocked[kind]


def _kind(settings: Mapping[str, Any]) -> _Kind:
    network = {name: value for name, value in settings["model"].items() if name != "initialization"}
    how = (settings["training"].get(name, OMITTED_FROM_DIGEST_AT[name]) for name in ("precision", "arithmetic"))
    return canonical_json(network), *how


@cache
def product_rate(device: Device, precision: str, size: int | None = None, repeats: int = 5) -> float:
    """Operations a second of a large matrix product, the best of some; fewer on a CPU where one takes a second.

    Args:
        device: on a CPU one thread is timed, as processes train with one each.
        precision: precision of the factors; "tf32" counts as half of bfloat16, as on the chips that have it.
        size: side of the square matrices; None for one that fills the device.
        repeats: number of products that are timed.
    """
    if device.is_gpu and precision == "tf32":
        return product_rate(device, "bfloat16", size, repeats) / 2
    size = size or (8192 if device.is_gpu else 1024)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        a = torch.rand(
            size, size, device=device.torch, dtype=torch.bfloat16 if precision == "bfloat16" else torch.float32
        )
        times = list[float]()
        # The first one warms up. On a CPU without instructions for bfloat16 one takes seconds in it.
        while len(times) < 1 + repeats and (device.is_gpu or sum(times) < _LONG_ENOUGH):
            began = time.perf_counter()
            a @ a
            device.synchronize()
            times.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return 2 * size**3 / min(times)
