"""A network and data of one's own: a sparsity curve, and claims on trial. `sdd-claims check` is a door to it.

    from sdd_claims import judge, sparsity_curve

    curve = sparsity_curve("my.py:build", (train_images, train_labels, test_images, test_labels))
    verdict = judge("my.py:build", "my.npz")

What is judged here is marked "yours", has a report of its own, and is counted among no paper's claims.
"""

import html
import itertools
import math
import operator
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, fields, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sdd_claims.curves import SparsityCurve
from sdd_claims.data import own as own_data
from sdd_claims.engines import ProgressDisplay, engine
from sdd_claims.errors import InputError, StoreError, crash
from sdd_claims.judging.modes import Judging
from sdd_claims.judging.options import choose_devices
from sdd_claims.judging.plan_report import PlanReport
from sdd_claims.judging.run import ClaimRun, summary_lines
from sdd_claims.judging.session import Session, check_stored
from sdd_claims.judging.settings import Settings
from sdd_claims.judging.verdict import NO_WINDOWS
from sdd_claims.judging.yours import as_written
from sdd_claims.machine.devices import CPU
from sdd_claims.machine.termination import interrupted_when_terminated
from sdd_claims.models import Architecture, build
from sdd_claims.models import own as own_network
from sdd_claims.planning.plan import Request, plan
from sdd_claims.pruning import own as own_criterion
from sdd_claims.record import MEASURES, no_measure, unrecorded
from sdd_claims.registration.claim import BLOCK
from sdd_claims.registration.own import EVERY_NAME, PAPER, QUESTION, OwnSetting, check_counts, chosen, own_trials
from sdd_claims.registration.pilots import PILOTS
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trial import Trial
from sdd_claims.report import claims_json, numbers, papers_in, sentences
from sdd_claims.report.claims_json import ClaimEntry, YoursEntry
from sdd_claims.spec import (
    OWN,
    DataSpec,
    ModelSpec,
    OptimizerSpec,
    OwnData,
    OwnNetwork,
    PruningSpec,
    RunSpec,
    ScheduleSpec,
    TrainingSpec,
)
from sdd_claims.stats.dip_depth import below_both
from sdd_claims.storage import layout
from sdd_claims.storage.opening import is_url
from sdd_claims.storage.store import Store
from sdd_claims.training import own as own_penalty
from sdd_claims.training.arithmetic import why_no_numba
from sdd_claims.training.forward import forward_of
from sdd_claims.training.sparse import is_plain_mlp

_WANTED: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "epochs": (lambda n: n >= 1, "the epochs of a level, 1 or more, such as 30"),
    "fraction": (
        lambda share: 0 < share < 1,
        "the share of weights that goes at a level, between 0 and 1, such as 0.5",
    ),
    "lr": (lambda rate: 0 < rate < math.inf, "a learning rate above 0, such as 0.1"),
    "momentum": (lambda number: 0 <= number < 1, "a number from 0 on and below 1, such as 0.9"),
    "batch_size": (lambda n: n >= 1, "the images of a step, 1 or more, such as 128"),
    "weight_decay": (lambda strength: 0 < strength < math.inf, "a strength above 0, such as 0.01"),
}
"""What numbers of a recipe must be."""

