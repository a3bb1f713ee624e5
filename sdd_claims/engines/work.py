"""Working through stacks together with whoever else uses the same store.

Every engine does the same thing in one or more processes: take a stack that nobody else holds, train what is missing,
commit level by level, and take the next; at the end, wait for the stacks that others hold. A second pytest, an
xdist worker or another machine on the same file system joins in without knowing of the others.
"""

import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from sdd_claims.engines import failures
from sdd_claims.engines.compilation import compile_ahead
from sdd_claims.engines.config import WorkerConfig, unwatched
from sdd_claims.engines.slots import training_slot
from sdd_claims.errors import DeviceLostError, DeviceMemoryError, StoreError
from sdd_claims.machine import provenance
from sdd_claims.machine.devices import Device
from sdd_claims.planning.plan import Stack
from sdd_claims.record import ChainState, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.storage.store import Store

_POLL_SECONDS = 0.2


def work_through(stacks: Sequence[Stack], config: WorkerConfig, watch: Callable[[], None] = unwatched) -> Sequence[str]:
    """Return when every level of every stack is stored, by this process or by others, or when the deadline has passed.

    A stack with a network that is too large for the device is left out, and so is what is derived from it. `watch` is
    called after every stack that this process has trained.

    Returns:
        The store's warnings: of checkpoints that were damaged, or could not be written.

    Raises:
        DeviceMemoryError: the device cannot hold some network; all others are stored.
        StoreError: the store, or the device, cannot be used any more. What was finished is stored.
    """
    store = config.open_store()
    unable = set[Replica]()
    too_large = ""
    waiting = deque(stack for stack in stacks if stack.remaining(store))
    if not config.deadline_passed:
        compile_ahead((stack.replicas[0].spec for stack in waiting), config.deadline)
    held_by_others = 0
    while waiting and not config.deadline_passed:
        stack = waiting.popleft()
        # Once round the queue without any luck: all are held by others, so wait for the first.
        wait = held_by_others > len(waiting)
        if wait and config.deadline is not None:
            # Others may hold theirs until long after the deadline.
            time.sleep(_POLL_SECONDS)
            wait = False
        if stack.chains is not None and stack.chains.remaining(store):
            if not unable.isdisjoint(stack.chains.replicas):
                continue
            with store.locked(stack.chains.replicas, wait):
                held_by_others = 0 if wait else held_by_others + 1
            # They are in this queue, unless they were stored when it began and have been set aside since.
            if not any(stack.chains.replicas[0] in other.replicas for other in waiting):
                waiting.append(stack.chains)
            waiting.append(stack)
            continue
        with store.locked(stack.replicas, wait) as mine:
            if mine:
                held_by_others = 0
                if stack.remaining(store):
                    with training_slot(config.device, config.per_device, config.deadline) as had:
                        if had and not config.deadline_passed:
                            config.device.bind()
                            if why := _train_or_say_too_large(stack, store, config):
                                asked = zip(stack.replicas, stack.levels, strict=True)
                                unable |= {replica for replica, n in asked if store.levels_done(replica) < n}
                                too_large = too_large or why
            else:
                held_by_others += 1
                waiting.append(stack)
        if mine:
            watch()
    store.send_unsent()
    if too_large:
        raise DeviceMemoryError(too_large)
    return store.warnings


@contextmanager
def _warnings_shown(device: Device) -> Iterator[None]:
    """Show the warnings of a GPU's libraries without stopping training, though a test run treats warnings as errors."""
    with warnings.catch_warnings():
        if device.is_gpu:
            warnings.simplefilter("default")
        yield


def _train_or_say_too_large(stack: Stack, store: Store, config: WorkerConfig) -> str:
    """Train a stack as `_train` does; return the error where the device cannot hold one of its networks, else ""."""
    try:
        _train(stack, store, config)
        return ""
    except DeviceMemoryError as error:
        message = str(error)  # without the error, which holds the tensors that have filled the memory
    failures.free_memory()
    return message


def _train(stack: Stack, store: Store, config: WorkerConfig, notes: tuple[str, ...] = ()) -> None:
    """Train the missing levels of a stack whose locks are held, in parts where the device cannot hold them together.

    A replica's draws do not depend on its stack, except for dropout, so parts give the same numbers up to rounding.

    Raises:
        DeviceMemoryError: the device cannot hold even one of them.
        DeviceLostError: the device has failed.
    """
    missing = [i for i, (r, n) in enumerate(zip(stack.replicas, stack.levels, strict=True)) if store.levels_done(r) < n]
    if not missing or config.deadline_passed:
        return
    stack = Stack(tuple(stack.replicas[i] for i in missing), tuple(stack.levels[i] for i in missing))
    try:
        with _warnings_shown(config.device):
            _train_together(stack, store, config, notes)
        return
    except StoreError:
        raise
    except RuntimeError as error:
        if not failures.is_out_of_memory(error):
            if failures.is_device_lost(error):
                raise DeviceLostError(failures.device_lost(error, stack, store, config.device)) from error
            raise
        if len(missing) == 1:
            raise DeviceMemoryError(failures.too_little_memory(stack, config.device)) from error
    # Not in the handler: as long as the error is held, so are the tensors of the frames that it came through.
    failures.free_memory()
    half = len(missing) // 2
    note = f"{config.device} had too little memory for {len(missing)} replicas in one stack: trained in two parts"
    for part in (slice(half), slice(half, None)):
        _train(Stack(stack.replicas[part], stack.levels[part]), store, config, (*notes, note))


def _train_together(stack: Stack, store: Store, config: WorkerConfig, notes: tuple[str, ...]) -> None:
    """Train a stack whose replicas all miss levels; those furthest behind go first."""
    members, levels = stack.replicas, stack.levels
    device = config.device.torch
    done = [store.levels_done(replica) for replica in members]
    about = provenance.of_training(config.device, config.per_device)
    about["arithmetic"] = members[0].spec.training.arithmetic
    if notes:
        about["notes"] = list(notes)
    slot = partial(store.checkpoint, every_epoch=config.checkpoint_every_epoch)
    if members[0].spec.path.over != "none":
        paths = train_path(members, device, config.data_root, slot(members, 0))
        for level in range(min(done), len(members[0].spec.path.values)):
            now = [i for i in range(len(members)) if done[i] <= level]
            store.commit([(members[i], paths[i][level], None) for i in now], about)
        return
    teachers = [_teacher(replica, store) for replica in members]
    pruning = IterativePruning(members, device, config.data_root, teachers, slot)
    for results in pruning.levels(done, levels, partial(_state_before, store), lambda: config.deadline_passed):
        store.commit(results, about | config.device.peak_memory())


def _teacher(student: Replica, store: Store) -> ChainState | None:
    """The network that a student learns from; the densest of the best, none where it has no teacher."""
    if student.teacher is None:
        return None
    distillation, level = student.spec.distillation, 0
    if distillation.teacher_level == "best_validation":
        records = store.records(*student.teacher.key)[: distillation.teacher_levels]
        # One that diverged has no accuracy, and is taken only where all have.
        accuracies = [record.measure("validation_accuracy") for record in records]
        level = max(range(len(records)), key=lambda n: -1.0 if (accuracy := accuracies[n]) is None else accuracy)
    return store.state(student.teacher, level)


def _state_before(store: Store, replica: Replica, level: int) -> ChainState | None:
    """The state a level starts from: that of the level before or, for what is derived, of its level of the chain."""
    if replica.parent is not None:
        return store.state(replica.parent, replica.spec.chain_level(level))
    return store.state(replica, level - 1) if level else None
