"""The settings of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdd_claims.engines import WorkerConfig
from sdd_claims.errors import InputError
from sdd_claims.judging.evidence_runs import EvidenceRun
from sdd_claims.judging.modes import Judging, Mode
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.registration.claim import BLOCK, Tier
from sdd_claims.spec import RunSpec


@dataclass(frozen=True)
class Settings:
    """The user's choices, and what the register says of error rates.

    Attributes:
        store: folder of results; of a store elsewhere, its working copy.
        devices: the device of each tier; None where it cannot be trained.
        data_root: folder of data sets; None for the default.
        engine: "serial", "pool" or "ray".
        seeds: judged seeds given by the user, in one look; None for those that each trial registers.
        mode: judge, try out on pilots, or only go through the motions.
        alpha: error rate over the whole register.
        registered: number of claims in the register.
        published: claims.json files whose judged blocks bind this run.
        budget: hours of training; None for as long as it takes.
        rate: operations a second that estimates count with where none has been measured; None for a guess.
        url: address of a store elsewhere; None for one that is a folder.
        per_device: processes that share a GPU.
        ray_address: address of the cluster; None for that of the environment.
        report: folder of the report.
        block: block of seeds that judges in place of the registered ones; None for these.
        evidence: published runs whose curves are read where the store lacks them; `published` has their claims.json.
        workers: those that pytest-xdist is asked for; None in one of them, and where it does not run.
    """

    store: Path
    devices: Mapping[Tier, Device | None]
    data_root: Path | None
    engine: str
    seeds: tuple[int, ...] | None
    mode: Mode
    alpha: float
    registered: int
    published: tuple[Path, ...] = ()
    budget: float | None = None
    rate: float | None = None
    url: str | None = None
    per_device: int = 1
    ray_address: str | None = None
    report: Path = Path(Judging.report_folder)
    block: int | None = None
    evidence: tuple[EvidenceRun, ...] = ()
    workers: int | None = None

    def __post_init__(self) -> None:
        """Check the seeds that the user gave.

        Raises:
            InputError: pilot, negative or repeated seeds asked to judge.
        """
        if self.seeds is not None:
            _check_judges(self.seeds)

    @property
    def error_rate(self) -> float:
        """The error rate of one claim: that of the register divided by its size."""
        return self.alpha / self.registered

    def device_of(self, tier: Tier, spec: RunSpec) -> Device | None:
        """The device that trains a run: that of its tier, or the CPU: portable arithmetic is trained there alone."""
        device = self.devices[tier]
        return CPU if device and device.is_gpu and spec.training.arithmetic == "portable" else device

    def trains_wide(self, tier: Tier) -> bool:
        """Whether a tier trains in wide stacks, those of a GPU."""
        device = self.devices[tier]
        return device is None or device.is_gpu

    def worker_config(self, device: Device, deadline: float | None = None) -> WorkerConfig:
        """The configuration of a process that trains on a device, until a deadline."""
        return WorkerConfig(
            store=self.store,
            device=device,
            data_root=self.data_root,
            deadline=deadline,
            checkpoint_every_epoch=self.mode.checkpoints_every_epoch,
            per_device=self.per_device,
            url=self.url,
        )


def _check_judges(seeds: tuple[int, ...]) -> None:
    if negative := [seed for seed in seeds if seed < 0]:
        raise InputError(f"seed {negative[0]} is negative; seeds are whole numbers from 0 on, and {BLOCK} and up judge")
    if repeated := {seed for seed in seeds if seeds.count(seed) > 1}:
        raise InputError(f"seed {min(repeated)} is given twice; every seed is one observation, give each once")
    if pilots := [seed for seed in seeds if seed < BLOCK]:
        raise InputError(
            f"seed {pilots[0]} is a pilot: windows and sizes were chosen on seeds below {BLOCK}, so they cannot judge; "
            f"give seeds from {BLOCK} on, or use --pilots to try a claim out without judging it"
        )
