"""Devices that networks are trained on: this machine's CPU, one of its GPUs, or all of them."""

import math
import os
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sdd_claims.errors import InputError
from sdd_claims.machine.quota import cpu_quota

if TYPE_CHECKING:  # late, as everywhere here: reading published verdicts does not need PyTorch
    import torch


@dataclass(frozen=True, order=True)
class Device:
    """A device by its name: "cpu", "cuda" for every GPU that a process sees, or "cuda:N" for one of them.

    Stored results and reports know it by this name.
    """

    name: str

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            InputError: there is no such device anywhere.
        """
        if not re.fullmatch(r"(cpu|cuda)(:\d+)?", self.name):
            raise InputError(f"--device {self.name}: there is no such device; use cpu, cuda or cuda:N")

    def __str__(self) -> str:
        return self.name

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU, or all of them."""
        return self.name.startswith("cuda")

    @property
    def index(self) -> int | None:
        """Which of the GPUs that this process sees; None for all of them, and for the CPU."""
        _, _, number = self.name.partition(":")
        return int(number) if number else None

    @property
    def torch(self) -> "torch.device":
        """PyTorch's value for it."""
        import torch

        return torch.device(self.name)

    def if_here(self) -> "Device | None":
        """The device; None for a GPU, of another machine perhaps, where this one has none."""
        return self if not self.is_gpu or gpu_count() else None

    def each(self) -> tuple["Device", ...]:
        """The single devices: for "cuda" every GPU that this process sees, for any other the device itself.

        Raises:
            InputError: "cuda", and there is no GPU.
        """
        if self.name != "cuda":
            return (self,)
        if not (count := gpu_count()):
            raise InputError("no GPU is visible here; use --device cpu, or look at the driver and CUDA_VISIBLE_DEVICES")
        return tuple(Device(f"cuda:{index}") for index in range(count))

    def processes(self, per_device: int = 1) -> tuple["Device", ...]:
        """The device of each process that keeps it busy: one process a core, or `per_device` a GPU."""
        return self.each() * per_device if self.is_gpu else (self,) * cores()

    def bind(self) -> None:
        """Make one GPU this process's own, so that nothing is put on another by default."""
        if self.is_gpu and self.index is not None:
            import torch

            torch.cuda.set_device(self.name)

    @property
    def gpu_name(self) -> str:
        """The name of a GPU's model."""
        import torch

        return torch.cuda.get_device_name(self.name)

    def memory(self) -> int:
        """Bytes in all."""
        if not self.is_gpu:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        import torch

        return torch.cuda.get_device_properties(self.name).total_memory

    def peak_memory(self) -> dict[str, int]:
        """The most bytes of a GPU that this process has held so far, by name; nothing for a CPU."""
        if not self.is_gpu:
            return {}
        import torch

        return {"peak_memory": torch.cuda.max_memory_allocated(self.name)}

    def synchronize(self) -> None:
        """Wait until it has finished its work."""
        if self.is_gpu:
            import torch

            torch.cuda.synchronize(self.name)


CPU = Device("cpu")


def cores() -> int:
    """CPU cores that this process may use: those it is bound to, or fewer where a container's quota is smaller."""
    visible = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return visible if quota is None else min(visible, math.ceil(quota))


def gpu_count() -> int:
    """GPUs that this process sees."""
    import torch

    return torch.cuda.device_count()


@cache
def gpu_uuid(device: Device) -> str:
    """The UUID of a GPU. Its index is no name: it counts what CUDA_VISIBLE_DEVICES lets a process see."""
    import torch

    return str(torch.cuda.get_device_properties(device.name).uuid)