_DRAWS_ITSELF = "the network draws its first weights in a way of its own, so PyTorch trains it: others find other bits"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a user's network is trained, pruned and judged.

    Attributes:
        noise: share of the training labels that are made wrong.
        epochs: of every level.
        levels: of a curve, the dense one included.
        fraction: share of the weights left that goes at each level.
        lr: learning rate of SGD at the start of every level, from where it falls to 0 along a cosine.
        momentum: its momentum.
        batch_size: images a step.
        seeds: number of seeds that judge.
        pilots: number of seeds that set windows before.
        block: first seed that judges; another one after a change of what has judged.
        weight_decay: the strength that is asked to take the dip away.
        prunable: names of the parameters or layers that are pruned; none for all linear and convolutional layers but
            the last.
        criterion: which weights go: "magnitude", "gradient" or "random", "my.py:score", a callable, or the name by
            which an installed package offers one.
        penalty: added to the loss: "l1", "l2", "matrix_norm", "my.py:penalty", a callable, the name by which an
            installed package offers one, or None for none.
        penalty_strength: its factor.
    """

    noise: float = 0.2
    epochs: int = 30
    levels: int = 10
    fraction: float = 0.5
    lr: float = 0.1
    momentum: float = 0.9
    batch_size: int = 128
    seeds: int = 12
    pilots: int = 12
    block: int = BLOCK
    weight_decay: float = 0.01
    prunable: tuple[str, ...] = ()
    criterion: str | Callable[..., Any] = "magnitude"
    penalty: str | Callable[..., Any] | None = None
    penalty_strength: float = 0.0

    def __post_init__(self) -> None:
        """Check what no spec checks.

        Raises:
            InputError: numbers that no verdict can come of.
        """
        for name in ("levels", "seeds", "pilots", "block"):
            try:
                object.__setattr__(self, name, operator.index(getattr(self, name)))
            except TypeError as error:
                raise InputError(f"--{name} {getattr(self, name)!r}: give a whole number") from error
        for name in ("noise", "weight_decay", "penalty_strength"):
            if not isinstance(value := getattr(self, name), Real):
                raise InputError(f"--{name.replace('_', '-')} {value!r}: give a number")
            object.__setattr__(self, name, float(value))
        prunable: Any = self.prunable
        if isinstance(prunable, str):
            raise InputError(f"prunable {prunable!r} is one text; give the names in a tuple")
        check_counts(self.seeds, self.pilots, self.block)
        if not 4 <= self.levels <= 40:
            raise InputError(f"--levels {self.levels}: give 4 to 40; a dip and a rise need four")
        for name, (holds, wanted) in _WANTED.items():
            value = getattr(self, name)
            if isinstance(value, int | float) and not holds(value):  # of what is no number a spec speaks
                raise InputError(f"--{name.replace('_', '-')} {value:g}: give {wanted}")
        own_criterion.chosen(self.criterion)
        own_penalty.chosen(self.penalty, self.penalty_strength)

    def clean(self, data: OwnData, network: OwnNetwork, arithmetic: Any) -> RunSpec:
        """The setting without label noise.

        Raises:
            InputError: a number that a spec refuses.
        """
        optimizer = OptimizerSpec(lr=self.lr, momentum=self.momentum)
        return RunSpec(
            data=DataSpec(name=OWN, own=data),
            model=ModelSpec(name="own", hidden=(), initialization="pytorch", own=network),
            training=TrainingSpec(
                epochs=self.epochs,
                batch_size=self.batch_size,
                optimizer=optimizer,
                schedule=ScheduleSpec(name="cosine"),
                penalty=own_penalty.chosen(self.penalty, self.penalty_strength),
                arithmetic=arithmetic,
            ),
            pruning=PruningSpec(fraction=self.fraction, **own_criterion.chosen(self.criterion)),
        )


def recipe(changes: Mapping[str, Any]) -> Recipe:
    """A recipe with some numbers changed.

    Raises:
        InputError: there is no such number, or it may not have that value.
    """
    known = {each.name for each in fields(Recipe)}
    if unknown := sorted(set(changes) - known):
        raise InputError(f"there is no setting {unknown[0]!r}; use {', '.join(sorted(known))}")
    return Recipe(**changes)


# What the user gave


def setting_of(
    network: Any, data: Any, how: Recipe, store: Path, device: torch.device, *, clean_alone: bool = False
) -> OwnSetting:
    """The setting of a user's network and data, both checked before anything is trained.

    Args:
        network: "my.py:build", or a callable.
        data: "my.npz", a folder of images, "my.py:load", or arrays.
        how: the recipe.
        store: the folder of results, which also keeps the data for all processes.
        device: where it trains.
        clean_alone: no labels are made wrong, so none need be left over for it.

    Raises:
        InputError: whatever is wrong with either, in one sentence.
        StoreError: there can be no store.
    """
    path: Path | None
    if isinstance(network, str):
        path, function, made_by = own_network.from_file(network, "--network")
        file, source, name = str(path), own_network.source_of(path), f"{path.name}:{function}"
    elif callable(network):
        file, function, source = own_network.from_object(network)
        made_by, name, path = network, function, own_network.written_in(network)
    else:
        raise InputError(f"the network is a {type(network).__name__}; give 'my.py:build', or a callable that makes it")
    arrays, label = _arrays(data)
    if not clean_alone:
        own_data.check_noise(len(arrays["train_labels"]), how.noise, int(arrays["train_labels"].max()) + 1, label)
    Store(store)  # made, or refused, before anything else lies there
    kept = own_data.keep(arrays, store / layout.OWN_DATA, label)
    shape = (kept.shape[0], kept.shape[1], kept.shape[2])
    module = own_network.made(made_by, name, shape, kept.classes)
    _check_draws(made_by, name, shape, kept.classes, module)
    called = own_network.seen_in_use(module, name, shape, kept.classes, path)
    if not file:
        source = own_network.with_classes(source, module)
    spec = OwnNetwork(
        function=function,
        source=source,
        versions=own_network.versions(file),
        prunable=own_network.prunable(module, called, name, how.prunable),
        file=file,
    )
    natively = how.clean(kept, spec, "native")
    architecture = build(natively.model, shape, kept.classes)
    size = min(how.batch_size, kept.train_count)
    _check_stacking(architecture, name, shape, kept.classes, (size, kept.train_count % size or size), path)
    sizes = {key: value.shape for key, value in module.named_parameters()}
    if natively.pruning.own:
        own_criterion.check(natively.pruning.own, sizes, spec.prunable)
    if (penalty := natively.training.penalty).name != "none":
        own_penalty.check(penalty, sizes, spec.prunable)
    known = device.type == "cpu" and is_plain_mlp(architecture) and penalty.own is None
    obstacle = ""
    if known and not own_network.draws_default_weights(made_by, name, shape, kept.classes):
        obstacle = _DRAWS_ITSELF
    elif known and (why := why_no_numba()):
        obstacle = f"{why}, so PyTorch trains the network in place of compiled code: others find other bits"
    portable = known and not obstacle
    clean = how.clean(kept, replace(spec, default_weights=True), "portable") if portable else natively
    return OwnSetting(
        tier="fast",
        levels=how.levels,
        block=how.block,
        deviations=(
            "asked of a network and data of the user's own; nothing was registered before, and nothing is expected",
            f"windows are set by {how.pilots} pilots, by the formula that sets those of the papers' claims",
            *([obstacle] if obstacle else []),
        ),
        network=f"{name} on {label}",  # whatever the recipe: a change after a look is found by it
        clean=clean,
        rate=how.noise,
        seeds=how.seeds,
        pilots=PILOTS[: how.pilots],
        weight_decay=how.weight_decay,
    )


def _arrays(data: Any) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of whatever the user gave, in the prepared form, and their name."""
    if not isinstance(data, str | Path):
        return own_data.prepared(data, "the data"), "own arrays"
    text = str(data)
    if re.search(r"\.py:\w+$", text):
        path, function, load = own_network.from_file(text, "--data")
        try:
            given = load()
        except own_network.FAILS as error:
            raise InputError(
                f"--data {text} fails: {own_network.said(error, path)}; it is called without arguments"
            ) from error
        return own_data.prepared(given, f"--data {text}"), f"{path.name}:{function}"
    if not text.strip():
        raise InputError("--data is empty; give an .npz, a folder of images, or a callable such as my.py:load")
    path = Path(text).expanduser()
    if path.suffix == ".py":
        raise InputError(f"--data {text}: give the name of a callable in it as well, such as {path.name}:load")
    if path.is_dir():
        return own_data.prepared(own_data.from_folder(path), f"--data {text}"), path.name
    return own_data.prepared(own_data.from_npz(path), f"--data {text}"), path.name


