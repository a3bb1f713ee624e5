"""Trainings that are derived from a level of a chain, without the chain going on from them."""

from dataclasses import dataclass

from sdd_claims.pruning.retraining import Retraining, finetuning, scratch
from sdd_claims.spec import RunSpec


@dataclass(frozen=True)
class Derivation:
    """How a training follows from a level's solution.

    Attributes:
        number: part of the random streams of the derived training, and so of every stored result: append, never
            renumber.
        start: returns the weights and the schedule that the training starts with.
        masked: the level's mask holds; else the pruned weights come back, from zero or with the new weights.
    """

    number: int
    start: Retraining
    masked: bool


DERIVATIONS: dict[str, Derivation] = {
    # He et al. 2022, A.4: pruned weights return at zero, the last learning rate, as many epochs again.
    "redense": Derivation(0, finetuning, masked=False),
    # The same extra epochs with the mask kept.
    "same_mask": Derivation(1, finetuning, masked=True),
    # He et al. 2022, 4: the lottery ticket's mask on another random initialization.
    "reinitialized": Derivation(2, scratch, masked=True),
    # A dense network of its own on the same data, unrelated to the level's solution.
    "independent": Derivation(3, scratch, masked=False),
}


def level_branch(spec: RunSpec, level: int) -> tuple[int, ...]:
    """The counters of the random streams of one level's training: a derived training draws its own batches."""
    kind = spec.derivation.kind
    return (level,) if kind == "none" else (level, DERIVATIONS[kind].number, spec.derivation.draw)


def initialization_branch(spec: RunSpec, level: int) -> tuple[int, ...]:
    """The counters of the initialization that a level draws: reinitialized tickets have the same at every level."""
    return (0, spec.derivation.draw) if spec.derivation.kind == "reinitialized" else level_branch(spec, level)
