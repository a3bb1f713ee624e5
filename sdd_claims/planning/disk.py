"""How many bytes results will take: of files like those that are stored, else of files made in memory by the same code.

The size of a state follows from its spec. The size of a record and of a pass does not quite, so it is taken from the
nearest stored run: the same one, else one of the same network, length and measures. Where there is none, they are made
up.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import pairwise
from typing import Any

import torch

from sdd_claims.errors import StoreError
from sdd_claims.machine import provenance
from sdd_claims.machine.devices import CPU
from sdd_claims.measures.line import POINTS
from sdd_claims.models import Architecture
from sdd_claims.planning import shapes
from sdd_claims.planning.plan import Plan, Stack
from sdd_claims.pruning import IDENTITY, scheduled_count
from sdd_claims.record import ChainState, LevelRecord, Replica, unrecorded
from sdd_claims.spec import RunSpec, canonical_json
from sdd_claims.storage.chains import Chain, kept_levels, pack_pass, pack_spec
from sdd_claims.storage.checked_files import sha256
from sdd_claims.storage.states import pack_state, pack_weights
from sdd_claims.storage.store import Store

_EMPTY = Chain(of=("0" * 64, 1000))
"""A chain without levels, as long as any."""


def missing_bytes(plan: Plan, store: Store) -> int:
    """Bytes by which a store will have grown once a plan is trained; 0 where sparser states leave it smaller.

    Raises:
        StoreError: what is stored of the plan is damaged.
    """
    samples = _Samples(store)
    new = {replica.spec.digest: replica.spec for replica in plan.wanted if replica.spec.digest not in samples.runs}
    settings = sum(len(pack_spec(spec)) for spec in new.values())
    return max(0, round(settings + sum(_of_stack(stack, store, samples) for stack in plan.stacks)))


def working_bytes(plan: Plan, store: Store) -> int:
    """Temporary bytes while the largest stack trains: dense weights, of the level before and of this one.

    Raises:
        StoreError: what is stored of the plan is damaged.
    """
    largest = 0
    for stack in plan.stacks:
        if stack.remaining(store):
            largest = max(largest, 2 * len(stack.replicas) * state_bytes(stack.replicas[0].spec, 0))
    return largest


def state_bytes(spec: RunSpec, level: int) -> int:
    """The size of a level's state: that of a state without weights, plus the weights that the schedule leaves."""
    network = shapes.architecture(spec)
    weights = sum(value.nbytes for name, value in network.module.named_parameters() if name in network.prunable)
    return _bytes_without_weights(network) + round(weights * _density(spec, level))


@cache
def _bytes_without_weights(network: Architecture) -> int:
    """The size of a state whose masks leave nothing, as the store packs it."""
    trained = _untrained(network)
    masks = {name: torch.zeros(trained[name].shape, dtype=torch.bool) for name in network.prunable}
    return len(pack_state(ChainState(masks, trained, None)))


@cache
def _rewind_bytes(network: Architecture) -> int:
    """The size of the dense weights that a chain rewinds to, as the store packs them."""
    return len(pack_weights(_untrained(network)))


def _untrained(network: Architecture) -> dict[str, torch.Tensor]:
    # From the meta device, `zeros_like` would import a second of symbolic mathematics.
    held = network.module.state_dict()
    return {name: torch.zeros(value.shape, dtype=value.dtype) for name, value in held.items()}


def _density(spec: RunSpec, level: int) -> float:
    return 1.0 if spec.pruning.criterion == IDENTITY else spec.pruning.density(spec.chain_level(level))


@dataclass(frozen=True)
class _Sample:
    """A level of a run, as it is or will be stored.

    Attributes:
        record: size of its record, in bytes, in its replica's file of levels.
        about: the provenance in its pass.
    """

    record: float
    about: Mapping[str, Any]

    @classmethod
    def of_file(cls, size: int, levels: int, about: Mapping[str, Any]) -> "_Sample":
        """A sample from the size of a file of so many levels."""
        return cls((size - len(_EMPTY.pack())) / levels, about)


class _Samples:
    """Sample levels of any run.

    Attributes:
        runs: the digests of those that are stored.
    """

    def __init__(self, store: Store) -> None:
        self.runs = set[str]()
        self._store = store
        self._seeds = defaultdict[str, dict[str, tuple[int, ...]]](dict)
        self._known: dict[str, _Sample] = {}
        for settings, digest, seeds in store.runs():
            self.runs.add(digest)
            self._seeds[_kind(settings)][digest] = seeds

    def of(self, spec: RunSpec, level: int) -> _Sample:
        """A level of the nearest run that is stored; where there is none, this level, made up."""
        if spec.digest not in self._known:
            self._known[spec.digest] = self._stored(spec) or _made_up(spec, level)
        return self._known[spec.digest]

    def _stored(self, spec: RunSpec) -> _Sample | None:
        alike = self._seeds.get(_kind(spec.as_dict()), {})
        for digest in sorted(alike, key=lambda digest: digest != spec.digest):  # the run itself first
            for seed in alike[digest]:
                with suppress(StoreError):  # Damage is found and reported when the level is needed.
                    if origins := self._store.provenance(digest, seed):
                        return _Sample.of_file(self._store.levels_bytes(digest, seed), len(origins), origins[-1])
        return None