def _check_draws(made_by: Any, name: str, shape: tuple[int, int, int], classes: int, module: nn.Module) -> None:
    """Check that the callable draws the same weights, and the same buffers, of the same seed."""
    once_more = own_network.made(made_by, name, shape, classes)
    again, first = (dict([*each.named_parameters(), *each.named_buffers()]) for each in (once_more, module))
    if again.keys() != first.keys() or any(not _same(first[key], again[key]) for key in first):
        raise InputError(
            f"{name} makes another network each time it is called; let it draw its weights from PyTorch's generator "
            "alone"
        )


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors hold the same numbers, or NaN at the same places."""
    return one.shape == other.shape and bool(((one == other) | (one.isnan() & other.isnan())).all())


def _check_stacking(
    architecture: Architecture,
    name: str,
    shape: tuple[int, int, int],
    classes: int,
    batches: tuple[int, int],
    path: Path | None,
) -> None:
    """Take two networks through forward and backward passes at once, as they will be trained.

    Args:
        architecture: of the networks.
        name: of what makes them.
        shape: of an image.
        classes: their number.
        batches: images of a batch, and of the last one of an epoch.
        path: the file that makes them.

    Raises:
        InputError: the network cannot be stacked, or gives no logits.
    """
    assert architecture.drawn is not None
    drawn = [architecture.drawn() for _ in range(2)]
    parameters = {
        key: torch.stack([dict(each.named_parameters())[key].detach() for each in drawn]).requires_grad_()
        for key, _ in architecture.module.named_parameters()
    }
    buffers = {
        key: torch.stack([dict(each.named_buffers())[key] for each in drawn])
        for key, _ in architecture.module.named_buffers()
    }
    for size, training in dict.fromkeys(((batches[0], True), (batches[1], True), (batches[0], False))):
        try:
            with torch.random.fork_rng(devices=[]):
                architecture.module.train(training)
                images = torch.randn(2, size, *shape)
                logits = forward_of(architecture, 2, CPU.torch, shared=False)(parameters, buffers, images)
                loss = cross_entropy(logits.flatten(0, 1), torch.arange(2 * size) % classes)
                loss.backward()  # type: ignore[no-untyped-call]
        except own_network.FAILS as error:
            raise InputError(
                f"{name}: the network cannot be trained as one of a stack, which torch.func.vmap does, on batches of "
                f"{size}: {own_network.said(error, path)}; use layers without in-place changes of other tensors, "
                ".item(), or branches on the images, or another --batch-size: batch norm needs two images in the last "
                "batch too"
            ) from error
    if not bool(logits.isfinite().all()):
        raise InputError(
            f"{name}: before any training the network gives numbers that are not finite, for images of mean 0 and "
            "deviation 1; look for logarithms, roots and divisions in it"
        )
    if bool((logits >= 0).all()) and torch.allclose(logits.sum(2), torch.ones(())):
        raise InputError(f"{name}: the network returns probabilities; leave its softmax out, so that it returns logits")
    unused = [key for key in architecture.prunable if parameters[key].grad is None]
    if unused:
        raise InputError(f"{name}: no gradient reaches {unused[0]}; leave it out with --prunable")


# A curve


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
        return f"{self.setting}, {len(self.seeds)} seeds\n  density   mean {self.measure}\n{rows}"


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
        settings: as of `Recipe`: epochs, levels, fraction, lr, momentum, batch_size, prunable, criterion, penalty.

    Raises:
        InputError: whatever is wrong with network, data or settings, in one sentence.
        StoreError: the store cannot be used.
    """
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
    with _as_engines_train():
        options = _settings(store, device, processes, Path("reports/yours"))
        used, how = options.devices["fast"] or CPU, recipe({**settings, "noise": noise})
        setting = setting_of(network, data, how, options.store, used.torch, clean_alone=not noise)
        _check_processes(setting, processes)
        spec = setting.noisy if noise else setting.clean
        if unrecorded(spec, measure):
            there = ", ".join(name for name in MEASURES if not unrecorded(spec, name))
            raise InputError(f"{measure} is not recorded of a network of your own; use one of {there}")
        wanted = plan([Request(spec, chosen_seeds, setting.levels)], wide=used.is_gpu)
        opened = Store(options.store)
        check_stored(opened, wanted)
        said = opened.warnings
        if wanted.stored(opened) < wanted.needed:
            trainer = engine(options.engine)
            shown = nullcontext() if quiet else ProgressDisplay(wanted, opened, lambda: "time left not known")
            try:
                with shown:
                    said += trainer.run(wanted, options.worker_config(used))
            except Exception as error:
                raise _blamed(error, setting, f"what is finished is kept in {options.store}; mend it") from None
        for sentence in said:
            print(f"warning: {sentence}", file=sys.stderr)
        found = opened.curve(spec.digest, measure, chosen_seeds, setting.levels)
    return OwnCurve(measure, found.position, chosen_seeds, found.values, str(spec))


