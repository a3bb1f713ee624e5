"""What a device that fails in the middle of a training says, and what a user is told."""

import gc
from collections.abc import Sequence

import torch

from sdd_claims.errors import DeviceMemoryError
from sdd_claims.machine.devices import Device
from sdd_claims.planning.plan import Stack
from sdd_claims.storage.store import Store

_NO_MEMORY = ("CUDA error: out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED", "DefaultCPUAllocator")
"""Of the CUDA runtime, of its libraries and of the CPU, which have no error of their own for it in PyTorch."""

_LOST = (
    "unspecified launch failure",
    "illegal memory access",
    "uncorrectable ECC",
    "no longer available",
    "fallen off the bus",
    "device is lost",
    "GPU is lost",
    "CUDNN_STATUS_EXECUTION_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR",
    "CUDA error: unknown error",
    "CUDA-capable device(s) is/are busy or unavailable",
)
"""What a device says that has failed. Other errors of CUDA, such as a failed assertion, are mistakes of a program."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error comes of too little memory, also where the end of a capture hides it."""
    return any(
        isinstance(each, torch.OutOfMemoryError) or any(sign in str(each) for sign in _NO_MEMORY)
        for each in _with_causes(error)
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether an error says that the device, or what this process has on it, cannot be used any more."""
    return any(sign in str(each) for each in _with_causes(error) for sign in _LOST)


def gravest(errors: Sequence[BaseException]) -> BaseException:
    """The one to raise of several: too little memory concerns only what asks for that network, others concern all."""
    return min(errors, key=lambda error: isinstance(error, DeviceMemoryError))


def free_memory() -> None:
    """Give back what a training that has failed still holds of the device."""
    gc.collect()
    torch.cuda.empty_cache()


def too_little_memory(stack: Stack, device: Device) -> str:
    """In words, that a device cannot hold one replica."""
    replica = stack.replicas[0]
    return (
        f"{device} with its {device.memory() / 2**30:.1f} GiB has too little memory to train seed {replica.seed} of "
        f"{replica.spec}, alone and in batches of {replica.spec.training.batch_size}; free it of other programs, or "
        "choose a device with more (--device). Nothing that was stored before is lost."
    )


def device_lost(error: BaseException, stack: Stack, store: Store, device: Device) -> str:
    """In words, that a device has failed, and what is stored."""
    stored = sum(min(n, store.levels_done(r)) for r, n in zip(stack.replicas, stack.levels, strict=True))
    said = str(error).strip().split("\n")[0]
    return (
        f"{device} was lost while it trained {stack.replicas[0].spec} ({said}); {stored} of {sum(stack.levels)} levels "
        "of this stack are stored, and one that took minutes goes on from its last checkpoint: run again, on another "
        "device (--device) if this one fails again"
    )


def _with_causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
