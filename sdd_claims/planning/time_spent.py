"""Where the training time of a store went: `python -m sdd_claims.planning.time_spent .sdd_store`.

Levels are grouped by network, by way of training and by density. The useful rate counts each layer's operations by the
share of its weights that is left; beside it stands the rate of a large float32 matrix product, timed here and now.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from sdd_claims.errors import InputError, StoreError
from sdd_claims.machine import provenance
from sdd_claims.machine.devices import CPU
from sdd_claims.planning.rates import product_rate
from sdd_claims.record import LevelRecord
from sdd_claims.spec import PATHS, ModelSpec, OwnNetwork, TransformerSpec
from sdd_claims.storage.opening import existing_store
from sdd_claims.storage.store import Store

_BANDS = ((0.3, "0.3 to 1"), (0.1, "0.1 to 0.3"), (0.02, "0.02 to 0.1"), (0.0, "below 0.02"))


@dataclass
class Spent:
    """The cost of some trained levels.

    Attributes:
        levels: their number, each seed's counted by itself.
        seconds: wall seconds for which they had a core or a GPU.
        flops: operations of their products, pruned weights left out; of levels that do not count them, all.
    """

    levels: int = 0
    seconds: float = 0.0
    flops: float = 0.0

    def add(self, record: LevelRecord) -> None:
        """Count a level."""
        self.levels += 1
        self.seconds += record.seconds
        self.flops += record.train_flops if record.kept_train_flops is None else record.kept_train_flops


def time_spent(store: Store) -> tuple[dict[tuple[str, str, str], Spent], dict[str, float]]:
    """Group all levels of a store by network, way of training and density; and count seconds by hardware."""
    groups, hardware = defaultdict[tuple[str, str, str], Spent](Spent), defaultdict[str, float](float)
    for settings, digest, seeds in store.runs():
        network, way = network_of(settings["model"]), way_of(settings)
        for seed in seeds:
            with suppress(StoreError):  # Damage is found and reported when the level is needed.
                for record, about in zip(store.records(digest, seed), store.provenance(digest, seed), strict=False):
                    groups[network, way, _band(record.density)].add(record)
                    hardware[str(about.get("hardware", "unknown hardware"))] += record.seconds
    return dict(groups), dict(hardware)


def network_of(model: Mapping[str, Any]) -> str:
    """The network of stored settings, in words."""
    transformer = model["transformer"] and TransformerSpec(**model["transformer"])
    own = model.get("own") and OwnNetwork(**model["own"])
    return str(ModelSpec(**{**model, "transformer": transformer, "own": own}))


def way_of(settings: Mapping[str, Any]) -> str:
    """The way of training of stored settings, in words."""
    path, derivation = settings.get("path", {"over": "none"})["over"], settings["derivation"]["kind"]
    if path != "none":
        return f"path over {PATHS[path]}"
    if derivation != "none":
        return f"{derivation.replace('_', ' ')} training"
    return "chain with weight decay" if settings["training"]["optimizer"]["weight_decay"] else "chain"


def _band(density: float) -> str:
    return next(name for low, name in _BANDS if density >= low)


def _table(groups: Mapping[tuple[str, str, str], Spent]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("network", "training", "density"):
        table.add_column(title, no_wrap=True)
    for title in ("levels", "minutes", "share", "s a level", "GFLOP/s"):
        table.add_column(title, justify="right")
    total = sum(spent.seconds for spent in groups.values()) or 1.0
    for (network, way, band), spent in sorted(groups.items(), key=lambda each: -each[1].seconds):
        rate = f"{spent.flops / spent.seconds / 1e9:.2g}" if spent.seconds else "–"
        numbers = (f"{spent.levels:,}", f"{spent.seconds / 60:.1f}", f"{spent.seconds / total:.1%}")
        table.add_row(network, way, band, *numbers, f"{spent.seconds / spent.levels:.2g}", rate)
    return table


def main(arguments: list[str] | None = None) -> int:
    """Print the table; an error of the user's is one sentence and exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m sdd_claims.planning.time_spent", description=__doc__)
    parser.add_argument("store", help="the folder of a store, such as .sdd_store")
    address = parser.parse_args(arguments).store
    try:
        groups, hardware = time_spent(existing_store(address))
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    console = Console(width=max(120, Console().width))
    console.print(_table(groups))
    for name, seconds in sorted(hardware.items(), key=lambda each: -each[1]):
        console.print(f"{seconds / 60:.1f} minutes of one core or GPU on {name}", highlight=False)
    product = product_rate(CPU, "float32") / 1e9
    here = f"{provenance.hardware()}, {provenance.capability()}"
    console.print(f"float32 matrix product of one core here ({here}): {product:.0f} GFLOP/s", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
