"""A device with too little memory trains fewer replicas at once; one that is lost is said, and loses nothing."""

import pickle
import warnings
from collections import Counter
from dataclasses import asdict
from functools import partialmethod

import pytest
import torch

from sdd_claims.engines import PoolEngine, SerialEngine, WorkerConfig, failures, work
from sdd_claims.engines.tests.pretended import SmallWorker
from sdd_claims.errors import DeviceLostError, DeviceMemoryError, StoreError
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.planning.plan import Request, plan
from sdd_claims.spec import PathSpec, PenaltySpec, PruningSpec
from sdd_claims.storage.checksummed_json import unseal
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, SPEC, numbers, trained
from sdd_claims.training import MlpStack, ReplicaStack

SEEDS = (0, 1, 2, 3, 4)
WANTED = plan([Request(SPEC, SEEDS, 2)])
PATH = SPEC.but(
    training={"penalty": PenaltySpec(name="l1")},
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="penalty_strength", values=(0.0, 1e-3, 0.01)),
)


@pytest.fixture
def holds(monkeypatch):
    """Makes a device that holds so many networks at once, or fails in another way."""

    logits = {kind: kind.logits for kind in (ReplicaStack, MlpStack)}

    def at_most(networks, error=None):
        def limited(stack, images, logits):
            if len(stack) > networks:
                raise error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return logits(stack, images)

        for kind, real in logits.items():
            monkeypatch.setattr(kind, "logits", partialmethod(limited, logits=real))

    return at_most


def close(found, expected):
    """Equal but for rounding, which tiny networks on few images hardly amplify."""
    assert found.keys() == expected.keys()
    for key, levels in expected.items():
        for record, other in zip(found[key], levels, strict=True):
            assert record.keys() == other.keys()
            for name, value in other.items():
                assert record[name] == (pytest.approx(value, rel=1e-3) if isinstance(value, float) else value), name


@pytest.mark.parametrize("networks", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("wanted", "replicas"),
    [(WANTED, 5), (plan([Request(KEPT, SEEDS, 2), Request(REDENSE, SEEDS, 2)]), 5)],
    ids=["a chain", "derived"],
)
def test_a_stack_that_does_not_fit_is_trained_in_parts_to_the_same_numbers(tmp_path, holds, networks, wanted, replicas):
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "whole"))
    holds(networks)
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "parts"))
    close(numbers(Store(tmp_path / "parts"), wanted), numbers(Store(tmp_path / "whole"), wanted))
    once = Counter((r.spec.digest, r.seed, level) for r, levels in wanted.wanted.items() for level in range(levels))
    assert Counter(trained(tmp_path / "parts")) == once
    for replica in wanted.wanted:
        for about in Store(tmp_path / "parts").provenance(*replica.key):
            note = f"cpu had too little memory for {replicas} replicas in one stack: trained in two parts"
            assert about["notes"][0] == note
        assert all("notes" not in about for about in Store(tmp_path / "whole").provenance(*replica.key))
    for path in (tmp_path / "parts" / "passes").iterdir():
        assert len(unseal(path.read_bytes())["replicas"]) <= networks


def test_the_seeds_of_a_path_are_parted_too(tmp_path, holds):
    wanted = plan([Request(PATH, SEEDS[:2], 3)])
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "whole"))
    holds(3)
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "parts"))
    close(numbers(Store(tmp_path / "parts"), wanted), numbers(Store(tmp_path / "whole"), wanted))


def test_memory_that_runs_out_later_keeps_what_is_stored(tmp_path, holds):
    SerialEngine().run(plan([Request(SPEC, SEEDS, 1)]), WorkerConfig(tmp_path))
    first = {key: asdict_of(records) for key, records in stored(tmp_path).items()}
    holds(2)
    SerialEngine().run(WANTED, WorkerConfig(tmp_path))
    assert {key: asdict_of(records[:1]) for key, records in stored(tmp_path).items()} == first
    assert Counter(trained(tmp_path)) == Counter((SPEC.digest, seed, level) for seed in SEEDS for level in range(2))


def stored(path):
    return {replica.key: Store(path).records(*replica.key) for replica in WANTED.wanted}


def asdict_of(records):
    return [asdict(record) for record in records]


def test_one_replica_that_does_not_fit_is_said_with_its_device_and_the_remedy(tmp_path, holds):
    holds(0)
    with pytest.raises(
        DeviceMemoryError,
        match=r"cpu with its \d+\.\d GiB has too little memory to train seed \d of .*batches of 32; free it .*--device",
    ):
        SerialEngine().run(WANTED, WorkerConfig(tmp_path))
    holds(99)
    SerialEngine().run(WANTED, WorkerConfig(tmp_path))
    assert WANTED.stored(Store(tmp_path)) == WANTED.needed


BESIDE = plan([Request(NOISY, SEEDS[:3], 2), Request(REDENSE, SEEDS[:3], 2)])
"""What is too large, KEPT, stands between what is not and what is derived from it."""


@pytest.mark.parametrize("stacks", [BESIDE.stacks, BESIDE.stacks[::-1], BESIDE.stacks[-1:]], ids=len)
def test_what_is_too_large_is_tried_once_and_stops_only_what_is_derived_from_it(tmp_path, stacks):
    attempts = tmp_path / "attempts"
    config = SmallWorker(tmp_path / "store", too_large=KEPT.digest, attempts=attempts)
    with pytest.raises(DeviceMemoryError, match="too little memory to train seed 0"):
        work.work_through(stacks, config)
    assert len(attempts.read_text().split()) == 1
    fine = [stack for stack in stacks if stack.replicas[0].spec == NOISY]
    assert {digest for digest, _, _ in trained(config.store)} == {NOISY.digest for _ in fine}
    assert all(not stack.remaining(Store(config.store)) for stack in fine)


