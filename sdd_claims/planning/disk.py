"""How many bytes results will take, worked out from specs: what the store writes, level by level."""

import math
from collections import Counter
from functools import cache

from sdd_claims.measures.line import POINTS
from sdd_claims.models import Architecture
from sdd_claims.planning import shapes
from sdd_claims.planning.plan import Plan, Stack
from sdd_claims.pruning import DERIVATIONS, IDENTITY, scheduled_count
from sdd_claims.record import LevelRecord, Replica
from sdd_claims.spec import RunSpec
from sdd_claims.storage.chains import kept_levels
from sdd_claims.storage.checksummed_json import seal
from sdd_claims.storage.store import Store

_A_TENSOR = 80
"""What the head of a safetensors file says of one tensor, but for its name: type, shape, place."""

_A_NUMBER, _AN_ACCURACY = 0.1234567890123456, 0.1234
"""As long as measured ones; an accuracy is a share of so many thousand images."""

_A_PASS, _A_MEMBER = 520, 110
"""Of the file that says where and with what a stack was trained, and of each replica named in it."""


def state_bytes(spec: RunSpec, level: int) -> int:
    """Of the file with a level's masks as bits, its weights that are left and all that is not pruned."""
    prunable, rest = _rooms(shapes.architecture(spec))
    density = 1.0 if spec.pruning.criterion == IDENTITY else spec.pruning.density(level)
    return rest + 4 * scheduled_count(prunable, density)


@cache
def _rooms(network: Architecture) -> tuple[int, int]:
    """Number of prunable weights, and bytes of all that a state holds beside those that are left."""
    whole = network.module.state_dict()
    masks = sum(math.ceil(whole[name].numel() / 8) + 8 * whole[name].ndim for name in network.prunable)
    heads = sum(_A_TENSOR + len(name) for name in (*whole, *network.prunable, *network.prunable))
    others = sum(value.nbytes for name, value in whole.items() if name not in network.prunable)
    return network.prunable_count, masks + heads + others


def rewind_bytes(spec: RunSpec) -> int:
    """Of a chain's dense weights at the rewinding iteration; 0 where the seed gives them."""
    if not spec.pruning.rewind_iteration:
        return 0
    whole = shapes.architecture(spec).module.state_dict()
    return sum(value.nbytes + _A_TENSOR + len(name) for name, value in whole.items())


def record_bytes(spec: RunSpec) -> int:
    """Of one level's measures, as they stand in the replica's file of all levels."""
    derived = None if spec.derivation.kind == "none" else DERIVATIONS[spec.derivation.kind]
    points = POINTS if derived and derived.compared else 0
    epochs = spec.training.epochs if spec.record.epoch_images and derived is None else 0
    made_up = LevelRecord(
        level=10,
        density=_A_NUMBER,
        remaining=dict.fromkeys(shapes.architecture(spec).prunable, 10_000),
        train_accuracy=_AN_ACCURACY,
        test_accuracy=_AN_ACCURACY,
        **dict.fromkeys(_OTHERS, _A_NUMBER),
        diverged=False,
        epoch_test_accuracy=(_AN_ACCURACY,) * epochs or None,
        line_train_loss=(_A_NUMBER,) * points or None,
        line_train_accuracy=(_AN_ACCURACY,) * points or None,
    )
    hashes = 64 + 32 + 6  # of the state and of the pass, with their quotes and commas
    return len(seal(vars(made_up))) - len(seal({})) + hashes


_OTHERS = (
    "train_loss",
    "test_loss",
    "learning_distance",
    "train_flops",
    "kept_train_flops",
    "seconds",
    "weight_variance",
    "zero_fraction",
    "small_fraction",
)


def missing_bytes(plan: Plan, store: Store) -> int:
    """Bytes by which a store will have grown once a plan is trained; 0 where sparser states leave it smaller."""
    known = {digest for _, digest, _ in store.runs()}
    new = {replica.spec.digest: replica.spec for replica in plan.wanted if replica.spec.digest not in known}
    settings = sum(len(seal(spec.as_dict())) for spec in new.values())
    return max(0, settings + sum(_of_stack(stack, store) for stack in plan.stacks))


def working_bytes(plan: Plan, store: Store) -> int:
    """Bytes that come and go while the largest stack trains: dense weights, of the level before and of this one."""
    largest = 0
    for stack in plan.stacks:
        if stack.remaining(store):
            largest = max(largest, 2 * len(stack.replicas) * state_bytes(stack.replicas[0].spec, 0))
    return largest


def _of_stack(stack: Stack, store: Store) -> int:
    done = [store.levels_done(replica) for replica in stack.replicas]
    spans = [(r.spec, had, n) for r, had, n in zip(stack.replicas, done, stack.levels, strict=True) if had < n]
    if not spans:
        return 0
    passes = max(wanted - had for _, had, wanted in spans) * _A_PASS
    # Replicas of a setting with the same levels to go take the same room.
    alike = Counter((spec.digest, had, wanted) for spec, had, wanted in spans)
    specs = {spec.digest: spec for spec, _, _ in spans}
    return passes + sum(
        count * _of_replica(specs[digest], had, wanted) for (digest, had, wanted), count in alike.items()
    )


def _of_replica(spec: RunSpec, done: int, wanted: int) -> int:
    begun = 0 if done else rewind_bytes(spec) + len(seal({}))
    return begun + _of_states(spec, done, wanted) + (wanted - done) * (record_bytes(spec) + _A_MEMBER)


def _of_states(spec: RunSpec, done: int, wanted: int) -> int:
    """What the kept states of a replica take more; where only the newest is kept, it replaces an older one."""
    anyone = Replica(spec, 0)
    before, after = set(kept_levels(anyone, done)), set(kept_levels(anyone, wanted))
    more = sum(state_bytes(spec, level) for level in after - before)
    return more - sum(state_bytes(spec, level) for level in before - after)
