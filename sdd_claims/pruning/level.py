"""The start of a level: its masks, and the weights from which it is trained."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from torch import Tensor

from sdd_claims.errors import InputError
from sdd_claims.models import Architecture, initial_weights
from sdd_claims.pruning import own
from sdd_claims.pruning.criteria import Candidate, prune
from sdd_claims.pruning.derivations import DERIVATIONS, initialization_branch
from sdd_claims.pruning.gradients import batch_gradients
from sdd_claims.pruning.masks import dense_masks, in_order, keep_highest, scheduled_count
from sdd_claims.pruning.retraining import RETRAINING, Past, Start
from sdd_claims.randomness import Stream, draws
from sdd_claims.record import ChainState, Replica
from sdd_claims.training import TrainingData, Weights, portable, stack_of


def masks_of_level(
    architecture: Architecture,
    replicas: Sequence[Replica],
    data: TrainingData,
    level: int,
    states: Sequence[ChainState | None],
    initial: Sequence[Weights],
) -> list[dict[str, Tensor]]:
    """The masks of a level: all ones at level 0, later the weights of the level before that the criterion keeps.

    A training derived from a chain has the masks of that chain's level, or none.

    Args:
        architecture: architecture of the networks.
        replicas: the replicas of the masks.
        data: their training images and labels, for criteria that use gradients.
        level: the level.
        states: state of each replica after the level before; None at level 0. For derived trainings: state of the
            chain after this level.
        initial: weights before the dense training.

    Raises:
        InputError: a state is missing.
    """
    derivation = DERIVATIONS.get(replicas[0].spec.derivation.kind)
    before = [state for state in states if state is not None]
    if (level > 0 or derivation) and len(before) < len(replicas):
        source = "this level's chain" if derivation else "the level before"
        raise InputError(f"level {level} starts from the state that {source} had; give it for every replica")
    if not derivation.masked if derivation else level == 0:
        return [dense_masks(weights, architecture.prunable) for weights in initial]
    masks = [in_order(state.masks, architecture.prunable) for state in before]
    if derivation:
        return masks

    @cache
    def gradients() -> list[dict[str, Tensor]]:
        stack = stack_of(architecture, before, data.subset.device, portable=portable(replicas[0].spec))
        return batch_gradients(stack, data, replicas, level)

    module = architecture.module
    names = [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
    order = {name: place for place, name in enumerate(names)}  # which a state that was read has lost
    pruned = []
    for index, (replica, state, mask) in enumerate(zip(replicas, before, masks, strict=True)):
        pruning = replica.spec.pruning
        scores = draws(replica.seed, Stream.PRUNING_SCORES, level, portable=portable(replica.spec))
        weights = {name: state.trained[name] for name in sorted(state.trained, key=order.__getitem__)}
        network = Candidate(weights, mask, lambda index=index: gradients()[index], scores)  # type: ignore[misc]
        count = scheduled_count(architecture.prunable_count, pruning.density(level))
        if pruning.own is None:
            pruned.append(prune(pruning.criterion, network, count))
        else:
            pruned.append(keep_highest(own.scores(pruning.own, network), mask, count))
    return pruned


def start_of_level(
    architecture: Architecture, replica: Replica, level: int, state: ChainState | None, initial: Weights
) -> Start:
    """From which weights, and by which schedule, a replica is trained at a level; arguments as of `masks_of_level`."""
    spec = replica.spec
    if state is None:
        return Start(initial, spec.training)

    def fresh() -> Weights:
        branch = initialization_branch(spec, level)
        drawn = draws(replica.seed, Stream.INITIALIZATION, *branch, portable=portable(spec))
        return initial_weights(architecture, drawn, spec.model.initialization)

    past = Past(initial if state.rewind_point is None else state.rewind_point, state.trained, fresh)
    derivation = DERIVATIONS.get(spec.derivation.kind)
    method = derivation.start if derivation else RETRAINING[spec.pruning.retraining]
    start = method(spec, past)
    if all(bool(weights.isfinite().all()) for weights in state.trained.values()):
        return start
    # A diverged network has no magnitudes to be pruned by: its chain stays diverged, openly.
    return replace(start, weights=state.trained)