def test_what_is_derived_from_stored_levels_is_trained_where_further_ones_are_too_large(tmp_path):
    SerialEngine().run(plan([Request(KEPT, SEEDS[:3], 2)]), WorkerConfig(tmp_path / "store"))
    wanted = plan([Request(KEPT, SEEDS[:3], 3), Request(REDENSE, SEEDS[:3], 2)])
    with pytest.raises(DeviceMemoryError):
        SerialEngine().run(wanted, SmallWorker(tmp_path / "store", too_large=KEPT.digest))
    assert wanted.stored(Store(tmp_path / "store")) == 3 * (2 + 2)


def test_each_process_of_a_pool_tries_what_is_too_large_once(tmp_path):
    attempts = tmp_path / "attempts"
    config = SmallWorker(tmp_path / "store", too_large=KEPT.digest, attempts=attempts)
    with pytest.raises(DeviceMemoryError, match="too little memory to train seed 0"):
        PoolEngine([CPU, CPU]).run(BESIDE, config)
    assert list(Counter(attempts.read_text().split()).values()) == [1, 1]
    assert Counter(trained(config.store)) == Counter(
        (NOISY.digest, seed, level) for seed in SEEDS[:3] for level in range(2)
    )


def test_an_error_that_stops_all_is_raised_before_one_that_stops_some():
    small, full = DeviceMemoryError("too little memory"), StoreError("the disk is full")
    assert failures.gravest([small, full]) is failures.gravest([full, small]) is full
    assert failures.gravest([small]) is small


LOST = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be reported later."


def test_a_lost_device_is_said_and_what_is_stored_is_gone_on_from(tmp_path, holds):
    SerialEngine().run(plan([Request(SPEC, SEEDS, 1)]), WorkerConfig(tmp_path))
    holds(0, RuntimeError(LOST))
    with pytest.raises(DeviceLostError) as raised:
        SerialEngine().run(WANTED, WorkerConfig(tmp_path))
    said = str(raised.value)
    assert said.startswith("cpu was lost while it trained ")
    assert "(CUDA error: an illegal memory access was encountered); 5 of 10 levels of this stack are stored" in said
    assert "run again, on another device (--device)" in said
    assert "\n" not in said
    holds(99)
    SerialEngine().run(WANTED, WorkerConfig(tmp_path))
    assert Counter(trained(tmp_path)) == Counter((SPEC.digest, seed, level) for seed in SEEDS for level in range(2))


def test_a_warning_of_a_gpu_s_library_stops_no_training_and_is_shown():
    with pytest.warns(UserWarning, match="of no consequence"), work._warnings_shown(Device("cuda:0")):
        warnings.warn("of no consequence", stacklevel=1)
    with pytest.raises(UserWarning, match="of consequence"), work._warnings_shown(CPU):
        warnings.warn("of consequence", stacklevel=1)


@pytest.mark.parametrize("kind", [DeviceLostError, DeviceMemoryError])
def test_these_errors_cross_processes_as_themselves(kind):
    found = pickle.loads(pickle.dumps(kind("cuda:3 was lost")))  # noqa: S301
    assert type(found) is kind
    assert str(found) == "cuda:3 was lost"
    assert isinstance(found, StoreError)


@pytest.mark.parametrize(
    ("error", "memory", "lost"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True, False),
        (RuntimeError("CUDA error: out of memory"), True, False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True, False),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), True, False),
        (RuntimeError(LOST), False, True),
        (RuntimeError("CUDA error: unspecified launch failure"), False, True),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), False, True),
        (RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable"), False, True),
        (RuntimeError("CUDA error: unknown error"), False, True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), False, True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), False, True),
        (RuntimeError("CUDA error: device-side assert triggered"), False, False),
        (RuntimeError("CUDA error: operation not permitted when stream is capturing"), False, False),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"), False, False),
        (RuntimeError("cuDNN error: CUDNN_STATUS_BAD_PARAM"), False, False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False, False),
        (StoreError("the disk is full"), False, False),
    ],
    ids=str,
)
def test_errors_are_told_apart(error, memory, lost):
    assert failures.is_out_of_memory(error) == memory
    assert failures.is_device_lost(error) == lost


def failed_capture():
    try:
        raise torch.OutOfMemoryError("CUDA out of memory.")
    finally:
        raise RuntimeError("CUDA error: operation failed due to a previous error during capture")


def test_too_little_memory_while_a_step_is_captured_is_seen_behind_the_error_of_the_capture():
    with pytest.raises(RuntimeError, match="during capture") as raised:
        failed_capture()
    assert failures.is_out_of_memory(raised.value)


@pytest.mark.skipif(not hasattr(torch, "AcceleratorError"), reason="this PyTorch has no error of that name")
def test_an_error_of_the_accelerator_is_a_lost_device_by_what_it_says():
    assert failures.is_device_lost(torch.AcceleratorError("unspecified launch failure"))
    assert not failures.is_device_lost(torch.AcceleratorError("device-side assert triggered"))


@pytest.mark.parametrize(
    "said", ["mat1 and mat2 shapes cannot be multiplied", "CUDA error: device-side assert triggered"]
)
def test_any_other_error_of_training_is_raised_as_itself(tmp_path, holds, said):
    holds(0, RuntimeError(said))
    with pytest.raises(RuntimeError, match=said) as raised:
        SerialEngine().run(WANTED, WorkerConfig(tmp_path))
    assert type(raised.value) is RuntimeError
