"""Which devices a name stands for, and what tells one GPU of a machine from another."""

from functools import cache

import torch

from sdd_claims.errors import InputError


def each_of(device: str) -> tuple[str, ...]:
    """One device by one: "cuda" is every GPU that this process sees; any other name stands for itself.

    Raises:
        InputError: "cuda", and there is no GPU.
    """
    if device != "cuda":
        return (device,)
    if not (count := torch.cuda.device_count()):
        raise InputError("no GPU is visible here; use --device cpu, or look at the driver and CUDA_VISIBLE_DEVICES")
    return tuple(f"cuda:{index}" for index in range(count))


def here(device: str | None) -> str | None:
    """The device; None for a GPU, of another machine perhaps, where this one has none."""
    return device if device == "cpu" or torch.cuda.is_available() else None


@cache
def identity(device: str) -> str:
    """The UUID of a GPU. Its index is no name: it counts what CUDA_VISIBLE_DEVICES lets a process see."""
    return str(torch.cuda.get_device_properties(device).uuid)