# A verdict

_IN_PYTHON = "sdd_claims.judge"
"""What a report names as its command where there was none."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """The verdicts on a user's network. They are "yours": about this network and data, and about no paper.

    Attributes:
        entries: by name of the claim, as in claims.json.
        answer: the question "does it show sparse double descent?" in a sentence, or the first claim that was asked.
        page: the report.
        unjudged: a sentence on each claim that could not be judged.
    """

    entries: Mapping[str, ClaimEntry]
    answer: str
    page: Path
    unjudged: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """ "supported", "refuted" or "inconclusive": of the question, or of the first claim that was asked."""
        return sentences.verdict_word(_first(self.entries)["verdict"])

    def __repr__(self) -> str:
        lines = [self.answer, *(f"  {line}" for line in summary_lines([*self.entries.values()]))]
        lines += [f"  not judged: {why}" for why in self.unjudged]
        return "\n".join([*lines, f"  report: {self.page}"])

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in _cells(entry))}</tr>"
            for entry in self.entries.values()
        )
        return (
            f"<p>{html.escape(self.answer)}</p><table><thead><tr><th>yours</th><th>verdict</th><th>effect</th>"
            f"<th>p</th></tr></thead><tbody>{rows}</tbody></table>"
            + "".join(f"<p>not judged: {html.escape(why)}</p>" for why in self.unjudged)
            + f"<p>report: {html.escape(str(self.page))}</p>"
        )


def _cells(entry: ClaimEntry) -> tuple[str, ...]:
    effect = f"{numbers.effect(entry['effect'])} ({numbers.interval(entry['effect'])})"
    return entry["statement"], sentences.ruling(entry), effect, sentences.shown_p(entry)


def judge(
    network: str | Callable[..., nn.Module],
    data: Any,
    *,
    claims: str | Sequence[str] = QUESTION,
    store: str | Path = ".sdd_store",
    report: str | Path | None = None,
    processes: bool = False,
    device: str = "cpu",
    quiet: bool = False,
    command: str = _IN_PYTHON,
    **settings: Any,
) -> Judgement:
    """Put claims about sparse double descent on trial on a network of one's own.

    Pilots set the windows, fresh seeds judge, and a control in which the claim is false is judged by the same rule.

    Args:
        network: as of `sparsity_curve`.
        data: as of `sparsity_curve`.
        claims: "all", or names; by default the question whether it shows sparse double descent.
        store: folder of results: what is there is not trained again.
        report: folder of the report; by default one under reports/ named after the network.
        processes: train in a process a core; in a script under `if __name__ == "__main__":` alone.
        device: "cpu" or "cuda".
        quiet: show no progress.
        command: how it was asked, for the report.
        settings: as of `Recipe`.

    Returns:
        The verdicts. A claim that could not be judged stops no other: `Judgement.unjudged` says why.

    Raises:
        InputError: whatever is wrong with network, data or settings, in one sentence.
        StoreError: the store or the report cannot be written.
        KeyboardInterrupt: interrupted; the report has what was decided.
        Exception: the first error, where no claim could be judged.
    """
    with _as_engines_train(), interrupted_when_terminated():
        run, setting = _run_of(network, data, claims, store, report, processes, device, quiet, command, settings)
        names = [trial.claim.name for trial in run.trials]
        if not quiet:
            print(_beginning(setting, run.trials), file=sys.stderr, flush=True)
        entries, refused = dict[str, ClaimEntry](), dict[str, BaseException]()
        for trial in run.trials:
            try:
                entries[trial.claim.name] = run.entry(trial, "")
            except KeyboardInterrupt as interruption:
                refused |= dict.fromkeys((name for name in names if name not in entries | refused), interruption)
                break
            except Exception as error:  # of one claim, or what stopped the training: what is decided is reported
                refused[trial.claim.name] = _blamed(error, setting, f"{run.kept()}; mend it and check again")
        entries |= {entry["id"].removeprefix(f"{PAPER}/"): entry for entry in run.reached()}
        entries = {name: entries[name] for name in names if name in entries}
        whys = {name: why for name, why in refused.items() if name not in entries}
        interrupted = next((why for why in refused.values() if isinstance(why, KeyboardInterrupt)), None)
        if interrupted is not None:
            goes_on = "the same line goes on from there" + ("" if command == _IN_PYTHON else f": {command}")
            print(f"interrupted: {run.kept()}; {goes_on}", file=sys.stderr)
        if not entries:
            raise next(iter(whys.values()))
        unjudged = tuple(_unjudged(f"{PAPER}/{name}", _said(why)) for name, why in whys.items())
        page = run.write_report([*entries.values()], command, unjudged)
        found = Judgement(entries, _answer(_first(entries), setting, Store(run.settings.store)), page, unjudged)
        if interrupted is not None:
            print(found, file=sys.stderr)
            raise interrupted
        return found


def planned(
    network: str | Callable[..., nn.Module],
    data: Any,
    *,
    claims: str | Sequence[str] = QUESTION,
    store: str | Path = ".sdd_store",
    report: str | Path | None = None,
    processes: bool = False,
    device: str = "cpu",
    **settings: Any,
) -> PlanReport:
    """What `judge` would train for the same arguments, pilots included, and how long it would take; nothing is trained.

    Returns:
        The plan; its `refused` has a sentence on each claim that may not be judged on these seeds.

    Raises:
        InputError: as of `judge`; or no claim may be judged on these seeds.
        StoreError: the store cannot be used.
    """
    with _as_engines_train():
        run, _ = _run_of(network, data, claims, store, report, processes, device, True, _IN_PYTHON, settings)
        found = run.planned()
    if found.refused and not found.claims:
        raise InputError("; ".join(found.refused))
    return found


def _run_of(
    network: Any,
    data: Any,
    claims: str | Sequence[str],
    store: str | Path,
    report: str | Path | None,
    processes: bool,
    device: str,
    quiet: bool,
    command: str,
    settings: Mapping[str, Any],
) -> tuple["_OwnRun", OwnSetting]:
    """The run of some claims on a user's network, everything checked that can be before training, and its setting."""
    how = recipe(settings)
    names = chosen(claims if isinstance(claims, str) else ",".join(claims), penalised=how.penalty is not None)
    folder = Path(report) if report is not None else None
    if folder is not None:
        _check_report(folder)
    options = _settings(store, device, processes, folder or Path("reports/yours"))
    used = options.devices["fast"] or CPU
    setting = setting_of(network, data, how, options.store, used.torch)
    _check_processes(setting, processes)
    if folder is None:
        folder = _report_on(setting, names)
        _check_report(folder)
    options = replace(options, report=folder.absolute(), registered=len(EVERY_NAME))
    run = _OwnRun(options, command, quiet, setting)
    run.trials = own_trials(setting, names)
    return run, setting


