"""The errors of a device that fails during training, and the messages to the user."""

import gc
from collections.abc import Sequence

import torch

from sdd_claims.errors import DeviceMemoryError
from sdd_claims.machine.devices import Device
from sdd_claims.planning.plan import Stack
from sdd_claims.storage.store import Store

_NO_MEMORY = ("CUDA error: out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED", "DefaultCPUAllocator")
"""Out-of-memory messages of the CUDA runtime, its libraries and the CPU, for which PyTorch has no error type."""

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
"""Messages of a device that has failed. Other errors of CUDA, such as a failed assertion, are bugs in a program."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error was caused by too little memory, also where the end of a capture hides it."""
    return any(
        isinstance(each, torch.OutOfMemoryError) or any(sign in str(each) for sign in _NO_MEMORY)
        for each in _with_causes(error)
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether an error means that the device, or this process's state on it, cannot be used any more."""
    return any(sign in str(each) for each in _with_causes(error) for sign in _LOST)


def gravest(errors: Sequence[BaseException]) -> BaseException:
    """The error to raise of several: too little memory concerns only one network, the others concern all."""
    return min(errors, key=lambda error: isinstance(error, DeviceMemoryError))


def free_memory() -> None:
    """Free the device memory that a failed training still holds."""
    gc.collect()
    torch.cuda.empty_cache()


def too_little_memory(stack: Stack, device: Device) -> str:
    """The message that a device cannot hold one replica."""
    replica = stack.replicas[0]
    return (
        f"{device} with its {device.memory() / 2**30:.1f} GiB has too little memory to train seed {replica.seed} of "
        f"{replica.spec}, alone and in batches of {replica.spec.training.batch_size}; free it of other programs, or "
        "choose a device with more (--device). Nothing that was stored before is lost."
    )


def device_lost(error: BaseException, stack: Stack, store: Store, device: Device) -> str:
    """The message that a device has failed, and how much is stored."""
    stored = sum(min(n, store.levels_done(r)) for r, n in zip(stack.replicas, stack.levels, strict=True))
    first_line = str(error).strip().split("\n")[0]
    return (
        f"{device} was lost while it trained {stack.replicas[0].spec} ({first_line}); {stored} of {sum(stack.levels)} "
        "levels of this stack are stored, and one that took minutes goes on from its last checkpoint: run again, on "
        "another device (--device) if this one fails again"
    )


def _with_causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
