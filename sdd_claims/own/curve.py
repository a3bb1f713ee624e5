"""A sparsity curve of a network of one's own."""

import operator
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from sdd_claims.engines import ProgressDisplay, engine
from sdd_claims.errors import InputError
from sdd_claims.judging.training import check_stored
from sdd_claims.machine.devices import CPU
from sdd_claims.own.recipe import recipe
from sdd_claims.own.running import as_engines_train, blamed, check_processes, settings_for
from sdd_claims.own.setting import setting_of
from sdd_claims.planning.plan import Request, plan
from sdd_claims.record import MEASURES, no_measure, unrecorded
from sdd_claims.registration.claim import BLOCK
from sdd_claims.report import numbers
from sdd_claims.storage.store import Store


@dataclass(frozen=True, eq=False)
class OwnCurve:
    """One measure of a user's network against density: a row a seed, a column a level, dense first.

    Attributes:
        measure: what was measured, such as "test_accuracy".
        density: share of the prunable weights left at each level.
        seeds: one a row.
        values: the measure; NaN where a network diverged.
        setting: the run in words.
    """

    measure: str
    density: np.ndarray
    seeds: tuple[int, ...]
    values: np.ndarray
    setting: str

    @property
    def mean(self) -> np.ndarray:
        """The mean over seeds."""
        return self.values.mean(0)

    def to_dataframe(self) -> Any:
        """A pandas table: seed, level, density and the measure, a row each.

        Raises:
            InputError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise InputError("to_dataframe needs pandas, which is not installed; install it, or use .values") from error
        seeds, levels = self.values.shape
        return pd.DataFrame(
            {
                "seed": np.repeat(self.seeds, levels),
                "level": np.tile(np.arange(levels), seeds),
                "density": np.tile(self.density, seeds),
                self.measure: self.values.ravel(),
            }
        )

    def plot(self, axes: Any = None) -> Any:
        """Draw it, dense on the left: seeds thin, mean thick; returns the axes.

        A notebook shows the figure by itself, a script by `matplotlib.pyplot.show()`.

        Raises:
            InputError: Matplotlib is not installed.
        """
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise InputError("plot needs matplotlib, which is not installed; install it, or use .values") from error
        if axes is None:
            axes = pyplot.figure().add_subplot()
        of_seeds = axes.plot(self.density, self.values.T, color="tab:blue", alpha=0.35, linewidth=0.8)
        of_seeds[0].set_label(numbers.count(len(self.seeds), "seed"))
        axes.plot(self.density, self.mean, color="tab:blue", linewidth=2.5, label="mean")
        axes.set(xscale="log", xlabel="density", ylabel=self.measure.replace("_", " "), title=self.setting)
        axes.set_xlim(self.density[0] * 1.2, self.density[-1] / 1.2)
        axes.legend()
        return axes

    def __repr__(self) -> str:
        rows = "\n".join(f"  {at:8.4f}  {value:8.4f}" for at, value in zip(self.density, self.mean, strict=True))
        return f"{self.setting}, {numbers.count(len(self.seeds), 'seed')}\n  density   mean {self.measure}\n{rows}"


def sparsity_curve(
    network: str | Callable[..., nn.Module],
    data: Any,
    *,
    noise: float = 0.2,
    seeds: Sequence[int] | int = (0, 1, 2),
    measure: str = "test_accuracy",
    store: str | Path = ".sdd_store",
    processes: bool = False,
    device: str = "cpu",
    quiet: bool = False,
    **settings: Any,
) -> OwnCurve:
    """Train, prune and retrain a network on noisy labels; returns a measure at every density.

    Args:
        network: "my.py:build", or a callable: makes an `nn.Module` of the shape of an image and the number of classes.
        data: "my.npz", a folder of images, "my.py:load", or arrays: (train images, train labels, test images, test
            labels), a mapping by these names, or images and labels alone.
        noise: share of the training labels that are made wrong; 0 for none.
        seeds: the networks that are trained, or how many from 0 on; those below 1000 are pilots, which never judge.
        measure: one of `sdd_claims.record.MEASURES` that such a network has, such as "train_accuracy".
        store: folder of results: what is there is not trained again.
        processes: train in a process a core; in a script under `if __name__ == "__main__":` alone.
        device: "cpu" or "cuda".
        quiet: show no progress.
        settings: as of `Recipe`: epochs, levels, fraction, lr, momentum, batch_size, prunable, criterion, penalty,
            penalty_strength.

    Raises:
        InputError: whatever is wrong with network, data or settings, in one sentence.
        StoreError: the store cannot be used.
    """
    if of_judge := sorted({"weight_decay", "pilots", "block"} & settings.keys()):
        raise InputError(f"{of_judge[0]}: only judge takes it, and a curve is trained without it; leave it out")
    if measure not in MEASURES:
        raise InputError(no_measure(measure))
    try:
        chosen_seeds = tuple(operator.index(seed) for seed in (range(seeds) if isinstance(seeds, int) else seeds))
    except TypeError as error:
        raise InputError(f"seeds {seeds!r}: give different whole numbers from 0 on") from error
    if not chosen_seeds or min(chosen_seeds) < 0 or len({*chosen_seeds}) < len(chosen_seeds):
        raise InputError(f"seeds {list(chosen_seeds)}: give different whole numbers from 0 on")
    if max(chosen_seeds) >= BLOCK:
        print(
            f"warning: seeds from {BLOCK} on judge; a recipe that is chosen by looking at them must be judged on "
            "another block",
            file=sys.stderr,
        )
    with as_engines_train():
        options = settings_for(store, device, processes, Path("reports/yours"))
        used, how = options.devices["fast"] or CPU, recipe({**settings, "noise": noise})
        setting = setting_of(network, data, how, options.store, used.torch, clean_alone=not noise)
        check_processes(setting, processes)
        spec = setting.noisy if noise else setting.clean
        if unrecorded(spec, measure):
            there = ", ".join(name for name in MEASURES if not unrecorded(spec, name))
            raise InputError(f"{measure} is not recorded of a network of your own; use one of {there}")
        wanted = plan([Request(spec, chosen_seeds, setting.levels)], wide=used.is_gpu)
        opened = Store(options.store)
        check_stored(opened, wanted.wanted, wanted)
        said = opened.warnings
        if wanted.stored(opened) < wanted.needed:
            trainer = engine(options.engine)
            shown = nullcontext() if quiet else ProgressDisplay(wanted, opened, lambda: "time left not known")
            try:
                with shown:
                    said += trainer.run(wanted, options.worker_config(used))
            except Exception as error:
                raise blamed(error, setting, f"what is finished is kept in {options.store}; mend it") from None
        for sentence in said:
            print(f"warning: {sentence}", file=sys.stderr)
        found = opened.curve(spec.digest, measure, chosen_seeds, setting.levels)
    return OwnCurve(measure, found.position, chosen_seeds, found.values, str(spec))