def _unjudged(claim: str, why: str) -> str:
    return why if why.startswith(claim) else f"{claim}: {why}"


def _said(why: BaseException) -> str:
    """Why a claim has no verdict, in a sentence."""
    if isinstance(why, KeyboardInterrupt):
        return "interrupted before its verdict; run again, and it goes on from what is kept"
    return str(why) if isinstance(why, InputError | StoreError) else crash(why)


def _blamed(error: Exception, setting: OwnSetting, what_is_kept: str) -> Exception:
    """An error in training as one of the user's code, where it passed through a file of theirs; else itself."""
    if isinstance(error, InputError | StoreError):
        return error
    clean, whole = setting.clean, "".join(traceback.format_exception(error))  # those of other processes too
    for own in (clean.model.own, clean.pruning.own, clean.training.penalty.own):
        if own is not None and own.file and f'File "{own_network.file_of(own.file)}"' in whole:
            said = own_network.said(error, Path(own.file))
            blamed = InputError(f"{own} fails in training: {said}; {what_is_kept}")
            blamed.__cause__ = error
            return blamed
    return error


class _OwnRun(ClaimRun):
    """A run on a user's network: its line to run again is the one that was given."""

    def __init__(self, settings: Settings, command: str, quiet: bool, setting: OwnSetting) -> None:
        super().__init__(settings, quiet=quiet)
        self._command, self._setting = command, setting

    def _rerun(self, trial: Trial, path: str) -> str:
        return self._command

    def _yours(self) -> YoursEntry:
        return as_written(self._setting)

    def _notes(self, session: Session) -> Sequence[str]:
        """Warnings; nobody writes down the windows of a network of their own."""
        return [note for note in session.notes if note.startswith("warning")]


