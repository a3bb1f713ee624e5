"""Where a result comes from: code, libraries and hardware, recorded beside results and never part of their key."""

import platform
import subprocess
from collections import Counter
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sdd_claims.machine.devices import CPU, Device, cores, gpu_count, gpu_uuid

LIBRARIES = ("torch", "torchvision", "numpy", "numba", "scipy", "pytest")
"""The packages that a result depends on, each of them required by this package."""


@cache
def commit() -> str:
    """Commit of the checkout this package runs from, marked if files differ from it; "unknown" outside a checkout."""
    root = Path(__file__).parents[2]

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True, timeout=10
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return "unknown"
        return git("rev-parse", "HEAD") + (" with changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that affect a result; one that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):  # Numba, which only portable arithmetic needs
            found[name] = version(name)
    return found


@cache
def hardware(device: Device = CPU) -> str:
    """One line: processor and cores, and the GPU, or all of them, if that is the device."""
    line = f"{_processor()}, {cores()} core{'' if cores() == 1 else 's'}"
    if not device.is_gpu:
        return line
    if not gpu_count():
        return f"{line}, and GPUs of other machines"
    gpus = Counter(each.gpu_name for each in device.each())
    return ", ".join([line, *(name if count == 1 else f"{count} x {name}" for name, count in gpus.items())])


@cache
def capability() -> str:
    """The instruction set that PyTorch uses here, such as "AVX2": two of them round otherwise."""
    import torch

    return torch.backends.cpu.get_cpu_capability()


@cache
def power_limit(device: Device) -> float | None:
    """Watts that the driver allows a GPU; None for a CPU, and where the driver cannot be asked."""
    if not device.is_gpu:
        return None
    try:
        import pynvml  # of NVIDIA, comes with the extra "carbon"
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{gpu_uuid(device)}")
        return float(pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)) / 1000
    except pynvml.NVMLError:
        return None


def of_training(device: Device, per_device: int = 1) -> dict[str, Any]:
    """Where and with what a device trains here, as it is stored beside every result; `per_device` share a GPU."""
    return {
        "device": device.name,
        "hardware": hardware(device),
        "capability": capability(),
        "watts": power_limit(device),
        "per_device": per_device if device.is_gpu else 1,
        "versions": versions(),
        "commit": commit(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
