"""Where the training time of a store went: `python -m benchmarks.time_spent .sdd_store`.

Levels are grouped by network, by way of training, by arithmetic and by density. The useful rate counts each layer's
operations by the share of its weights that is left; beside it stands its share of the rate of a large float32 matrix
product in one thread, timed here and now. That says little of levels that another machine has trained, or a GPU.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, fields

from rich.console import Console
from rich.table import Table

from sdd_claims.errors import InputError, StoreError
from sdd_claims.machine import provenance
from sdd_claims.machine.devices import CPU
from sdd_claims.planning.rates import product_rate
from sdd_claims.record import LevelRecord
from sdd_claims.storage.inventory import network_of, way_of
from sdd_claims.storage.opening import existing_store
from sdd_claims.storage.store import Store

_WIDTH = 200
"""Characters of a line where there is no terminal: no column is cut off."""

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


@dataclass(frozen=True)
class Kind:
    """What the levels of a row have in common, each in words."""

    network: str
    way: str
    arithmetic: str
    density: str


def time_spent(store: Store) -> tuple[dict[Kind, Spent], dict[str, float]]:
    """Group all levels of a store by their kind, and count seconds by hardware."""
    groups, hardware = defaultdict[Kind, Spent](Spent), defaultdict[str, float](float)
    for settings, digest, seeds in store.runs():
        network, way = network_of(settings["model"]), way_of(settings)
        arithmetic = settings["training"].get("arithmetic", "native")  # not written where it is
        for seed in seeds:
            with suppress(StoreError):  # Damage is found and reported when the level is needed.
                for record, about in zip(store.records(digest, seed), store.provenance(digest, seed), strict=False):
                    groups[Kind(network, way, arithmetic, _band(record.density))].add(record)
                    hardware[str(about.get("hardware", "unknown hardware"))] += record.seconds
    return dict(groups), dict(hardware)


def _band(density: float) -> str:
    return next(name for low, name in _BANDS if density >= low)


def _table(groups: Mapping[Kind, Spent], product: float) -> Table:
    table = Table(box=None, pad_edge=False)
    for each in fields(Kind):
        table.add_column("training" if each.name == "way" else each.name, no_wrap=True)
    for title in ("levels", "minutes", "share", "s a level", "GFLOP/s", "of the product"):
        table.add_column(title, justify="right")
    total = sum(spent.seconds for spent in groups.values()) or 1.0
    for kind, spent in sorted(groups.items(), key=lambda each: -each[1].seconds):
        rate = spent.flops / spent.seconds if spent.seconds else None
        useful = ("–", "–") if rate is None else (f"{rate / 1e9:.2g}", f"{rate / product:.1%}")
        numbers = (f"{spent.levels:,}", f"{spent.seconds / 60:.1f}", f"{spent.seconds / total:.1%}")
        table.add_row(*astuple(kind), *numbers, f"{spent.seconds / spent.levels:.2g}", *useful)
    return table


def main(arguments: list[str] | None = None) -> int:
    """Print the table; an error of the user's is one sentence and exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.time_spent", description=__doc__)
    parser.add_argument("store", help="the folder of a store, such as .sdd_store")
    address = parser.parse_args(arguments).store
    try:
        groups, hardware = time_spent(existing_store(address))
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    seen = Console()
    console = Console(width=max(120 if seen.is_terminal else _WIDTH, seen.width))
    product = product_rate(CPU, "float32")
    console.print(_table(groups, product))
    for name, seconds in sorted(hardware.items(), key=lambda each: -each[1]):
        console.print(f"{seconds / 60:.1f} minutes of one core or GPU on {name}", highlight=False)
    here = f"{provenance.hardware()}, {provenance.capability()}"
    console.print(f"float32 matrix product of one core here ({here}): {product / 1e9:.0f} GFLOP/s", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