def _settings(store: str | Path, device: str, processes: bool, report: Path) -> Settings:
    if is_url(str(store)):
        raise InputError(f"--store {store}: what is yours is kept on this machine; give a folder")
    return Settings(
        store=Path(store).expanduser().absolute(),
        devices=choose_devices(device),
        data_root=None,
        engine="pool" if processes else "serial",
        seeds=None,
        mode=Judging(),
        alpha=the_register().alpha,
        registered=1,  # of a curve nothing is judged
        report=report.absolute(),
    )


def _check_processes(setting: OwnSetting, processes: bool) -> None:
    clean = setting.clean
    for own in (clean.model.own, clean.pruning.own, clean.training.penalty.own):
        if processes and own is not None and not own.file:
            raise InputError(
                f"{own.function} was handed over in Python, and other processes cannot call it; write it into a file "
                "and give it as 'my.py:build', or leave processes out"
            )


def _report_on(setting: OwnSetting, names: Sequence[str]) -> Path:
    """The default folder of a report: that of the same question, else a new one, so that no other verdict is lost."""
    name = f"yours-{re.sub(r'[^A-Za-z0-9_]+', '-', setting.network).strip('-')}"
    for number in itertools.count(1):
        folder = Path("reports") / (name if number == 1 else f"{name}-{number}")
        if not (folder / "claims.json").exists():
            break
        with suppress(InputError):  # what cannot be read is nobody's to replace
            there = claims_json.read(folder / "claims.json")
            asked = {claim["id"].removeprefix(f"{PAPER}/") for claim in there["claims"]}
            if there.get("yours") == as_written(setting) and asked <= {*names}:
                break
    return folder