def _kind(settings: Mapping[str, Any]) -> str:
    """The settings that decide how long a record is: the network, the epochs and what is measured."""
    about = [settings.get(name) for name in ("model", "record", "derivation", "path")]
    return canonical_json([*about, settings["training"]["epochs"]])


def _made_up(spec: RunSpec, level: int) -> _Sample:
    """A level, as if trained on this machine, of a run for which no similar one is stored."""
    chain = replace(_EMPTY, records=(_made_up_record(spec, level),), states=(sha256(b""),), passes=(uuid.uuid4().hex,))
    return _Sample.of_file(len(chain.pack()), 1, provenance.of_training(CPU))


def _made_up_record(spec: RunSpec, level: int) -> LevelRecord:
    """A record as long as a measured one: 1/3 has all digits of a float, as has the share of a third of the images."""
    network, density = shapes.architecture(spec), _density(spec, level)
    sizes = {name: value.numel() for name, value in network.module.named_parameters() if name in network.prunable}
    shown = {"epoch_test_accuracy": spec.record.epoch_images}
    lengths = {"epoch_test_accuracy": spec.training.epochs, "line_train_loss": POINTS, "line_train_accuracy": POINTS}
    facts: dict[str, Any] = {
        "level": level,
        "density": scheduled_count(network.prunable_count, density) / max(1, network.prunable_count),
        "remaining": {name: scheduled_count(size, density) for name, size in sizes.items()},
        "diverged": False,
    }
    for name in (field.name for field in fields(LevelRecord) if field.name not in facts):
        # No claim requests the accuracies along a line as a curve; they come with the losses.
        if unrecorded(spec, "line_train_loss" if name == "line_train_accuracy" else name):
            facts[name] = None
            continue
        images = shown.get(name, shapes.images_per_epoch(spec))
        number = images // 3 / images if name.endswith("accuracy") else 1 / 3
        facts[name] = (number,) * lengths[name] if name in lengths else number
    return LevelRecord(**facts)


def _of_stack(stack: Stack, store: Store, samples: _Samples) -> float:
    """By how much the files of a stack grow: those of its replicas, and its passes."""
    spans = []
    for replica, asked in zip(stack.replicas, stack.levels, strict=True):
        if (done := store.usable_levels(replica)) < asked:
            spans.append((replica, done, len(replica.spec.path.values) or asked))  # a path is trained whole
    if not spans:
        return 0
    about = samples.of(spans[0][0].spec, spans[0][2] // 2).about
    passes = 0
    for first, last in pairwise(sorted({level for _, done, wanted in spans for level in (done, wanted)})):
        if members := [(replica, first) for replica, done, wanted in spans if done <= first < wanted]:
            passes += (last - first) * len(pack_pass(about, members))
    # Replicas of a setting with the same missing levels take the same space.
    alike = Counter((replica.spec.digest, done, wanted) for replica, done, wanted in spans)
    specs = {replica.spec.digest: replica.spec for replica, _, _ in spans}
    replicas = (
        count * _of_replica(specs[digest], done, wanted, samples) for (digest, done, wanted), count in alike.items()
    )
    return passes + sum(replicas)


def _of_replica(spec: RunSpec, done: int, wanted: int, samples: _Samples) -> float:
    begun = 0
    if not done:
        rewinds = spec.pruning.rewind_iteration and kept_levels(Replica(spec, 0), 1)
        begun = len(_EMPTY.pack()) + (_rewind_bytes(shapes.architecture(spec)) if rewinds else 0)
    return begun + _of_states(spec, done, wanted) + (wanted - done) * samples.of(spec, wanted // 2).record


def _of_states(spec: RunSpec, done: int, wanted: int) -> int:
    """By how much the kept states of a replica grow; where only the newest is kept, it replaces an older one."""
    anyone = Replica(spec, 0)
    before, after = set(kept_levels(anyone, done)), set(kept_levels(anyone, wanted))
    more = sum(state_bytes(spec, level) for level in after - before)
    return more - sum(state_bytes(spec, level) for level in before - after)
