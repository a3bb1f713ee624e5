"""From what a user typed to settings, with one clear sentence where that cannot be."""

import math
import os
import re
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from sdd_claims.engines import ENGINES
from sdd_claims.errors import InputError
from sdd_claims.judging.evidence_runs import EvidenceRun, binding, evidence_runs
from sdd_claims.judging.modes import Judging, Mode, Pilots, Smoke
from sdd_claims.judging.settings import Settings
from sdd_claims.locations import in_home
from sdd_claims.machine.devices import CPU, Device, gpu_count
from sdd_claims.registration.claim import Tier
from sdd_claims.registration.register import Register
from sdd_claims.report.history import published_paths
from sdd_claims.storage.opening import is_url, working_copy

_MOST_SEEDS = 10_000


def settings_of(options: Namespace, register: Register, root: Path, in_worker: bool) -> Settings:
    """The settings of a run.

    Args:
        options: as parsed by pytest.
        register: the number of registered claims, and the error rate over them.
        root: the folder of results and reports by default, and of published verifications; what the user names is
            seen from the current folder.
        in_worker: this is an xdist worker, which trains in its own process.

    Raises:
        InputError: an option that means nothing, or two that contradict each other.
    """
    if sum(map(bool, (options.smoke, options.pilots, options.seeds, options.block))) > 1:
        raise InputError(
            "--smoke, --pilots, --seeds and --block exclude each other: each chooses the seeds; give one of them"
        )
    for option in ("store", "report", "evidence", "data_root", "ray_address"):
        if getattr(options, option) == "":
            raise InputError(f"--{option.replace('_', '-')} is empty; give it a value, or leave it out")
    if options.strict_verdicts and (options.smoke or options.pilots):
        raise InputError(
            f"--strict-verdicts is about verdicts, and {'--smoke' if options.smoke else '--pilots'} judges nothing; "
            "give one of them"
        )
    if options.smoke and options.budget is not None:
        raise InputError("--smoke trains next to nothing and knows no --budget; give one of them")
    if options.smoke and options.evidence:
        raise InputError("--smoke trains tiny networks, which no published run holds; leave --evidence out")
    if options.strict_verdicts and options.budget is not None:
        raise InputError(
            "--strict-verdicts takes only registered verdicts, and --budget leaves claims unjudged or open, which "
            "would pass; give one of them"
        )
    rate = parse_positive("--rate", options.rate, "operations a second in TFLOP, such as 20")
    engine = options.engine or ("serial" if in_worker else "pool")
    if engine not in ENGINES:
        raise InputError(f"--engine {engine}: there is no such engine; use one of: {', '.join(ENGINES)}")
    on_cluster = engine == "ray"
    if options.ray_address and not on_cluster:
        raise InputError(f"--ray-address {options.ray_address}: only --engine ray connects to a cluster; give it, too")
    if options.engine in ("ray", "pool") and not in_worker and getattr(options, "numprocesses", None):
        raise InputError(f"--engine {options.engine} shares the work out itself; leave -n out")
    url = options.store if options.store and is_url(options.store) else None
    devices = choose_devices(options.device, on_cluster)
    data_root = in_home(options.data_root, "give the whole path with --data-root=DIR") if options.data_root else None
    folder = options.store or root / ".sdd_store"
    mode: Mode = Smoke(data_root) if options.smoke else Pilots() if options.pilots else Judging()
    report = in_home(options.report or root / mode.report_folder, "give the whole path with --report=DIR")
    bind = [*published_paths(root / "reports" / "published").values()]
    runs: tuple[EvidenceRun, ...] = ()
    if options.evidence:
        held = in_home(options.evidence, "give the whole path with --evidence=DIR")
        runs = evidence_runs(held)
        bind += binding(held)
        if report.resolve() in {run.path.parent.resolve() for run in runs}:
            raise InputError(
                f"--evidence {options.evidence}: its curves in {report} would be replaced by this run's report; choose "
                "another folder with --report"
            )
    return Settings(
        store=working_copy(url) if url else in_home(folder, "give the whole path with --store=DIR"),
        url=url,
        devices=devices,
        per_device=parse_per_device(options.per_device, devices),
        data_root=data_root,
        engine="serial" if in_worker else engine,
        ray_address=options.ray_address,
        seeds=parse_seeds(options.seeds),
        block=parse_block(options.block),
        mode=mode,
        alpha=register.alpha,
        registered=register.registered,
        budget=parse_positive("--budget", options.budget, "hours, such as 0.5 or 12"),
        rate=None if rate is None else 1e12 * rate,
        published=tuple({path.resolve(): path for path in bind}.values()),
        evidence=runs,
        workers=None if in_worker else getattr(options, "numprocesses", None) or None,
        report=report,
    )


def choose_devices(device: str | None, on_cluster: bool = False) -> dict[Tier, Device | None]:
    """The device of each tier; None for the full tier where there is no GPU.

    Args:
        device: as the user says it; None for the default.
        on_cluster: training happens on other machines, and what this one has says nothing.

    Raises:
        InputError: no such device here.
    """
    if device is None:
        return {"fast": CPU, "full": Device("cuda") if on_cluster or gpu_count() else None}
    chosen = Device(device)
    if not chosen.is_gpu and chosen != CPU:
        raise InputError(f"--device {device}: the CPU has no number; use cpu")
    if on_cluster and chosen.index is not None:
        raise InputError(f"--device {device}: Ray chooses the GPU of each task; give --device cuda")
    if chosen.is_gpu and not on_cluster and (chosen.index or 0) >= (count := gpu_count()):
        raise InputError(f"--device {device}: this machine shows {count} CUDA devices; use cpu or one that is there")
    return {"fast": chosen, "full": chosen}


def parse_per_device(text: str | None, devices: Mapping[Tier, Device | None]) -> int:
    """The number of processes that share a GPU; 1 where nothing is said.

    Raises:
        InputError: no number of processes, or there is no GPU for them to share.
    """
    if text is None:
        return 1
    if not re.fullmatch(r"0*[1-9]\d{0,3}", text):
        raise InputError(f"--per-device {text}: give the number of processes that share a GPU, 1 or more")
    if not any(device and device.is_gpu for device in devices.values()):
        raise InputError(f"--per-device {text}: it is about GPUs, and a CPU trains in one process a core; leave it out")
    return int(text)


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """Seeds from a list such as "60000-60011,60020", ascending.

    Raises:
        InputError: not such a list.
    """
    if text is None:
        return None
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?\d{1,9})(?:-(\d{1,9}))?\s*", part)
        if not match:
            raise InputError(f"--seeds {text}: {part!r} is no seed; give a list such as 60000-60011,60020")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise InputError(f"--seeds {text}: {part!r} runs backwards; give a list such as 60000-60011,60020")
        if last - first >= _MOST_SEEDS:
            raise InputError(f"--seeds {text}: {part!r} are more than {_MOST_SEEDS:,} seeds; give fewer")
        seeds += range(first, last + 1)
    return tuple(sorted(seeds))  # so are they said in the line that does it again


def parse_block(text: str | None) -> int | None:
    """The first seed of a block such as "60000".

    Raises:
        InputError: not a block that can judge.
    """
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,5}000", text):
        raise InputError(f"--block {text}: there is no such block; give the first of its seeds, such as 60000")
    return int(text)


def parse_positive(option: str, text: str | None, what: str) -> float | None:
    """A finite number above 0.

    Raises:
        InputError: not such a number; the message says what is wanted.
    """
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(f"{option} {text}: {text!r} is no number above 0; give {what}")
    return number


def limit_threads() -> None:
    """One compute thread in this process and its children: the engines count on it."""
    import torch

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