def _check_report(folder: Path) -> None:
    """Check that a folder of a report is new, empty, or one of these.

    Raises:
        InputError: it holds something else, which would be mixed up or lost.
    """
    if others := papers_in(folder) - {PAPER}:
        raise InputError(
            f"{folder} holds verdicts on {', '.join(sorted(others))}, which yours are never mixed with; choose another "
            "folder with --report"
        )


@contextmanager
def _as_engines_train() -> Iterator[None]:
    """One compute thread, and layers that can be stacked; all as the caller had it again at the end."""
    threads, before = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    fast_path = torch.backends.mha.get_fastpath_enabled()
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that are started
    torch.set_num_threads(1)
    own_network.leave_fast_path()
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        torch.set_num_threads(threads)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


# In words


def _first(entries: Mapping[str, ClaimEntry]) -> ClaimEntry:
    return entries.get(QUESTION) or next(iter(entries.values()))


def _beginning(setting: OwnSetting, trials: Sequence[Trial]) -> str:
    network, data = setting.clean.model.own, setting.clean.data.own
    assert network is not None
    assert data is not None
    penalty, compiled = setting.clean.training.penalty, setting.clean.training.arithmetic == "portable"
    penalised = "" if penalty.name == "none" else f", with {penalty}"
    if penalty.own is not None:
        penalised += ", which compiled code does not know: trained as a stack, by PyTorch"
    engine_words = f"{', by compiled code' if compiled else ''}{penalised}"
    return (
        f"{setting.network}: {numbers.count(data.train_count, 'training image')} of {data.shape}, {data.classes} "
        f"classes; prunes {', '.join(network.prunable)}{engine_words}. {numbers.count(len(trials), 'claim')}: "
        f"{len(setting.pilots)} pilots set windows, then {setting.seeds} seeds judge."
    )


