"""Working through stacks together with whoever else uses the same store.

Every engine does the same thing in one or more processes: take a stack that nobody else holds, train what is missing,
commit level by level, and take the next; at the end, wait for the stacks that others hold. A second pytest, an
xdist worker or another machine on the same file system joins in without knowing of the others.
"""

import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from sdd_claims.engines import failures
from sdd_claims.engines.slots import training_slot
from sdd_claims.errors import DeviceLostError, DeviceMemoryError, StoreError
from sdd_claims.machine import provenance
from sdd_claims.planning.plan import Stack
from sdd_claims.record import ChainState, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.storage.opening import open_store
from sdd_claims.storage.store import Store


@dataclass(frozen=True)
class Site:
    """Where training happens, and until when; never part of a result's key.

    Attributes:
        store: folder of results; of a store elsewhere, its working copy.
        device: "cpu", "cuda" for every visible GPU, or one of them; an engine gives each process one.
        data_root: folder of data sets; None for the default.
        deadline: `time.time()` from which on no level is begun; one that has begun is finished. None for no such time.
        rehearsed: in a smoke run: whatever is trained also goes through its checkpoints.
        per_device: processes that share a GPU.
        url: of a store elsewhere; None for one that is a folder.
    """

    store: Path
    device: str = "cpu"
    data_root: Path | None = None
    deadline: float | None = None
    rehearsed: bool = False
    per_device: int = 1
    url: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.time() >= self.deadline

    def opened(self) -> Store:
        """The store, as this process sees it."""
        return open_store(self.store, self.url)


_POLL_SECONDS = 0.2


def work_through(stacks: Sequence[Stack], site: Site) -> Sequence[str]:
    """Return when every level of every stack is stored, by this process or by others, or when the site has closed.

    A stack with a network that is too large for the device is left out, and so is what is derived from it.

    Returns:
        What the store has to say: of checkpoints that were damaged, or could not be written.

    Raises:
        DeviceMemoryError: the device cannot hold some network; all others are stored.
        StoreError: the store, or the device, cannot be used any more. What was finished is stored.
    """
    store = site.opened()
    unable = set[Replica]()
    too_large = ""
    waiting = deque(stack for stack in stacks if stack.remaining(store))
    held_by_others = 0
    while waiting and not site.closed:
        stack = waiting.popleft()
        # Once round the queue without any luck: all are held by others, so wait for the first.
        wait = held_by_others > len(waiting)
        if wait and site.deadline is not None:
            # Others may hold theirs until long after the deadline.
            time.sleep(_POLL_SECONDS)
            wait = False
        if stack.chains is not None and stack.chains.remaining(store):
            if not unable.isdisjoint(stack.chains.replicas):
                continue
            with store.locked(stack.chains.replicas, wait):
                held_by_others = 0 if wait else held_by_others + 1
            # They stand in this queue, unless they were stored when it began and have been set aside since.
            if not any(stack.chains.replicas[0] in other.replicas for other in waiting):
                waiting.append(stack.chains)
            waiting.append(stack)
            continue
        with store.locked(stack.replicas, wait) as mine:
            if mine:
                held_by_others = 0
                if stack.remaining(store):
                    with training_slot(site.device, site.per_device, site.deadline) as had:
                        if had and not site.closed:
                            _bind(site.device)
                            if why := _too_large(stack, store, site):
                                asked = zip(stack.replicas, stack.levels, strict=True)
                                unable |= {replica for replica, n in asked if store.levels_done(replica) < n}
                                too_large = too_large or why
            else:
                held_by_others += 1
                waiting.append(stack)
    store.send_unsent()
    if too_large:
        raise DeviceMemoryError(too_large)
    return store.warnings


@contextmanager
def _warnings_shown(device: str) -> Iterator[None]:
    """What a GPU's libraries warn of is shown, and stops no training, though a test run takes warnings for errors."""
    with warnings.catch_warnings():
        if device != "cpu":
            warnings.simplefilter("default")
        yield


def _bind(device: str) -> None:
    """Make a GPU this process's own, so that nothing is put on another by default."""
    if device.startswith("cuda:"):
        torch.cuda.set_device(device)


def _too_large(stack: Stack, store: Store, site: Site) -> str:
    """Train a stack as `_train` does; says why where the device cannot hold one of its networks, else nothing."""
    try:
        _train(stack, store, site)
        return ""
    except DeviceMemoryError as error:
        said = str(error)  # without the error, which holds the tensors that have filled the memory
    failures.free_memory()
    return said


def _train(stack: Stack, store: Store, site: Site, notes: tuple[str, ...] = ()) -> None:
    """Train the missing levels of a stack whose locks are held, in parts where the device cannot hold them together.

    What a replica draws does not depend on its stack, but for dropout, so parts come to the same numbers but for
    rounding.

    Raises:
        DeviceMemoryError: the device cannot hold even one of them.
        DeviceLostError: the device has failed.
    """
    missing = [i for i, (r, n) in enumerate(zip(stack.replicas, stack.levels, strict=True)) if store.levels_done(r) < n]
    if not missing or site.closed:
        return
    stack = Stack(tuple(stack.replicas[i] for i in missing), tuple(stack.levels[i] for i in missing))
    try:
        with _warnings_shown(site.device):
            _train_together(stack, store, site, notes)
        return
    except StoreError:
        raise
    except RuntimeError as error:
        if not failures.is_out_of_memory(error):
            if failures.is_device_lost(error):
                raise DeviceLostError(failures.device_lost(error, stack, store, site.device)) from error
            raise
        if len(missing) == 1:
            raise DeviceMemoryError(failures.too_little_memory(stack, site.device)) from error
    # Not in the handler: as long as the error is held, so are the tensors of the frames that it came through.
    failures.free_memory()
    half = len(missing) // 2
    note = f"{site.device} had too little memory for {len(missing)} replicas in one stack: trained in two parts"
    for part in (slice(half), slice(half, None)):
        _train(Stack(stack.replicas[part], stack.levels[part]), store, site, (*notes, note))


def _train_together(stack: Stack, store: Store, site: Site, notes: tuple[str, ...]) -> None:
    """Train a stack whose replicas all miss levels; those furthest behind go first."""
    members, levels = stack.replicas, stack.levels
    device = torch.device(site.device)
    done = [store.levels_done(replica) for replica in members]
    about = provenance.of_training(site.device)
    if notes:
        about["notes"] = list(notes)
    slot = partial(store.checkpoint, rehearsed=site.rehearsed)
    if members[0].spec.path.over != "none":
        paths = train_path(members, device, site.data_root, slot(members, 0))
        for level in range(min(done), len(members[0].spec.path.values)):
            now = [i for i in range(len(members)) if done[i] <= level]
            store.commit([(members[i], paths[i][level], None) for i in now], about)
        return
    teachers = [_teacher(replica, store) for replica in members]
    pruning = IterativePruning(members, device, site.data_root, teachers, slot)
    for results in pruning.levels(done, levels, partial(_state_before, store), lambda: site.closed):
        store.commit(results, about | provenance.peak_memory(site.device))


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
    """The state a level starts from: its chain's level before or, for what is derived, the same level of its chain."""
    if replica.parent is not None:
        return store.state(replica.parent, level)
    return store.state(replica, level - 1) if level else None