def _answer(entry: ClaimEntry, setting: OwnSetting, store: Store) -> str:
    """What came out, in plain words."""
    question = entry["id"] == f"{PAPER}/{QUESTION}"
    kind = sentences.openness(entry)
    noise = f"under {setting.rate:.0%} label noise"
    if not entry["words"]:
        return f"Inconclusive, since no seed has judged{f' {noise}' if question else ''}: {_seen(entry, store)}"
    words = entry["words"]
    if not question:
        return f"{entry['statement']} {sentences.ruling(entry).capitalize()}. {words}"
    if kind == "control supported":
        return f"Inconclusive: it dips and rises {noise}, but just so with clean labels. {words}"
    if kind == "control not measured":
        return f"Inconclusive: it dips and rises {noise}, but with clean labels that could not be measured. {words}"
    if entry["verdict"] == "supported":
        return f"Yes, it shows sparse double descent {noise}. {words}"
    if entry["verdict"] == "refuted":
        return f"No, it does not show sparse double descent {noise}. {words}"
    return f"Undecided whether it shows sparse double descent {noise}. {words}"


def _seen(entry: ClaimEntry, store: Store) -> str:
    """The pilots' mean curve in words, or what it lacks for the windows of another claim."""
    if entry["id"] != f"{PAPER}/{QUESTION}":
        return f"{(entry['reason'] or 'there are no curves').removeprefix(NO_WINDOWS)}."
    for run in entry["runs"].values():
        if run["measure"] == "test_accuracy":
            try:
                curve: SparsityCurve = store.curve(run["digest"], run["measure"], run["seeds"], run["levels"])
            except (InputError, StoreError):
                continue
            if not np.isfinite(curve.values).all():
                return "some of the pilots diverged; lower the learning rate with --lr."
            return (
                f"{numbers.count(len(curve.seeds), 'pilot')} were looked at; their mean test accuracy {_shape(curve)}."
            )
    return f"{entry['reason'] or 'there are no curves'}."


def _shape(curve: SparsityCurve) -> str:
    """A mean curve for which no windows could be set."""
    mean, at = curve.values.mean(0), curve.position
    depth = below_both(mean)
    low = int(depth.argmax())
    if depth[low] > 0:
        after = low + int(mean[low:].argmax())
        scatter = 100 * curve.values.std(0, ddof=1)
        return (
            f"falls from {mean[: low + 1].max():.1%} to {mean[low]:.1%} at density {at[low]:.3g} and rises to "
            f"{mean[after]:.1%} at density {at[after]:.3g}, but gives no windows: seeds scatter by up to "
            f"{scatter[: after + 1].max():.1f} points, where dense networks do by {scatter[0]:.1f}; train for "
            "longer, or with more images"
        )
    best = int(mean.argmax())
    return (
        f"shows no dip and rise: it is {mean[0]:.1%} dense, highest at density {at[best]:.3g} ({mean[best]:.1%}), and "
        f"{mean[-1]:.1%} at density {at[-1]:.3g}"
    )
